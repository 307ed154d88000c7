"""Exposures by short name."""

from hemicycle.core.config import Chosen

EXPOSURES = {
    "none": "hemicycle.exposure.neighbours:Neighbours",
    "administrator": "hemicycle.exposure.administrator:Administrator",
    "chronological": "hemicycle.exposure.chronological:Chronological",
    "mixed": "hemicycle.exposure.mixed:Mixed",
    "outlets": "hemicycle.exposure.outlets:Outlets",
    "popular": "hemicycle.exposure.popular:Popular",
    "random": "hemicycle.exposure.random:Random",
    "recommended": "hemicycle.exposure.recommended:Recommended",
    "similar": "hemicycle.exposure.similar:Similar",
    "structural": "hemicycle.exposure.structural:Structural",
}
EXPOSURE = Chosen("exposure", "exposure", EXPOSURES)
