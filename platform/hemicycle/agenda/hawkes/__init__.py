"""Multivariate Hawkes processes of single posts: simulation, estimation, goodness of fit."""
