"""Interaction graphs, their splits and their structure."""
