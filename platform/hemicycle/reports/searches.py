"""Searches as reports need them: trials with what they reach in validation, and the same records in test."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.held_out import VALUES, held_out_values
from hemicycle.search.config import BRANCH

TABLES = ("trials", "trial_values", "trial_params", "search_importances", "search_progress")
"""Tables of searches that are read here."""
MAXIMIZE, HYPERVOLUME = "maximize", "hypervolume"
FRONT, OTHER, STOPPED, INFEASIBLE = "on the front", "finished", "stopped early", "breaks a constraint"


@dataclass(frozen=True)
class Search:
    """One search.

    Args:
        name: what the study calls it.
        objectives: metric -> ``maximize`` or ``minimize``, in order.
        constraints: metrics that are bounded.
        bounds: metric -> least and greatest value allowed, infinite where there is none; empty where the columns
            ``at_least`` and ``at_most`` of the values do not tell.
        halving: metric that decides which trials are stopped; empty without.
        trials: one row a trial, by number: the table of trials with ``kind`` (FRONT, OTHER, STOPPED, INFEASIBLE;
            empty when it failed), ``full`` (epochs that its record's configuration asks for; NaN where there is none),
            ``valid METRIC`` for every metric, and for objectives ``test METRIC``, ``test METRIC low`` and
            ``test METRIC high`` (95 % interval).
        params: rows of ``trial_params``.
        importances: rows of ``search_importances``.
        progress: rows of ``search_progress``.
    """

    name: str
    objectives: Mapping[str, str]
    constraints: tuple[str, ...]
    bounds: Mapping[str, tuple[float, float]]
    halving: str
    trials: pd.DataFrame
    params: pd.DataFrame
    importances: pd.DataFrame
    progress: pd.DataFrame

    @property
    def finished(self) -> pd.DataFrame:
        """Trials that may be called best: trained to the end, and within every constraint."""
        return self.trials[self.trials["kind"].isin([FRONT, OTHER])]

    @property
    def front(self) -> pd.DataFrame:
        """Finished trials that no other finished one beats; with one objective, the best."""
        return self.trials[self.trials["kind"] == FRONT]

    @property
    def stopped_unbeaten(self) -> pd.DataFrame:
        """Trials stopped early that no finished one beats, by the values they had when they were stopped."""
        rows = self.trials[self.trials["kind"] == STOPPED].dropna(subset=[f"valid {m}" for m in self.objectives])
        return rows[undominated(self.oriented(rows, "valid"), self.oriented(self.finished, "valid"))]

    @property
    def beyond(self) -> pd.DataFrame:
        """Trials that break a constraint, as far as all that is bounded is known of them."""
        known = [f"valid {metric}" for metric in self.constraints]
        return self.trials[self.trials["kind"] == INFEASIBLE].dropna(subset=known)

    @property
    def asynchronous(self) -> bool:
        """True when what was proposed depended on the order in which trials ended."""
        return bool(self.trials["mode"].eq("async").any())

    def ranked(self, metric: str, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        """Rows (default: finished trials) with a value of an objective, the best first."""
        rows = self.finished if rows is None else rows
        known = rows[rows[f"valid {metric}"].notna()]
        return known.sort_values(f"valid {metric}", ascending=self.objectives[metric] != MAXIMIZE, kind="stable")

    def oriented(self, rows: pd.DataFrame, data: str) -> NDArray[np.float64]:
        """Objectives of rows in ``valid`` or ``test`` data, signed so that more is better; (rows, objectives)."""
        signs = [1.0 if direction == MAXIMIZE else -1.0 for direction in self.objectives.values()]
        found: NDArray[np.float64] = rows[[f"{data} {metric}" for metric in self.objectives]].to_numpy(np.float64)
        return found * signs


def searches(tables: Tables) -> list[Search]:
    """Searches of a study that have trials with values, in the order of the table."""
    trials, values = table(tables, "trials"), table(tables, "trial_values")
    if trials.empty or values.empty:
        return []
    held_out = {
        str(m): held_out_values(tables, str(m)) for m in values[values["role"] == "objective"]["metric"].unique()
    }
    names = [str(name) for name in trials["search"].unique()]
    return [found for name in names if (found := _search(tables, name, held_out)).objectives]


def _search(tables: Tables, name: str, held_out: Mapping[str, pd.DataFrame]) -> Search:
    own = {key: _of(table(tables, key), name) for key in TABLES}
    own["trials"] = _recorded(own["trials"], table(tables, "records"))
    values = own["trial_values"]
    aims = values[values["role"] == "objective"].drop_duplicates("metric")
    objectives = {str(m): str(d) for m, d in zip(aims["metric"], aims["direction"], strict=True)}
    bounded = tuple(str(m) for m in values[values["role"] == "constraint"]["metric"].unique())
    trials = own["trials"].sort_values("trial", ignore_index=True)
    trials = trials.assign(kind=[_kind(row) for row in trials.to_dict(orient="records")])
    trials = trials.merge(_wide(values), on="trial", how="left")
    for metric in objectives:
        names = dict(zip(VALUES[1:], (f"test {metric}{end}" for end in ("", " low", " high")), strict=True))
        trials = trials.merge(held_out[metric].rename(columns=names), on="record_id", how="left")
    params = _with_branch(own["trial_params"], trials)
    halving = "".join(values[values["role"] == "halving"]["metric"].head(1))
    more = (own["search_importances"], own["search_progress"])
    return Search(name, objectives, bounded, _bounds(values), halving, trials, params, *more)


def _bounds(values: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Least and greatest value allowed, by metric."""
    rows = values[values["role"] == "constraint"]
    if not {"at_least", "at_most"} <= set(rows.columns):
        return {}
    rows = rows.astype({"at_least": float, "at_most": float}).fillna({"at_least": -math.inf, "at_most": math.inf})
    ends = rows.groupby("metric", sort=False).agg({"at_least": "max", "at_most": "min"})
    return {str(m): (low, high) for m, low, high in zip(ends.index, ends["at_least"], ends["at_most"], strict=True)}


def _recorded(trials: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Trials with the ids of their records, by name where the table does not say them, and with their full length."""
    if records.empty:
        return trials.assign(full=math.nan)
    ids = dict(zip(records["name"], records["id"], strict=True))
    own = [i or ids.get(n, "") for i, n in zip(trials["record_id"], trials["name"], strict=True)]
    configs = records[records["id"].isin(own)].set_index("id")["config"]
    asked = {str(i): _asked_epochs(config) for i, config in configs.items()}
    return trials.assign(record_id=own, full=[asked.get(i, math.nan) for i in own])


def _asked_epochs(config: str) -> float:
    """Epochs of a whole fit in a record's configuration; NaN where it has none."""
    train = json.loads(config).get("train") or {}
    return float(train.get("epochs", math.nan))


def _with_branch(params: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``trial_params``, and the branch as one of them where there are several and it is not there."""
    if len(set(trials["branch"])) == 1 or (len(params) and params["param"].eq(BRANCH).any()):
        return params
    rows = trials[["search", "trial"]].assign(param=BRANCH, value=trials["branch"], number=float("nan"))
    return pd.concat([params, rows], ignore_index=True) if len(params) else rows


def _of(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows if rows.empty else rows[rows["search"] == name]


def _kind(row: Mapping[Any, Any]) -> str:
    if row["state"] == "failed":
        return ""
    if row["feasible"] in (False, 0):
        return INFEASIBLE
    if row["state"] == "stopped":
        return STOPPED
    return FRONT if row["pareto"] in (True, 1) else OTHER


def _wide(values: pd.DataFrame) -> pd.DataFrame:
    """One row a trial, one column ``valid METRIC`` a metric; what an objective says goes before other roles."""
    ordered = values.sort_values("role", key=lambda roles: roles != "objective", kind="stable")
    once = ordered.drop_duplicates(["trial", "metric"])
    wide = once.pivot_table(index="trial", columns="metric", values="value")
    wide = wide.reindex(columns=once["metric"].unique()).add_prefix("valid ")
    return wide.rename_axis(columns=None).reset_index()


# -- comparing trials -------------------------------------------------------------------------------------------------


def undominated(points: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points no other beats: at least as good in all columns, and better in one; more is better.

    Args:
        points: shape (n, objectives).
        among: all others, shape (m, objectives); may hold the points themselves.
    """
    beaten = [bool(((among >= point).all(1) & (among > point).any(1)).any()) for point in points]
    return ~np.array(beaten, dtype=bool)


def nearest(search: Search) -> pd.Series | None:
    """The trial that breaks constraints by least; None without one, or where the bounds are not known.

    How far a trial lies beyond bounds is its greatest excess, each relative to the size of the bound (where that is 0,
    as it is): constraints have units of their own.
    """
    rows = search.beyond
    if rows.empty or not set(search.constraints) <= set(search.bounds):
        return None
    found = [_excess(rows[f"valid {m}"].to_numpy(np.float64), *search.bounds[m]) for m in search.constraints]
    return rows.iloc[int(np.max(found, axis=0).argmin())]


def _excess(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """How far values lie beyond a bound, relative to its size; below 0 where they are allowed."""
    ends = [(sign * (values - end)) / (abs(end) or 1.0) for sign, end in ((-1, low), (1, high)) if math.isfinite(end)]
    found: NDArray[np.float64] = np.max(ends, axis=0)
    return found


def shifts(search: Search) -> pd.DataFrame:
    """How far test lies from validation in each objective: mean of the front, and of the other finished trials.

    The difference of the two is what selection makes look better than it is: the others were not selected.

    Returns:
        Columns ``metric``, ``trials`` (of the front with both values), ``front`` and ``others`` (mean test minus
        validation; NaN without trials).
    """
    rows = search.finished
    found = []
    for metric in search.objectives:
        moved = (rows[f"test {metric}"] - rows[f"valid {metric}"]).dropna()
        chosen = rows.loc[moved.index, "kind"] == FRONT
        row = {"metric": metric, "trials": int(chosen.sum()), "front": moved[chosen].mean()}
        found.append(row | {"others": moved[~chosen].mean()})
    return pd.DataFrame(found, columns=["metric", "trials", "front", "others"])
