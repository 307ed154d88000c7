"""What the arms of a simulation do to opinions: measures over time, and paired differences at the end."""

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.findings import last_step
from hemicycle.reports.summaries import METRICS, over_seeds
from hemicycle.reports.theme import BLUE, CYCLE, DASHES, GREY, MINUS, ORANGE, inline, label, listing, small

MOST_STEPS = 80


def opinion_labels(rows: pd.DataFrame) -> pd.Series:
    """Name of the opinion model, with the simulation where there are several."""
    several = len(rows["simulation"].unique()) > 1
    names = rows["opinion"].map(label)
    return names + ", " + rows["simulation"] if several else names


def order_metrics(names: pd.Series) -> list[str]:
    """Metrics in their customary order, others after them."""
    present = list(names.unique())
    return [*[name for name in METRICS if name in present], *[name for name in present if name not in METRICS]]


def over_time(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over seeds per opinion model, metric, arm and step; at most MOST_STEPS steps."""
    steps = sorted(results["step"].unique())
    every = -(-len(steps) // MOST_STEPS)
    kept = results[results["step"].isin([*steps[::every], steps[-1]])]
    named = kept.assign(panel=opinion_labels(kept), arm_label=kept["arm"].map(label))
    return over_seeds(named, ["panel", "metric", "arm_label", "step"], "value")


def polarization_over_time(results: pd.DataFrame) -> Figure | None:
    """Every metric over time by arm; rows are metrics, columns opinion models; None without simulations."""
    if results.empty:
        return None
    table = over_time(results)
    return Figure(
        id="polarization_over_time",
        title="Opinions over time, by what people are shown",
        chart=_time_chart(table),
        sentence=_time_sentence(table),
        alt_text="Lines over time, one per arm, with the range over seeds as a band; one row per measure.",
        table=table,
    )


def _time_chart(table: pd.DataFrame) -> Chart:
    panels, metrics = list(table["panel"].unique()), order_metrics(table["metric"])
    rows = [_metric_row(table, metric, panels, last=metric == metrics[-1]) for metric in metrics]
    return alt.vconcat(*rows, spacing=8)


def _metric_row(table: pd.DataFrame, metric: str, panels: list[str], *, last: bool) -> alt.FacetChart:
    arms = list(table["arm_label"].unique())
    first = metric == order_metrics(table["metric"])[0]
    legend = alt.Legend(symbolOpacity=1, symbolType="stroke", symbolSize=260, symbolStrokeWidth=2)
    colour = alt.Color(
        "arm_label:N", title="arm", legend=legend, scale=alt.Scale(domain=arms, range=list(CYCLE[: len(arms)]))
    )
    dash = alt.StrokeDash(
        "arm_label:N", title="arm", legend=legend, scale=alt.Scale(domain=arms, range=list(DASHES[: len(arms)]))
    )
    axis = alt.Axis(labels=last, ticks=last, title="step" if last else None, grid=False)
    base = alt.Chart().encode(x=alt.X("step:Q", axis=axis, scale=alt.Scale(nice=False)), color=colour)
    scale = alt.Scale(zero=False)
    y = alt.Y("mean:Q", title=label(metric), scale=scale, axis=alt.Axis(tickCount=4))
    tips = [alt.Tooltip("arm_label:N", title="arm"), alt.Tooltip("step:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("mean", "low", "high")]
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash, tooltip=tips)
    width = max(150, min(360, 790 // len(panels) - 30))
    data = inline(table[table["metric"] == metric])
    header = alt.Header(labels=first, labelAnchor="start")
    layered = alt.layer(band, line, data=data).properties(width=width, height=120)
    return layered.facet(column=alt.Column("panel:N", sort=panels, title=None, header=header), spacing=24)


def _time_sentence(table: pd.DataFrame) -> str:
    metric = order_metrics(table["metric"])[0]
    parts = []
    for panel, rows in table[table["metric"] == metric].groupby("panel", sort=False):
        last = rows[rows["step"] == rows["step"].max()]
        ends = [f"{small(row['mean'])} under {row['arm_label']}" for _, row in last.iterrows()]
        apart = _bands_apart(last)
        parts.append(f"in {panel}, {listing(ends)} ({'separate' if apart else 'overlapping'} ranges)")
    step, seeds = table["step"].max(), table["seeds"].min()
    return f"At step {step} {label(metric)} is, {'; '.join(parts)}; means over {seeds} seeds, bands their range."


def _bands_apart(last: pd.DataFrame) -> bool:
    ordered = last.sort_values("mean")
    return bool((ordered["low"].to_numpy()[1:] > ordered["high"].to_numpy()[:-1]).all())


CLEAR, UNCLEAR, UNKNOWN = "95 % interval excludes 0", "includes 0", "no interval"
VERDICTS = {CLEAR: (BLUE, "circle"), UNCLEAR: (GREY, "diamond"), UNKNOWN: (ORANGE, "cross")}


def paired_differences(contrasts: pd.DataFrame) -> Figure | None:
    """Forest plot of arm minus reference with intervals, one panel per metric; None without contrasts."""
    if contrasts.empty:
        return None
    rows = last_step(contrasts)
    one = len(rows["reference"].unique()) == 1
    pair = rows["arm"].map(label) + ("" if one else f" {MINUS} " + rows["reference"].map(label))
    reach = rows["minimum_detectable_effect"]
    table = rows.assign(pair=pair, panel=opinion_labels(rows), verdict=verdicts(rows), mde_low=-reach, mde_high=reach)
    return Figure(
        id="paired_differences",
        title="What exposure changes: paired differences",
        chart=_forest(table, f", against {label(rows['reference'].iloc[0])}" if one else ""),
        sentence=_forest_sentence(table),
        alt_text="Differences between arms with 95 % intervals and a line at zero, one panel per measure.",
        table=table.reset_index(drop=True),
    )


def verdicts(rows: pd.DataFrame) -> pd.Series:
    """Whether each interval excludes zero; where seeds do not vary or there is one, there is no interval."""
    excludes = ((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).map({True: CLEAR, False: UNCLEAR})
    return excludes.where(rows["ci_high"] > rows["ci_low"], UNKNOWN)


def _forest(table: pd.DataFrame, against: str) -> Chart:
    metrics = order_metrics(table["metric"])
    kinds = [kind for kind in VERDICTS if kind in set(table["verdict"])]
    panels = [_forest_panel(table[table["metric"] == metric], label(metric) + against, kinds) for metric in metrics]
    return alt.concat(*panels, columns=2, spacing=24)


def _forest_panel(rows: pd.DataFrame, title: str, kinds: list[str]) -> alt.FacetChart:
    pairs = list(rows["pair"].unique())
    colours = alt.Scale(domain=kinds, range=[VERDICTS[kind][0] for kind in kinds])
    colour = alt.Color("verdict:N", scale=colours, title=None)
    shapes = alt.Scale(domain=kinds, range=[VERDICTS[kind][1] for kind in kinds])
    tips = [alt.Tooltip("pair:N"), alt.Tooltip("n_seeds:Q", title="seeds"), alt.Tooltip("step:Q")]
    names = ("difference", "ci_low", "ci_high", "minimum_detectable_effect")
    tips += [alt.Tooltip(f"{name}:Q", format=".4f", title=name.replace("_", " ")) for name in names]
    base = alt.Chart().encode(y=alt.Y("pair:N", sort=pairs, title=None, axis=alt.Axis(labelLimit=190, grid=False)))
    scale = alt.Scale(padding=14, nice=False, zero=False)
    x = alt.X("difference:Q", title=f"Δ {title}", axis=alt.Axis(tickCount=4), scale=scale)
    unseen = base.mark_bar(height=13, opacity=0.22, color=GREY).encode(x=alt.X("mde_low:Q"), x2="mde_high:Q")
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("ci_low:Q"), x2="ci_high:Q", color=colour)
    shape = alt.Shape("verdict:N", scale=shapes, title=None)
    points = base.mark_point(filled=True, size=85, opacity=1).encode(x=x, color=colour, shape=shape, tooltip=tips)
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    layered = alt.layer(unseen, zero, bars, points, data=inline(rows))
    header = alt.Header(labelAnchor="start", labelAngle=0, labelOrient="top", labelPadding=4)
    sized = layered.properties(width=250, height=30 * len(pairs))
    return sized.facet(row=alt.Row("panel:N", sort=list(rows["panel"].unique()), title=None, header=header), spacing=14)


def _forest_sentence(table: pd.DataFrame) -> str:
    counts = table["verdict"].value_counts()
    lead = f"{counts.get(CLEAR, 0)} of {len(table)} paired differences have a 95 % interval that excludes 0"
    lead += " (not corrected for their number)"
    if UNKNOWN in counts:
        lead += f", {counts[UNKNOWN]} have no interval because seeds do not vary or there is one"
    detectable = table["mde_high"].dropna()
    if len(detectable):
        lead += "; differences inside a grey bar would be found in fewer than 80 % of such studies"
    strongest = _strongest(table)
    return f"{lead}. Clearest: {strongest}." if strongest else f"{lead}."


def _strongest(table: pd.DataFrame) -> str:
    """The difference that is largest in units of its interval, among those that exclude zero."""
    rows = table[table["verdict"] == CLEAR]
    if rows.empty:
        return ""
    row = rows.iloc[int((rows["difference"].abs() / (rows["ci_high"] - rows["ci_low"])).argmax())]
    bounds = f"[{small(row['ci_low'])}, {small(row['ci_high'])}]"
    change = f"{label(row['metric'])} {small(row['difference'])} {bounds}"
    return f"{change} under {row['panel']}, {label(row['arm'])} against {label(row['reference'])}"
