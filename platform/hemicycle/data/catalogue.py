"""The sources of data by name. Adding one is a file with a class and a line here."""

from hemicycle.core.config import Chosen

SOURCES = {
    "ep9": "hemicycle.data.ep9:EP9",
    "gexf": "hemicycle.data.gephi:GraphFile",
    "gml": "hemicycle.data.gephi:GraphFile",
    "graphml": "hemicycle.data.gephi:GraphFile",
    "impressions": "hemicycle.data.impressions:ImpressionSource",
    "none": "hemicycle.data.nothing:Nothing",
    "posts": "hemicycle.data.posts:Posts",
    "synthetic": "hemicycle.data.synthetic:Synthetic",
    "tabular": "hemicycle.data.tabular:Tabular",
    "voteview": "hemicycle.data.voteview:Voteview",
}
SOURCE = Chosen("data source", "source", SOURCES)
"""Annotation of a configuration field that names a source, see :class:`hemicycle.core.config.Chosen`."""
