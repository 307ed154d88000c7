"""Figures, the HTML report and experiment tracking."""
