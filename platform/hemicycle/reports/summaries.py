"""From tidy result tables to what figures and sentences need: chosen rows, means over seeds, paired gains."""

import json
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from hemicycle.core.records import READOUT
from hemicycle.reports.theme import label

PERMUTED = "permuted"
REWIRED = "rewired"
"""A control, and the status of records that are there for it alone."""
PREFERRED = ("ridge", "logistic", "least_squares", "linear")
TARGET = ["entity", "attribute", "scope"]
_POINT = ["record_id", "layer", "epoch", *TARGET, "probe"]
CONTROL_WORDS = {
    "covariates": "groups and covariates together",
    "covariates by trees": "covariates by boosted trees",
    REWIRED: "models of a rewired graph",
    "random vectors": "random vectors",
    "permuted within degree": "labels permuted within degree",
    "permuted within community": "labels permuted within communities",
    PERMUTED: "permuted labels",
}
"""Controls that are no group column, in the order in which they are told."""
UNSAID = ("random vectors", "permuted within degree", "permuted within community")
"""Controls near chance that stand in tables, not in sentences and figures."""

METRICS = ("variance", "bimodality", "neighbour_correlation", "disagreement")
"""Metrics of polarization in their customary order; sentences speak of these alone."""


def model_labels(records: pd.DataFrame) -> dict[str, str]:
    """Label of every record: its family, or its name without the seed where a family has several variants.

    An untrained twin is called as the model it derives from; foreign and derived models keep their own names. Trials of
    searches (column ``trial``) are called by name and family, members of designs by name and what they are (column
    ``levels``).
    """
    if records.empty:
        return {}
    name, family, status, parent = (
        dict(zip(records["id"], records[column], strict=True)) if column in records else {}
        for column in ("name", "family", "status", "parent")
    )
    owner = {i: parent[i] if status[i] == "untrained" and parent.get(i) in name else i for i in name}
    stems = {i: re.sub(r"[-_]s(eed)?\d+$", "", str(name[owner[i]])) for i in name}
    own = {i: status[owner[i]] in {"foreign", "derived"} for i in name}
    variants = {(family[i], stems[i]) for i in name if status[i] == "trained"}
    several = {f for f in set(family.values()) if sum(f == other for other, _ in variants) > 1}
    known = {i: stems[i] if own[i] or family[i] in several else label(family[i]) for i in name}
    trials = set(records.loc[records["trial"], "id"]) if "trial" in records else set()
    known |= {i: f"{stems[i]} ({label(family[i])})" for i in name if owner[i] in trials}
    words = dict(zip(records["id"], records["levels"], strict=True)) if "levels" in records else {}
    return known | {i: f"{stems[i]} ({words[owner[i]]})" for i in name if words.get(owner[i])}


def with_model(rows: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``model`` (see :func:`model_labels`) to rows that name a record."""
    known = model_labels(records)
    names = [known.get(str(i), label(f)) for i, f in zip(rows["record_id"], rows["family"], strict=True)]
    return rows.assign(model=names)


def with_names(order: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Name models of a table by member (``mf``) as elsewhere; ``known`` has ``name``, ``seed`` and ``model``."""
    stems = [str(n).removesuffix(f"-s{s}") for n, s in zip(known["name"], known["seed"], strict=True)]
    called = dict(zip(stems, known["model"], strict=True))
    return order[order["model"].isin(called)].assign(model=order["model"].map(called))


def target_label(attribute: str, scope: str, entity: str = "user") -> str:
    """Name for people of what is probed: ``nominate_dim1``, ``nominate_dim1 (within party)``."""
    of = "" if entity in {"user", ""} else f" of {entity}s"
    return f"{attribute}{of}" if scope in {"all", ""} else f"{attribute}{of} ({scope})"


def main_probe(probes: pd.DataFrame) -> pd.DataFrame:
    """Keep one reader per target, the linear one where there is one, and name the target."""
    if probes.empty:
        return probes
    rank = {name: index for index, name in enumerate(PREFERRED)}
    order = probes["probe"].map(lambda name: rank.get(name, len(rank)))
    best = order.groupby([probes[key] for key in TARGET], sort=False).transform("min")
    rows = probes[order == best]
    first = rows.groupby(TARGET, sort=False)["probe"].transform("first")
    rows = rows[rows["probe"] == first]
    names = [target_label(a, s, e) for a, s, e in zip(rows["attribute"], rows["scope"], rows["entity"], strict=True)]
    return rows.assign(target=names)


def recommending(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Keep the checkpoint that recommends: the record's best epoch, or the last one probed."""
    if probes.empty:
        return probes
    best = dict(zip(records["id"], records["best_epoch"], strict=True)) if "best_epoch" in records else {}
    last = probes.groupby("record_id")["epoch"].transform("max")
    wanted = probes["record_id"].map(best).fillna(last)
    probed = (probes["epoch"] == wanted).groupby(probes["record_id"]).transform("any")
    return probes[probes["epoch"] == wanted.where(probed, last)]


def scores(probes: pd.DataFrame) -> pd.DataFrame:
    """One row per score: the same score stands once for each of its controls."""
    return probes.drop_duplicates(_POINT) if not probes.empty else probes


def at_readout(probes: pd.DataFrame) -> pd.DataFrame:
    """Keep, per record, the layer that scores recommendations, or the last layer where none is called so."""
    if probes.empty:
        return probes
    layers = probes.groupby("record_id")["layer"].unique()
    last = {record: sort_layers(list(names))[-1] for record, names in layers.items()}
    return probes[probes["layer"] == probes["record_id"].map(last)]


def sort_layers(layers: Sequence[str]) -> list[str]:
    """Numbered layers in their order, other names after them, the readout last."""
    return sorted(layers, key=lambda name: (name == READOUT, not name.isdigit(), int(name) if name.isdigit() else 0))


def over_seeds(rows: pd.DataFrame, by: Sequence[str], value: str = "score") -> pd.DataFrame:
    """Mean and range over seeds: columns ``mean``, ``low`` (least), ``high`` (greatest) and ``seeds``."""
    if rows.empty:
        return pd.DataFrame(columns=[*by, "mean", "low", "high", "seeds"])
    groups = rows.groupby(list(by), sort=False, dropna=False)[value]
    return groups.agg(mean="mean", low="min", high="max", seeds="count").reset_index()


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % Student interval of the mean; NaN for fewer than two values."""
    kept = np.asarray([value for value in values if np.isfinite(value)], dtype=float)
    if len(kept) < 2:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(kept) - 1) * kept.std(ddof=1) / np.sqrt(len(kept)))
    return float(kept.mean()) - half, float(kept.mean()) + half


def envelope(rows: pd.DataFrame, low: str = "ci_low", high: str = "ci_high") -> tuple[float, float]:
    """Smallest interval that holds every seed's own; the range of the scores where no seed has one."""
    if low in rows and rows[low].notna().any():
        return float(rows[low].min()), float(rows[high].max())
    return float(rows["score"].min()), float(rows["score"].max())


def gains(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How much training adds: trained minus untrained, paired by seed.

    Args:
        rows: scores with columns ``status``, ``seed`` and ``score``.
        by: columns that identify what is compared, e.g. model and target.

    Returns:
        ``by``, ``gain`` (mean over seeds), ``gain_low``, ``gain_high`` (95 % t-interval over seeds) and ``pairs``.
    """
    columns = [*by, "gain", "gain_low", "gain_high", "pairs"]
    both = rows[rows["status"].isin(["trained", "untrained"])] if not rows.empty else rows
    if both.empty or both["status"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    wide = both.pivot_table(index=[*by, "seed"], columns="status", values="score", sort=False)
    paired = (wide["trained"] - wide["untrained"]).dropna()
    found = []
    for key, values in paired.groupby(level=list(by), sort=False):
        found.append(
            [*(key if isinstance(key, tuple) else (key,)), values.mean(), *t_interval(list(values)), len(values)]
        )
    return pd.DataFrame(found, columns=columns)


def control_names(probes: pd.DataFrame) -> list[str]:
    """Controls in the order of telling: group columns alone, groups and covariates together, permuted labels."""
    if "control" not in probes:
        return []
    present = [str(name) for name in probes["control"].dropna().unique() if name]
    last = [name for name in CONTROL_WORDS if name in present]
    return [*[name for name in present if name not in last], *last]


def control_words(name: str) -> str:
    """What a control reads from: ``party labels alone``, ``groups and covariates``, ``permuted labels``."""
    return CONTROL_WORDS.get(name, f"{name} labels alone")


def control(probes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of one control, e.g. ``permuted``."""
    return probes[probes["control"] == name] if "control" in probes else probes.iloc[:0]


def settings_of(records: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Configuration of every record as plain values."""
    if records.empty or "config" not in records:
        return {}
    texts = zip(records["id"], records["config"], strict=True)
    return {i: json.loads(text) if isinstance(text, str) and text else dict(text or {}) for i, text in texts}
