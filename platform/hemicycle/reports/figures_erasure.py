"""What erasing a label costs and what it leaves: leakage against quality, and leakage while training goes on."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.summaries import with_model
from hemicycle.reports.theme import CYCLE, GREY, SHAPES, inline, label, listing, number, signed

READERS = {
    "least_squares": "linear",
    "logistic": "logistic",
    "ridge": "linear",
    "mlp": "MLP",
    "mlp_classes": "MLP",
    "knn": "nearest neighbours",
    "knn_classes": "nearest neighbours",
}
"""Names for people of readers."""
METHODS = {"leace": "LEACE", "inlp": "INLP", "mean": "mean projection", "random": "random directions"}
SITES = {"both": "users and items", "users": "users", "items": "items", "layer": "start vectors"}
_BY = ["model", "site", "method", "rank", "attribute", "reader", "metric"]
_MOST = 6
"""Models and sites that are drawn, one a row of panels."""


def leaked(erasure: pd.DataFrame, records: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Leakage over seeds: one row a model, eraser, strength (or epoch) and reader.

    Returns:
        Columns ``model``, ``site``, ``method``, ``rank``, ``attribute``, ``reader``, ``metric`` (accuracy for classes,
        R2 for numbers), ``strength``, ``epoch``, mean ``value`` over seeds with ``low`` and ``high`` (the range over
        seeds; of one seed the interval), ``chance`` (the majority's share, or 0) and the control's mean range.
    """
    rows = _phase(erasure, records, phase, "leakage")
    if rows.empty:
        return rows
    rows = rows[rows["metric"].isin(["accuracy", "r2"])]
    by = [*_BY, "strength", "epoch"]
    controls = _phase(erasure, records, phase, "leakage").groupby([*by[:6], "strength", "epoch"], sort=False)
    means = controls[["control_low", "control_high", "majority"]].mean().reset_index()
    found = _spread(rows, by).merge(means, on=[*by[:6], "strength", "epoch"])
    return found.assign(
        chance=found["majority"].fillna(0.0), reader=[READERS.get(name, label(name)) for name in found["reader"]]
    )


def quality(erasure: pd.DataFrame, records: pd.DataFrame, phase: str) -> pd.DataFrame:
    """NDCG over seeds (and random draws): one row a model, eraser and strength (or epoch).

    Returns:
        Columns ``model``, ``site``, ``method``, ``rank``, ``strength``, ``epoch``, ``ndcg_metric``, ``ndcg``,
        ``ndcg_low``, ``ndcg_high``, and the mean paired ``difference`` to before with ``difference_low`` and
        ``difference_high``, which hold every seed's interval.
    """
    rows = _phase(erasure, records, phase, "quality")
    if rows.empty:
        return rows
    rows = rows[rows["metric"].str.startswith("ndcg") & (rows["group"].fillna("") == "")]
    by = ["model", "site", "method", "rank", "strength", "epoch", "metric"]
    names = {"value": "ndcg", "low": "ndcg_low", "high": "ndcg_high", "metric": "ndcg_metric"}
    differences = rows.groupby(by, sort=False).agg(
        difference=("difference", "mean"),
        difference_low=("difference_low", "min"),
        difference_high=("difference_high", "max"),
    )
    differences = differences.reset_index()
    return _spread(rows, by).merge(differences, on=by).rename(columns=names)


def _phase(erasure: pd.DataFrame, records: pd.DataFrame, phase: str, measure: str) -> pd.DataFrame:
    if erasure.empty:
        return erasure
    rows = erasure[(erasure["phase"] == phase) & (erasure["measure"] == measure)]
    return with_model(rows, records) if len(rows) else rows


def _spread(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean over records and draws, with their range; of a single one its interval."""
    grouped = rows.groupby(by, sort=False)
    found = grouped["value"].agg(value="mean", least="min", most="max", n="size").reset_index()
    ends = grouped[["ci_low", "ci_high"]].mean().reset_index(drop=True)
    alone = found["n"] == 1
    low, high = ends["ci_low"].where(alone, found["least"]), ends["ci_high"].where(alone, found["most"])
    return found.drop(columns=["least", "most"]).rename(columns={"n": "seeds"}).assign(low=low, high=high)


# -- frontier --------------------------------------------------------------------------------------------------------


def frontier_table(erasure: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Leakage and NDCG side by side: one row a mark of :func:`erasure_frontier`."""
    read, ranked = leaked(erasure, records, "erased"), quality(erasure, records, "erased")
    if read.empty or ranked.empty:
        return pd.DataFrame()
    on = ["model", "site", "method", "rank", "strength", "epoch"]
    cost = ["difference", "difference_low", "difference_high"]
    table = read.merge(ranked[[*on, "ndcg_metric", "ndcg", "ndcg_low", "ndcg_high", *cost]], on=on)
    order = {name: place for place, name in enumerate(dict.fromkeys(READERS.values()))}
    table = _named(table).assign(place=table["reader"].map(lambda name: order.get(name, len(order))))
    table = table.sort_values(["panel", "place", "curve", "strength"], kind="stable", ignore_index=True)
    return table.drop(columns="place")


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``curve``, the eraser with its number of directions, and ``panel``, the model and the site."""
    counts = [f" ({r} direction{'s' if r > 1 else ''})" for r in table["rank"]]
    methods = [METHODS.get(name, label(name)) for name in table["method"]]
    counted = table["method"].isin(["random", "inlp"])
    curves = [name + (count if c else "") for name, count, c in zip(methods, counts, counted, strict=True)]
    panels = [f"{model}: {SITES.get(site, site)}" for model, site in zip(table["model"], table["site"], strict=True)]
    return table.assign(curve=curves, panel=panels)


def erasure_frontier(erasure: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Leakage against NDCG of every eraser and strength, a panel a reader; None where nothing was erased."""
    table = frontier_table(erasure, records)
    if table.empty:
        return None
    table = table[table["panel"].isin(table["panel"].unique()[:_MOST])]
    return Figure(
        id="erasure_frontier",
        title="What erasure leaves to read, and what it costs",
        chart=frontier_chart(table),
        sentence=_sentence(table),
        alt_text=(
            "Ranking accuracy (NDCG) against what a reader finds of the erased label in users whom neither the eraser "
            "nor the reader has seen, one panel a reader. A line joins the strengths of one eraser, from the untouched "
            "model on; bars are intervals, or the range over seeds. The dashed line is chance."
        ),
        table=table,
    )


def frontier_chart(table: pd.DataFrame) -> Chart:
    """Draw :func:`frontier_table`: models and sites as rows, readers as columns."""
    colour, shape = _scales(list(dict.fromkeys(table["curve"])))
    scale = alt.Scale(zero=False, nice=True)
    x = alt.X("value:Q", title=_score_title(table), scale=scale, axis=alt.Axis(tickCount=5))
    y = alt.Y("ndcg:Q", title=listing([label(name) for name in table["ndcg_metric"].unique()], "or"), scale=scale)
    tips = [alt.Tooltip("curve:N", title="eraser"), alt.Tooltip("reader:N")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("strength", "value", "chance", "ndcg", "difference")]
    base = alt.Chart().encode(color=colour)
    marks = [
        alt.Chart().mark_rule(strokeDash=[4, 3], strokeWidth=1.5, color=GREY).encode(x="mean(chance):Q"),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, order="strength:Q"),
        base.mark_rule(strokeWidth=1.2, opacity=0.45).encode(y=y, x=alt.X("low:Q"), x2="high:Q"),
        base.mark_rule(strokeWidth=1.2, opacity=0.45).encode(x=x, y=alt.Y("ndcg_low:Q"), y2="ndcg_high:Q"),
        base.mark_point(filled=True, size=65, opacity=1).encode(x=x, y=y, shape=shape, tooltip=tips),
    ]
    return _faceted(marks, table, "reader")


def _scales(names: list[str]) -> tuple[alt.Color, alt.Shape]:
    """Colours and shapes of erasers; random directions are grey."""
    plain = [name for name in names if not name.startswith(METHODS["random"])]
    cycle = iter([colour for colour in CYCLE if colour != GREY] * len(names))
    colours = {name: next(cycle) if name in plain else GREY for name in names}
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(names))]
    legend = alt.Legend(columns=3, symbolOpacity=1)
    scale = alt.Scale(domain=names, range=list(colours.values()))
    colour = alt.Color("curve:N", scale=scale, title="eraser", legend=legend)
    shape = alt.Scale(domain=names, range=shapes)
    return colour, alt.Shape("curve:N", scale=shape, title="eraser", legend=legend)


def _score_title(table: pd.DataFrame) -> str:
    names = [label(name) for name in table["metric"].unique()]
    return f"{listing(names, 'or')} of reading {listing(table['attribute'].unique(), 'or')}"


def _faceted(marks: list[alt.Chart], table: pd.DataFrame, columns: str) -> Chart:
    known = list(dict.fromkeys(READERS.values()))
    order = sorted(set(table[columns]), key=lambda name: (known.index(name) if name in known else len(known), name))
    layers: Any = alt.layer(*marks, data=inline(table))
    width = 680 // max(1, len(order)) - 30
    column = alt.Column(f"{columns}:N", title=None, sort=order)
    rows = list(dict.fromkeys(table["panel"]))
    height = 260 if len(rows) == 1 else 170
    row = alt.Row("panel:N", title=None, sort=rows, header=alt.Header(orient="left"))
    chart: alt.FacetChart = layers.properties(width=width, height=height).facet(column=column, row=row)
    return chart


def _sentence(table: pd.DataFrame) -> str:
    """What the first eraser leaves of each model at its greatest strength, and what it and random directions cost."""
    full = table[(table["strength"] == table["strength"].max()) & (table["method"] != "random")]
    preferred = "leace" if (full["method"] == "leace").any() else full["method"].min()
    full, parts = full[full["method"] == preferred], []
    for (panel, curve), rows in full.groupby(["panel", "curve"], sort=False):
        found = [f"{r.reader} {number(r.value)} (from {_start(table, r)})" for r in rows.itertuples()]
        cost = f"{label(rows['ndcg_metric'].iloc[0])} changes by {signed(float(rows['difference'].iloc[0]), 3)}"
        random = _random(table, rows.iloc[0])
        beside = "" if random.empty else f", by {signed(float(random['difference'].mean()), 3)} with random directions"
        parts.append(f"{panel}, after {curve}: {listing(found)}; {cost}{beside}")
    chance = number(float(table["chance"].mean()))
    return f"Held out, chance at {chance}. " + ". ".join(parts) + "."


def _start(table: pd.DataFrame, row: Any) -> str:
    same = (table["panel"] == row.panel) & (table["reader"] == row.reader)
    first = table[same & (table["strength"] == 0) & (table["attribute"] == row.attribute)]
    return number(float(first["value"].iloc[0])) if len(first) else "n/a"


def _random(rows: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    same = (rows["panel"] == row["panel"]) & (rows["rank"] == row["rank"]) & (rows["strength"] == row["strength"])
    found: pd.DataFrame = rows[same & (rows["method"] == "random")]
    return found


# -- regrowth --------------------------------------------------------------------------------------------------------


def erasure_regrowth(erasure: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Leakage by epoch of further training, with random directions beside it; None where training did not go on."""
    table = leaked(erasure, records, "regrown")
    if table.empty:
        return None
    table = _named(table)
    table = table[table["panel"].isin(table["panel"].unique()[:_MOST])]
    return Figure(
        id="erasure_regrowth",
        title="Whether what was erased grows back",
        chart=regrowth_chart(table),
        sentence=_regrown(table),
        alt_text=(
            "What readers find of the erased label, held out, by epochs of training that goes on after erasure from "
            "the trained table (epoch 0: right after it), one panel a reader. Grey: random directions were taken away "
            "instead. The dashed line is chance."
        ),
        table=table,
    )


def regrowth_chart(table: pd.DataFrame) -> Chart:
    """Draw the leakage of :func:`leaked` by epoch: models as rows, readers as columns."""
    colour, shape = _scales(list(dict.fromkeys(table["curve"])))
    x = alt.X("epoch:Q", title="epochs after erasure", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("value:Q", title=_score_title(table), scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart().encode(x=x, color=colour)
    tips = [alt.Tooltip("curve:N", title="eraser"), "epoch:Q", alt.Tooltip("value:Q", format=".3f")]
    marks = [
        alt.Chart().mark_rule(strokeDash=[4, 3], strokeWidth=1.5, color=GREY).encode(y="mean(chance):Q"),
        base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=50, opacity=1).encode(y=y, shape=shape, tooltip=tips),
    ]
    return _faceted(marks, table, "reader")


def _regrown(table: pd.DataFrame) -> str:
    parts = []
    erased = table[table["method"] != "random"]
    for (model, curve, reader), rows in erased.sort_values("epoch").groupby(["model", "curve", "reader"]):
        first, last = (float(rows["value"].iloc[place]) for place in (0, -1))
        epochs = int(rows["epoch"].iloc[-1])
        parts.append(
            f"{model} after {curve}, {reader}: {number(first)} to {number(last)} in {epochs} epoch{'s' * (epochs != 1)}"
        )
    return f"While training goes on (chance at {number(float(np.mean(table['chance'])))}): " + "; ".join(parts) + "."
