"""The shape of representations: how many dimensions they use and what share of their variance attitudes take."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.figures_epochs import epoch_axis
from hemicycle.reports.summaries import at_readout, over_seeds, recommending, sort_layers, with_model
from hemicycle.reports.theme import CYCLE, GREY, SHAPES, inline, listing, number

JOINT = "all attitudes"
MOST_ATTITUDES = 4
QUANTITIES = {
    "participation_ratio": "dimension: participation ratio",
    "two_nn": "dimension: TwoNN",
    "variance_explained": "variance explained by",
}
_LEGEND = alt.Legend(symbolOpacity=1, titleLimit=300)
_TITLE = "mean and range over seeds"
_BAND = "permuted attitude, 95 % range"


def panels(geometry: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Rows that are drawn, with model and panel named: both dimensions, and the variance that attitudes explain."""
    if geometry.empty:
        return geometry
    rows = with_model(geometry[geometry["quantity"].isin(QUANTITIES)], records)
    attitudes = [a for a in rows["attribute"].unique() if a not in {"", JOINT}][:MOST_ATTITUDES]
    joint = [JOINT] if JOINT in set(rows["attribute"]) else []
    rows = rows[rows["attribute"].isin(["", *attitudes, *joint])]
    names = [f"{QUANTITIES[q]} {a}".strip() for q, a in zip(rows["quantity"], rows["attribute"], strict=True)]
    return rows.assign(panel=names)


def _summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means and ranges over seeds, and the range of the control."""
    table = over_seeds(rows, ["panel", *by], "value")
    null = rows.groupby(["panel", *by], sort=False).agg(
        null_low=("control_low", "min"), null_high=("control_high", "max")
    )
    return table.merge(null.reset_index(), on=["panel", *by])


def geometry_by_epoch(geometry: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Dimensions and shares of variance of the read-out along training; None with fewer than two checkpoints."""
    rows = panels(geometry, records)
    if rows.empty:
        return None
    rows = at_readout(rows[rows["status"] != "untrained"])
    seeds = rows.groupby(["model", "panel", "epoch"])["seed"].transform("nunique")
    rows = rows[seeds == seeds.groupby(rows["model"]).transform("max")]
    if rows["epoch"].nunique() < 2:
        return None
    table = _summary(rows, ["model", "epoch"])
    return Figure(
        id="geometry_by_epoch",
        title="How the representation changes shape as it is trained",
        chart=_panels(table, epoch_axis(table["epoch"]), "model", lines=True),
        sentence=_epoch_sentence(table),
        alt_text="Lines by epoch, one per model: intrinsic dimensions, and variance that each attitude explains.",
        table=table,
    )


def geometry_by_layer(geometry: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """The same by layer at the checkpoint that recommends, trained beside untrained; None where all have one layer."""
    rows = panels(geometry, records)
    if rows.empty:
        return None
    rows = recommending(rows, records)
    rows = rows[rows.groupby("record_id")["layer"].transform("nunique") > 1]
    if rows.empty:
        return None
    words = rows["status"].map({"untrained": ", untrained"}).fillna("")
    table = _summary(rows.assign(series=rows["model"] + words), ["series", "layer"])
    layers = sort_layers(list(table["layer"].unique()))
    x = alt.X("layer:N", sort=layers, title="layer", axis=alt.Axis(labelAngle=0, grid=False))
    return Figure(
        id="geometry_by_layer",
        title="The shape of each layer, with and without training",
        chart=_panels(table, x, "series", lines=False),
        sentence=_layer_sentence(table, layers),
        alt_text="Points by layer: intrinsic dimensions, and the share of variance that each attitude explains.",
        table=table,
    )


def _panels(table: pd.DataFrame, x: alt.X, series: str, *, lines: bool) -> Chart:
    names, titles = list(table[series].unique()), list(table["panel"].unique())
    drawn = [_panel(table[table["panel"] == title], (x, series, names), title, lines=lines) for title in titles]
    return alt.concat(*drawn, columns=2, spacing={"row": 22, "column": 30})


def _panel(rows: pd.DataFrame, axes: tuple[alt.X, str, list[str]], title: str, *, lines: bool) -> alt.LayerChart:
    x, series, names = axes
    scale = alt.Scale(domain=names, range=[CYCLE[k % len(CYCLE)] for k in range(len(names))])
    shapes = alt.Scale(domain=names, range=[SHAPES[k % len(SHAPES)] for k in range(len(names))])
    base = alt.Chart().encode(x=x, color=alt.Color(f"{series}:N", scale=scale, title=_TITLE, legend=_LEGEND))
    if not lines:
        base = base.encode(xOffset=alt.XOffset(f"{series}:N", sort=names, scale=alt.Scale(paddingOuter=0.5)))
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=True, nice=True))
    tips = [alt.Tooltip(f"{series}:N")] + [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high")]
    points = base.mark_point(filled=True, opacity=1, size=55).encode(
        y=y, shape=alt.Shape(f"{series}:N", scale=shapes, title=_TITLE, legend=_LEGEND), tooltip=tips
    )
    span = base.mark_area(opacity=0.18) if lines else base.mark_rule(strokeWidth=2.5)
    marks: list[alt.Chart] = [span.encode(y=alt.Y("low:Q", title=None), y2="high:Q"), points]
    if lines:
        marks.insert(1, base.mark_line(strokeWidth=2).encode(y=y))
    if rows["null_low"].notna().any():
        marks.insert(0, _null(x, lines=lines))
    chart: Any = alt.layer(*marks, data=inline(rows)).properties(width=345, height=165, title=title)
    panel: alt.LayerChart = chart
    return panel


def _null(x: alt.X, *, lines: bool) -> alt.Chart:
    fill = alt.Fill("null:N", scale=alt.Scale(domain=[_BAND], range=[GREY]), title="control")
    base = alt.Chart().transform_calculate(null=f"'{_BAND}'")
    mark = base.mark_area(opacity=0.35) if lines else base.mark_bar(opacity=0.35)
    drawn: alt.Chart = mark.encode(x=x, y=alt.Y("min(null_low):Q", title=None), y2="max(null_high):Q", fill=fill)
    return drawn


def _epoch_sentence(table: pd.DataFrame) -> str:
    parts = []
    for model, rows in table.groupby("model", sort=False):
        said = []
        for panel, part in rows.groupby("panel", sort=False):
            line = part.sort_values("epoch")
            first, last = line.iloc[0], line.iloc[-1]
            said.append(f"{panel} from {_number(first['mean'])} to {_number(last['mean'])}")
        parts.append(f"in {model}, {listing(said[:1] + said[2:])}")
    return f"From the first to the last checkpoint: {'; '.join(parts)} (means over seeds, held out)."


def _layer_sentence(table: pd.DataFrame, layers: list[str]) -> str:
    shares = table[table["panel"].str.startswith(QUANTITIES["variance_explained"])]
    if shares.empty:
        return "No attitude was measured."
    panel = shares["panel"].iloc[0]
    rows = shares[(shares["panel"] == panel) & (shares["layer"] == layers[-1])]
    parts = [f"{number(row['mean'])} in {row['series']}" for _, row in rows.iterrows()]
    return f"Share of {panel} at the layer {layers[-1]}: {listing(parts)} (means over seeds, held out)."


def _number(value: float) -> str:
    return number(value) if abs(value) < 1 else f"{value:.1f}"
