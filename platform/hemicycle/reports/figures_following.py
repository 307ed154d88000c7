"""Whether groups follow each other more than they lead each other, over all issues and by issue; shares of variance."""

from itertools import product
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import (
    LEGISLATORS,
    ONE_TIME,
    PERMANENT,
    SHOCKS,
    Agenda,
    group_label,
    issue_label,
    role,
    sort_groups,
)
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.theme import BLUE, GREY, VERMILION, inline, listing, signed

FOLLOWS, LEADS, UNTOLD = "follows more", "leads more", "not told apart"
VERDICTS = {FOLLOWS: (BLUE, "circle"), LEADS: (VERMILION, "square"), UNTOLD: (GREY, "diamond")}
SHARES = "shares"
MOST_ISSUES, MOST_PAIRS = 24, 30


def comparisons(agenda: Agenda, issue: str | None = None) -> pd.DataFrame:
    """Pairs of a legislator ``a`` and another group ``b``, all pairs where no group is a legislator, with ``verdict``.

    A difference above 0 says that ``a`` follows ``b`` more than it leads it: the effect of ``b`` on ``a`` minus that of
    ``a`` on ``b``. Pairs that stand the other way round in the table are turned.
    """
    rows = agenda.main("following") if issue is None else agenda.rows("following", issue)
    return rows if rows.empty else _compared(rows)


def share_comparisons(agenda: Agenda) -> pd.DataFrame:
    """The same by shares of forecast variance, which do not depend on how much attention a group pays."""
    rows = agenda.main("following_shares")
    if rows.empty:
        return rows
    return _compared(rows.rename(columns={"b_in_a": "b_on_a", "a_in_b": "a_on_b"}).assign(shock=SHARES))


def _compared(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(a=rows["a"].astype(str), b=rows["b"].astype(str))
    turned = pd.concat([rows, _turned(rows)]).drop_duplicates(_keys(rows), keep="first")
    legislators = {group for group in turned["a"] if role(group) == LEGISLATORS}
    if legislators:
        turned = turned[turned["a"].isin(legislators) & ~turned["b"].isin(legislators)]
    else:
        turned = turned[[a < b for a, b in zip(turned["a"], turned["b"], strict=True)]]
    return turned.assign(
        verdict=[_verdict(low, high) for low, high in zip(turned["ci_low"], turned["ci_high"], strict=True)]
    )


def _keys(rows: pd.DataFrame) -> list[str]:
    return [name for name in ("issue", "mode", "kind", "shock", "day", "a", "b") if name in rows]


def _turned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        a=rows["b"],
        b=rows["a"],
        b_on_a=rows["a_on_b"],
        a_on_b=rows["b_on_a"],
        difference=-rows["difference"],
        ci_low=-rows["ci_high"],
        ci_high=-rows["ci_low"],
    )


def _verdict(low: float, high: float) -> str:
    return FOLLOWS if low > 0 else LEADS if high < 0 else UNTOLD


def follows_or_leads(agenda: Agenda) -> Figure | None:
    """Differences between following and leading with intervals, a panel a rise; None without comparisons."""
    rows = pd.concat([comparisons(agenda), share_comparisons(agenda)], ignore_index=True)
    if rows.empty:
        return None
    order = {group: place for place, group in enumerate(sort_groups([*rows["a"], *rows["b"]]))}
    rows = rows.sort_values(["a", "b"], key=lambda names: names.map(order), kind="stable")
    pairs = [f"{group_label(a)} and {group_label(b)}" for a, b in zip(rows["a"], rows["b"], strict=True)]
    names = ["mode", "shock", "pair", "b_on_a", "a_on_b", "difference", "ci_low", "ci_high", "verdict"]
    table = rows.assign(pair=pairs)[names].reset_index(drop=True)
    table = table[(table["shock"] != ONE_TIME) & table["pair"].isin(table["pair"].unique()[:MOST_PAIRS])]
    return Figure(
        id=agenda.id("follows_or_leads"),
        title=agenda.title("Following or leading"),
        chart=_forest(table, agenda.modes),
        sentence=_forest_sentence(table),
        alt_text=(
            "Differences between how strongly the first group follows the second and how strongly it leads it, with "
            "intervals and a line at 0; right of it the first group follows."
        ),
        table=table,
    )


def _forest(table: pd.DataFrame, modes: list[str]) -> Chart:
    """A row of panels for each autoregression, one for each rise and one for shares of variance."""
    known = [mode for mode in modes if mode in set(table["mode"])] or list(table["mode"].unique())
    shocks = [*(shock for shock in (*SHOCKS, SHARES) if shock in set(table["shock"]))]
    drawn = []
    for mode, shock in product(known, shocks):
        rows = table[(table["shock"] == shock) & (table["mode"] == mode)]
        if len(rows):
            unit = "share" if shock == SHARES else "points"
            what = "share of variance" if shock == SHARES else f"{shock} rise"
            title = alt.TitleParams([what, mode] if len(known) > 1 else what, fontSize=12)
            drawn.append(_forest_panel(rows, unit, named=shock == shocks[0]).properties(title=title))
    return alt.concat(*drawn, columns=len(shocks), spacing={"row": 18, "column": 14})


def _forest_panel(rows: pd.DataFrame, unit: str, *, named: bool) -> Any:
    pairs, kinds = list(rows["pair"].unique()), list(VERDICTS)
    axis = alt.Axis(grid=True, ticks=False, labels=named, labelLimit=330)
    base = alt.Chart().encode(y=alt.Y("pair:N", sort=pairs, title=None, axis=axis))
    colours = alt.Scale(domain=kinds, range=[VERDICTS[kind][0] for kind in kinds])
    shapes = alt.Scale(domain=kinds, range=[VERDICTS[kind][1] for kind in kinds])
    colour = alt.Color("verdict:N", title="the first group", scale=colours)
    shape = alt.Shape("verdict:N", title="the first group", scale=shapes)
    tips = [alt.Tooltip("pair:N")]
    tips += [
        alt.Tooltip(f"{n}:Q", format=".3f", title=n.replace("_", " "))
        for n in ("b_on_a", "a_on_b", "difference", "ci_low", "ci_high")
    ]
    bars = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("ci_low:Q", title=f"leads \N{LEFTWARDS ARROW} {unit} \N{RIGHTWARDS ARROW} follows"),
        x2="ci_high:Q",
        color=colour,
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("difference:Q", axis=alt.Axis(tickCount=4, labelOverlap="greedy", labelSeparation=6)),
        color=colour,
        shape=shape,
        tooltip=tips,
    )
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    layered: Any = alt.layer(zero, bars, points, data=inline(rows))
    return layered.properties(width=190, height={"step": 20})


def _forest_sentence(table: pd.DataFrame) -> str:
    parts = []
    for (shock, mode), rows in table.groupby(["shock", "mode"], sort=False):
        counts = rows["verdict"].value_counts()
        told = [f"{counts.get(kind, 0)} {kind}" for kind in (FOLLOWS, LEADS, UNTOLD) if counts.get(kind, 0)]
        which = f" by {mode}" if len(set(table["mode"])) > 1 else ""
        when = "by shares of forecast variance" if shock == SHARES else f"after a {shock} rise"
        parts.append(f"{when}{which}, {listing(told)} (of {len(rows)})")
    text = f"The first group of each pair: {'; '.join(parts)}."
    return f"{text} Both effects of a pair come from the same bootstrap samples, so their difference is paired."


# -- by issue --------------------------------------------------------------------------------------------------------


def following_by_issue(agenda: Agenda) -> Figure | None:
    """Heat map of differences, issue by pair, after a permanent rise; None where only one issue was asked of."""
    issues = agenda.areas("following")[0][:MOST_ISSUES]
    if len(issues) < 2:
        return None
    rows = pd.concat([comparisons(agenda, issue).assign(issue=issue_label(issue)) for issue in issues])
    shock = PERMANENT if (rows["shock"] == PERMANENT).any() else str(rows["shock"].iloc[0])
    rows = rows[(rows["shock"] == shock) & (rows["mode"] == agenda.modes[0])]
    order = sort_groups([*rows["a"], *rows["b"]])
    rows = rows.sort_values(["a", "b"], key=lambda names: names.map(order.index), kind="stable")
    marks = [signed(value, 1) + ("*" if verdict != UNTOLD else "") for value, verdict in _cells(rows)]
    table = rows.assign(a=rows["a"].map(group_label), b=rows["b"].map(group_label), text=marks)
    names = ["issue", "mode", "shock", "a", "b", "difference", "ci_low", "ci_high", "verdict", "text"]
    table = table[names].reset_index(drop=True)
    return Figure(
        id=agenda.id("following_by_issue"),
        title=agenda.title("Following or leading, issue by issue"),
        chart=_issue_map(table),
        sentence=_issue_sentence(table, shock),
        alt_text="Heat map: rows are issues, columns pairs of groups; colour says who follows; stars exclude 0.",
        table=table,
    )


def _cells(rows: pd.DataFrame) -> zip:  # type: ignore[type-arg]  # pairs of a number and a word
    return zip(rows["difference"], rows["verdict"], strict=True)


def _issue_map(table: pd.DataFrame) -> alt.FacetChart:
    issues, others = list(table["issue"].unique()), list(table["b"].unique())
    reach = float(table["difference"].abs().quantile(0.98)) or 1.0
    scale = alt.Scale(domain=[-reach, 0, reach], range=[VERMILION, "#f4f3ef", BLUE], clamp=True, interpolate="rgb")
    legend = alt.Legend(orient="bottom", titleLimit=400, gradientLength=260, direction="horizontal")
    colour = alt.Color(
        "difference:Q",
        title="leads more \N{LEFTWARDS ARROW} points \N{RIGHTWARDS ARROW} follows more",
        scale=scale,
        legend=legend,
    )
    x = alt.X(
        "b:N",
        sort=others,
        title=None,
        axis=alt.Axis(orient="top", labelAngle=-35, labelLimit=150, ticks=False, grid=False, labelPadding=4),
    )
    y = alt.Y("issue:N", sort=issues, title=None, axis=alt.Axis(labelLimit=230, ticks=False, grid=False))
    tips = [alt.Tooltip(f"{n}:N") for n in ("issue", "a", "b", "verdict")]
    tips += [alt.Tooltip(f"{n}:Q", format=".3f") for n in ("difference", "ci_low", "ci_high")]
    base = alt.Chart().encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour, tooltip=tips)
    ink = alt.condition(f"abs(datum.difference) > {0.6 * reach:.6g}", alt.value("white"), alt.value("#22252a"))
    words = base.mark_text(fontSize=11).encode(text="text:N", color=ink)
    layered: Any = alt.layer(cells, words, data=inline(table)).properties(width={"step": 52}, height={"step": 22})
    header = alt.Header(labelOrient="bottom", labelPadding=6)
    chart: alt.FacetChart = layered.facet(column=alt.Column("a:N", title=None, header=header), spacing=16)
    return chart


def _issue_sentence(table: pd.DataFrame, shock: str) -> str:
    counts = table["verdict"].value_counts()
    told = listing([f"{counts.get(kind, 0)} {kind}" for kind in VERDICTS])
    return (
        f"After a {shock} rise, of {len(table)} comparisons in {table['issue'].nunique()} issues: {told} (the group "
        "under the map against the one above it; a star: the interval excludes 0, not corrected for their number)."
    )
