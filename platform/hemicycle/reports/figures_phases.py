"""A simulation's design: what its factors do to the end of the runs (lines, phase diagrams), and Sobol indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.arms import arm_colour, arm_dash
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.simulated import (
    Simulated,
    brief,
    factor_names,
    is_clear,
    last_values,
    number_or_words,
    order_metrics,
)
from hemicycle.reports.simulated import shown_metrics as metrics_of
from hemicycle.reports.summaries import over_seeds
from hemicycle.reports.theme import BLUE, GREY, MINUS, VERMILION, inline, label, listing, small

MOST_LINES, MOST_MAPS = 4, 3
MOST_TEXTS = 70
DIVERGING = [VERMILION, "#f4f2ee", BLUE]
LEVELS = ["#f3f6f8", "#8bbbd9", BLUE, "#00324f"]


@dataclass(frozen=True)
class _Kind:
    """What is drawn over the cells: ends of runs, or differences from the reference."""

    id: str
    title: str
    of: str
    differences: bool


ENDS = _Kind("ends_by_cell", "Where opinions end", "at the end", differences=False)
DIFFERENCES = _Kind("differences_by_cell", "Where exposure changes what", "arm against reference", differences=True)


def ends_by_cell(simulated: Simulated) -> Figure | None:
    """Metrics at the end over the factors: a line with a band for one, a phase diagram for two; None without a grid."""
    if not simulated.cells or simulated.results.empty:
        return None
    last = last_values(simulated.results).dropna(subset=["value"])
    rows = over_seeds(last, ["opinion", "metric", "arm", "cell"], "value")
    return _drawn(simulated, rows.assign(text=rows["mean"].map(brief)), ENDS)


def differences_by_cell(simulated: Simulated) -> Figure | None:
    """Paired differences over the factors, with intervals; None without a grid."""
    rows = simulated.contrasts
    if not simulated.cells or rows.empty:
        return None
    rows = rows.dropna(subset=["difference"])
    clear = is_clear(rows)
    named = rows.rename(columns={"difference": "mean", "ci_low": "low", "ci_high": "high", "n_seeds": "seeds"})
    kept = named[["opinion", "metric", "arm", "cell", "mean", "low", "high", "seeds"]].assign(clear=clear)
    texts = [brief(value) if told else "·" for value, told in zip(kept["mean"], clear, strict=True)]
    return _drawn(simulated, kept.assign(text=texts), DIFFERENCES)


def _drawn(simulated: Simulated, rows: pd.DataFrame, kind: _Kind) -> Figure | None:
    factors = simulated.varied
    most = MOST_LINES if len(factors) == 1 else MOST_MAPS
    metrics = metrics_of(rows.rename(columns={"mean": "value"}), most)
    rows = rows[rows["metric"].isin(metrics)]
    if rows.empty:
        return None
    table = _placed(simulated, rows)
    chart, what = (_lines, "lines") if len(factors) == 1 else (_maps, "heat maps")
    names = listing([simulated.names[factor] for factor in factors])
    return Figure(
        id=simulated.id(kind.id),
        title=simulated.title(f"{kind.title}, by {names}"),
        chart=chart(simulated, table, kind),
        sentence=_sentence(simulated, table, kind),
        alt_text=f"Measures {kind.of} over {names}, as {what}, one row a measure, by arm of exposure.",
        table=table,
    )


def _placed(simulated: Simulated, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with their levels of the first two factors, averaged over any other."""
    first, second = (*simulated.varied, "")[:2]
    found = rows.assign(x=rows["cell"].map(simulated.values(first)), x_level=rows["cell"].map(simulated.levels(first)))
    if second:
        levels, values = simulated.levels(second), simulated.values(second)
        found = found.assign(y=rows["cell"].map(values), y_level=rows["cell"].map(levels))
    found = found.assign(arm_label=found["arm"].map(label))
    if len(simulated.varied) <= 2:
        return found.reset_index(drop=True)
    keys = ["opinion", "metric", "arm", "arm_label", "x", "x_level", "y", "y_level"]
    mean = found.groupby(keys, sort=False, dropna=False)["mean"].mean().reset_index()
    return mean.assign(text=mean["mean"].map(brief))


def _order(rows: pd.DataFrame, axis: str) -> list[str]:
    """Levels of a factor from the least to the greatest, words as they come."""
    known = rows.drop_duplicates(f"{axis}_level")
    known = known.sort_values(axis, kind="stable") if number_or_words(known[axis]) else known
    return list(known[f"{axis}_level"])


# -- one factor ------------------------------------------------------------------------------------------------------


def _lines(simulated: Simulated, table: pd.DataFrame, kind: _Kind) -> Chart:
    metrics = order_metrics(table["metric"])
    rows = [_line_row(simulated, table[table["metric"] == m], kind, last=m == metrics[-1]) for m in metrics]
    return alt.vconcat(*rows, spacing=10)


def _line_row(simulated: Simulated, rows: pd.DataFrame, kind: _Kind, *, last: bool) -> Any:
    metric, opinions = rows["metric"].iloc[0], list(rows["opinion"].map(label).unique())
    arms = [arm for arm in simulated.arms if not (kind.differences and arm == simulated.reference)]
    axis = alt.Axis(labels=last, ticks=last, title=simulated.names[simulated.varied[0]] if last else None, grid=False)
    axis.labelAngle = 0
    x = (
        alt.X("x:Q", axis=axis, scale=alt.Scale(nice=False, zero=False, padding=8, domain=_ends(simulated)))
        if number_or_words(rows["x"])
        else alt.X("x_level:N", axis=axis, sort=_order(rows, "x"))
    )
    base = alt.Chart().encode(x=x, color=arm_colour(arms))
    words = label(metric).split(" ")
    title = [f"Δ {words[0]}", *words[1:]] if kind.differences else words
    scale = alt.Scale(zero=False)
    y = alt.Y("mean:Q", title=title, scale=scale, axis=alt.Axis(tickCount=4))
    tips = [alt.Tooltip("arm_label:N", title="arm"), alt.Tooltip("x_level:N", title="level")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("mean", "low", "high")]
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=arm_dash(arms))
    points = base.mark_point(filled=True, size=45, opacity=1).encode(y=y, tooltip=tips)
    layers = [band, line, points]
    if kind.differences:
        layers.insert(0, alt.Chart().mark_rule(strokeDash=[3, 3]).encode(y=alt.datum(0)))
    first = metric == order_metrics(simulated.results["metric"].unique() if len(simulated.results) else [metric])[0]
    header = alt.Header(labels=first and len(opinions) > 1, labelAnchor="start")
    named = rows.assign(panel=rows["opinion"].map(label))
    layered: Any = alt.layer(*layers, data=inline(named)).properties(width=min(420, 700 // len(opinions)), height=105)
    return layered.facet(column=alt.Column("panel:N", sort=opinions, title=None, header=header), spacing=24)


def _ends(simulated: Simulated) -> list[float]:
    """Least and greatest level of the first factor, the same below every measure."""
    values = simulated.values(simulated.varied[0]).values()
    return [min(values), max(values)]


# -- two factors -----------------------------------------------------------------------------------------------------


def _maps(simulated: Simulated, table: pd.DataFrame, kind: _Kind) -> Chart:
    keys = [(o, m) for o in table["opinion"].unique() for m in order_metrics(table["metric"])]
    several = len(table["opinion"].unique()) > 1
    rows = []
    for opinion, metric in keys:
        part = table[(table["opinion"] == opinion) & (table["metric"] == metric)]
        if len(part):
            rows.append(_map_row(simulated, part, kind, f"{label(opinion)}: " if several else ""))
    chart: Chart = alt.vconcat(*rows, spacing=14).resolve_scale(color="independent")
    return chart


def _map_row(simulated: Simulated, rows: pd.DataFrame, kind: _Kind, lead: str) -> Any:
    arms = [label(arm) for arm in simulated.arms if label(arm) in set(rows["arm_label"])]
    xs, ys = _order(rows, "x"), _order(rows, "y")[::-1]
    first, second = (simulated.names[factor] for factor in simulated.varied[:2])
    size = max(22, min(56, 640 // (len(arms) * len(xs))))
    x = alt.X("x_level:N", sort=xs, title=first, axis=alt.Axis(labelAngle=0, grid=False, ticks=False))
    y = alt.Y("y_level:N", sort=ys, title=second, axis=alt.Axis(grid=False, ticks=False))
    tips = [alt.Tooltip("x_level:N", title=first), alt.Tooltip("y_level:N", title=second)]
    tips += [alt.Tooltip(f"{n}:Q", format=".4f") for n in ("mean", "low", "high") if n in rows]
    base = alt.Chart().encode(x=x, y=y)
    metric = label(rows["metric"].iloc[0])
    legend = alt.Legend(
        title=[f"{lead}Δ" if kind.differences else lead, metric] if lead else [f"{'Δ ' * kind.differences}{metric}"],
        orient="right",
        gradientLength=90,
        titleLimit=150,
        tickCount=4,
    )
    shades = base.mark_rect(stroke="white").encode(
        color=alt.Color("mean:Q", scale=_shades(rows["mean"], kind), legend=legend), tooltip=tips
    )
    layers = [shades]
    if len(xs) * len(ys) <= MOST_TEXTS and size >= 34:
        layers.append(base.mark_text(fontSize=10).encode(text="text:N", color=_ink(rows["mean"], kind)))
    header = alt.Header(labelAnchor="start", labelLimit=size * len(xs) + 20)
    drawn: Any = alt.layer(*layers, data=inline(rows)).properties(width=size * len(xs), height=28 * len(ys))
    return drawn.facet(column=alt.Column("arm_label:N", sort=arms, title=None, header=header), spacing=18)


def _shades(values: pd.Series, kind: _Kind) -> alt.Scale:
    if not kind.differences:
        return alt.Scale(range=LEVELS, zero=False, nice=False, interpolate="rgb")
    reach = float(values.abs().max()) or 1.0
    return alt.Scale(domain=[-reach, 0, reach], range=DIVERGING, nice=False, interpolate="rgb")


def _ink(values: pd.Series, kind: _Kind) -> Any:
    """White on dark shades, else dark."""
    low, high = float(values.min()), float(values.max())
    reach = max(abs(low), abs(high))
    dark = f"abs(datum.mean) > {0.6 * reach!r}" if kind.differences else f"datum.mean > {low + 0.5 * (high - low)!r}"
    return alt.condition(dark, alt.value("white"), alt.value("#22252a"))


# -- sentences -------------------------------------------------------------------------------------------------------


def _sentence(simulated: Simulated, table: pd.DataFrame, kind: _Kind) -> str:
    metric = order_metrics(table["metric"])[0]
    rows = table[table["metric"] == metric]
    others = [simulated.names[name] for name in simulated.varied[2:]]
    tail = f" Averaged over {listing(others)}." if others else ""
    arms = len(simulated.arms) - kind.differences
    whole = len(simulated.cells) * arms * table["opinion"].nunique() * table["metric"].nunique()
    tail += " Where a measure has no value (nobody differs any more), its cell is blank." if len(table) < whole else ""
    return (_clear_cells(rows, metric) if kind.differences and "clear" in rows else _range(rows, metric)) + tail


def _where(simulated_rows: pd.Series) -> str:
    return ", ".join(str(simulated_rows[name]) for name in ("x_level", "y_level") if name in simulated_rows)


def _range(rows: pd.DataFrame, metric: str) -> str:
    """Least and greatest value over the cells, for every opinion model and arm."""
    parts, several = [], len(rows["opinion"].unique()) > 1
    for (opinion, arm), found in rows.groupby(["opinion", "arm_label"], sort=False):
        low, high = found.iloc[int(found["mean"].argmin())], found.iloc[int(found["mean"].argmax())]
        ends = f"from {brief(low['mean'])} (at {_where(low)}) to {brief(high['mean'])} (at {_where(high)})"
        parts.append(f"{ends} under {arm}{f', {label(opinion)}' if several else ''}")
    seeds = f" Means over {int(rows['seeds'].min())} seeds; bands are their range." if "seeds" in rows else ""
    return f"At the end {label(metric)} goes {listing(parts)}.{seeds}"


def _clear_cells(rows: pd.DataFrame, metric: str) -> str:
    """In how many cells the interval of each arm's difference excludes 0."""
    parts, several = [], len(rows["opinion"].unique()) > 1
    for (opinion, arm), found in rows.groupby(["opinion", "arm_label"], sort=False):
        up, down = (int((found["clear"] & (found["mean"] * sign > 0)).sum()) for sign in (1, -1))
        name = f"{arm} ({label(opinion)})" if several else str(arm)
        parts.append(f"{name} raises it in {up} and lowers it in {down} of {len(found)} cells")
    lead = f"Where the 95 % interval of the paired difference in {label(metric)} excludes 0"
    return f"{lead}: {'; '.join(parts)}; elsewhere (dots in a heat map) it cannot be told from 0."


# -- sensitivity -----------------------------------------------------------------------------------------------------

INDICES = {"first": "alone (first order)", "total": "with all interactions (total)"}


def sobol_indices(simulated: Simulated) -> Figure | None:
    """Sobol indices with bootstrap intervals, one panel a metric, one column an arm; None without them."""
    rows = simulated.sensitivity
    rows = rows if rows.empty else rows.dropna(subset=["value"])
    if rows.empty:
        return None
    metrics = metrics_of(rows, MOST_LINES)
    names = factor_names(rows["factor"].unique())
    rows = rows[rows["metric"].isin(metrics)]
    several = len(rows["opinion"].unique()) > 1
    panel = rows["arm"].map(label) + (", " + rows["opinion"].map(label) if several else "")
    table = rows.assign(factor=rows["factor"].map(names), index=rows["kind"].map(INDICES), panel=panel)
    return Figure(
        id=simulated.id("sobol_indices"),
        title=simulated.title("Which options decide the outcome: Sobol indices"),
        chart=_sobol(table, metrics),
        sentence=_sobol_sentence(table, metrics[0]),
        alt_text="Shares of an outcome's variance due to each factor, alone and in total, with 95 % intervals.",
        table=table.drop(columns="cell", errors="ignore").reset_index(drop=True),
    )


def _sobol(table: pd.DataFrame, metrics: Sequence[str]) -> Chart:
    rows = [_sobol_row(table[table["metric"] == m], last=m == metrics[-1], first=m == metrics[0]) for m in metrics]
    chart: Chart = alt.vconcat(*rows, spacing=10).resolve_scale(x="shared")
    return chart


def _sobol_row(rows: pd.DataFrame, *, last: bool, first: bool) -> Any:
    panels = list(rows["panel"].unique())
    scale = alt.Scale(domain=list(INDICES.values()), range=[GREY, BLUE])
    shape = alt.Scale(domain=list(INDICES.values()), range=["diamond", "circle"])
    title, named = label(rows["metric"].iloc[0]).split(" "), alt.Axis(labelLimit=220, ticks=False, grid=False)
    y = alt.Y("factor:N", title=title, sort=list(rows["factor"].unique()), axis=named)
    offset = alt.YOffset("index:N", sort=list(INDICES.values()))
    colour = alt.Color("index:N", title="share of variance", scale=scale)
    base = alt.Chart().encode(y=y, yOffset=offset, color=colour)
    limits = alt.Scale(domain=[-0.1, 1.1], nice=False, clamp=True)
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labels=last, format="~g", title="Sobol index" if last else None)
    tips = [alt.Tooltip("factor:N"), alt.Tooltip("index:N")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")]
    bars = base.mark_rule(strokeWidth=2, clip=True).encode(x=alt.X("low:Q", scale=limits, axis=axis), x2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("value:Q"), shape=alt.Shape("index:N", title="share of variance", scale=shape), tooltip=tips
    )
    header = alt.Header(labels=first, labelAnchor="start")
    width = max(150, min(300, 600 // len(panels)))
    layered: Any = alt.layer(bars, points, data=inline(rows)).properties(
        width=width, height=34 * rows["factor"].nunique()
    )
    return layered.facet(column=alt.Column("panel:N", sort=panels, title=None, header=header), spacing=22)


def _sobol_sentence(table: pd.DataFrame, metric: str) -> str:
    parts = []
    for panel, rows in table[(table["metric"] == metric) & (table["kind"] == "total")].groupby("panel", sort=False):
        best = rows.iloc[int(rows["value"].argmax())]
        ends = f" [{small(best['low'])}, {small(best['high'])}]" if np.isfinite(best["low"]) else ""
        parts.append(f"under {panel}, {best['factor']} ({small(best['value'])}{ends})")
    lead = f"What decides {label(metric)} at the end most: {'; '.join(parts)}"
    return f"{lead} (total indices with 95 % bootstrap intervals; the axes end at {MINUS}.1 and 1.1)."
