"""What a probe reads at every layer, trained beside untrained, with what needs no model at all."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.findings import gain_clause, propagation_findings
from hemicycle.reports.summaries import (
    PERMUTED,
    UNSAID,
    at_readout,
    control,
    control_names,
    control_words,
    envelope,
    gains,
    main_probe,
    over_seeds,
    recommending,
    scores,
    sort_layers,
    with_model,
)
from hemicycle.reports.theme import (
    DASHES,
    GREY,
    STATUS_COLOURS,
    STATUS_SHAPES,
    inline,
    label,
    listing,
    number,
    split_name,
)

MOST_TARGETS = 6
BAND = "permuted labels, 95 % range"
FLOOR = -0.25
_COLUMNS = 2
"""Columns of the legend of what needs no model, which else is wider than a page."""


def prepared(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Rows of the main reader for the first MOST_TARGETS targets, models with untrained twins first."""
    if probes.empty:
        return probes
    rows = main_probe(with_model(probes, records))
    learnt = rows["model"].isin(rows.loc[rows["status"] == "untrained", "model"])
    rows = pd.concat([rows[learnt], rows[~learnt]])
    return rows[rows["target"].isin(rows["target"].unique()[:MOST_TARGETS])]


def by_layer(rows: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over seeds per target, model and layer: scores by status, then the controls."""
    best = recommending(rows, records)
    by = ["target", "score_name", "model", "layer"]
    parts = [over_seeds(scores(best), [*by, "status"]).rename(columns={"status": "series"}).assign(kind="score")]
    for name in control_names(best):
        alone = over_seeds(at_readout(control(best, name)), by[:-1], "control_score")
        if name not in {PERMUTED, *UNSAID}:
            parts.append(alone.assign(layer="", series=control_words(name), kind="reference"))
    permuted = control(best, PERMUTED).groupby(by, sort=False)
    band = permuted.agg(
        mean=("control_score", "mean"),
        low=("control_low", "min"),
        high=("control_high", "max"),
        seeds=("seed", "nunique"),
    )
    parts.append(band.reset_index().assign(series=BAND, kind="permuted"))
    return pd.concat([part for part in parts if not part.empty], ignore_index=True)


def score_by_layer(probes: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Probe score per model and layer, trained and untrained side by side; None without probes."""
    rows = prepared(probes, records)
    if rows.empty:
        return None
    table = by_layer(rows, records)
    return Figure(
        id="probe_by_layer",
        title="What each layer knows, with and without training",
        chart=layers_chart(table),
        sentence=_sentence(recommending(rows, records)),
        alt_text=(
            "Held-out probe score by layer for each model. Points are means over seeds and bars their range, trained "
            "beside untrained; lines show what groups and covariates reach, a grey band what permuted labels do."
        ),
        table=table,
    )


def score_domain(table: pd.DataFrame) -> list[float]:
    """Range of a score axis: all of it, but not below FLOOR (a probe that fails can fall without bound)."""
    low = float(np.nanmin(table[["mean", "low"]].to_numpy(dtype=float)))
    high = float(np.nanmax(table[["mean", "high"]].to_numpy(dtype=float)))
    return [max(FLOOR, min(0.0, low) - 0.03), max(1.05, high + 0.05)]


def score_title(table: pd.DataFrame) -> str:
    """Title of a score axis."""
    return f"held-out {listing([label(name) for name in table['score_name'].unique()], 'or')}"


def layers_chart(table: pd.DataFrame) -> Chart:
    """Draw :func:`by_layer`'s table: rows are targets, columns models, as wide as they have layers."""
    targets, models = list(table["target"].unique()), list(table["model"].unique())
    places = [(t, m, m == models[0], t == targets[-1]) for t in targets for m in models]
    panels = [_panel(table, *place) for place in places]
    return alt.concat(*panels, columns=len(models), align="each", spacing={"row": 20, "column": 22})


def _panel(table: pd.DataFrame, target: str, model: str, first: bool, last: bool) -> alt.LayerChart:
    rows = table[(table["target"] == target) & (table["model"] == model)]
    name, what = split_name(model)
    layers = sort_layers([name for name in rows["layer"].unique() if name])
    scale = alt.Scale(paddingInner=0, paddingOuter=0)
    axis = alt.Axis(labelAngle=0, grid=False, ticks=False)
    x = alt.X("layer:N", sort=layers, title="layer" if last else None, axis=axis, scale=scale)
    y = alt.Y(
        "mean:Q",
        title=score_title(table) if first else None,
        scale=alt.Scale(domain=score_domain(table), nice=False),
        axis=alt.Axis(labels=first, ticks=first),
    )
    drawn: Any = alt.layer(_permuted(x, y), _references(table, y), *_points(table, x, y), data=inline(rows))
    width = _widths(table)[model]
    subtitle = [what, target] if what else target
    title = alt.TitleParams(name, subtitle=subtitle, frame="group", limit=width + 20)
    panel: alt.LayerChart = drawn.properties(width=width, height=150, title=title)
    return panel


def _widths(table: pd.DataFrame) -> dict[str, int]:
    """Width of every model's panels: by its number of layers, with room for what its title says."""
    count = {str(m): part.loc[part["layer"] != "", "layer"].nunique() for m, part in table.groupby("model")}
    free = 770 - 22 * len(count)
    said = 5.6 * table["target"].str.len().max()
    least = {model: min(150, max(90, said, 6 * len(split_name(model)[1]))) / free for model in count}
    shares = {model: max(least[model], layers / sum(count.values())) for model, layers in count.items()}
    return {model: max(90, round(free * share / sum(shares.values()))) for model, share in shares.items()}


def _permuted(x: alt.X, y: alt.Y) -> alt.Chart:
    fill = alt.Fill("series:N", scale=alt.Scale(domain=[BAND], range=[GREY]), title="control")
    bars = alt.Chart().transform_filter("datum.kind === 'permuted'").mark_bar(opacity=0.3, clip=True)
    drawn: alt.Chart = bars.encode(x=x, y=_at(y, "low"), y2="high:Q", fill=fill)
    return drawn


def _at(y: alt.Y, field: str) -> alt.Y:
    """The same axis for another field."""
    kept: Any = y.to_dict()
    return alt.Y.from_dict({**kept, "field": field})


def _references(table: pd.DataFrame, y: alt.Y) -> alt.Chart:
    present = list(table.loc[table["kind"] == "reference", "series"].unique())
    dashes = alt.Scale(domain=present, range=[list(dash) for dash in DASHES[1 : len(present) + 1]])
    lines = alt.Chart().transform_filter("datum.kind === 'reference'").mark_rule(strokeWidth=1.6, clip=True)
    tips = [alt.Tooltip("series:N", title="without the model"), alt.Tooltip("mean:Q", format=".3f")]
    legend = alt.Legend(columns=_COLUMNS, symbolSize=260)
    stroke = alt.StrokeDash("series:N", scale=dashes, title="without the model", legend=legend)
    drawn: alt.Chart = lines.encode(y=y, strokeDash=stroke, tooltip=tips)
    return drawn


def _points(table: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    present = set(table.loc[table["kind"] == "score", "series"])
    names = [name for name in STATUS_COLOURS if name in present]
    title = "mean and range over seeds"
    scale = alt.Scale(domain=names, range=[STATUS_COLOURS[name] for name in names])
    shapes = alt.Scale(domain=names, range=[STATUS_SHAPES[name] for name in names])
    colour = alt.Color("series:N", scale=scale, title=title)
    offset = alt.XOffset("series:N", sort=names, scale=alt.Scale(domain=names, paddingOuter=0.6))
    tips = [alt.Tooltip(f"{name}:N") for name in ("model", "layer", "series")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high")]
    base = alt.Chart().transform_filter("datum.kind === 'score'").encode(x=x, xOffset=offset, color=colour)
    bars = base.mark_rule(strokeWidth=2.5, clip=True).encode(y=_at(y, "low"), y2="high:Q")
    points = base.mark_point(filled=True, size=90, opacity=1, clip=True)
    return [bars, points.encode(y=y, shape=alt.Shape("series:N", scale=shapes, title=title), tooltip=tips)]


def _sentence(rows: pd.DataFrame) -> str:
    """What training adds at the readout, and where the graph alone goes furthest, for the first attribute."""
    first = scores(rows)
    alone = propagation_findings(first[first["target"] == first["target"].iloc[0]])
    return " ".join([layers_sentence(at_readout(rows)), *(f"{text}." for text in alone)])


def layers_sentence(rows: pd.DataFrame) -> str:
    """How much training adds at the readout for the first attribute, and where scores cannot be told apart."""
    single = scores(rows)
    single = single[single["target"] == single["target"].iloc[0]]
    found = gains(single, ["model"])
    if found.empty:
        means = over_seeds(single, ["model"])
        parts = [f"{number(row['mean'])} in {row['model']}" for _, row in means.iterrows()]
        return f"At the readout {single['target'].iloc[0]} is read with {listing(parts)}; there is no untrained twin."
    parts = [_gain_part(row, single[single["model"] == row["model"]]) for _, row in found.iterrows()]
    count = int(found["pairs"].min())
    return (
        f"At the readout, on {single['target'].iloc[0]}: {'; '.join(parts)} (95 % t-intervals, {count} paired seeds)."
    )


def _gain_part(row: pd.Series, single: pd.DataFrame) -> str:
    twins, trained = single[single["status"] == "untrained"], single[single["status"] == "trained"]
    (low, high), (least, most) = envelope(trained), envelope(twins)
    start = f"{row['model']} untrained reads {number(twins['score'].mean())}"
    text = f"{start} and {gain_clause(row['gain'], row['gain_low'], row['gain_high'])}"
    return f"{text}, with overlapping bootstrap intervals" if most >= low and least <= high else text
