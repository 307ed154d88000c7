"""What the arms of a simulation do to opinions: measures over time, and paired differences at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.arms import arm_colour, arm_dash
from hemicycle.reports.facts import Chart, Figure, Tables
from hemicycle.reports.figures_densities import attitude_planes, opinion_neighbours, opinion_ridges
from hemicycle.reports.figures_knowledge import edges_changed, knowledge_and_polarization
from hemicycle.reports.figures_phases import differences_by_cell, ends_by_cell, sobol_indices
from hemicycle.reports.simulated import Simulated, brief, order_metrics, shown_metrics, simulations
from hemicycle.reports.summaries import over_seeds
from hemicycle.reports.theme import BLUE, GREY, MINUS, ORANGE, inline, label, listing, small

MOST_STEPS = 80
MOST_PANELS = 4
TWO_LINES = "split(datum.label, ': ')"
"""Vega expression that sets a panel's opinion model and its cell on two lines."""


def simulation_figures(tables: Tables) -> list[Figure]:
    """Every figure about simulations that the tables allow, simulation by simulation."""
    return [figure for simulated in simulations(tables) for figure in _figures(simulated)]


def _figures(simulated: Simulated) -> Iterator[Figure]:
    makers = (
        knowledge_and_polarization,
        polarization_over_time,
        paired_differences,
        ends_by_cell,
        differences_by_cell,
        sobol_indices,
        opinion_ridges,
        opinion_neighbours,
        attitude_planes,
        edges_changed,
    )
    yield from (figure for maker in makers if (figure := maker(simulated)) is not None)


# -- over time -------------------------------------------------------------------------------------------------------


def over_time(simulated: Simulated) -> pd.DataFrame:
    """Mean and range over seeds per panel, metric, arm and step; at most MOST_STEPS steps of some cells."""
    results = simulated.results
    some = simulated.some_cells(max(1, MOST_PANELS // results["opinion"].nunique()))
    results = results[results["cell"].isin(some) & results["metric"].isin(shown_metrics(results))]
    steps = sorted(results["step"].unique())
    every = -(-len(steps) // MOST_STEPS)
    kept = results[results["step"].isin([*steps[::every], steps[-1]])].dropna(subset=["value"])
    named = kept.assign(panel=simulated.panels(kept), arm_label=kept["arm"].map(label))
    return over_seeds(named, ["panel", "metric", "arm_label", "step"], "value")


def polarization_over_time(simulated: Simulated) -> Figure | None:
    """Metrics over time by arm; rows are metrics, columns opinion models and cells; None without results."""
    if simulated.results.empty or len(simulated.sensitivity):
        return None
    table = over_time(simulated)
    if table.empty:
        return None
    return Figure(
        id=simulated.id("polarization_over_time"),
        title=simulated.title("Opinions over time, by what people are shown"),
        chart=_time_chart(table, simulated.arms),
        sentence=_time_sentence(table) + _shown_cells(table["panel"].nunique(), simulated),
        alt_text="Lines over time, one per arm, with the range over seeds as a band; one row per measure.",
        table=table,
    )


def _shown_cells(panels: int, simulated: Simulated) -> str:
    drawn = panels // simulated.results["opinion"].nunique()
    return f" Drawn are {drawn} of {len(simulated.cells)} cells." if len(simulated.cells) > drawn else ""


@dataclass(frozen=True)
class _Panels:
    """What all rows of the figure share."""

    panels: list[str]
    metrics: list[str]
    arms: list[str]
    ends: list[int]


def _time_chart(table: pd.DataFrame, arms: list[str]) -> Chart:
    panels, metrics = list(table["panel"].unique()), order_metrics(table["metric"])
    ends = [int(table["step"].min()), int(table["step"].max())]
    parts = (table[table["metric"] == metric] for metric in metrics)
    rows = [_metric_row(part, _Panels(panels, metrics, arms, ends)) for part in parts]
    return alt.vconcat(*rows, spacing=8)


def _metric_row(table: pd.DataFrame, of: _Panels) -> alt.FacetChart:
    metric, panels, arms = table["metric"].iloc[0], of.panels, of.arms
    first, last = metric == of.metrics[0], metric == of.metrics[-1]
    axis = alt.Axis(labels=last, ticks=last, title="step" if last else None, grid=False, tickMinStep=1)
    base = alt.Chart().encode(
        x=alt.X("step:Q", axis=axis, scale=alt.Scale(nice=False, domain=of.ends)), color=arm_colour(arms)
    )
    scale = alt.Scale(zero=False)
    y = alt.Y("mean:Q", title=label(metric).split(" "), scale=scale, axis=alt.Axis(tickCount=4))
    tips = [alt.Tooltip("arm_label:N", title="arm"), alt.Tooltip("step:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("mean", "low", "high")]
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2, point=_few(table)).encode(y=y, strokeDash=arm_dash(arms), tooltip=tips)
    width = max(150, min(360, 790 // len(panels) - 30))
    header = alt.Header(
        labels=first, labelAnchor="start", labelLimit=width + 20, labelExpr=TWO_LINES, labelAlign="left"
    )
    layered: Any = alt.layer(band, line, data=inline(table)).properties(width=width, height=105)
    column = alt.Column("panel:N", sort=panels, title=None, header=header)
    chart: alt.FacetChart = layered.facet(column=column, spacing=24)
    return chart


def _few(table: pd.DataFrame) -> bool:
    """True for metrics measured so seldom that a line alone does not show when."""
    return bool(table["step"].nunique() <= 6)


def _time_sentence(table: pd.DataFrame) -> str:
    metric = order_metrics(table["metric"])[0]
    parts = []
    for panel, rows in table[table["metric"] == metric].groupby("panel", sort=False):
        last = rows[rows["step"] == rows.groupby("arm_label")["step"].transform("max")]
        ends = [f"{brief(row['mean'])} under {row['arm_label']}" for _, row in last.iterrows()]
        ranges = "" if len(last) < 2 else f" ({'separate' if _bands_apart(last) else 'overlapping'} ranges)"
        parts.append(f"in {panel}, {listing(ends)}{ranges}")
    step, seeds = table["step"].max(), table["seeds"].max()
    means = f"means over {seeds} seeds, bands their range" if seeds > 1 else "one seed"
    return f"At step {step} {label(metric)} is, {'; '.join(parts)}; {means}."


def _bands_apart(last: pd.DataFrame) -> bool:
    ordered = last.sort_values("mean")
    return bool((ordered["low"].to_numpy()[1:] > ordered["high"].to_numpy()[:-1]).all())


# -- differences -----------------------------------------------------------------------------------------------------

CLEAR, UNCLEAR, UNKNOWN = "95 % interval excludes 0", "includes 0", "no interval"
VERDICTS = {CLEAR: (BLUE, "circle"), UNCLEAR: (GREY, "diamond"), UNKNOWN: (ORANGE, "cross")}
MOST_FOREST = 8


def paired_differences(simulated: Simulated) -> Figure | None:
    """Forest plot of arm minus reference with intervals, one panel per metric; None without contrasts or in a grid."""
    if simulated.contrasts.empty or simulated.cells or len(simulated.sensitivity):
        return None
    rows = simulated.contrasts[simulated.contrasts["metric"].isin(shown_metrics(simulated.contrasts, MOST_FOREST))]
    rows = rows.dropna(subset=["difference"])
    reach = rows["minimum_detectable_effect"]
    table = rows.assign(
        pair=rows["arm"].map(label),
        panel=simulated.panels(rows),
        verdict=verdicts(rows),
        mde_low=-reach,
        mde_high=reach,
    )
    if table.empty:
        return None
    return Figure(
        id=simulated.id("paired_differences"),
        title=simulated.title("What exposure changes: paired differences"),
        chart=_forest(table, f"{MINUS} {label(simulated.reference)}"),
        sentence=_forest_sentence(table),
        alt_text="Differences between arms with 95 % intervals and a line at zero, one panel per measure.",
        table=table.drop(columns="cell").reset_index(drop=True),
    )


def verdicts(rows: pd.DataFrame) -> pd.Series:
    """Whether each interval excludes zero; where seeds do not vary or there is one, there is no interval."""
    excludes = ((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).map({True: CLEAR, False: UNCLEAR})
    return excludes.where(rows["ci_high"] > rows["ci_low"], UNKNOWN)


def _forest(table: pd.DataFrame, against: str) -> Chart:
    kinds = [kind for kind in VERDICTS if kind in set(table["verdict"])]
    panels = []
    for metric in order_metrics(table["metric"]):
        title = alt.TitleParams(label(metric), subtitle=f"arm {against}", offset=4)
        panels.append(_forest_panel(table[table["metric"] == metric], kinds).properties(title=title))
    return alt.concat(*panels, columns=2, spacing=24)


def _forest_panel(rows: pd.DataFrame, kinds: list[str]) -> Any:
    pairs, panels = list(rows["pair"].unique()), list(rows["panel"].unique())
    colours = alt.Scale(domain=kinds, range=[VERDICTS[kind][0] for kind in kinds])
    colour = alt.Color("verdict:N", scale=colours, title=None)
    shapes = alt.Scale(domain=kinds, range=[VERDICTS[kind][1] for kind in kinds])
    tips = [alt.Tooltip("pair:N"), alt.Tooltip("n_seeds:Q", title="seeds"), alt.Tooltip("step:Q")]
    names = ("difference", "ci_low", "ci_high", "minimum_detectable_effect")
    tips += [alt.Tooltip(f"{name}:Q", format=".4f", title=name.replace("_", " ")) for name in names]
    base = alt.Chart().encode(y=alt.Y("pair:N", sort=pairs, title=None, axis=alt.Axis(labelLimit=190, grid=False)))
    scale = alt.Scale(padding=14, nice=False, zero=False)
    x = alt.X("difference:Q", title="difference at the end", axis=alt.Axis(tickCount=4), scale=scale)
    unseen = base.mark_bar(height=13, opacity=0.22, color=GREY).encode(x=alt.X("mde_low:Q"), x2="mde_high:Q")
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("ci_low:Q"), x2="ci_high:Q", color=colour)
    shape = alt.Shape("verdict:N", scale=shapes, title=None)
    points = base.mark_point(filled=True, size=85, opacity=1).encode(x=x, color=colour, shape=shape, tooltip=tips)
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    layered: Any = alt.layer(unseen, zero, bars, points, data=inline(rows))
    header = alt.Header(labelAnchor="start", labelAngle=0, labelOrient="top", labelPadding=4)
    sized = layered.properties(width=250, height=30 * len(pairs))
    if len(panels) == 1:
        return sized
    chart: alt.FacetChart = sized.facet(row=alt.Row("panel:N", sort=panels, title=None, header=header), spacing=14)
    return chart


def _forest_sentence(table: pd.DataFrame) -> str:
    counts = table["verdict"].value_counts()
    lead = f"{counts.get(CLEAR, 0)} of {len(table)} paired differences have a 95 % interval that excludes 0"
    lead += " (not corrected for their number)"
    if UNKNOWN in counts:
        lead += f", {counts[UNKNOWN]} have no interval because seeds do not vary or there is one"
    detectable = table["mde_high"].dropna()
    if len(detectable):
        lead += "; differences inside a grey bar would be found in fewer than 80 % of such studies"
    strongest = _strongest(table)
    return f"{lead}. Clearest: {strongest}." if strongest else f"{lead}."


def _strongest(table: pd.DataFrame) -> str:
    """The difference that is largest in units of its interval, among those that exclude zero."""
    rows = table[table["verdict"] == CLEAR]
    if rows.empty:
        return ""
    row = rows.iloc[int((rows["difference"].abs() / (rows["ci_high"] - rows["ci_low"])).argmax())]
    bounds = f"[{small(row['ci_low'])}, {small(row['ci_high'])}]"
    change = f"{label(row['metric'])} {small(row['difference'])} {bounds}"
    return f"{change} under {row['panel']}, {label(row['arm'])} against {label(row['reference'])}"
