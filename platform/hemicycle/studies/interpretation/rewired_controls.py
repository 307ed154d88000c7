"""What models that were trained on a rewired graph still read becomes a control of the models that they stand for."""

import pandas as pd

from hemicycle.studies.interpretation.rewiring import REWIRED

_SITE = ["layer", "entity", "attribute", "scope", "probe"]
_TAKEN = {"score": "control_score", "ci_low": "control_low", "ci_high": "control_high"}


def with_rewired(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Replace the rows of rewired twins by rows with the control ``rewired`` of the models that they stand for.

    Both are read at the checkpoint that recommends, at the same layer and by the same probe; the interval is the
    twin's own.

    Args:
        probes: the table of probes.
        records: the table of records, with ``parent`` and ``best_epoch``.
    """
    if probes.empty or not (probes["status"] == REWIRED).any():
        return probes
    about = records.set_index("id")
    at_best = probes["epoch"] == probes["record_id"].map(about["best_epoch"])
    best = probes[at_best].drop_duplicates(["record_id", *_SITE])
    twins = best[best["status"] == REWIRED].assign(owner=lambda rows: rows["record_id"].map(about["parent"]))
    kept = probes[probes["status"] != REWIRED]
    owners = best[best["record_id"].isin(twins["owner"])]
    read = twins[["owner", *_SITE, *_TAKEN]].rename(columns={"owner": "record_id", **_TAKEN})
    found = owners.drop(columns=list(_TAKEN.values())).merge(read, on=["record_id", *_SITE])
    found = found.assign(control=REWIRED, selectivity=found["score"] - found["control_score"])
    return pd.concat([kept, found[kept.columns]], ignore_index=True) if len(found) else kept
