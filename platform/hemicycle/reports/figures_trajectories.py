"""Politics appearing: maps of one model at several checkpoints, and what is learnt first."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.probes.learning_order import LEVELS, PROBE, learning_order, order_sentence
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.figures_epochs import QUALITY, epoch_axis, quality, trajectories
from hemicycle.reports.summaries import over_seeds, with_model, with_names
from hemicycle.reports.theme import CYCLE, DASHES, GREY, group_colours, inline, label, listing, number, with_minus

MOST_PANELS = 6
MOST_POINTS = 400
MOST_GROUPS = 7
PANEL = 118
NO_GROUP = "no group"
_AXES = {"pca": "principal components", "supervised": "held-out reading"}
_KEEP = ["model", "axes", "epoch", "entity_name", "group", "attribute", "value", "x", "y", "n", "r2", "residual"]


def chosen_epochs(epochs: list[int], most: int = MOST_PANELS) -> list[int]:
    """At most so many epochs, evenly spaced in their order, the first and the last among them."""
    places = np.unique(np.linspace(0, len(epochs) - 1, min(most, len(epochs))).round().astype(int))
    return [sorted(epochs)[k] for k in places]


def politics_appears(points: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Small multiples over checkpoints, two rows a model; None where no record has two checkpoints."""
    rows = _shown(points, records)
    if rows.empty:
        return None
    attribute = str(rows["attribute"].iloc[0])
    named = rows["entity_name"].astype(bool).any()
    table = rows[[name for name in _KEEP if named or name != "entity_name"]].reset_index(drop=True)
    return Figure(
        id="politics_appears",
        title="Politics appearing during training",
        chart=_multiples(table, attribute),
        sentence=_course_sentence(table, attribute),
        alt_text=f"Scatter plots of users at several checkpoints for {listing(rows['model'].unique())}, by group.",
        table=table,
    )


def _shown(points: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """The first seed of every trained model that has checkpoints, at a few of them, with the frequent groups."""
    if points.empty:
        return points
    rows = with_model(points[points["status"].isin(["trained", "foreign"])], records)
    rows = rows[rows["seed"] == rows.groupby("model")["seed"].transform("min")]
    rows = rows[rows.groupby("record_id")["epoch"].transform("nunique") > 1]
    if rows.empty:
        return rows
    kept = {record: chosen_epochs(list(epochs.unique())) for record, epochs in rows.groupby("record_id")["epoch"]}
    rows = rows[[epoch in kept[record] for record, epoch in zip(rows["record_id"], rows["epoch"], strict=True)]]
    group = _groups(rows)
    frequent = rows.groupby(group)["n"].sum().nlargest(MOST_GROUPS).index
    return rows.assign(group=group.where(group.isin(frequent), "other"), entity_name=rows["entity_name"].fillna(""))


def _groups(rows: pd.DataFrame) -> pd.Series:
    """Groups; where there are none, the attribute's own values if these are few."""
    group = rows["group"].fillna("").astype(str)
    if (group == "").all() and rows["value"].nunique() <= MOST_GROUPS:
        own = rows["attribute"] + " " + rows["value"].map("{:g}".format)
        return own.where(rows["value"].notna(), NO_GROUP)
    return group.replace("", NO_GROUP)


def _colour(groups: list[str], attribute: str) -> alt.Color:
    """Colour by group; where there are none, by the attribute."""
    if groups == [NO_GROUP]:
        return alt.Color("value:Q", title=attribute, scale=alt.Scale(scheme="blueorange"))
    scale = alt.Scale(domain=groups, range=group_colours(groups))
    return alt.Color("group:N", scale=scale, legend=alt.Legend(symbolOpacity=1, symbolSize=70))


def _multiples(table: pd.DataFrame, attribute: str) -> Chart:
    groups = sorted(table["group"].unique())
    bands = []
    for (model, axes), part in table.groupby(["model", "axes"], sort=False):
        what = f"x is {attribute} as held-out vectors tell it"
        what = (
            what
            if axes == "supervised"
            else "turned onto the map of the best checkpoint; residual: what does not fit it"
        )
        title = alt.TitleParams(f"{model}: {_AXES[str(axes)]}", subtitle=what)
        bands.append(_band(part, _colour(groups, attribute)).properties(title=title))
    drawn: alt.VConcatChart = alt.vconcat(*bands, spacing=18)
    return drawn


def _band(rows: pd.DataFrame, colour: alt.Color) -> alt.FacetChart:
    """Checkpoints of one model side by side, on common scales."""
    parts = [thin(part).assign(panel=_heading(part)) for _, part in rows.groupby("epoch")]
    named = "entity_name" in rows
    columns = ["panel", "group", "value", "x", "y", "n", *(["entity_name"] if named else [])]
    axis = alt.Axis(labels=False, ticks=False, grid=False, title=None)
    x, y = (alt.Scale(domain=_range(rows[name]), nice=False) for name in ("x", "y"))
    size: Any = {} if named else {"size": alt.Size("n:Q", legend=None, scale=alt.Scale(range=[12, 120]))}
    points: alt.Chart = alt.Chart(inline(pd.concat(parts)[columns])).mark_point(
        filled=True, opacity=0.7, size=16, clip=True
    )
    points = points.encode(
        x=alt.X("x:Q", axis=axis, scale=x),
        y=alt.Y("y:Q", axis=axis, scale=y),
        color=colour,
        tooltip=[alt.Tooltip("entity_name:N" if named else "n:Q"), alt.Tooltip("group:N"), alt.Tooltip("value:Q")],
        **size,
    ).properties(width=PANEL, height=PANEL, view=alt.ViewBackground(stroke=GREY, strokeOpacity=0.35))
    header = alt.Header(title=None, labelFontSize=11, labelAnchor="start", labelPadding=4)
    order = [part["panel"].iloc[0] for part in parts]
    drawn: alt.FacetChart = points.facet(column=alt.Column("panel:N", sort=order, header=header), spacing=8)
    return drawn


def _heading(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    fit = f"R² {number(first['r2'])}" if np.isfinite(first["r2"]) else f"residual {number(first['residual'])}"
    return f"epoch {first['epoch']}: {fit}"


def thin(rows: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS evenly spaced rows."""
    if len(rows) <= MOST_POINTS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int)]


def _range(values: pd.Series) -> list[float]:
    low, high = np.percentile(values, (0.5, 99.5))
    room = 0.06 * (high - low) or 1.0
    return [float(low - room), float(high + room)]


def _course_sentence(table: pd.DataFrame, attribute: str) -> str:
    read = table[table["axes"] == "supervised"].drop_duplicates(["model", "epoch"])
    if read.empty:
        return f"Each map is turned onto the best checkpoint's; {attribute} has no part in the axes."
    parts = []
    for model, rows in read.groupby("model", sort=False):
        steps = [f"{number(row['r2'])} at epoch {row['epoch']}" for _, row in rows.sort_values("epoch").iterrows()]
        parts.append(f"in {model} {', '.join(steps)}")
    return f"R² of {attribute} for held-out users, one seed: {'; '.join(parts)}."


# -- what is learnt first --------------------------------------------------------------------------------------------


def learning_epochs(probes: pd.DataFrame, ranking: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Probe scores and NDCG by epoch, with where each comes to half and to 90 %; None where one has no epochs."""
    known, useful = trajectories(probes, records), quality(ranking, records)
    if known.empty or useful.empty:
        return None
    known = known[known["scope"].isin(["all", ""]) & (known["status"] != "untrained")]
    shared = known[["record_id", "epoch"]].drop_duplicates()
    useful = useful.merge(shared, on=["record_id", "epoch"])
    order = with_names(learning_order(probes, ranking, QUALITY), known)
    if useful.empty or order.empty:
        return None
    rows = pd.concat([useful, known])
    table = over_seeds(rows, ["model", "target", "epoch"])
    marks = _marks(order, table, str(useful["target"].iloc[0]))
    attribute = str(known["attribute"].iloc[0])
    return Figure(
        id="learning_order",
        title="When politics can be read, and when recommendations are good",
        chart=_epochs_chart(table, marks),
        sentence=with_minus(order_sentence(order, attribute)),
        alt_text="Probe scores and validation NDCG by epoch, a panel a model, with points at half and 90 % of each.",
        table=table,
    )


def _marks(order: pd.DataFrame, table: pd.DataFrame, quality_name: str) -> pd.DataFrame:
    """Points on the lines: the mean epoch at which a share of the best is reached, at that share's height."""
    rows = order[(order["of"] == "best") & order["scope"].isin(["all", ""]) & (order["epoch"].notna())]
    target = rows["attribute"].where(rows["quantity"] == PROBE, quality_name)
    share = [f"{level:.0%} of its best" for level in rows["level"]]
    found = rows.assign(target=target, share=share, height=rows["level"] * rows["best"])
    found = found[found["target"].isin(table["target"])].drop_duplicates(["model", "target", "share"])
    return found[["model", "target", "share", "epoch", "height"]]


def _epochs_chart(table: pd.DataFrame, marks: pd.DataFrame) -> Chart:
    drawn = [_epochs_panel(table, marks, str(model)) for model in table["model"].unique()]
    return alt.concat(*drawn, columns=2, spacing=30)


def _epochs_panel(table: pd.DataFrame, marks: pd.DataFrame, model: str) -> alt.LayerChart:
    rows, points = table[table["model"] == model], marks[marks["model"] == model]
    names = list(table["target"].unique())
    scale = alt.Scale(domain=names, range=[CYCLE[k % len(CYCLE)] for k in range(len(names))])
    dashes = alt.Scale(domain=names, range=[list(DASHES[k % len(DASHES)]) for k in range(len(names))])
    title = "mean over seeds, band = range"
    colour = alt.Color("target:N", scale=scale, title=title, legend=alt.Legend(symbolOpacity=1, titleLimit=300))
    x, y = epoch_axis(table["epoch"]), alt.Y("mean:Q", title="score", scale=alt.Scale(domain=_heights(table)))
    base = alt.Chart(inline(rows)).encode(x=x, color=colour)
    dash = alt.StrokeDash("target:N", scale=dashes, title=title)
    shares = [f"{level:.0%} of its best" for level in LEVELS]
    shape = alt.Shape(
        "share:N", scale=alt.Scale(domain=shares, range=["circle", "diamond"]), title="reached on average"
    )
    chart: Any = alt.layer(
        base.mark_area(opacity=0.16, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2, clip=True).encode(y=y, strokeDash=dash),
        alt.Chart(inline(points))
        .mark_point(filled=True, size=95, opacity=1, stroke="white", clip=True)
        .encode(x=x, y=alt.Y("height:Q"), color=colour, shape=shape),
    ).properties(width=345, height=230, title=label(model))
    panel: alt.LayerChart = chart
    return panel


def _heights(table: pd.DataFrame) -> list[float]:
    return [max(-0.15, min(0.0, float(table["low"].min()) - 0.02)), max(1.0, float(table["high"].max()))]
