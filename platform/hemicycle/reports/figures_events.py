"""What groups attend to around sudden rises of attention, beside random days."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import Agenda, group_label, sort_groups
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.theme import BLUE, GREY, ORANGE, inline, listing, number

WIDTH, TOGETHER = 780, "all groups"
EVENTS, CONTROL = "after events", "random {}s"


def event_studies(agenda: Agenda) -> Figure | None:
    """Curves of what groups attend to around events with bands, and around random days; None without events."""
    rows = agenda.main("events")
    if rows.empty:
        return None
    columns = ["group", "response group", "day", "value", "ci_low", "ci_high", "n_events", "control", "control_high"]
    table = rows[[name for name in columns if name in rows]].rename(columns={"response group": "response"})
    table = table.assign(group=table["group"].map(group_label), response=table["response"].map(group_label))
    table = table.reset_index(drop=True)
    return Figure(
        id=agenda.id("event_studies"),
        title=agenda.title("Around sudden rises of attention"),
        chart=_curves(table, agenda.step),
        sentence=_events_sentence(table, agenda.step) + _first_movers(agenda),
        alt_text=(
            f"Small multiples of attention by {agenda.step} around events with bands and the same around random "
            f"{agenda.step}s; columns: whose rise it is, rows: who responds."
        ),
        table=table,
    )


def _curves(table: pd.DataFrame, step: str) -> Chart:
    groups = sort_groups([*table["group"], *table["response"]])
    columns = sort_groups(table["group"])
    width = max(52, min(180, WIDTH // len(columns) - 40))
    x = alt.X("day:Q", title=None, axis=alt.Axis(tickCount=4, grid=False, tickMinStep=1), scale=alt.Scale(nice=False))
    control = CONTROL.format(step)
    kinds = alt.Scale(domain=[EVENTS, control], range=[BLUE, ORANGE])
    colour = alt.Color("kind:N", title=None, scale=kinds, legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2))
    base = alt.Chart().encode(x=x)
    y = alt.Y("value:Q", axis=alt.Axis(tickCount=3, labelFontSize=10, labelPadding=2), title=None)
    band = base.mark_area(opacity=0.2, color=BLUE).encode(y=alt.Y("ci_low:Q", title=None), y2="ci_high:Q")
    tips = [alt.Tooltip(f"{n}:N") for n in ("group", "response")]
    tips += [alt.Tooltip(f"{n}:Q", format=".4f") for n in ("day", "value", "ci_low", "ci_high", "control")]
    line = (
        base.mark_line(strokeWidth=1.8).transform_calculate(kind=f"'{EVENTS}'").encode(y=y, color=colour, tooltip=tips)
    )
    chance = base.mark_line(strokeDash=[3, 3], strokeWidth=1.5).transform_calculate(kind=f"'{control}'")
    layers = [band, line, chance.encode(y=alt.Y("control:Q"), color=colour)]
    begin = alt.Chart().mark_rule(color=GREY, strokeDash=[2, 2]).encode(x=alt.datum(0))
    layered: Any = alt.layer(begin, *layers, data=inline(table)).properties(width=width, height=66)
    words = "split(datum.label, ' ')"
    top = alt.Header(labelExpr=words, labelFontSize=11, labelLineHeight=13, titleFontSize=12)
    side = alt.Header(labelExpr=words, labelAngle=0, labelAlign="left", labelFontSize=11, labelLineHeight=13)
    facets: Any = layered.facet(
        column=alt.Column("group:N", sort=columns, title="whose rise", header=top),
        row=alt.Row("response:N", sort=groups, title=f"who responds (points by {step})", header=side),
        spacing=8,
    )
    chart: alt.FacetChart = facets.resolve_scale(y="independent")
    return chart


def _events_sentence(table: pd.DataFrame, step: str) -> str:
    later = table[(table["day"] > 0) & (table["group"] != table["response"])]
    counts = table.groupby("group", sort=False)["n_events"].max()
    many = listing([f"{int(count)} of {group}" for group, count in counts.items()])
    text = f"Events: {many}."
    if later.empty:
        return text
    chance = later["control_high" if "control_high" in later else "control"].fillna(0)
    beyond = later[later["ci_low"] > chance]
    pairs = beyond[["group", "response"]].drop_duplicates()
    asked = later[["group", "response"]].drop_duplicates()
    text += f" In {len(pairs)} of {len(asked)} pairs the other group stands above the control at some {step} after the"
    return (
        f"{text} event, by intervals that are not corrected for the number of {step}s. Every panel has its own scale."
    )


def _first_movers(agenda: Agenda) -> str:
    """Who reaches half of its peak first around the rises of all groups together."""
    rows = agenda.main("first_movers")
    if rows.empty:
        return ""
    together = rows["group"] == TOGETHER
    rows = rows[together] if together.any() else rows[rows["group"] == rows["group"].iloc[0]]
    first = rows.sort_values("first", ascending=False, kind="stable").head(2)
    parts = [f"{group_label(row['response group'])} in {number(row['first'])}" for _, row in first.iterrows()]
    whose = group_label(rows["group"].iloc[0])
    return f" Around rises of {whose}, first to half of its peak is {listing(parts)} of bootstrap samples."
