"""What the attention of one group foretells of another's: impulse responses day by day, and effects at the last day."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import (
    CUMULATED,
    ONE_TIME,
    PERMANENT,
    SHOCKS,
    Agenda,
    agendas,
    excludes_zero,
    group_label,
    sort_groups,
)
from hemicycle.reports.facts import Chart, Figure, Tables
from hemicycle.reports.figures_attention import attention_streams, issue_salience
from hemicycle.reports.figures_decomposition import decomposition
from hemicycle.reports.figures_events import event_studies
from hemicycle.reports.figures_following import following_by_issue, follows_or_leads
from hemicycle.reports.figures_hawkes import branching_matrix, endogeneity_shares, goodness_of_fit
from hemicycle.reports.figures_leads import leading_matrix
from hemicycle.reports.figures_mediated import mediated_figures
from hemicycle.reports.figures_networks import lead_network
from hemicycle.reports.figures_recovery import recovery_figures
from hemicycle.reports.theme import CYCLE, DASHES, SHAPES, inline, interval, listing, signed

WIDTH = 820


def agenda_figures(tables: Tables) -> list[Figure]:
    """Every figure about attention that the tables allow, analysis by analysis, then those of simulations."""
    drawn = [figure for agenda in agendas(tables) for figure in _figures(agenda)]
    return [*drawn, *mediated_figures(tables), *recovery_figures(tables)]


def _figures(agenda: Agenda) -> Iterator[Figure]:
    makers = (
        effects_at_the_end,
        follows_or_leads,
        following_by_issue,
        one_time_responses,
        cumulated_responses,
        permanent_responses,
        decomposition,
        leading_matrix,
        lead_network,
        event_studies,
        attention_streams,
        issue_salience,
        branching_matrix,
        endogeneity_shares,
        goodness_of_fit,
    )
    yield from (figure for maker in makers if (figure := maker(agenda)) is not None)


@dataclass(frozen=True)
class ModeChannels:
    """How modes are told apart: colour, and dash or shape; no legend where there is one mode."""

    colour: alt.Color
    dash: alt.StrokeDash
    shape: alt.Shape


def mode_channels(modes: list[str], *, lines: bool) -> ModeChannels:
    """Return the channels of modes, with a legend of lines or of points."""
    names = range(len(modes))
    shown: dict[str, Any] = {"symbolType": "stroke", "symbolSize": 260, "symbolStrokeWidth": 2} if lines else {}
    legend = alt.Legend(symbolOpacity=1, **shown) if len(modes) > 1 else None
    colours = alt.Scale(domain=modes, range=[CYCLE[place % len(CYCLE)] for place in names])
    dashes = alt.Scale(domain=modes, range=[list(DASHES[place % len(DASHES)]) for place in names])
    shapes = alt.Scale(domain=modes, range=[SHAPES[place % len(SHAPES)] for place in names])
    return ModeChannels(
        alt.Color("mode:N", title="autoregression", scale=colours, legend=legend),
        alt.StrokeDash("mode:N", title="autoregression", scale=dashes, legend=legend),
        alt.Shape("mode:N", title="autoregression", scale=shapes, legend=legend),
    )


def response_rows(agenda: Agenda) -> pd.DataFrame:
    """Responses of groups to others on the scale of points; own responses are left out."""
    rows = agenda.main("responses")
    if rows.empty:
        return rows
    rows = rows[rows["scale"] == "points"] if (rows["scale"] == "points").any() else rows
    rows = rows[rows["impulse"] != rows["response"]]
    order = {group: place for place, group in enumerate(agenda.groups)}
    rows = rows.sort_values(["impulse", "response"], key=lambda names: names.map(order), kind="stable")
    return rows.assign(impulse=rows["impulse"].map(group_label), response=rows["response"].map(group_label))


def last_day(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last day."""
    found: pd.DataFrame = rows[rows["day"] == rows["day"].max()]
    return found


# -- day by day ------------------------------------------------------------------------------------------------------


def one_time_responses(agenda: Agenda) -> Figure | None:
    """Responses to a rise of one day; None without responses."""
    return _responses(agenda, ONE_TIME)


def cumulated_responses(agenda: Agenda) -> Figure | None:
    """Responses to a rise of one day, summed over the days so far; None without responses."""
    return _responses(agenda, CUMULATED)


def permanent_responses(agenda: Agenda) -> Figure | None:
    """Responses to a rise that stays; None without responses."""
    return _responses(agenda, PERMANENT)


def _responses(agenda: Agenda, shock: str) -> Figure | None:
    rows = response_rows(agenda)
    rows = rows[rows["shock"] == shock] if len(rows) else rows
    if rows.empty:
        return None
    table = rows[["mode", "impulse", "response", "day", "value", "ci_low", "ci_high"]].reset_index(drop=True)
    return Figure(
        id=agenda.id(f"responses_{shock.replace('-', '_').replace(' ', '_')}"),
        title=agenda.title(f"{agenda.step.capitalize()} by {agenda.step}: responses to a {shock} rise"),
        chart=_grid(table, agenda.modes, agenda.step),
        sentence=_grid_sentence(table, f"{agenda.step} {{}} of a {shock} rise", list(rows["kind"].unique())),
        alt_text=(
            f"Small multiples of responses to a {shock} rise by {agenda.step} with bands: a column for the group that "
            "rises, a row for the group that responds, a dashed line at 0."
        ),
        table=table,
    )


def _grid(table: pd.DataFrame, modes: list[str], step: str) -> alt.FacetChart:
    groups = sort_groups([*table["impulse"], *table["response"]])
    width = max(70, min(170, (WIDTH - 110) // len(groups) - 14))
    by = mode_channels([mode for mode in modes if mode in set(table["mode"])], lines=True)
    x = alt.X("day:Q", title=None, axis=alt.Axis(tickCount=3, grid=False, tickMinStep=1), scale=alt.Scale(nice=False))
    base = alt.Chart().encode(x=x, color=by.colour)
    y_axis = alt.Axis(tickCount=4, labelBound=True)
    band = base.mark_area(opacity=0.2).encode(y=alt.Y("ci_low:Q", title=None, axis=y_axis), y2="ci_high:Q")
    tips = [alt.Tooltip(f"{name}:N") for name in ("impulse", "response", "mode")] + [alt.Tooltip("day:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "ci_low", "ci_high")]
    line = base.mark_line(strokeWidth=1.8).encode(y=alt.Y("value:Q"), tooltip=tips, strokeDash=by.dash)
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(y=alt.datum(0))
    layered: Any = alt.layer(band, zero, line, data=inline(_with_own(table))).properties(width=width, height=64)
    words = "split(datum.label, ' ')"
    top = alt.Header(labelExpr=words, labelFontSize=11, titleFontSize=12, labelLineHeight=13)
    side = alt.Header(labelExpr=words, labelAngle=0, labelAlign="left", labelFontSize=11, labelLineHeight=13)
    column = alt.Column(
        "impulse:N", sort=groups, title=f"who rises ({'on' if step == 'day' else 'in'} {step} 0)", header=top
    )
    row = alt.Row("response:N", sort=groups, title=f"who responds (points by {step})", header=side)
    chart: alt.FacetChart = layered.facet(column=column, row=row, spacing=8)
    return chart


def _with_own(table: pd.DataFrame) -> pd.DataFrame:
    """Rows and an empty one for each group's own response: a grid that lacks cells is drawn out of order."""
    groups = sort_groups([*table["impulse"], *table["response"]])
    own = pd.DataFrame({"mode": table["mode"].iloc[0], "impulse": groups, "response": groups, "day": 0})
    return pd.concat([table, own], ignore_index=True)


def _grid_sentence(table: pd.DataFrame, when: str, kinds: list[str]) -> str:
    end = last_day(table)
    parts = []
    for mode, rows in end.groupby("mode", sort=False):
        row = rows.iloc[int(rows["value"].abs().argmax())]
        bounds = interval(row["ci_low"], row["ci_high"])
        text = f"{row['response']} to {row['impulse']} ({signed(row['value'])}{bounds} points)"
        parts.append(f"{text} by {mode}" if len(set(end["mode"])) > 1 else text)
    return (
        f"At {when.format(int(end['day'].max()))} ({listing(kinds)} shocks), the strongest to respond: "
        f"{listing(parts)}. Bands are intervals of the bootstrap; own responses are left out."
    )


# -- the last day ----------------------------------------------------------------------------------------------------


def effects_at_the_end(agenda: Agenda) -> Figure | None:
    """Effects at the last day of all pairs, one-time and permanent; None without responses."""
    rows = response_rows(agenda)
    if rows.empty:
        return None
    rows = last_day(rows)
    table = rows.assign(clear=excludes_zero(rows))[
        ["mode", "shock", "impulse", "response", "day", "value", "ci_low", "ci_high", "clear"]
    ].reset_index(drop=True)
    return Figure(
        id=agenda.id("effects_at_the_end"),
        title=agenda.title(f"Who responds to whom: {agenda.step} {int(table['day'].iloc[0])}"),
        chart=_effects(table, agenda.modes, agenda.step),
        sentence=_effects_sentence(table),
        alt_text=(
            "Points with intervals of every pair of groups, a panel for the group that responds and a row for the "
            "group that rises; one block for each kind of rise."
        ),
        table=table,
    )


def _effects(table: pd.DataFrame, modes: list[str], step: str) -> Chart:
    shocks = [shock for shock in SHOCKS if shock in set(table["shock"])]
    known = [mode for mode in modes if mode in set(table["mode"])]
    blocks = [_effects_block(table[table["shock"] == shock], known, (shock, step)) for shock in shocks]
    return alt.vconcat(*blocks, spacing=18)


def _effects_block(rows: pd.DataFrame, known: list[str], rise: tuple[str, str]) -> alt.FacetChart:
    groups = sort_groups([*rows["impulse"], *rows["response"]])
    by = mode_channels(known, lines=False)
    axis = alt.Axis(grid=True, ticks=False, labelLimit=170, title="who rises")
    base = alt.Chart().encode(y=alt.Y("impulse:N", sort=groups, axis=axis), yOffset=alt.YOffset("mode:N", sort=known))
    x = alt.X(
        "value:Q",
        title=None,
        axis=alt.Axis(tickCount=3, labelOverlap="greedy", labelSeparation=6),
        scale=alt.Scale(zero=True),
    )
    pale = alt.condition("datum.clear", alt.value(1), alt.value(0.4))
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("ci_low:Q", title=None), x2="ci_high:Q", color=by.colour, opacity=pale
    )
    tips = [alt.Tooltip(f"{name}:N") for name in ("impulse", "response", "mode", "shock")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "ci_low", "ci_high")]
    points = base.mark_point(size=42, filled=True).encode(
        x=x, color=by.colour, shape=by.shape, opacity=pale, tooltip=tips
    )
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    width = max(62, min(200, (WIDTH - 165) // len(groups) - 12))
    height = {"step": 14 + 6 * len(known), "for": "position"}
    layered: Any = alt.layer(zero, bars, points, data=inline(rows)).properties(width=width, height=height)
    header = alt.Header(labelExpr="split(datum.label, ' ')", labelFontSize=11, labelLineHeight=13, titleFontSize=12)
    title = f"who responds to a {_in_words(*rise)} at {rise[1]} {int(rows['day'].iloc[0])}"
    column = alt.Column("response:N", sort=groups, title=title, header=header)
    chart: alt.FacetChart = layered.facet(column=column, spacing=12)
    return chart


def _in_words(shock: str, step: str) -> str:
    """A rise and the unit of its effects."""
    return f"one-time rise, points summed over the {step}s," if shock == CUMULATED else f"{shock} rise, points"


def _effects_sentence(table: pd.DataFrame) -> str:
    parts = []
    for (mode, shock), rows in table.groupby(["mode", "shock"], sort=False):
        up, down = (int((rows["clear"] & (rows["value"] * sign > 0)).sum()) for sign in (1, -1))
        with_mode = f" ({mode})" if len(set(table["mode"])) > 1 else ""
        found = f"{up} of {len(rows)} pairs above 0 after a {shock} rise{with_mode}"
        parts.append(f"{found}, {down} below" if down else found)
    return f"Intervals lie with {'; '.join(parts)}. Pale marks: the interval holds 0; intervals are pair by pair."
