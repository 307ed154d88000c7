"""What groups attend to: streams of attention over time, and the ranking of issues by group."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import ALL, Agenda, group_label, issue_label, sort_groups
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.theme import BLUE, CYCLE, GREY, inline, listing, number

MOST_STREAMS, MOST_RANKED, MOST_TIMES = 7, 24, 120
REST = "all other issues"


def attention_rows(agenda: Agenda) -> pd.DataFrame:
    """Attention over time by issue and group, names for people; rows of all issues together are left out."""
    rows = agenda.rows("attention")
    if rows.empty:
        return rows
    rows = rows[rows["issue"].astype(str) != ALL].dropna(subset=["share"])
    return rows.assign(
        issue=rows["issue"].map(issue_label), group=rows["group"].map(group_label), time=pd.to_datetime(rows["time"])
    )


def _mean_shares(rows: pd.DataFrame) -> pd.Series:
    """Issues from the most attended one, mean over groups and times."""
    return rows.groupby("issue")["share"].mean().sort_values(ascending=False, kind="stable")


# -- streams ---------------------------------------------------------------------------------------------------------


def streams(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares by issue, the most attended ones and the rest together, at most MOST_TIMES times."""
    named = list(_mean_shares(rows).index[:MOST_STREAMS])
    grouped = rows.assign(issue=rows["issue"].where(rows["issue"].isin(named), REST))
    times = sorted(grouped["time"].unique())
    every = -(-len(times) // MOST_TIMES)
    bins = {time: times[place - place % every] for place, time in enumerate(times)}
    summed = grouped.groupby(["group", "time", "issue"], sort=False)["share"].sum().reset_index()
    coarse = summed.assign(time=summed["time"].map(bins))
    return coarse.groupby(["group", "time", "issue"], sort=False)["share"].mean().reset_index()


def attention_streams(agenda: Agenda) -> Figure | None:
    """Stacked areas of attention over time, one panel a group; None without attention over time."""
    rows = attention_rows(agenda)
    if rows.empty or rows["time"].nunique() < 2:
        return None
    table = streams(rows)
    issues = [*(name for name in _mean_shares(rows).index[:MOST_STREAMS]), REST]
    issues = [name for name in issues if name in set(table["issue"])]
    return Figure(
        id=agenda.id("attention_streams"),
        title=agenda.title("What groups attend to, over time"),
        chart=_areas(table.assign(place=table["issue"].map(issues.index)), issues),
        sentence=_streams_sentence(table),
        alt_text="Stacked areas of attention over time, one panel per group; colours are issues.",
        table=table.assign(time=table["time"].dt.strftime("%Y-%m-%d %H:%M")),
    )


def _areas(table: pd.DataFrame, issues: list[str]) -> Chart:
    groups = sort_groups(table["group"])
    colours = [GREY if issue == REST else CYCLE[place % len(CYCLE)] for place, issue in enumerate(issues)]
    legend = alt.Legend(columns=4, symbolType="square", symbolOpacity=1, labelLimit=190)
    colour = alt.Color("issue:N", title=None, scale=alt.Scale(domain=issues, range=colours), legend=legend)
    shown = table.assign(time=table["time"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    tips = [alt.Tooltip("group:N"), alt.Tooltip("issue:N"), alt.Tooltip("time:T"), alt.Tooltip("share:Q", format=".3f")]
    base: Any = (
        alt.Chart(inline(shown))
        .mark_area(opacity=0.85, interpolate="monotone")
        .encode(
            x=alt.X("time:T", title=None, axis=alt.Axis(grid=False, tickCount=6, labelOverlap="greedy")),
            y=alt.Y("share:Q", stack="zero", title=None, axis=alt.Axis(format=".0%", tickCount=3)),
            color=colour,
            order=alt.Order("place:Q"),
            tooltip=tips,
        )
    )
    header = alt.Header(labelAnchor="start", labelFontSize=12, labelPadding=2)
    facet = alt.Facet("group:N", sort=groups, title=None, header=header)
    chart: alt.FacetChart = base.properties(width=365, height=105).facet(facet=facet, columns=2, spacing=18)
    return chart


def _streams_sentence(table: pd.DataFrame) -> str:
    peaks = table[table["issue"] != REST]
    row = peaks.iloc[int(peaks["share"].argmax())]
    total = table.groupby(["group", "time"])["share"].sum().groupby("group").mean()
    least, most = total.idxmin(), total.idxmax()
    return (
        f"The issues drawn take {number(total.min())} of the attention of {least} and {number(total.max())} of that of "
        f"{most} on average; the highest peak is {row['issue']} among {row['group']} in {row['time']:%B %Y} "
        f"({number(row['share'])})."
    )


# -- salience --------------------------------------------------------------------------------------------------------


def salience(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean share and rank of every issue for each group."""
    means = rows.groupby(["issue", "group"], sort=False)["share"].mean().reset_index()
    ranks = means.groupby("group")["share"].rank(ascending=False, method="first").astype(int)
    return means.assign(rank=ranks)


def issue_salience(agenda: Agenda) -> Figure | None:
    """Heat map of mean attention with ranks, issue by group; None without attention to several issues."""
    rows = attention_rows(agenda)
    if rows.empty or rows["issue"].nunique() < 2:
        return None
    order = list(_mean_shares(rows).index)
    table = salience(rows)
    table = table[table["issue"].isin(order[:MOST_RANKED])].reset_index(drop=True)
    return Figure(
        id=agenda.id("issue_salience"),
        title=agenda.title("Issues by how much each group attends to them"),
        chart=_ranking(table, order),
        sentence=_salience_sentence(table, len(order)),
        alt_text="Heat map of mean attention: rows are issues, columns groups; numbers are ranks.",
        table=table,
    )


def _ranking(table: pd.DataFrame, order: list[str]) -> alt.LayerChart:
    groups = sort_groups(table["group"])
    top = alt.Axis(orient="top", labelAngle=-30, labelLimit=170, ticks=False, grid=False)
    x = alt.X("group:N", sort=groups, title=None, axis=top)
    y = alt.Y("issue:N", sort=order, title=None, axis=alt.Axis(labelLimit=280, ticks=False, grid=False))
    reach = float(table["share"].max())
    scale = alt.Scale(type="sqrt", domain=[0, reach], range=["#f1f4f7", BLUE], interpolate="rgb")
    legend = alt.Legend(orient="right", format=".0%", gradientLength=120, titleLimit=150)
    tips = [alt.Tooltip("issue:N"), alt.Tooltip("group:N"), alt.Tooltip("share:Q", format=".4f"), alt.Tooltip("rank:Q")]
    base = alt.Chart().encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("share:Q", title="mean share", scale=scale, legend=legend), tooltip=tips
    )
    ink = alt.condition(f"datum.share > {0.4 * reach:.6g}", alt.value("white"), alt.value("#22252a"))
    words = base.mark_text(fontSize=11.5).encode(text="rank:Q", color=ink)
    layered: Any = alt.layer(cells, words, data=inline(table))
    chart: alt.LayerChart = layered.properties(width={"step": 66}, height={"step": 22})
    return chart


def _salience_sentence(table: pd.DataFrame, known: int) -> str:
    first = table[table["rank"] == 1]
    leaders = {str(issue): listing(list(rows["group"])) for issue, rows in first.groupby("issue", sort=False)}
    wide = table.pivot_table(index="issue", columns="group", values="rank")
    spread = (wide.max(axis=1) - wide.min(axis=1)).sort_values(ascending=False, kind="stable")
    text = f"First: {'; '.join(f'{name} for {groups}' for name, groups in leaders.items())}."
    if spread.iloc[0] > 0:
        ranks = wide.loc[spread.index[0]]
        ends = f"rank {int(ranks.min())} for {ranks.idxmin()}, {int(ranks.max())} for {ranks.idxmax()}"
        text += f" Groups differ most on {spread.index.astype(str)[0]} ({ends})."
    drawn = table["issue"].nunique()
    return f"{text} Drawn are {drawn} of {known} issues." if known > drawn else text
