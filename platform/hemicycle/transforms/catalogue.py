"""The transforms that configurations call by a short name."""

from hemicycle.core.config import Chosen

TRANSFORMS = {
    "blend": "hemicycle.transforms.blend:Blend",
    "calibrated": "hemicycle.transforms.calibrated:Calibrated",
    "direction": "hemicycle.transforms.direction:Direction",
    "erase": "hemicycle.transforms.erase:Erase",
    "exposure": "hemicycle.transforms.exposure:Exposure",
    "mmr": "hemicycle.transforms.mmr:MMR",
    "popularity_penalty": "hemicycle.transforms.popularity_penalty:PopularityPenalty",
}
TRANSFORM = Chosen("transform", "transform", TRANSFORMS)
"""Annotation of a field that holds a transform's configuration; its ``build(config)`` makes the transform."""
