"""The recommenders that configurations call by a short name."""

from hemicycle.core.config import Chosen

RECOMMENDERS = {
    "adamic_adar": "hemicycle.recommenders.adamic_adar:AdamicAdar",
    "content_knn": "hemicycle.recommenders.content_knn:ContentKNN",
    "ease": "hemicycle.recommenders.ease:EASE",
    "gat": "hemicycle.recommenders.gat:GAT",
    "graphsage": "hemicycle.recommenders.graphsage:GraphSAGE",
    "group_majority": "hemicycle.recommenders.group_majority:GroupMajority",
    "ials": "hemicycle.recommenders.ials:IALS",
    "item_knn": "hemicycle.recommenders.item_knn:ItemKNN",
    "joint": "hemicycle.recommenders.joint:Joint",
    "lightgcn": "hemicycle.recommenders.lightgcn:LightGCN",
    "mf": "hemicycle.recommenders.mf:MF",
    "popularity": "hemicycle.recommenders.popularity:Popularity",
    "random": "hemicycle.recommenders.random:Random",
    "spectral": "hemicycle.recommenders.spectral:Spectral",
    "two_tower": "hemicycle.recommenders.two_tower:TwoTower",
    "xsimgcl": "hemicycle.recommenders.xsimgcl:XSimGCL",
}
RECOMMENDER = Chosen("recommender", "model", RECOMMENDERS)
"""Annotation of a field that holds a recommender's configuration; its ``build(config)`` makes the recommender."""
