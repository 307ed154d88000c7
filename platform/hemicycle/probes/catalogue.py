"""Probes by short name."""

from hemicycle.core.config import Chosen

PROBES = {
    "knn": "hemicycle.probes.knn:KNN",
    "knn_classes": "hemicycle.probes.knn:KNNClasses",
    "least_squares": "hemicycle.probes.least_squares:LeastSquares",
    "logistic": "hemicycle.probes.logistic:Logistic",
    "mdl": "hemicycle.probes.mdl:MDL",
    "mdl_classes": "hemicycle.probes.mdl:MDLClasses",
    "mlp": "hemicycle.probes.mlp:MLP",
    "mlp_classes": "hemicycle.probes.mlp:MLPClasses",
    "ridge": "hemicycle.probes.ridge:Ridge",
}
"""Short name -> class; one line a probe."""
PROBE = Chosen("probe", "probe", PROBES)
"""Annotation of a configuration field that names a probe."""
