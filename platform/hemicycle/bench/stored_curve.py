"""The stored test curve of PyG's LightGCN on Gowalla, which ``pyg_curve.py`` makes."""

import csv
from importlib import resources

STORED = "pyg_lightgcn_gowalla.csv"


def epochs_to(goal: float) -> int | None:
    """Return the first epoch of the curve whose Recall@20 is at least ``goal``; None where none is."""
    text = (resources.files("hemicycle.bench") / STORED).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return next((int(row["epoch"]) for row in rows if float(row["recall@20"]) >= goal), None)
