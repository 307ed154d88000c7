"""What a search trades off: its objectives two by two in validation, and the same trials in test."""

import re
from itertools import combinations
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.front_sentences import pareto_sentence
from hemicycle.reports.search_words import better, branch_label, metric_label
from hemicycle.reports.searches import FRONT, INFEASIBLE, MAXIMIZE, OTHER, STOPPED, Search
from hemicycle.reports.theme import CYCLE, GREY, SHAPES, inline, listing

MOST_PAIRS, MOST_POINTS = 6, 1500
WIDTH, HEIGHT = 300, 270
SMALL = 60
"""Size of points on the front in small panels."""
VALID, TEST = "validation", "test"
NOTES = {FRONT: "large: on the front", STOPPED: "hollow: stopped early", INFEASIBLE: "grey: breaks a constraint"}


def figure_id(kind: str, search: Search) -> str:
    """Identifier that is valid as a file name and in a page."""
    return f"{kind}_{re.sub(r'[^A-Za-z0-9_-]', '-', search.name)}"


def pareto_points(search: Search) -> pd.DataFrame:
    """One row for each pair of objectives, trial and kind of data.

    Returns:
        Columns ``pair``, ``y_metric``, ``x_metric``, ``data`` (validation or test), ``trial``, ``branch``, ``kind``,
        ``y``, ``x``, with the 95 % intervals ``y_low``, ``y_high``, ``x_low`` and ``x_high`` of test values, and the
        validation values ``y_valid`` and ``x_valid``.
    """
    pairs = list(combinations(search.objectives, 2))[:MOST_PAIRS]
    parts = [_side(search, pair, place, data) for place, pair in enumerate(pairs) for data in (VALID, TEST)]
    found = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(map(len, parts)) else pd.DataFrame()
    return found if found.empty else found.assign(branch=[branch_label(name) for name in found["branch"]])


def _side(search: Search, pair: tuple[str, str], place: int, data: str) -> pd.DataFrame:
    rows = search.trials[search.trials["kind"] != ""]
    found = rows[["trial", "branch", "kind"]].assign(pair=place, y_metric=pair[0], x_metric=pair[1], data=data)
    for axis, metric in zip("yx", pair, strict=True):
        found[f"{axis}_valid"] = rows[f"valid {metric}"]
        found[axis] = rows[f"{'valid' if data == VALID else 'test'} {metric}"]
        for end in ("low", "high"):
            found[f"{axis}_{end}"] = rows[f"test {metric} {end}"] if data == TEST else float("nan")
    return found.dropna(subset=["x", "y"])


def pareto(search: Search) -> Figure | None:
    """Objectives against each other, the front highlighted, beside the same trials in test; None for one objective."""
    points = pareto_points(search) if len(search.objectives) > 1 else pd.DataFrame()
    if points.empty:
        return None
    return Figure(
        id=figure_id("pareto", search),
        title=f"What the search {search.name} trades off",
        chart=pareto_chart(points, search),
        sentence=pareto_sentence(search),
        alt_text=(
            f"Trials of the search {search.name}: {listing([metric_label(m) for m in search.objectives])} against each "
            "other, on the left in validation, where steps join the finished trials that no other finished one beats "
            "in both; on the right the same trials in test, each of the front joined to where it lay in validation."
        ),
        table=points,
    )


# -- drawing ---------------------------------------------------------------------------------------------------------


def pareto_chart(points: pd.DataFrame, search: Search) -> Chart:
    """Draw :func:`pareto_points`: one row of panels a pair of objectives."""
    several = len(search.objectives) > 2
    panels = []
    for _, rows in points.groupby("pair", sort=True):
        scales = {axis: _scale(rows[axis]) for axis in "xy"}
        for data, part in rows.groupby("data", sort=False):
            drawn = _panel(_thin(part), rows, scales, (str(data), search, several))
            panels.append(drawn.properties(width=WIDTH, height=HEIGHT if not several else 200))
    columns = 2 if (points["data"] == TEST).any() else 1
    return alt.concat(*panels, columns=columns, spacing={"row": 26, "column": 24})


def _scale(values: pd.Series) -> alt.Scale:
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.05
    return alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)


def _thin(rows: pd.DataFrame) -> pd.DataFrame:
    """All of the front, and of the others as many as a page can carry, evenly chosen."""
    others = rows[rows["kind"] != FRONT]
    return pd.concat([others.iloc[:: 1 + len(others) // MOST_POINTS], rows[rows["kind"] == FRONT]])


def _panel(
    part: pd.DataFrame, rows: pd.DataFrame, scales: dict[str, alt.Scale], about: tuple[str, Search, bool]
) -> alt.LayerChart:
    """One panel: in validation with the front's steps, in test with the way from there."""
    data, search, several = about
    x, y = (_axis(axis, str(rows[f"{axis}_metric"].iloc[0]), search, scales[axis]) for axis in "xy")
    front = part[part["kind"] == FRONT]
    layers = [] if several else [_steps(rows, search, (x, y), dashed=data == TEST)]
    layers += [*_uncertainty(front, x, y), _way(front, x, y)] if data == TEST else []
    layers += marks(part, x, y, search)
    layered: Any = alt.layer(*layers)
    notes = [note for kind, note in NOTES.items() if (part["kind"] == kind).any()]
    if data == TEST:
        notes = ["bars: 95 % intervals; thin lines: from where they lay in validation"]
    notes = [] if rows["pair"].iloc[0] else notes
    title = "In validation, which the search saw" if data == VALID else "In test, the same trials"
    found: alt.LayerChart = layered.properties(title=alt.TitleParams(title, subtitle="; ".join(notes), frame="group"))
    return found


def _axis(axis: str, metric: str, search: Search, scale: alt.Scale) -> Any:
    kind = {"x": alt.X, "y": alt.Y}[axis]
    title = f"{metric_label(metric)}, {better(search.objectives[metric])}"
    return kind(f"{axis}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, format="~g"))


def _steps(rows: pd.DataFrame, search: Search, axes: tuple[Any, Any], *, dashed: bool) -> alt.Chart:
    """Border of what the front reaches in validation."""
    front = rows[(rows["data"] == VALID) & (rows["kind"] == FRONT)]
    metric = str(rows["x_metric"].iloc[0])
    how: Any = "step-before" if search.objectives[metric] == MAXIMIZE else "step-after"
    line = alt.Chart(inline(front[["x", "y"]])).mark_line(
        interpolate=how, color=GREY, strokeWidth=1.2 if dashed else 2, strokeDash=[3, 3] if dashed else [1, 0]
    )
    drawn: alt.Chart = line.encode(x=axes[0], y=axes[1])
    return drawn


def _uncertainty(front: pd.DataFrame, x: Any, y: Any) -> list[alt.Chart]:
    columns = ["x", "y", "x_low", "x_high", "y_low", "y_high"]
    base = alt.Chart(inline(front[columns])).mark_rule(color=GREY, strokeWidth=1, opacity=0.45, clip=True)
    across = base.encode(y=y, x=alt.X("x_low:Q", scale=x["scale"]), x2="x_high:Q")
    return [across, base.encode(x=x, y=alt.Y("y_low:Q", scale=y["scale"]), y2="y_high:Q")]


def _way(front: pd.DataFrame, x: Any, y: Any) -> alt.Chart:
    base = alt.Chart(inline(front[["x", "y", "x_valid", "y_valid"]])).mark_rule(color=GREY, strokeWidth=1.4)
    drawn: alt.Chart = base.encode(x=x, y=y, x2="x_valid:Q", y2="y_valid:Q")
    return drawn


def marks(rows: pd.DataFrame, x: Any, y: Any, search: Search, large: int = 110) -> list[alt.Chart]:
    """Points by branch: hollow when stopped early, grey beyond a constraint, large on the front.

    Args:
        rows: columns of the two encodings, ``trial``, ``branch`` (for people) and ``kind``.
        x: encoding.
        y: encoding.
        search: gives the branches their colours.
        large: size of points on the front.
    """
    colour, shape = _looks(search)
    fields = [encoding.to_dict()["field"] for encoding in (x, y)]
    drawn = rows[list(dict.fromkeys(["trial", "branch", "kind", *fields]))]
    drawn = drawn.assign(shown=drawn["branch"].where(drawn["kind"] != INFEASIBLE, INFEASIBLE))
    tips = [alt.Tooltip("trial:Q"), alt.Tooltip("branch:N"), alt.Tooltip("kind:N")]
    tips += [_tip(encoding.to_dict()) for encoding in (x, y)]
    looks: list[tuple[list[str], dict[str, Any]]] = [
        ([INFEASIBLE], {"filled": True, "size": 34, "opacity": 0.55}),
        ([STOPPED], {"filled": False, "size": 30, "opacity": 0.7, "strokeWidth": 1.2}),
        ([OTHER], {"filled": True, "size": 34, "opacity": 0.6}),
        ([FRONT], {"filled": True, "size": large, "opacity": 1}),
    ]
    layers = []
    for kinds, look in looks:
        part = drawn[drawn["kind"].isin(kinds)]
        if len(part):
            base = alt.Chart(inline(part)).mark_point(**look)
            layers.append(base.encode(x=x, y=y, color=colour, shape=shape, tooltip=tips))
    return layers


def _looks(search: Search) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape of every branch, and of what breaks a constraint."""
    names = list(dict.fromkeys(branch_label(name) for name in search.trials["branch"]))
    given = [INFEASIBLE] if (search.trials["kind"] == INFEASIBLE).any() else []
    colours = [*(CYCLE[i % (len(CYCLE) - 1)] for i in range(len(names))), *(GREY for _ in given)]
    shapes = [*(SHAPES[i % len(SHAPES)] for i in range(len(names))), *("cross" for _ in given)]
    scales = [alt.Scale(domain=[*names, *given], range=found) for found in (colours, shapes)]
    return alt.Color("shown:N", title=None, scale=scales[0]), alt.Shape("shown:N", title=None, scale=scales[1])


def _tip(encoding: dict[str, Any]) -> alt.Tooltip:
    """Hint of an encoding's field, named as its axis."""
    title = encoding.get("title") or encoding["field"]
    shown_as: dict[str, Any] = {"format": ".4~g"} if encoding["type"] == "quantitative" else {}
    return alt.Tooltip(encoding["field"], type=encoding["type"], title=title, **shown_as)


def reached(search: Search, metric: str) -> pd.DataFrame:
    """What each trial reached in validation."""
    rows = search.trials[search.trials["kind"] != ""]
    found = rows[["trial", "kind"]].assign(branch=rows["branch"].map(branch_label), value=rows[f"valid {metric}"])
    found = found.dropna(subset=["value"])
    return found.iloc[:: 1 + len(found) // MOST_POINTS]
