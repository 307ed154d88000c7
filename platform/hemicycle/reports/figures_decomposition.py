"""Whose surprises make up each group's attention: shares of forecast variance."""

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import Agenda, group_colours, group_label, sort_groups
from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import inline, interval, number


def decomposition(agenda: Agenda) -> Figure | None:
    """Stacked bars of the variance of what each group's attention will be, by whose surprises; None without it."""
    rows = agenda.main("decomposition")
    if rows.empty or rows["response"].nunique() < 2:
        return None
    modes = [mode for mode in agenda.modes if mode in set(rows["mode"])] or [rows["mode"].iloc[0]]
    rows = rows[(rows["day"] == rows["day"].max()) & (rows["mode"] == modes[0])]
    table = rows.assign(response=rows["response"].map(group_label), impulse=rows["impulse"].map(group_label))
    names = ["response", "impulse", "day", "share", "ci_low", "ci_high"]
    table = table[names].reset_index(drop=True)
    groups = sort_groups([*table["response"], *table["impulse"]])
    table = table.assign(place=table["impulse"].map(groups.index))
    colours = alt.Scale(domain=groups, range=group_colours(groups))
    legend = alt.Legend(columns=4, titleLimit=300)
    tips = [alt.Tooltip("response:N"), alt.Tooltip("impulse:N")]
    tips += [alt.Tooltip(f"{n}:Q", format=".3f") for n in ("share", "ci_low", "ci_high")]
    chart = (
        alt.Chart(inline(table))
        .mark_bar(stroke="white")
        .encode(
            y=alt.Y("response:N", sort=groups, title=None, axis=alt.Axis(labelLimit=190, ticks=False)),
            x=alt.X(
                "share:Q",
                title="share of forecast variance",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color("impulse:N", title="surprises of", scale=colours, legend=legend),
            order=alt.Order("place:Q"),
            tooltip=tips,
        )
        .properties(width=560, height={"step": 26})
    )
    return Figure(
        id=agenda.id("variance_decomposition"),
        title=agenda.title("Whose surprises make up each group's attention"),
        chart=chart,
        sentence=_decomposition_sentence(table, agenda.step),
        alt_text="Stacked bars, one per group: shares of its forecast variance by whose surprises they come from.",
        table=table.drop(columns="place"),
    )


def _decomposition_sentence(table: pd.DataFrame, step: str) -> str:
    others = table[table["response"] != table["impulse"]]
    row = others.iloc[int(others["share"].argmax())]
    own = table[table["response"] == table["impulse"]]["share"]
    return (
        f"At {step} {int(table['day'].iloc[0])} surprises of others account for {number(1 - own.max())} to "
        f"{number(1 - own.min())} of a group's forecast variance; most: {row['impulse']} for {row['response']}, "
        f"{number(row['share'])}{interval(row['ci_low'], row['ci_high'])}. With orthogonalised shocks the order of the "
        "groups counts."
    )
