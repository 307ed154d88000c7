"""Distributions along a simulation: ridgelines over time, opinion against what one hears, maps of two dimensions."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.simulated import Simulated
from hemicycle.reports.theme import BLUE, CYCLE, inline, label, listing, number

MOST_ROWS, MOST_ARMS, MOST_TIMES = 3, 5, 8
OVERLAP = 1.35
"""Height of the highest ridge, in distances between two ridges."""
RIDGE, STEP_HEIGHT = 150, 34
START = "start"
SHADES = ["#eaf2f7", "#8bbbd9", BLUE, "#00324f"]
_CELL = ["x_low", "x_high", "y_low", "y_high"]


def shown(simulated: Simulated, kind: str) -> pd.DataFrame:
    """Densities of a kind over dimension 0: mean share over seeds per opinion model, cell, arm, step and bin.

    A bin that some seed hides has no share. Of many cells some stand for the others.
    """
    rows = simulated.densities
    if rows.empty:
        return rows
    arms = simulated.arms[:MOST_ARMS]
    some = simulated.some_cells(max(1, MOST_ROWS // rows["opinion"].nunique()))
    rows = rows[(rows["kind"] == kind) & (rows["dimension"] == 0) & rows["cell"].isin(some) & rows["arm"].isin(arms)]
    if rows.empty:
        return rows
    keys = ["cell", "opinion", "arm", "step"]
    seeds = rows.groupby(keys)["seed"].transform("nunique")
    summed = rows.assign(share=rows["share"] / seeds).groupby([*keys, *_CELL], dropna=False)["share"]
    found = summed.agg(lambda shares: shares.sum(skipna=False)).reset_index()
    return found.assign(row=simulated.panels(found), arm_label=found["arm"].map(label))


# -- ridgelines ------------------------------------------------------------------------------------------------------


def opinion_ridges(simulated: Simulated) -> Figure | None:
    """Distribution of opinion, one ridge a time and one column an arm; None without densities."""
    rows = shown(simulated, "opinion")
    if rows.empty:
        return None
    table = ridges(rows)
    return Figure(
        id=simulated.id("opinion_ridges"),
        title=simulated.title("How the distribution of opinion moves"),
        chart=_ridge_chart(simulated, table),
        sentence=_ridge_sentence(table),
        alt_text="Histograms of opinion, one above the other in the order of time, one column an arm of exposure.",
        table=table[["row", "arm_label", "step", "x", "share"]],
    )


def ridges(rows: pd.DataFrame) -> pd.DataFrame:
    """Outline of every ridge: ``x`` the middle of a bin, ``share``, ``base`` and ``top`` on the axis of time.

    Times stand in their order, equally far from each other, as they are evenly spaced on a logarithmic scale; the
    start is at the top.
    """
    steps = sorted(rows["step"].unique())
    steps = [
        steps[place] for place in np.unique(np.linspace(0, len(steps) - 1, min(MOST_TIMES, len(steps))).astype(int))
    ]
    rows = rows[rows["step"].isin(steps)]
    parts = []
    for (row, arm, step), found in rows.groupby(["row", "arm_label", "step"], sort=False):
        parts.append(
            _outline(found).assign(
                row=str(row), arm_label=str(arm), step=int(str(step)), base=len(steps) - 1 - steps.index(step)
            )
        )
    table = pd.concat(parts, ignore_index=True).sort_values(["row", "arm_label", "step", "x"], ignore_index=True)
    height = table["share"].fillna(0) ** 0.5
    highest = height.groupby(table["row"]).transform("max").replace(0, 1)
    return table.assign(top=table["base"] + OVERLAP * height / highest)


def _outline(found: pd.DataFrame) -> pd.DataFrame:
    """Shares of all bins between the lowest and the highest, 0 where nobody is."""
    width = float((found["x_high"] - found["x_low"]).median())
    low, high = float(found["x_low"].min()), float(found["x_high"].max())
    shares = np.zeros(round((high - low) / width))
    shares[((found["x_low"] - low) / width).round().astype(int)] = found["share"]
    middles = low + width * (np.arange(len(shares)) + 0.5)
    ends = [low - width / 2, high + width / 2]
    return pd.DataFrame({"x": [ends[0], *middles, ends[1]], "share": [0.0, *shares, 0.0]})


def _ridge_chart(simulated: Simulated, table: pd.DataFrame) -> Chart:
    rows = list(table["row"].unique())
    drawn = [_ridge_row(simulated, table, row, last=row == rows[-1], named=len(rows) > 1) for row in rows]
    return alt.vconcat(*drawn, spacing=14)


def _ridge_row(simulated: Simulated, table: pd.DataFrame, row: str, *, last: bool, named: bool) -> Any:
    part = table[table["row"] == row]
    arms = [label(arm) for arm in simulated.arms[:MOST_ARMS] if label(arm) in set(part["arm_label"])]
    steps = sorted(table["step"].unique(), reverse=True)
    colours = [CYCLE[place % len(CYCLE)] for place in range(len(arms))]
    names = {place: f"{step:g}" for place, step in enumerate(steps)}
    words = " : ".join(f"datum.value == {place} ? '{name}'" for place, name in names.items()) + " : ''"
    limits = alt.Scale(domain=[-0.15, float(part["top"].max()) + 0.1], nice=False)
    axis = alt.Axis(values=list(names), labelExpr=words, title="step", grid=True, ticks=False)
    across = alt.Axis(grid=False, tickCount=3, labels=last, title="opinion" if last else None)
    x = alt.X("x:Q", axis=across, scale=alt.Scale(nice=False, zero=False))
    base = alt.Chart().encode(
        x=x,
        y=alt.Y("top:Q", scale=limits, axis=axis),
        y2="base:Q",
        detail="step:O",
        color=alt.Color("arm_label:N", legend=None, scale=alt.Scale(domain=arms, range=colours)),
        tooltip=[alt.Tooltip("step:Q"), alt.Tooltip("x:Q", format=".2f"), alt.Tooltip("share:Q", format=".3f")],
    )
    layers = [
        base.transform_filter(f"datum.step == {step}").mark_area(
            interpolate="monotone", fillOpacity=0.8, stroke="white", strokeWidth=1.2
        )
        for step in reversed(steps)
    ]
    header = alt.Header(labelAnchor="start", labelLimit=RIDGE + 20)
    sized: Any = alt.layer(*layers, data=inline(part)).properties(width=RIDGE, height=STEP_HEIGHT * (len(steps) + 0.6))
    titled = {"title": alt.TitleParams(row)} if named else {}
    return sized.facet(column=alt.Column("arm_label:N", sort=arms, title=None, header=header), spacing=22, **titled)


def _ridge_sentence(table: pd.DataFrame) -> str:
    last = table[table["step"] == table.groupby(["row", "arm_label"])["step"].transform("max")]
    row = str(last["row"].iloc[0])
    low, high = float(table["x"].min()), float(table["x"].max())
    middle, reach = (low + high) / 2, (high - low) / 2
    parts = []
    for arm, found in last[last["row"] == row].groupby("arm_label", sort=False):
        far = found["share"].where((found["x"] - middle).abs() > reach / 2, 0).sum()
        parts.append(f"{number(far)} under {arm}")
    text = (
        "Each row is a time, the start at the top; times are spaced as on a logarithmic scale, and heights are square "
    )
    text += "roots of shares. The share of users in the outer half of the range is at the end"
    return f"{text}, for {row}, {listing(parts)}."


# -- two dimensions --------------------------------------------------------------------------------------------------


def opinion_neighbours(simulated: Simulated) -> Figure | None:
    """Density of (opinion, mean opinion of whom one follows), before and after under each arm; None without it."""
    return _planes(
        simulated,
        "neighbours",
        (simulated.id("opinion_neighbours"), simulated.title("Who hears whom: echo chambers")),
        ("opinion", "mean of whom one follows"),
    )


def attitude_planes(simulated: Simulated) -> Figure | None:
    """Density of users over the first two dimensions, before and after under each arm; None with one dimension."""
    return _planes(
        simulated,
        "plane",
        (simulated.id("attitude_planes"), simulated.title("Attitudes before and after")),
        ("dimension 0", "dimension 1"),
    )


def _planes(simulated: Simulated, kind: str, named: tuple[str, str], axes: tuple[str, str]) -> Figure | None:
    rows = shown(simulated, kind)
    if rows.empty:
        return None
    table = before_and_after(simulated, rows)
    return Figure(
        id=named[0],
        title=named[1],
        chart=_plane_chart(table, axes),
        sentence=_plane_sentence(table, axes),
        alt_text=f"Heat maps of {axes[0]} against {axes[1]}: at the start, and at the end under each arm of exposure.",
        table=table,
    )


def before_and_after(simulated: Simulated, rows: pd.DataFrame) -> pd.DataFrame:
    """The first and the last time of every arm; the start, which all arms share, once, of the first arm."""
    keys = [rows[name] for name in ("row", "arm")]
    first = rows[(rows["step"] == rows["step"].groupby(keys).transform("min")) & (rows["arm"] == simulated.arms[0])]
    last = rows[rows["step"] == rows["step"].groupby(keys).transform("max")]
    order = {arm: place for place, arm in enumerate(simulated.arms)}
    last = last.sort_values("arm", key=lambda arms: arms.map(order), kind="stable")
    table = pd.concat([first.assign(panel=START), last.assign(panel=last["arm_label"])], ignore_index=True)
    return table[["row", "panel", "step", *_CELL, "share"]]


def _plane_chart(table: pd.DataFrame, axes: tuple[str, str]) -> Chart:
    rows = list(table["row"].unique())
    drawn = [_plane_row(table, row, axes, named=len(rows) > 1) for row in rows]
    chart: Chart = alt.vconcat(*drawn, spacing=12).resolve_scale(color="independent")
    return chart


def _plane_row(table: pd.DataFrame, row: str, axes: tuple[str, str], *, named: bool) -> Any:
    part = table[table["row"] == row]
    panels = list(part["panel"].unique())
    ends = [float(table[["x_low", "y_low"]].min().min()), float(table[["x_high", "y_high"]].max().max())]
    scale = alt.Scale(domain=ends, nice=False)
    axis = alt.Axis(grid=False, values=[ends[0], sum(ends) / 2, ends[1]], format="~g")
    size = max(105, min(200, 690 // len(panels) - 16))
    legend = alt.Legend(title="share of users", format=".1~%", gradientLength=90, orient="right", tickCount=4)
    least, top = float(part["share"].min()), float(part["share"].max())
    shades = alt.Scale(type="log", range=SHADES, domain=[min(least, top / 10), top], nice=False, interpolate="rgb")
    x = alt.X("x_low:Q", scale=scale, title=axes[0], axis=axis)
    y = alt.Y("y_low:Q", scale=scale, title=axes[1], axis=axis)
    cells = (
        alt.Chart()
        .mark_rect()
        .encode(x=x, x2="x_high:Q", y=y, y2="y_high:Q", color=alt.Color("share:Q", scale=shades, legend=legend))
    )
    layers: list[Any] = [cells]
    if "follows" in axes[1]:
        line = pd.DataFrame({"at": ends})
        layers.append(
            alt.Chart(inline(line))
            .mark_line(strokeDash=[3, 3], strokeWidth=1, color="#808080")
            .encode(x=alt.X("at:Q", scale=scale), y=alt.Y("at:Q", scale=scale))
        )
    header = alt.Header(labelAnchor="start", labelLimit=size + 16)
    few = part[["panel", *_CELL, "share"]]
    sized: Any = alt.layer(*layers, data=inline(few)).properties(width=size, height=size)
    titled = {"title": alt.TitleParams(row)} if named else {}
    return sized.facet(column=alt.Column("panel:N", sort=panels, title=None, header=header), spacing=16, **titled)


def _plane_sentence(table: pd.DataFrame, axes: tuple[str, str]) -> str:
    row = str(table["row"].iloc[0])
    parts = []
    for panel, found in table[table["row"] == row].groupby("panel", sort=False):
        parts.append(f"{number(_correlation(found))} {'at the start' if panel == START else f'under {panel}'}")
    text = f"For {row}, {axes[0]} and {axes[1]} correlate with {listing(parts)}, computed from the cells shown."
    return f"{text} {'Users on the dashed line hear their own opinion.' if 'follows' in axes[1] else ''}".strip()


def _correlation(cells: pd.DataFrame) -> float:
    """Pearson correlation of the cells' middles, weighted by their shares."""
    known = cells.dropna(subset=["share"])
    weights = known["share"].to_numpy()
    if not weights.sum():
        return float("nan")
    points = np.stack([(known[f"{a}_low"] + known[f"{a}_high"]).to_numpy() / 2 for a in ("x", "y")])
    covariance = np.atleast_2d(np.cov(points, aweights=weights, ddof=0))
    scale = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(covariance[0, 1]) / scale if scale > 0 else float("nan")
