"""Fit one recommender on one or several workers."""
