"""Who leads whom: a matrix of every measure."""

import math
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import Agenda, group_label, measure_label, sort_groups
from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import BLUE, VERMILION, inline, listing, number

LEVEL = 0.05
"""False-discovery rate of edges, where the table does not say which pairs are edges."""
MOST_MEASURES = 4


def edges(rows: pd.DataFrame) -> pd.Series:
    """Which rows are edges: as the table says, else those with a corrected p-value of at most LEVEL."""
    return rows["edge"].astype(bool) if "edge" in rows else rows["p_bh"] <= LEVEL


def strongest_lag(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a pair: that of the smallest p-value, then of the largest value, among its lags."""
    ordered = rows.assign(size=-rows["value"].abs()).sort_values(["p_bh", "size"], kind="stable", na_position="last")
    kept = ordered.drop_duplicates([name for name in ("issue", "measure", "from", "to") if name in rows])
    return kept.drop(columns="size").sort_index()


# -- matrix ----------------------------------------------------------------------------------------------------------


def leading_matrix(agenda: Agenda) -> Figure | None:
    """Heat maps of who leads whom, one a measure, with a mark at each edge; None without leads."""
    rows = agenda.main("leads")
    if rows.empty:
        return None
    rows = strongest_lag(rows[rows["from"] != rows["to"]])
    measures = list(rows["measure"].unique())[:MOST_MEASURES]
    rows = rows[rows["measure"].isin(measures)]
    digits = rows.groupby("measure")["value"].transform(_digits)
    marks = [number(v, d) + "*" * e for v, d, e in zip(rows["value"], digits, edges(rows), strict=True)]
    table = rows.assign(
        leader=rows["from"].map(group_label), follower=rows["to"].map(group_label), edge=edges(rows), text=marks
    )
    names = ["measure", "leader", "follower", "lag", "value", "ci_low", "ci_high", "p_bh", "edge", "text"]
    table = table[names].reset_index(drop=True)
    panels = [_matrix(table[table["measure"] == measure]) for measure in measures]
    return Figure(
        id=agenda.id("leading_matrix"),
        title=agenda.title("Who leads whom"),
        chart=alt.concat(*panels, columns=2, spacing={"row": 24, "column": 28}).resolve_scale(color="independent"),
        sentence=_matrix_sentence(table),
        alt_text="Heat maps, one per measure: rows lead, columns follow; stars mark edges at the false-discovery rate.",
        table=table,
    )


def _digits(values: pd.Series) -> int:
    """Digits that show two of the largest value's."""
    largest = float(values.abs().max())
    return min(6, max(2, 1 - math.floor(math.log10(largest)))) if largest > 0 else 2


def _matrix(rows: pd.DataFrame) -> Any:
    groups = sort_groups([*rows["leader"], *rows["follower"]])
    signed = bool((rows["value"] < 0).any())
    reach = float(rows["value"].abs().max()) or 1.0
    ends = [-reach, 0, reach] if signed else [0, reach]
    colours = [VERMILION, "#f4f3ef", BLUE] if signed else ["#f1f4f7", BLUE]
    angle = -40 if max(map(len, groups)) > 7 else 0
    top = alt.Axis(orient="top", labelAngle=angle, labelLimit=150, ticks=False, grid=False)
    x = alt.X("follower:N", sort=groups, title="follows", axis=top, scale=alt.Scale(domain=groups))
    side = alt.Axis(labelLimit=150, ticks=False, grid=False)
    y = alt.Y("leader:N", sort=groups, title="leads", axis=side, scale=alt.Scale(domain=groups))
    colour = alt.Color("value:Q", scale=alt.Scale(domain=ends, range=colours, interpolate="rgb"), legend=None)
    tips = [alt.Tooltip("leader:N"), alt.Tooltip("follower:N"), alt.Tooltip("lag:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("value", "ci_low", "ci_high", "p_bh")]
    base = alt.Chart().encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour, tooltip=tips)
    ink = alt.condition(f"abs(datum.value) > {0.6 * reach:.6g}", alt.value("white"), alt.value("#22252a"))
    words = base.mark_text(fontSize=10.5).encode(text="text:N", color=ink)
    layered: Any = alt.layer(cells, words, data=inline(rows))
    cell = max(34, min(46, 270 // len(groups)))
    return layered.properties(
        width=cell * len(groups), height=28 * len(groups), title=alt.TitleParams(measure_label(rows["measure"].iloc[0]))
    )


def _matrix_sentence(table: pd.DataFrame) -> str:
    parts = []
    for measure, rows in table.groupby("measure", sort=False):
        found = rows[rows["edge"]]
        text = f"{len(found)} of {len(rows)} pairs by {measure_label(measure)}"
        if len(found):
            row = found.iloc[int(found["value"].abs().argmax())]
            text += f" (strongest: {row['leader']} to {row['follower']})"
        parts.append(text)
    return f"Edges at the false-discovery rate (stars): {listing(parts)}."
