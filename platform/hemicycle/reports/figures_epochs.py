"""When a model learns what: probe score by epoch, and beside it the quality of recommendation."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.figures_layers import prepared, score_domain, score_title
from hemicycle.reports.summaries import at_readout, over_seeds, scores, with_model
from hemicycle.reports.theme import CYCLE, DASHES, SHAPES, inline, label, number

QUALITY = "ndcg@20"
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
    axis = alt.Axis(
        values=ticks if curved else [v for v in values if v % max(1, len(values) // 8) == 0], grid=False, format="d"
    )
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


# -- recommendation --------------------------------------------------------------------------------------------------


def quality(ranking: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Validation NDCG@20 by epoch, shaped like the trajectories of probes."""
    if ranking.empty:
        return ranking
    rows = with_model(ranking, records)
    rows = rows[(rows["split"] == "valid") & (rows["metric"] == QUALITY) & (rows["status"] != "untrained")]
    return rows.rename(columns={"value": "score"}).assign(target=f"{label(QUALITY)}, validation")
