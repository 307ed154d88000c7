"""Simulations that know the truth: estimates beside it, and how often effects are found."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure, Tables, table
from hemicycle.reports.theme import BLUE, CYCLE, DASHES, GREY, VERMILION, inline, label, listing, number, signed, small

POWER = 0.8
"""Power that a study is asked for."""
MOST_ESTIMATORS, MOST_POINTS = 6, 400
WITHIN, BEYOND = "holds the truth", "misses it"


def recovery_figures(tables: Tables) -> list[Figure]:
    """Figures of the simulations of agendas that the tables allow."""
    drawn = (truth_and_estimates(tables), power_curves(tables))
    return [figure for figure in drawn if figure is not None]


# -- recovery --------------------------------------------------------------------------------------------------------


def recovery_rows(tables: Tables) -> pd.DataFrame:
    """Estimates of what was planted, those of a recommender's weight among them, which are called by its arm."""
    rows, weights = table(tables, "agenda_recovery"), table(tables, "agenda_mediation_weight")
    if len(weights):
        named = [f"exposure, {arm} arm" for arm in weights["arm"]]
        rows = pd.concat([rows, weights.assign(estimator=named, parameter=weights["group"])], ignore_index=True)
    return rows if rows.empty else _apart(rows.dropna(subset=["estimate", "truth"]), "estimator", "agenda")


def _apart(rows: pd.DataFrame, named: str, by: str) -> pd.DataFrame:
    """Rows whose names also say of which analysis or model they are, where there are several."""
    if by not in rows or len(set(rows[by])) < 2:
        return rows
    return rows.assign(**{named: [f"{name} ({of})" for name, of in zip(rows[named], rows[by], strict=True)]})


def truth_and_estimates(tables: Tables) -> Figure | None:
    """Estimates with intervals against the truth, one panel an estimator; None without a recovery."""
    rows = recovery_rows(tables)
    if rows.empty:
        return None
    rows = rows[rows["estimator"].isin(rows["estimator"].unique()[:MOST_ESTIMATORS])]
    covered = rows["covered"].astype(bool).map({True: WITHIN, False: BEYOND})
    names = ["estimator", "parameter", "truth", "estimate", "ci_low", "ci_high", "replication"]
    found = rows.assign(interval=covered.where(rows["ci_low"].notna(), "none"))[[*names, "interval"]]
    return Figure(
        id="agenda_recovery",
        title="What was planted and what is found",
        chart=_truth_chart(found),
        sentence=recovery_sentence(rows),
        alt_text="Estimates with intervals against true values, one panel per estimator; the diagonal is the truth.",
        table=found.reset_index(drop=True),
    )


def _truth_chart(found: pd.DataFrame) -> Chart:
    panels = [_truth_panel(rows, str(name)) for name, rows in found.groupby("estimator", sort=False)]
    return alt.concat(*panels, columns=min(3, len(panels)), spacing=24)


def _truth_panel(rows: pd.DataFrame, name: str) -> Any:
    shown = rows if len(rows) <= MOST_POINTS else rows.iloc[:: -(-len(rows) // MOST_POINTS)]
    values = pd.concat([shown["truth"], shown["estimate"]])
    ends = pd.DataFrame({"truth": [float(values.min()), float(values.max())]})
    width = (float(values.max()) - float(values.min())) or 1.0
    spread = shown.groupby("truth").cumcount() / shown.groupby("truth")["truth"].transform("size") - 0.5
    shown = shown.assign(x=shown["truth"] + 0.03 * width * spread)
    colours = alt.Scale(domain=[WITHIN, BEYOND], range=[BLUE, VERMILION])
    colour = alt.Color("interval:N", title="interval", scale=colours, legend=alt.Legend(symbolOpacity=1))
    x = alt.X("x:Q", title="truth", scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(tickCount=5))
    base = alt.Chart(inline(shown)).encode(x=x, color=colour)
    tips = [alt.Tooltip("parameter:N"), alt.Tooltip("replication:Q")]
    tips += [alt.Tooltip(f"{n}:Q", format=".4f") for n in ("truth", "estimate", "ci_low", "ci_high")]
    bars = base.mark_rule(opacity=0.35).encode(y=alt.Y("ci_low:Q", title="estimate"), y2="ci_high:Q")
    points = base.mark_circle(size=22, opacity=0.9).encode(
        y=alt.Y("estimate:Q", axis=alt.Axis(tickCount=5)), tooltip=tips
    )
    same = (
        alt.Chart(inline(ends)).mark_line(color=GREY, strokeDash=[4, 3]).encode(x=alt.X("truth:Q"), y=alt.Y("truth:Q"))
    )
    layered: Any = alt.layer(same, bars, points)
    return layered.properties(width=215, height=215, title=label(name))


def recovery_sentence(rows: pd.DataFrame) -> str:
    """Largest error, mean error and coverage of every estimator."""
    parts = []
    for name, part in rows.groupby("estimator", sort=False):
        error = part["estimate"] - part["truth"]
        text = f"{label(name)}: bias {signed(float(error.mean()), 3)}, root mean square error "
        text += f"{small(float((error**2).mean() ** 0.5))}, largest error {small(float(error.abs().max()))}"
        known = part[part["ci_low"].notna()]
        if len(known):
            text += f", {number(float(known['covered'].astype(float).mean()))} of intervals hold the truth"
        runs = part["replication"].nunique() if "replication" in part else 1
        parts.append(f"{text} ({runs} replication{'' if runs == 1 else 's'})")
    return f"{'; '.join(parts)}."


# -- power -----------------------------------------------------------------------------------------------------------


def power_rows(tables: Tables) -> pd.DataFrame:
    """Rows of the power analysis with the column ``power``, the share of replications that reject."""
    rows = table(tables, "agenda_power")
    return rows if rows.empty else _apart(rows.assign(power=rows["rejected"].astype(float)), "estimator", "agenda")


def power_curves(tables: Tables) -> Figure | None:
    """Power by days, a line a size of the effect, panels by number of topics and estimator; None without one."""
    rows = power_rows(tables)
    if rows.empty:
        return None
    columns = ["estimator", "topics", "days", "effect", "replications", "power", "low", "high"]
    found = rows[[name for name in columns if name in rows]].reset_index(drop=True)
    return Figure(
        id="agenda_power",
        title="How many days and topics are needed",
        chart=_power_chart(found),
        sentence=power_sentence(found),
        alt_text="Lines of power by number of days, one per size of effect, a rule at 80 %; columns: topics.",
        table=found,
    )


def _power_chart(found: pd.DataFrame) -> alt.FacetChart:
    shown = found.assign(effect=[small(value) for value in found["effect"]], size=found["effect"])
    effects = list(shown.sort_values("size", kind="stable")["effect"].unique())
    colours = alt.Scale(domain=effects, range=[CYCLE[place % len(CYCLE)] for place in range(len(effects))])
    dashes = alt.Scale(domain=effects, range=[list(DASHES[place % len(DASHES)]) for place in range(len(effects))])
    legend = alt.Legend(symbolType="stroke", symbolSize=260, symbolStrokeWidth=2, symbolOpacity=1)
    colour = alt.Color("effect:N", title="effect", scale=colours, legend=legend)
    dash = alt.StrokeDash("effect:N", title="effect", scale=dashes, legend=legend)
    days = sorted(shown["days"].unique())
    axis = alt.Axis(values=[int(day) for day in days], grid=False, labelOverlap="greedy")
    base = alt.Chart().encode(
        x=alt.X("days:Q", title="days", axis=axis, scale=alt.Scale(type="log", nice=False)), color=colour
    )
    scale = alt.Scale(domain=[0, 1])
    tips = [alt.Tooltip("effect:N"), alt.Tooltip("days:Q"), alt.Tooltip("topics:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("power", "low", "high")]
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    y = alt.Y("power:Q", title="power", scale=scale, axis=alt.Axis(format=".0%", tickCount=5))
    line = base.mark_line(strokeWidth=2, point=True).encode(y=y, strokeDash=dash, tooltip=tips)
    wanted = alt.Chart().mark_rule(color=GREY, strokeDash=[5, 3]).encode(y=alt.datum(POWER))
    topics = sorted(shown["topics"].unique())
    width = max(120, min(260, 760 // len(topics) - 30))
    layered: Any = alt.layer(band, wanted, line, data=inline(shown)).properties(width=width, height=150)
    column = alt.Column("topics:O", title="topics", sort=topics)
    if len(set(shown["estimator"])) == 1:
        single: alt.FacetChart = layered.facet(column=column, spacing=16)
        return single
    header = alt.Header(labelAngle=0, labelAlign="left")
    chart: alt.FacetChart = layered.facet(
        column=column, row=alt.Row("estimator:N", title=None, header=header), spacing=16
    )
    return chart


def fewest_days(rows: pd.DataFrame) -> int:
    """Fewest days from which on all designs of one effect and number of topics have the power; 0 where none has it."""
    short = rows.loc[rows["power"] < POWER, "days"].max()
    enough = rows.loc[~(rows["days"] <= short), "days"] if pd.notna(short) else rows["days"]
    return int(enough.min()) if len(enough) else 0


def power_sentence(found: pd.DataFrame) -> str:
    """Fewest days at which each effect is found in 80 % of studies, by number of topics; false alarms at effect 0."""
    parts = []
    real = found[found["effect"] != 0]
    for (estimator, effect), rows in real.groupby(["estimator", "effect"], sort=False):
        size = small(float(str(effect)))
        enough = [(topics, fewest_days(part)) for topics, part in rows.groupby("topics")]
        told = listing([f"{days} days of {topics} topics" for topics, days in enough if days], "or")
        most = f"in no design here (at most {number(float(rows['power'].max()))})"
        which = f" by {label(estimator)}" if len(set(real["estimator"])) > 1 else ""
        parts.append(f"an effect of {size}{which} {f'with {told}' if told else most}")
    none = found[found["effect"] == 0]
    text = f"Found in at least 80 % of replications: {'; '.join(parts)}." if parts else ""
    if none.empty:
        return text
    ends = sorted({number(float(none["power"].min())), number(float(none["power"].max()))})
    return f"{text} Without an effect {' to '.join(ends)} of replications reject.".strip()
