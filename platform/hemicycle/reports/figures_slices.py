"""Where good values of a search lie: each objective against the hyperparameters that matter most."""

import math
from typing import Any

import altair as alt
import pandas as pd
from scipy import stats

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.figures_pareto import SMALL, figure_id, marks, reached
from hemicycle.reports.search_words import metric_label, param_labels
from hemicycle.reports.searches import INFEASIBLE, STOPPED, Search
from hemicycle.reports.theme import listing, number
from hemicycle.search.config import BRANCH

MOST_SLICES, MOST_OBJECTIVES = 4, 3
LOG_RATIO = 30.0
"""Numbers whose greatest is this many times the least are drawn on a logarithmic axis."""
MOST_LETTERS, MOST_TICKS = 18, 7
SHORT = "datum.value < 0.01 || datum.value >= 10000 ? format(datum.value, '.0e') : format(datum.value, '~g')"
"""How logarithmic axes are labelled: ``1e-4`` rather than 0.0001, which would not fit."""


def slices(search: Search) -> Figure | None:
    """Each objective against each of the most important hyperparameters; None where nothing varies."""
    table = slice_points(search)
    if table.empty:
        return None
    return Figure(
        id=figure_id("slices", search),
        title=f"Where good values lie in the search {search.name}",
        chart=_slice_chart(table, search),
        sentence=_slice_sentence(table, search),
        alt_text=(
            f"Validation value of each objective against the hyperparameters that matter most in the search "
            f"{search.name}, one point a trial; logarithmic axes where values span more than a decade."
        ),
        table=table,
    )


def chosen_params(search: Search) -> list[str]:
    """The most important hyperparameters that vary; where importances are not known, in alphabetical order."""
    varied = search.params.groupby("param")["value"].nunique() if len(search.params) else pd.Series(dtype=int)
    found = sorted(str(name) for name in varied.index[varied > 1])
    if len(search.importances):
        keys = search.importances["param"].str.rpartition("/")[2]
        weight = search.importances["importance"].groupby(keys).mean()
        found = sorted(found, key=lambda name: -float(weight.get(name, -1.0)))
    return found[:MOST_SLICES]


def slice_points(search: Search) -> pd.DataFrame:
    """One row for each objective, chosen hyperparameter and trial that has both.

    Returns:
        Columns ``metric``, ``param``, ``hyperparameter``, ``trial``, ``branch``, ``kind``, ``setting`` (the value as
        text), ``number`` (NaN for choices) and ``value`` (the objective in validation).
    """
    chosen = chosen_params(search)
    names = param_labels(chosen)
    rows = search.params[search.params["param"].isin(chosen)] if chosen else pd.DataFrame(columns=["trial"])
    parts = []
    for metric in list(search.objectives)[:MOST_OBJECTIVES]:
        both = rows.merge(reached(search, metric), on="trial", suffixes=("_text", ""))
        parts.append(both.assign(metric=metric))
    found = pd.concat(parts, ignore_index=True) if len(rows) else pd.DataFrame()
    if found.empty:
        return found
    found = found.assign(hyperparameter=found["param"].map(names)).rename(columns={"value_text": "setting"})
    architecture = found["param"] == BRANCH
    found["setting"] = found["setting"].where(~architecture, found["branch"])
    columns = ["metric", "param", "hyperparameter", "trial", "branch", "kind", "setting", "number", "value"]
    rank = {name: place for place, name in enumerate(chosen)}
    return found[columns].sort_values(["param"], key=lambda p: p.map(rank), kind="stable", ignore_index=True)


def _slice_chart(table: pd.DataFrame, search: Search) -> Chart:
    params = list(table["param"].unique())
    metrics = list(table["metric"].unique())
    panels = []
    for i, metric in enumerate(metrics):
        for j, param in enumerate(params):
            rows = table[(table["metric"] == metric) & (table["param"] == param)]
            title = rows["hyperparameter"].iloc[0] if len(rows) and i == len(metrics) - 1 else None
            y = alt.Y(
                "value:Q", title=metric_label(metric) if j == 0 else None, scale=alt.Scale(zero=False), axis=_ticks()
            )
            layered = alt.layer(*marks(rows, _slice_axis(table[table["param"] == param], title), y, search, SMALL))
            panels.append(layered.properties(width=690 // len(params) - 42, height=150))
    return alt.concat(*panels, columns=len(params), spacing={"row": 14, "column": 14})


def _ticks(**given: Any) -> alt.Axis:
    return alt.Axis(tickCount=4, **given)


def _slice_axis(rows: pd.DataFrame, title: str | None) -> alt.X:
    """Values of one hyperparameter: numbers on an even or a logarithmic axis, choices side by side."""
    if rows["number"].isna().any():
        choices = sorted(rows["setting"].unique())
        angle = 0 if sum(map(len, choices)) <= MOST_LETTERS else -35
        axis = alt.Axis(labelAngle=angle, labelLimit=90, grid=False)
        return alt.X("setting:N", title=title, axis=axis, sort=choices)
    low, high = float(rows["number"].min()), float(rows["number"].max())
    if low > 0 and high / low >= LOG_RATIO:
        scale = alt.Scale(type="log", domain=[low / 1.25, high * 1.25], nice=False)
        axis = _ticks(values=log_ticks(rows["number"]), labelExpr=SHORT, labelOverlap=True)
        return alt.X("number:Q", title=title, scale=scale, axis=axis)
    margin = 0.06 * (high - low)
    scale = alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)
    return alt.X("number:Q", title=title, scale=scale, axis=_ticks(format="~g"))


def log_ticks(values: pd.Series) -> list[float]:
    """Where a logarithmic axis is labelled: at the values, where they are few, else at powers of ten."""
    found = sorted(values.unique())
    if len(found) <= MOST_TICKS:
        return [float(value) for value in found]
    return [10.0**power for power in range(math.floor(math.log10(found[0])), math.ceil(math.log10(found[-1])) + 1)]


def _slice_sentence(table: pd.DataFrame, search: Search) -> str:
    """How the most important hyperparameter goes with each objective among trials trained to the end."""
    done = table[~table["kind"].isin([STOPPED, INFEASIBLE])]
    parts = []
    for metric in table["metric"].unique():
        first = next(iter(chosen_params(search)))
        rows = done[(done["metric"] == metric) & (done["param"] == first)]
        clause = _association(rows)
        parts += [f"{metric_label(metric)} {clause}"] if clause else []
    warning = "trials crowd where a search expects good values, so this is no effect of one setting alone"
    return f"{'; '.join(parts)} ({warning})." if parts else f"One point a trial; {warning}."


def _association(rows: pd.DataFrame) -> str:
    if len(rows) < 3 or rows["value"].nunique() < 2 or rows["setting"].nunique() < 2:
        return ""
    name = rows["hyperparameter"].iloc[0]
    if rows["number"].notna().all():
        rho = float(stats.spearmanr(rows["number"], rows["value"]).statistic)
        return f"{'rises' if rho > 0 else 'falls'} with {name} (Spearman {number(rho)}, {len(rows)} trials)"
    medians = rows.groupby("setting")["value"].median().sort_values(ascending=False, kind="stable")
    return f"has a median of {listing([f'{number(v, 3)} with {name} {k}' for k, v in medians.items()])}"
