"""For whom a model's lists are right: NDCG and recall by group, by activity and by attitude."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, suppress_small_cells
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.evaluation.intervals import mean_intervals
from hemicycle.evaluation.ranking import Ranking
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.list_measures import numeric_labels
from hemicycle.studies.probing import column, kind_of

GROUPS = "group_results"
"""Table: one row a record, metric and group."""
GROUP_COLUMNS = ["record_id", "metric", "by", "group", "value", "ci_low", "ci_high", "n"]
ACTIVITY = "activity"
"""Grouping by the number of training interactions."""
MOST_GROUPS = 50
QUANTILES = 4
_GROUPED = ("ndcg", "recall")


def group_rows(ranking: Ranking, dataset: Dataset, graph: InteractionGraph) -> pd.DataFrame:
    """NDCG and recall by group, by quartile of activity and of each numeric label.

    Of people who are not public no cell of fewer than K is shown, nor what would give it away; of public ones it is
    shown without an interval, which so few cannot give.
    """
    names = [name for name in ranking.per_user if name.split("@")[0] in _GROUPED]
    frames: list[pd.DataFrame] = []
    for by, groups in _groupings(dataset, graph, ranking.users).items() if ranking.n else ():
        cells = [_cell(ranking, names, groups == group) | {"group": group} for group in _present(groups)]
        if not cells:
            continue
        frame = pd.DataFrame(cells)
        if not is_public(dataset.users):
            frame = suppress_small_cells(frame, ["group"], "n")
        frames += [_of_metric(frame, name).assign(metric=name, by=by) for name in names]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=GROUP_COLUMNS)


def _groupings(dataset: Dataset, graph: InteractionGraph, users: NDArray[np.integer]) -> dict[str, NDArray[np.object_]]:
    """Group of every user by each column, None where unknown."""
    found = {ACTIVITY: quantiles(graph.degrees[users].astype(np.float64))}
    classes = [name for name in with_role(dataset.users, "label") if kind_of(dataset.users, name) == "class"]
    for name in (*with_role(dataset.users, "group"), *classes):
        values = pd.Series(column(dataset.users, name)[users])
        if values.nunique() <= MOST_GROUPS:
            found[name] = np.array([str(v) if pd.notna(v) else None for v in values], object)
    for name in numeric_labels(dataset):
        found[name] = quantiles(column(dataset.users, name)[users].astype(np.float64))
    return found


def quantiles(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """Quartile of each value, ``quartile 1`` the lowest; equal values share one, None where unknown."""
    known = np.isfinite(values)
    out = np.full(len(values), None, object)
    if known.any():
        cuts = np.quantile(values[known], np.arange(1, QUANTILES) / QUANTILES)
        out[known] = [f"quartile {place + 1}" for place in np.searchsorted(cuts, values[known], side="left")]
    return out


def _present(groups: NDArray[np.object_]) -> list[str]:
    return sorted({str(group) for group in groups if group is not None})


def _cell(ranking: Ranking, names: list[str], rows: NDArray[np.bool_]) -> dict[str, Any]:
    values = np.stack([ranking.per_user[name][rows] for name in names], 1)
    found = mean_intervals(values, rng("group intervals"))
    cell: dict[str, Any] = {"n": int(rows.sum())}
    for name, interval in zip(names, found, strict=True):
        ends = (interval.low, interval.high) if cell["n"] >= K else (np.nan, np.nan)
        cell |= {f"{name} value": interval.value, f"{name} low": ends[0], f"{name} high": ends[1]}
    return cell


def _of_metric(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    chosen = {f"{name} value": "value", f"{name} low": "ci_low", f"{name} high": "ci_high"}
    return frame[["group", "n", *chosen]].rename(columns=chosen)
