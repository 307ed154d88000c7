"""How a search went: its history, what matters for its objectives, where good values lie, what halving saves."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure, Tables
from hemicycle.reports.figures_pareto import SMALL, figure_id, marks, pareto, reached
from hemicycle.reports.figures_slices import slices
from hemicycle.reports.search_words import better, branch_label, metric_label, param_labels, shown
from hemicycle.reports.searches import HYPERVOLUME, Search, searches
from hemicycle.reports.theme import BLUE, GREY, ORANGE, VERMILION, inline, number, small

MOST_PARAMS = 12
STATES = {
    "complete": ("trained to the end", BLUE),
    "stopped": ("stopped early", ORANGE),
    "failed": ("failed", VERMILION),
}


def search_figures(tables: Tables) -> list[Figure]:
    """Every figure of every search that the tables allow."""
    makers = (pareto, history, importances, slices, halving)
    return [figure for search in searches(tables) for make in makers if (figure := make(search)) is not None]


# -- history ---------------------------------------------------------------------------------------------------------


def history(search: Search) -> Figure | None:
    """Best value so far and hypervolume by trial, over what each trial reached; None without progress."""
    if search.progress.empty:
        return None
    table = search.progress[["metric", "trial", "value"]].dropna().sort_values(["metric", "trial"], kind="stable")
    order = [*(m for m in search.objectives if (table["metric"] == m).any()), HYPERVOLUME]
    panels = {m: table[table["metric"] == m] for m in order if (table["metric"] == m).any()}
    if not panels:
        return None
    return Figure(
        id=figure_id("history", search),
        title=f"How the search {search.name} went",
        chart=_history_chart(search, panels),
        sentence=f"After {len(search.trials)} trials {'; '.join(_course(m, rows) for m, rows in panels.items())}.",
        alt_text=(
            f"Best validation value so far by trial of the search {search.name}, as a line above or below what each "
            "trial reached; where there are several objectives, the hypervolume that their front dominates, too."
        ),
        table=pd.concat(panels.values(), ignore_index=True),
    )


def _history_chart(search: Search, panels: dict[str, pd.DataFrame]) -> Chart:
    columns = 1 if len(panels) == 1 else 3 if len(panels) == 3 else 2
    width = {1: 640, 2: 300, 3: 195}[columns]
    drawn = [
        _history_panel(search, metric, rows).properties(width=width, height=190) for metric, rows in panels.items()
    ]
    return alt.concat(*drawn, columns=columns, spacing={"row": 22, "column": 22})


def _history_panel(search: Search, metric: str, rows: pd.DataFrame) -> Any:
    x = alt.X("trial:Q", title="trial", axis=alt.Axis(tickMinStep=1, tickCount=5))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    line = alt.Chart(inline(rows)).mark_line(interpolate="step-after", color=GREY, strokeWidth=2).encode(x=x, y=y)
    known = metric in search.objectives
    layers = [*(marks(reached(search, metric), x, y, search, SMALL) if known else []), line]
    subtitle = f"line: best so far; {better(search.objectives[metric])}" if known else "of the front; more is better"
    title = alt.TitleParams(metric_label(metric), subtitle=subtitle, frame="group")
    return alt.layer(*layers).properties(title=title)


def _course(metric: str, rows: pd.DataFrame) -> str:
    last = float(rows["value"].iloc[-1])
    trial = int(rows.loc[rows["value"] == last, "trial"].iloc[0])
    value = small(last) if metric == HYPERVOLUME else shown(metric, last)
    name = "the hypervolume" if metric == HYPERVOLUME else f"the best {metric_label(metric)}"
    return f"{name} is {value}, reached with trial {trial}"


# -- what matters ----------------------------------------------------------------------------------------------------


def importances(search: Search) -> Figure | None:
    """Importance of every hyperparameter by objective, as bars; None without them."""
    table = _important(search)
    if table.empty:
        return None
    return Figure(
        id=figure_id("importances", search),
        title=f"What matters in the search {search.name}",
        chart=_importance_chart(table),
        sentence=f"What sets the best trials apart most is {'; '.join(importance_parts(search))}.",
        alt_text=f"Importance of each hyperparameter of the search {search.name} for each objective, as bars.",
        table=table,
    )


def _important(search: Search) -> pd.DataFrame:
    if search.importances.empty:
        return pd.DataFrame()
    rows = search.importances.dropna(subset=["importance"])
    names = param_labels(sorted(rows["param"].unique()))
    table = rows[["metric", "param", "importance"]].assign(
        hyperparameter=rows["param"].map(names), objective=rows["metric"].map(metric_label)
    )
    kept = table.groupby("hyperparameter")["importance"].max().sort_values(ascending=False, kind="stable")
    table = table[table["hyperparameter"].isin(kept.index[:MOST_PARAMS])]
    return table.sort_values(["metric", "importance"], ascending=[True, False], ignore_index=True)


def _importance_chart(table: pd.DataFrame) -> Chart:
    order = list(table.groupby("hyperparameter")["importance"].mean().sort_values(ascending=False).index)
    domain = [0.0, 1.02 * float(table["importance"].max()) or 1.0]
    axis = alt.Axis(tickCount=3, format="~g")
    x = alt.X("importance:Q", title="importance (share)", scale=alt.Scale(domain=domain, nice=False), axis=axis)
    tips = [alt.Tooltip("hyperparameter:N"), alt.Tooltip("importance:Q", format=".3f")]
    panels, width = [], 250 if table["objective"].nunique() < 3 else 165
    for place, (objective, rows) in enumerate(table.groupby("objective", sort=False)):
        axis = alt.Axis(grid=False, ticks=False, labels=place % 3 == 0, labelLimit=220)
        y = alt.Y("hyperparameter:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=axis)
        bars = alt.Chart(inline(rows)).mark_bar(color=BLUE, size=13).encode(x=x, y=y, tooltip=tips)
        title = alt.TitleParams(str(objective), frame="group")
        panels.append(bars.properties(width=width, height=24 * len(order), title=title))
    return alt.concat(*panels, columns=3, spacing={"row": 18, "column": 18})


def importance_parts(search: Search) -> list[str]:
    """The most important hyperparameter for each objective, as clauses."""
    table = _important(search)
    if table.empty:
        return []
    firsts = {str(row["metric"]): row for _, row in table.groupby("metric", sort=False).head(1).iterrows()}
    return [
        f"{firsts[m]['hyperparameter']} for {metric_label(m)} ({number(firsts[m]['importance'])})"
        for m in search.objectives
        if m in firsts
    ]


# -- halving ---------------------------------------------------------------------------------------------------------


def halving(search: Search) -> Figure | None:
    """Epochs of every trial, and what stopping weak ones early saved; None where none was stopped."""
    if not search.trials["state"].eq("stopped").any():
        return None
    rows = search.trials
    table = rows[["trial", "generation", "epochs", "state"]].assign(
        branch=rows["branch"].map(branch_label), full=full_epochs(rows), ended=[STATES[s][0] for s in rows["state"]]
    )
    return Figure(
        id=figure_id("halving", search),
        title=f"What stopping early saves in the search {search.name}",
        chart=_halving_chart(table),
        sentence=f"{halving_clause(search)}.",
        alt_text=f"Epochs that each trial of the search {search.name} was trained, by how it ended.",
        table=table,
    )


def full_epochs(trials: pd.DataFrame) -> pd.Series:
    """Epochs each trial would have had: all that a finished one had, else what its own configuration asks for.

    Where no record tells, the longest of its branch.
    """
    own = trials["epochs"].where(trials["state"] == "complete", trials["full"]).astype(float)
    known = own.fillna(trials["epochs"]).groupby(trials["branch"]).transform("max")
    return own.fillna(known).astype(int)


def halving_clause(search: Search) -> str:
    """How many trials were stopped, and the share of epochs saved against all trials at full length."""
    rows = search.trials[search.trials["state"] != "failed"]
    spent, full = int(rows["epochs"].sum()), int(full_epochs(search.trials)[rows.index].sum())
    stopped = int(rows["state"].eq("stopped").sum())
    saved = f"{1 - spent / full:.0%}" if full else "none"
    return (
        f"{stopped} of {len(rows)} trials were stopped early: {spent:,} epochs instead of the {full:,} of all trials "
        f"at full length, {saved} saved"
    )


def _halving_chart(table: pd.DataFrame) -> Chart:
    known = [STATES[state] for state in STATES if (table["state"] == state).any()]
    scale = alt.Scale(domain=[name for name, _ in known], range=[colour for _, colour in known])
    x = alt.X(
        "trial:Q", title="trial", axis=alt.Axis(tickMinStep=1, grid=False), scale=alt.Scale(nice=False, padding=6)
    )
    y = alt.Y("epochs:Q", title="epochs trained", axis=alt.Axis(tickMinStep=1))
    tips = [alt.Tooltip("trial:Q"), alt.Tooltip("branch:N"), alt.Tooltip("epochs:Q"), alt.Tooltip("ended:N")]
    width = max(0.8, min(18.0, 0.75 * 660 / max(1, len(table))))
    colour = alt.Color("ended:N", title=None, scale=scale)
    bars = alt.Chart(inline(table)).mark_bar(width=width).encode(x=x, y=y, color=colour, tooltip=tips)
    failed = alt.Chart(inline(table[table["state"] == "failed"])).mark_point(
        shape="cross", filled=True, size=45, opacity=1
    )
    drawn: Any = alt.layer(bars, failed.encode(x=x, y=y, color=colour, tooltip=tips))
    found: alt.LayerChart = drawn.properties(width=660, height=200)
    return found
