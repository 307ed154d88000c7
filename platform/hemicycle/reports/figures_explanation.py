"""How much of what is recommended runs along an attitude, and where lists go without it."""

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.summaries import with_model
from hemicycle.reports.theme import GREY, SHAPES, group_colours, inline, interval, listing, number, split_name

MOST_ATTITUDES = 4
SHARE = "share_of_score"
BAND = "permuted labels, 95 % range"
NOBODY = "no side"
_ENDS = ("value", "ci_low", "ci_high", "random", "permuted", "permuted_low", "permuted_high")
_STEPS = 24
_WIDTH, _GAP = 0.12, 1.35


# -- shares by rank --------------------------------------------------------------------------------------------------


def by_rank(explanations: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of the share of scores along each attitude, by rank and by the attitude's two ends.

    Returns:
        Columns ``attribute``, ``model``, ``group``, ``rank``, ``value``, ``ci_low``, ``ci_high``, ``random``,
        ``permuted``, ``permuted_low``, ``permuted_high`` and ``seeds``; one row a mark. Ends of intervals are means
        over seeds.
    """
    if explanations.empty:
        return pd.DataFrame()
    rows = explanations[(explanations["measure"] == SHARE) & (explanations["group_by"] == explanations["attribute"])]
    rows = rows[(rows["rank"] > 0) & rows["attribute"].isin(rows["attribute"].unique()[:MOST_ATTITUDES])]
    if rows.empty:
        return pd.DataFrame()
    by = ["attribute", "model", "group", "rank"]
    groups = with_model(rows, records).groupby(by, sort=False)
    found = groups[list(_ENDS)].mean().assign(seeds=groups["seed"].nunique()).reset_index()
    return found.sort_values(by, ignore_index=True, key=_ordered)


def _ordered(column: pd.Series) -> pd.Series:
    """Numbers by size, names as they came, with ``below`` before ``above``."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    first = sorted(column.unique(), key=lambda name: (not str(name).startswith("below"), list(column).index(name)))
    return column.map({name: place for place, name in enumerate(first)})


def share_by_rank(explanations: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Share of scores along attitudes, by rank, with the control's band; None without explanations."""
    table = by_rank(explanations, records)
    if table.empty:
        return None
    return Figure(
        id="share_by_rank",
        title="How much of a recommendation's score runs along an attitude",
        chart=shares_chart(table),
        sentence=_shares_sentence(with_model(explanations, records)),
        alt_text=(
            "Share of the scores of listed items that runs along an attitude's axis, by place in the list and by the "
            "user's end of the attitude, for each model. A grey band shows axes learnt from permuted labels, a dashed "
            "line the mean of random directions."
        ),
        table=table,
    )


def shares_chart(table: pd.DataFrame) -> Chart:
    """Draw :func:`by_rank`'s table: rows are attitudes, columns models."""
    attitudes, models = list(table["attribute"].unique()), list(table["model"].unique())
    names = list(table["group"].unique())
    colours, shapes = group_colours(names), list(SHAPES[: len(names)])
    scales = alt.Scale(domain=names, range=colours), alt.Scale(domain=names, range=shapes)
    panels = [_shares_panel(table, (a, m), scales) for a in attitudes for m in models]
    return alt.concat(*panels, columns=len(models), align="each", spacing={"row": 20, "column": 22})


def _shares_panel(table: pd.DataFrame, place: tuple[str, str], scales: tuple[alt.Scale, alt.Scale]) -> alt.LayerChart:
    attitude, model = place
    rows, models = table[(table["attribute"] == attitude) & (table["model"] == model)], table["model"].unique()
    first, last = model == models[0], attitude == table["attribute"].iloc[-1]
    scale = _share_scale(table)
    axis = alt.Axis(labels=first, ticks=first, format=".0%")
    y = alt.Y("value:Q", title="share of <u, v>" if first else None, scale=scale, axis=axis)
    x = alt.X("rank:Q", title="place in the list" if last else None, scale=alt.Scale(nice=False))
    tips = [alt.Tooltip("group:N"), *(alt.Tooltip(f"{n}:Q", format=".3f") for n in ("rank", *_ENDS))]
    title = "users' end of the attitude"
    colour = alt.Color("group:N", scale=scales[0], title=title, legend=alt.Legend(symbolOpacity=1))
    shape = alt.Shape("group:N", scale=scales[1], title=title)
    base = alt.Chart().encode(x=x)
    drawn: Any = alt.layer(
        _band(base, scale),
        base.mark_line(strokeDash=[4, 3], color=GREY).encode(y=alt.Y("mean(random):Q", scale=scale)),
        base.mark_area(opacity=0.2).encode(y=alt.Y("ci_low:Q", scale=scale), y2="ci_high:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(y=y, color=colour),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=y, color=colour, shape=shape, tooltip=tips),
        data=inline(rows),
    )
    width = max(150, 680 // len(models) - 30)
    panel: alt.LayerChart = drawn.properties(width=width, height=170, title=_title(model, attitude))
    return panel


def _title(model: str, attitude: str) -> alt.TitleParams:
    name, what = split_name(model)
    return alt.TitleParams(name, subtitle=[what, attitude] if what else attitude, frame="group")


def _share_scale(table: pd.DataFrame) -> alt.Scale:
    low = float(np.nanmin(table[["ci_low", "value", "permuted_low"]].to_numpy(float)))
    high = float(np.nanmax(table[["ci_high", "value", "permuted_high"]].to_numpy(float)))
    return alt.Scale(domain=[min(0.0, low), high * 1.05], nice=False)


def _band(base: alt.Chart, scale: alt.Scale) -> alt.Chart:
    fill = alt.Fill("series:N", scale=alt.Scale(domain=[BAND], range=[GREY]), title="control")
    area = base.transform_calculate(series=f"'{BAND}'").mark_area(opacity=0.25)
    ends = {"y": alt.Y("min(permuted_low):Q", scale=scale), "y2": "max(permuted_high):Q"}
    drawn: alt.Chart = area.encode(fill=fill, **ends)
    return drawn


def _shares_sentence(rows: pd.DataFrame) -> str:
    """Share over whole lists of all users, for the first attitude, against both controls."""
    rows = rows[(rows["measure"] == SHARE) & (rows["rank"] == 0) & (rows["group_by"] == "")]
    rows = rows[rows["attribute"] == rows["attribute"].iloc[0]]
    parts = []
    for model, of_model in rows.groupby("model", sort=False):
        mean = of_model[list(_ENDS)].mean()
        ends = interval(mean["permuted_low"], mean["permuted_high"])
        chance = f"permuted labels {number(mean['permuted'])}{ends}, random directions {number(mean['random'])}"
        own = f"{number(mean['value'])}{interval(mean['ci_low'], mean['ci_high'])}"
        parts.append(f"{own} in {model} ({chance})")
    return f"Of what is scored in whole lists, the share along {rows['attribute'].iloc[0]} is {listing(parts)}."


# -- lists without the axis ------------------------------------------------------------------------------------------


def mean_flows(flows: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of the share of lists that passes from a side to a side when an attitude's axis is removed.

    Returns:
        Columns ``attribute``, ``model``, ``group`` (users), ``leaves``, ``enters``, ``value`` and ``seeds``.
    """
    if flows.empty:
        return pd.DataFrame()
    rows = flows[flows["attribute"].isin(flows["attribute"].unique()[:MOST_ATTITUDES])]
    by = ["attribute", "model", "group", "leaves", "enters"]
    groups = with_model(rows, records).groupby(by, sort=False)
    return groups["value"].mean().to_frame().assign(seeds=groups["seed"].nunique()).reset_index()


def counterfactual_flows(flows: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """What lists become without an attitude's axis, side by side; None without explanations."""
    table = mean_flows(flows, records)
    if table.empty:
        return None
    return Figure(
        id="counterfactual_flows",
        title="What would be recommended without the attitude's axis",
        chart=flows_chart(table),
        sentence=_flows_sentence(table),
        alt_text=(
            "For the users of each end of an attitude and each model two bars show the sides of listed items, with the "
            "axis and without it; bands join what leaves a list to what takes its place."
        ),
        table=table,
    )


def flows_chart(table: pd.DataFrame) -> Chart:
    """Draw :func:`mean_flows`' table: rows are attitudes, columns models, in each the users of either end."""
    attitudes, models = list(table["attribute"].unique()), list(table["model"].unique())
    sides = [side for side in table["leaves"].unique() if side != NOBODY]
    domain, colours = [*sides, NOBODY], [*group_colours(sides), GREY]
    scale = alt.Scale(domain=domain, range=colours)
    panels = [_flows_panel(table, (a, m), scale) for a in attitudes for m in models]
    return alt.concat(*panels, columns=len(models), align="each", spacing={"row": 20, "column": 22})


def _flows_panel(table: pd.DataFrame, place: tuple[str, str], scale: alt.Scale) -> alt.LayerChart:
    attitude, model = place
    rows, models = table[(table["attribute"] == attitude) & (table["model"] == model)], table["model"].unique()
    groups, first = list(rows["group"].unique()), model == models[0]
    parts = [ribbons(rows[rows["group"] == group], number * _GAP) for number, group in enumerate(groups)]
    axis = alt.Axis(format=".0%", labels=first, ticks=first, grid=False)
    y = alt.Y(
        "low:Q",
        title="share of the list" if first else None,
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=axis,
    )
    legend = alt.Legend(symbolOpacity=1)
    colour = alt.Color("side:N", scale=scale, legend=legend, title="listed items")
    tips = [alt.Tooltip(f"{n}:N") for n in ("group", "leaves", "enters")] + [alt.Tooltip("value:Q", format=".1%")]
    base = alt.Chart().encode(x=_places(groups), y=y, y2="high:Q", color=colour, tooltip=tips)
    bands = base.transform_filter("datum.kind === 'band'").mark_area(opacity=0.45).encode(detail="flow:N")
    bars = base.transform_filter("datum.kind === 'bar'").mark_rect().encode(x2="x2:Q")
    layered: Any = alt.layer(bands, bars, data=inline(pd.concat(parts, ignore_index=True)))
    width = max(170, 680 // len(models) - 30)
    panel: alt.LayerChart = layered.properties(width=width, height=190, title=_title(model, attitude))
    return panel


def _places(groups: list[str]) -> alt.X:
    """Axis on which each group of users has a pair of bars."""
    middles = [number * _GAP + 0.4 for number in range(len(groups))]
    tests = [f"abs(datum.value - {x}) < .1 ? {json.dumps(f'users: {g}')}" for x, g in zip(middles, groups, strict=True)]
    axis = alt.Axis(
        values=middles,
        labelExpr=" : ".join([*tests, "''"]),
        grid=False,
        ticks=False,
        title="left: with the axis; right: without",
        titleFontWeight="normal",
    )
    return alt.X("x:Q", scale=alt.Scale(domain=[-_WIDTH, middles[-1] + 0.4 + _WIDTH], nice=False), axis=axis)


def ribbons(rows: pd.DataFrame, start: float) -> pd.DataFrame:
    """Outlines of one group's bars and bands.

    Args:
        rows: of one group of users; ``leaves``, ``enters`` and ``value``, which adds up to 1.
        start: left end on the horizontal axis.

    Returns:
        Bars ``kind`` = ``bar`` with ``x``, ``x2``, ``low``, ``high`` and ``side``; bands ``kind`` = ``band`` with
        ``low`` and ``high`` at each ``x``, one ``flow`` for each pair of sides, coloured by what leaves.
    """
    sides = list(rows["leaves"].unique())
    flow = rows.pivot_table(index="leaves", columns="enters", values="value", sort=False).reindex(sides)[sides]
    shares = flow.to_numpy()
    left = np.concatenate([[0], np.cumsum(shares.ravel())])[:-1].reshape(shares.shape)
    right = np.concatenate([[0], np.cumsum(shares.T.ravel())])[:-1].reshape(shares.shape).T
    found: list[dict[str, Any]] = []
    group = rows["group"].iloc[0]
    for place, side in enumerate(sides):
        ends = ((start, left[place, 0], shares[place].sum()), (start + 0.8, right[0, place], shares[:, place].sum()))
        for x, low, size in ends:
            bar = {"kind": "bar", "side": side, "x": x - _WIDTH / 2, "x2": x + _WIDTH / 2, "low": low}
            found.append(bar | {"high": low + size, "group": group, "value": size})
    for r, c in np.argwhere(shares > 0):
        about = {"kind": "band", "side": sides[r], "flow": f"{group} {r} {c}", "group": group}
        about |= {"leaves": sides[r], "enters": sides[c], "value": shares[r, c]}
        for t in np.linspace(0, 1, _STEPS):
            low = left[r, c] + (right[r, c] - left[r, c]) * t * t * (3 - 2 * t)
            found.append(about | {"x": start + 0.8 * t, "low": low, "high": low + shares[r, c]})
    return pd.DataFrame(found)


def _flows_sentence(table: pd.DataFrame) -> str:
    """Share of lists from the other side before and after, for the first attitude."""
    rows = table[table["attribute"] == table["attribute"].iloc[0]]
    parts = []
    for (model, group), own in rows.groupby(["model", "group"], sort=False):
        known = own[~own["leaves"].isin([NOBODY, group])]["value"].sum()
        after = own[~own["enters"].isin([NOBODY, group])]["value"].sum()
        parts.append(f"from {number(known)} to {number(after)} for users {group} in {model}")
    attitude = table["attribute"].iloc[0]
    return f"Without the axis of {attitude} the share of lists from its other end goes {listing(parts)}."
