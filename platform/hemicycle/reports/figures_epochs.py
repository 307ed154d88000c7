"""When a model learns what: probe score by epoch, and beside it the quality of recommendation."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.figures_layers import prepared, score_domain, score_title
from hemicycle.reports.summaries import at_readout, over_seeds, scores, with_model
from hemicycle.reports.theme import CYCLE, DASHES, SHAPES, inline, label, number

QUALITY = "ndcg@20"
NEAR = 0.9
LEGEND = alt.Legend(symbolOpacity=1)


def trajectories(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Scores at the readout at the epochs that all seeds of a model share, where there is more than one."""
    rows = prepared(probes, records)
    if rows.empty:
        return rows
    rows = scores(at_readout(rows))
    seeds = rows.groupby(["model", "epoch"])["seed"].transform("nunique")
    rows = rows[seeds == seeds.groupby(rows["model"]).transform("max")]
    return rows[rows.groupby("record_id")["epoch"].transform("nunique") > 1]


def score_by_epoch(probes: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Probe score at the readout by epoch, one line per model; None when one epoch was probed."""
    rows = trajectories(probes, records)
    if rows.empty:
        return None
    table = over_seeds(rows, ["target", "score_name", "model", "epoch"])
    return Figure(
        id="probe_by_epoch",
        title="When the readout comes to know it",
        chart=_epochs_chart(table),
        sentence=_epochs_sentence(table),
        alt_text="Lines of the held-out probe score by epoch, one per model, with the range over seeds as a band.",
        table=table,
    )


def epoch_axis(epochs: pd.Series) -> alt.X:
    """Epochs on a symmetric logarithm where training was long, so that the first ones can be seen; 0 is untrained."""
    values = sorted(int(value) for value in epochs.unique())
    curved = max(values) > 20
    ticks: list[int] = []
    for value in values:
        if not ticks or value >= 1.6 * max(ticks[-1], 1):
            ticks.append(value)
    scale = alt.Scale(type="symlog", constant=1, nice=False, padding=9) if curved else alt.Scale(nice=False, padding=9)
    axis = alt.Axis(values=ticks if curved else [v for v in values if v % max(1, len(values) // 8) == 0], grid=False)
    return alt.X("epoch:Q", title="epoch (0 = untrained)", scale=scale, axis=axis)


def _lines(table: pd.DataFrame, series: str, y: alt.Y, title: str) -> Any:
    names = list(table[series].unique())
    colour = alt.Color(
        f"{series}:N", scale=alt.Scale(domain=names, range=list(CYCLE[: len(names)])), title=title, legend=LEGEND
    )
    shape = alt.Shape(
        f"{series}:N", scale=alt.Scale(domain=names, range=list(SHAPES[: len(names)])), title=title, legend=LEGEND
    )
    dash = alt.StrokeDash(
        f"{series}:N", scale=alt.Scale(domain=names, range=list(DASHES[: len(names)])), title=title, legend=LEGEND
    )
    base = alt.Chart().encode(x=epoch_axis(table["epoch"]), color=colour)
    tips = [alt.Tooltip(f"{name}:N") for name in ("model", series)] + [alt.Tooltip("epoch:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high")]
    drawn: Any = alt.layer(
        base.mark_area(opacity=0.18, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2, clip=True).encode(y=y, strokeDash=dash),
        base.mark_point(filled=True, size=50, opacity=1, clip=True).encode(y=y, shape=shape, tooltip=tips),
        data=inline(table),
    )
    return drawn


def _epochs_chart(table: pd.DataFrame) -> Chart:
    targets = list(table["target"].unique())
    y = alt.Y("mean:Q", title=score_title(table), scale=alt.Scale(domain=score_domain(table), nice=False))
    lines = _lines(table, "model", y, "mean over seeds, band = range").properties(width=355, height=190)
    facet = alt.Facet("target:N", sort=targets, title=None, header=alt.Header(labelAnchor="start"))
    drawn: alt.FacetChart = lines.facet(facet, columns=2, spacing=24)
    return drawn


def _epochs_sentence(table: pd.DataFrame) -> str:
    target = table["target"].iloc[0]
    parts = []
    for model, rows in table[table["target"] == target].groupby("model", sort=False):
        ordered = rows.sort_values("epoch")
        top = ordered.iloc[int(ordered["mean"].argmax())]
        first, last = ordered.iloc[0], ordered.iloc[-1]
        part = f"{model} goes from {number(first['mean'])} at epoch {first['epoch']}"
        part += f" to its best, {number(top['mean'])}, at epoch {top['epoch']}"
        fell = last["high"] < top["low"] and last["epoch"] > top["epoch"]
        parts.append(part + (f" and falls to {number(last['mean'])} by epoch {last['epoch']}" if fell else ""))
    return f"On {target}, {'; '.join(parts)} (means over seeds)."


# -- learning order --------------------------------------------------------------------------------------------------


def quality(ranking: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Validation NDCG@20 by epoch, shaped like the trajectories of probes."""
    if ranking.empty:
        return ranking
    rows = with_model(ranking, records)
    rows = rows[(rows["split"] == "valid") & (rows["metric"] == QUALITY) & (rows["status"] != "untrained")]
    return rows.rename(columns={"value": "score"}).assign(target=f"{label(QUALITY)}, validation")


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Score of every epoch as a share of the record's own best one; records that never rise above 0 are left out."""
    best = rows.groupby(["record_id", "target"])["score"].transform("max")
    return rows[best > 0].assign(share=(rows["score"] / best)[best > 0])


def reached(rows: pd.DataFrame) -> pd.DataFrame:
    """First epoch at which a record stands at NEAR of its best: mean and range over seeds."""
    first = rows[rows["share"] >= NEAR].groupby(["model", "target", "seed"], sort=False)["epoch"].min().reset_index()
    return over_seeds(first, ["model", "target"], "epoch")


def learning_order(probes: pd.DataFrame, ranking: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Probe and NDCG on one timeline, each as a share of its best; None when one of them has no epochs."""
    known, useful = trajectories(probes, records), quality(ranking, records)
    if known.empty or useful.empty:
        return None
    known = known[known["scope"].isin(["all", ""])]
    useful = useful[useful["record_id"].isin(known["record_id"])]
    rows = shares(pd.concat([useful, known])[["record_id", "model", "seed", "target", "epoch", "score"]])
    if rows.empty or rows["target"].nunique() < 2:
        return None
    table = over_seeds(rows, ["model", "target", "epoch"], "share")
    raw = over_seeds(rows, ["model", "target", "epoch"]).rename(columns={"mean": "mean_score"})
    table = table.merge(raw[["model", "target", "epoch", "mean_score"]], on=["model", "target", "epoch"])
    return Figure(
        id="learning_order",
        title="What is learnt first: politics or recommendation",
        chart=_order_chart(table),
        sentence=_order_sentence(reached(rows), useful["target"].iloc[0]),
        alt_text="Probe scores and validation NDCG by epoch, each as a share of its own best, one panel per model.",
        table=table,
    )


def _order_chart(table: pd.DataFrame) -> Chart:
    low = max(-0.1, min(0.0, float(np.nanmin(table["low"])) - 0.02))
    scale = alt.Scale(domain=[low, 1.03], nice=False)
    y = alt.Y("mean:Q", title="share of its own best", scale=scale, axis=alt.Axis(format="%"))
    lines = _lines(table, "target", y, "mean over seeds, band = range").properties(width=355, height=220)
    models = list(table["model"].unique())
    facet = alt.Facet("model:N", sort=models, title=None, header=alt.Header(labelAnchor="start"))
    drawn: alt.FacetChart = lines.facet(facet, columns=2, spacing=24)
    return drawn


def _order_sentence(found: pd.DataFrame, quality_name: str) -> str:
    parts = []
    for model, rows in found.groupby("model", sort=False):
        times = {row["target"]: row for _, row in rows.iterrows()}
        probed = [f"{name} {_when(row)}" for name, row in times.items() if name != quality_name]
        ranked = f", {label(QUALITY)} {_when(times[quality_name])}" if quality_name in times else ""
        parts.append(f"in {model}, {', '.join(probed)}{ranked}")
    return f"First epoch at {NEAR:.0%} of its own best: {'; '.join(parts)} (mean over seeds, range in brackets)."


def _when(row: pd.Series) -> str:
    if row["high"] == 0:
        return "before training"
    mean = f"{row['mean']:.0f}" if float(row["mean"]).is_integer() else f"{row['mean']:.1f}"
    return f"at {mean}" if row["low"] == row["high"] else f"at {mean} [{row['low']:.0f}, {row['high']:.0f}]"
