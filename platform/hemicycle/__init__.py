"""hemicycle: what recommender systems learn about politics, and what that does to society."""

__version__ = "0.1.0"
