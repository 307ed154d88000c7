"""The recommenders that configurations call by a short name."""

from hemicycle.core.config import Chosen

RECOMMENDERS = {
    "lightgcn": "hemicycle.recommenders.lightgcn:LightGCN",
    "mf": "hemicycle.recommenders.mf:MF",
    "popularity": "hemicycle.recommenders.popularity:Popularity",
}
RECOMMENDER = Chosen("recommender", "model", RECOMMENDERS)
"""Annotation of a field that holds a recommender's configuration; its ``build(config)`` makes the recommender."""
