"""The ideological map of the data: users, parties, directions in which attitudes rise; and scores of the maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import BLUE, GREY, VERMILION, inline, interval, listing, number

WIDTH, HEIGHT = 560, 430
MOST_PEOPLE = 3000
NAMED = 14
"""Parties with a name beside their disc: those of most members."""
REACH = 0.42
"""Length of an axis, in half widths of the map."""
_MARGIN = 1.08
_WIDE, _TALL, _BESIDE, _STEP = 0.4, 0.05, 14.0, 0.22


@dataclass(frozen=True)
class Frame:
    """Scales of both dimensions with one unit of length, half the width, and the middle of the first."""

    x: alt.Scale
    y: alt.Scale
    half: float
    middle: float


def attitude_map(points: pd.DataFrame, results: pd.DataFrame) -> Figure | None:
    """Return the ideological map; None without points.

    Args:
        points: table ``attitude_points``.
        results: table ``map_results``.
    """
    if points.empty or not (points["kind"] == "party").any():
        return None
    people, parties, axes = (points[points["kind"].isin(kinds)] for kinds in (["person", "cell"], ["party"], ["axis"]))
    shown = _thin(people)
    frame = _frame(pd.concat([shown, parties]))
    colour = str(parties["attitude"].iloc[0])
    layers = [
        _people(shown, colour, frame),
        _discs(parties, colour, frame),
        *_names(parties, frame),
        *_arrows(axes, frame),
    ]
    return Figure(
        id="attitude_map",
        title="The ideological map of the data",
        chart=alt.layer(*layers).properties(width=WIDTH, height=HEIGHT),
        sentence=_sentence(people, axes, results),
        alt_text=f"Map of two latent dimensions: {len(parties)} parties, arrows for {listing(axes['attitude'])}.",
        table=points.reset_index(drop=True),
    )


def map_scores(results: pd.DataFrame) -> Figure | None:
    """Return held-out scores of the maps beside those in sample and of permuted parties; None without results."""
    if results.empty:
        return None
    order = results.sort_values("r2_nested", ascending=False)["attitude"].drop_duplicates().tolist()
    y = alt.Y("attitude:N", sort=order, title=None)
    floor = min(0.0, float(results[["ci_low", "control_low", "r2_nested"]].min().min()))
    base = alt.Chart(inline(results), width=420, height=24 * len(order))
    x = alt.Scale(domain=[max(floor, -1.0), 1.0], clamp=True)
    band = base.mark_bar(color=GREY, opacity=0.35, height=10).encode(
        x=alt.X("control_low:Q", scale=x), x2="control_high:Q", y=y
    )
    rule = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("ci_low:Q", scale=x), x2="ci_high:Q", y=y)
    inside = base.mark_point(color=VERMILION, shape="diamond", size=55).encode(x=alt.X("r2_in_sample:Q", scale=x), y=y)
    title = "R² over parties: left out (dot), in sample (diamond), permuted (grey)"
    tips = ["attitude:N", "r2_nested:Q", "r2_loo:Q", "r2_in_sample:Q", "dims:Q", "n_parties:Q", "control_mean:Q"]
    dot = base.mark_point(color=BLUE, filled=True, size=70).encode(
        x=alt.X("r2_nested:Q", scale=x, title=title), y=y, tooltip=tips
    )
    return Figure(
        id="map_scores",
        title="How well latent dimensions map to the survey",
        chart=alt.layer(band, rule, inside, dot),
        sentence=f"R² of parties left out of the map and of the choice of its dimensions: {_scores(results, 6)}.",
        alt_text="Dots with intervals: held-out R² of every attitude beside in-sample and permuted scores.",
        table=results.reset_index(drop=True),
    )


def _thin(people: pd.DataFrame) -> pd.DataFrame:
    if len(people) <= MOST_PEOPLE:
        return people
    return people.iloc[np.linspace(0, len(people) - 1, MOST_PEOPLE).round().astype(int)]


def _frame(shown: pd.DataFrame) -> Frame:
    low, high = shown[["x", "y"]].quantile(0.005), shown[["x", "y"]].quantile(0.995)
    middle = (low + high) / 2
    half = max(float(high["x"] - low["x"]) / 2, float(high["y"] - low["y"]) / 2 * WIDTH / HEIGHT, 1e-9) * _MARGIN
    x, y = ([float(middle[d] - s), float(middle[d] + s)] for d, s in (("x", half), ("y", half * HEIGHT / WIDTH)))
    return Frame(alt.Scale(domain=x, nice=False), alt.Scale(domain=y, nice=False), half, float(middle["x"]))


def _position(frame: Frame) -> dict[str, Any]:
    return {
        "x": alt.X("x:Q", scale=frame.x, title="first latent dimension", axis=alt.Axis(grid=False)),
        "y": alt.Y("y:Q", scale=frame.y, title="second latent dimension", axis=alt.Axis(grid=False)),
    }


def _people(shown: pd.DataFrame, colour: str, frame: Frame) -> alt.Chart:
    shade = alt.Color("value:Q", title=colour, scale=alt.Scale(scheme="blueorange"))
    value = alt.Tooltip("value:Q", title=colour, format=".2f")
    base = alt.Chart(inline(shown[["name", "group", "x", "y", "n", "value"]])).encode(**_position(frame), color=shade)
    if not (shown["kind"] == "cell").any():
        mark = base.mark_point(filled=True, clip=True, opacity=0.45, size=18)
        people: alt.Chart = mark.encode(tooltip=[alt.Tooltip("name:N"), alt.Tooltip("group:N"), value])
        return people
    largest = _hexagon_size(shown["x"].to_numpy(float), frame)
    size = alt.Size("n:Q", legend=None, scale=alt.Scale(type="sqrt", range=[0.15 * largest, largest]))
    mark = base.mark_point(filled=True, clip=True, shape=_HEXAGON, opacity=0.9)
    cells: alt.Chart = mark.encode(size=size, tooltip=[alt.Tooltip("n:Q", title="people"), value])
    return cells


_HEXAGON = "M0,-0.577L0.5,-0.289L0.5,0.289L0,0.577L-0.5,0.289L-0.5,-0.289Z"


def _hexagon_size(x: NDArray[np.float64], frame: Frame) -> float:
    """Size of a mark that fills its cell: shapes are drawn at half the root of their size."""
    steps = np.diff(np.unique(np.round(x, 6)))
    width = 2 * float(steps.min()) if len(steps) else frame.half / 20
    return float((2 * width / (2 * frame.half) * WIDTH) ** 2)


def _discs(parties: pd.DataFrame, colour: str, frame: Frame) -> alt.Chart:
    base = alt.Chart(inline(parties[["name", "group", "x", "y", "n", "value"]]))
    mark = base.mark_point(filled=True, stroke="black", strokeWidth=0.8, opacity=0.9, size=85, clip=True)
    tips = [
        alt.Tooltip("name:N", title="party"),
        alt.Tooltip("group:N", title="country"),
        alt.Tooltip("n:Q", title="members"),
    ]
    chart: alt.Chart = mark.encode(
        **_position(frame),
        color=alt.Color("value:Q", title=colour, scale=alt.Scale(scheme="blueorange")),
        tooltip=[*tips, alt.Tooltip("value:Q", title=colour, format=".2f")],
    )
    return chart


def _names(parties: pd.DataFrame, frame: Frame) -> list[alt.Chart]:
    """Names of the largest parties, as long as they do not stand on each other."""
    taken: list[tuple[float, float]] = []
    rows: list[tuple[str, float, float]] = []
    for party in parties.sort_values("n", ascending=False).to_dict("records"):
        x, y = party["x"] / frame.half, party["y"] / frame.half
        if len(rows) < NAMED and all(abs(x - a) > _WIDE or abs(y - b) > _TALL for a, b in taken):
            taken.append((x, y))
            rows.append((str(party["name"])[:24], party["x"], party["y"]))
    named = pd.DataFrame(rows, columns=["name", "x", "y"])
    base = alt.Chart(inline(named)).encode(**_position(frame), text="name:N")
    east = base.transform_filter(f"datum.x > {frame.middle}").mark_text(
        align="right", dx=-8, fontSize=10, color="black", clip=True
    )
    west = base.transform_filter(f"datum.x <= {frame.middle}").mark_text(
        align="left", dx=8, fontSize=10, color="black", clip=True
    )
    return [west, east]


def _arrows(axes: pd.DataFrame, frame: Frame) -> list[alt.Chart]:
    """Lines from the parties' centre in the direction in which an attitude rises, named at their ends."""
    angles = np.degrees(np.arctan2(axes["dx"].to_numpy(float), axes["dy"].to_numpy(float)))
    length = frame.half * REACH * (1 + _STEP * _crowded(angles))
    ends = axes.assign(x2=axes["x"] + axes["dx"] * length, y2=axes["y"] + axes["dy"] * length, angle=angles)
    where, source = _position(frame), inline(ends[["attitude", "x", "y", "x2", "y2", "value"]])
    tips = [alt.Tooltip("attitude:N"), alt.Tooltip("value:Q", format=".2f")]
    line = alt.Chart(source).mark_rule(strokeWidth=1.8, color="black", clip=True)
    points = inline(ends.assign(x=ends["x2"], y=ends["y2"])[["attitude", "x", "y", "angle"]])
    head = alt.Chart(points).mark_point(shape="triangle", filled=True, color="black", size=60, clip=True)
    text = alt.Chart(points).mark_text(fontWeight="bold", color="black", dy=-9, fontSize=11, clip=True)
    return [
        line.encode(**where, x2="x2:Q", y2="y2:Q", tooltip=tips),
        head.encode(**where, angle=alt.Angle("angle:Q", scale=None)),
        text.encode(**where, text="attitude:N"),
    ]


def _crowded(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many earlier arrows each has beside it."""
    apart = np.abs((angles[:, None] - angles + 180) % 360 - 180)
    return np.asarray(np.tril(apart < _BESIDE, -1).sum(axis=1), np.float64)


def _sentence(people: pd.DataFrame, axes: pd.DataFrame, results: pd.DataFrame) -> str:
    who = (
        "people one by one"
        if (people["kind"] == "person").any()
        else "cells of at least ten people, larger where there are more"
    )
    known = axes[np.isfinite(axes["value"])].to_dict("records")
    planes = [f"{number(row['value'])} of {row['attitude']}" for row in known]
    return (
        f"Latent dimensions of the data: {who}, parties as discs, and the directions in which attitudes rise. Two "
        f"dimensions hold this share of the maps' variance: {listing(planes[:6])}. R² of parties that were left out of "
        f"the map and of the choice of its dimensions: {_scores(results, 6)}."
    )


def _scores(results: pd.DataFrame, most: int) -> str:
    parts = [
        f"{number(row['r2_nested'])}{interval(row['ci_low'], row['ci_high'])} for {row['attitude']} "
        f"(in sample {number(row['r2_in_sample'])}, permuted {number(row['control_mean'])})"
        for row in results.head(most).to_dict("records")
    ]
    return listing(parts)


def attitude_figures(points: pd.DataFrame, results: pd.DataFrame) -> Sequence[Figure]:
    """Return both figures, those that can be drawn."""
    return [figure for figure in (attitude_map(points, results), map_scores(results)) if figure is not None]
