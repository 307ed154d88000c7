"""The ideological map: where a model's representation puts people, untrained beside trained."""

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.summaries import at_readout, with_model
from hemicycle.reports.theme import GREY, SHAPES, group_colours, inline, label, listing, number

WIDTH, HEIGHT = 385, 290
MOST_POINTS = 1500
MOST_GROUPS = 7


@dataclass(frozen=True)
class Plane:
    """One panel: points turned so that the attribute grows to the right, and how much of it the plane holds."""

    model: str
    status: str
    points: pd.DataFrame
    r2: float
    between: float


def gradient(xy: NDArray[np.float64], value: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Direction in which an attribute grows and the R² of its least-squares plane (in sample).

    Args:
        xy: positions, shape (n, 2), centred.
        value: attribute, shape (n,); missing values are left out.
        weight: people behind each point, shape (n,).

    Returns:
        Angle in radians and R²; (0, NaN) where the attribute is not numeric, missing or constant.
    """
    known = np.isfinite(value)
    if known.sum() < 4 or np.ptp(value[known]) == 0:
        return 0.0, float("nan")
    root = np.sqrt(weight[known])[:, None]
    design = np.column_stack([np.ones(known.sum()), xy[known]])
    slope, *_ = np.linalg.lstsq(design * root, value[known] * root[:, 0], rcond=None)
    mean = np.average(value[known], weights=weight[known])
    residual = np.sum(weight[known] * (value[known] - design @ slope) ** 2)
    total = np.sum(weight[known] * (value[known] - mean) ** 2)
    return float(np.arctan2(slope[2], slope[1])), float(1 - residual / total)


def between_groups(rows: pd.DataFrame) -> float:
    """Share of the plane's variance that lies between groups, 0 to 1."""
    weight = rows["n"].to_numpy(dtype=float)
    xy = rows[["x", "y"]].to_numpy(dtype=float)
    mean = np.average(xy, axis=0, weights=weight)
    total = np.sum(weight[:, None] * (xy - mean) ** 2)
    sums = 0.0
    for positions in rows.reset_index(drop=True).groupby("group").groups.values():
        take = np.asarray(positions)
        centre = np.average(xy[take], axis=0, weights=weight[take])
        sums += float(weight[take].sum() * np.sum((centre - mean) ** 2))
    return sums / float(total) if total > 0 else float("nan")


def plane(rows: pd.DataFrame, model: str, status: str) -> Plane:
    """Centre, turn and scale one panel's points so that they fit; distances keep their proportions."""
    weight = rows["n"].fillna(1).to_numpy(dtype=float)
    rows = rows.assign(n=weight)
    xy = rows[["x", "y"]].to_numpy(dtype=float)
    xy = xy - np.average(xy, axis=0, weights=weight)
    value = pd.to_numeric(rows["value"], errors="coerce").to_numpy(dtype=float)
    angle, r2 = gradient(xy, value, weight)
    turned = xy @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    reach = max(float(np.abs(turned[:, 0]).max()), float(np.abs(turned[:, 1]).max()) * WIDTH / HEIGHT, 1e-12)
    turned = turned / reach
    return Plane(model, status, rows.assign(x=turned[:, 0], y=turned[:, 1], value=value), r2, between_groups(rows))


def choose(points: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """One attribute, the readout, the last epoch and the first seed of every model; rare groups become ``other``."""
    rows = at_readout(with_model(points, records))
    rows = rows[rows["attribute"] == rows["attribute"].iloc[0]]
    rows = rows[rows["epoch"] == rows.groupby("record_id")["epoch"].transform("max")]
    rows = rows[rows["seed"] == rows.groupby(["model", "status"])["seed"].transform("min")]
    group = rows["group"].fillna("").astype(str).replace("", "no group")
    frequent = rows.groupby(group)["n"].sum().nlargest(MOST_GROUPS).index
    names = rows["entity_name"].fillna("").astype(str)
    chosen: pd.DataFrame = rows.assign(group=group.where(group.isin(frequent), "other"), entity_name=names)
    return chosen


def thin(rows: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS evenly spaced rows."""
    if len(rows) <= MOST_POINTS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int)]


def ideological_map(points: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Map of the layer that recommends, one row per model, untrained beside trained; None without points."""
    if points.empty:
        return None
    rows = choose(points, records)
    models = list(rows["model"].unique())
    parts = rows.groupby(["model", "status"], sort=False)
    planes = [plane(thin(part), str(model), str(status)) for (model, status), part in parts]
    planes.sort(key=lambda panel: (models.index(panel.model), panel.status != "untrained"))
    attribute = str(rows["attribute"].iloc[0])
    groups = sorted(rows["group"].unique())
    table = pd.concat([panel.points.assign(model=panel.model, status=panel.status) for panel in planes])
    keep = ["model", "status", "seed", "epoch", "entity_name", "group", "value", "x", "y", "n"]
    shown = table[keep if table["entity_name"].astype(bool).any() else [k for k in keep if k != "entity_name"]]
    return Figure(
        id="ideological_map",
        title="The ideological map of the representation",
        chart=_chart(planes, groups, attribute),
        sentence=_sentence(planes, attribute),
        alt_text=f"Scatter plots of two principal dimensions for {listing(_names(planes))}, coloured by group.",
        table=shown.reset_index(drop=True),
    )


def _names(planes: list[Plane]) -> list[str]:
    return [f"{panel.model} ({panel.status})" for panel in planes]


def _chart(planes: list[Plane], groups: list[str], attribute: str) -> Chart:
    columns = 2 if any(panel.status == "untrained" for panel in planes) else min(2, len(planes))
    return alt.concat(*[_panel(panel, groups, attribute) for panel in planes], columns=columns, spacing=18)


def _panel(panel: Plane, groups: list[str], attribute: str) -> alt.Chart:
    axis = alt.Axis(labels=False, ticks=False, grid=False)
    direction = f"{attribute} grows →" if np.isfinite(panel.r2) else "first dimension"
    named = bool(panel.points["entity_name"].astype(bool).any())
    subtitle = f"R² of {attribute} in the plane {number(panel.r2)} · " if np.isfinite(panel.r2) else ""
    subtitle += f"between groups {number(panel.between)}"
    columns = [*(["entity_name"] if named else ["n"]), "group", "value", "x", "y"]
    base = alt.Chart(inline(panel.points[columns]), width=WIDTH, height=HEIGHT).mark_point(
        filled=True, opacity=0.78, stroke="white", strokeWidth=0.5, size=75
    )
    shape = alt.Scale(domain=groups, range=list(SHAPES[: len(groups)]))
    size = {} if named else {"size": alt.Size("n:Q", title="people", scale=alt.Scale(zero=False, range=[45, 380]))}
    first = [alt.Tooltip("entity_name:N", title="name")] if named else [alt.Tooltip("n:Q", title="people")]
    chart: alt.Chart = base.encode(
        x=alt.X("x:Q", axis=axis, title=direction, scale=alt.Scale(domain=[-1.06, 1.06])),
        y=alt.Y("y:Q", axis=axis, title=None, scale=alt.Scale(domain=[-1.06 * HEIGHT / WIDTH, 1.06 * HEIGHT / WIDTH])),
        color=alt.Color("group:N", title="group", scale=alt.Scale(domain=groups, range=group_colours(groups))),
        shape=alt.Shape("group:N", title="group", scale=shape),
        tooltip=[*first, alt.Tooltip("group:N"), alt.Tooltip("value:Q", title=attribute, format=".2f")],
        **size,
    ).properties(
        title=alt.TitleParams(f"{panel.model}, {label(panel.status)}", subtitle=subtitle),
        view=alt.ViewBackground(stroke=GREY, strokeOpacity=0.35),
    )
    return chart


def _sentence(planes: list[Plane], attribute: str) -> str:
    measured = [panel for panel in planes if np.isfinite(panel.r2)]
    if not measured:
        parts = [f"{number(p.between)} in {p.model} ({p.status})" for p in planes]
        return f"Share of the plane's variance that lies between groups: {listing(parts)}."
    parts = [f"{number(panel.r2)} in {panel.model} ({panel.status})" for panel in measured]
    return (
        f"Two dimensions of the readout hold this much of {attribute} (R² in sample, one seed): {listing(parts)}. "
        "Each plane is turned so that the attribute grows to the right; the held-out scores are in the next figure."
    )
