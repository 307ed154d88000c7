"""Exposures by short name."""

from hemicycle.core.config import Chosen

EXPOSURES = {
    "none": "hemicycle.exposure.neighbours:Neighbours",
    "random": "hemicycle.exposure.random:Random",
    "recommended": "hemicycle.exposure.recommended:Recommended",
}
EXPOSURE = Chosen("exposure", "exposure", EXPOSURES)
