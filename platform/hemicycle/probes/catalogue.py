"""Probes by short name."""

from hemicycle.core.config import Chosen

PROBES = {
    "logistic": "hemicycle.probes.logistic:Logistic",
    "ridge": "hemicycle.probes.ridge:Ridge",
}
"""Short name -> class; one line a probe."""
PROBE = Chosen("probe", "probe", PROBES)
"""Annotation of a configuration field that names a probe."""
