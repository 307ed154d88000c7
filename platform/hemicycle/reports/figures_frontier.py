"""What better lists cost: accuracy against the share of lists that comes from the other side, by strength."""

import re
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.summaries import over_seeds, with_model
from hemicycle.reports.theme import CYCLE, SHAPES, inline, label, listing, number

_STRENGTH = re.compile(r"-t[\d.e+-]+$")
SLACK = 0.001
"""Changes up to this much, which three digits do not show, count as none in the sentence."""
MEASURES = {"ndcg": "ndcg", "cross": "clear_crossing_share"}
"""Prefix of the columns of :func:`by_strength` -> column of the frontier."""


def by_strength(frontier: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over seeds for each curve (a derived member) and strength.

    Returns:
        Columns ``curve``, ``parent``, ``metric`` (``ndcg@20``), ``strength``, ``seeds``, for NDCG and for the
        cross-cutting share ``ndcg``, ``ndcg_low``, ``ndcg_high``, ``cross``, ``cross_low``, ``cross_high``, and the
        mean ``diversity`` and ``infeasible_users``; one row a mark.
    """
    rows = frontier if frontier.empty else frontier.dropna(subset=["clear_crossing_share", "ndcg"])
    if rows.empty:
        return pd.DataFrame()
    rows = with_model(rows, records)
    rows = rows.assign(
        curve=[_STRENGTH.sub("", name) for name in rows["model"]],
        parent=[_STRENGTH.sub("", re.sub(r"-s\d+$", "", str(name))) for name in rows["parent"]],
        metric=[f"ndcg@{k}" for k in rows["k"]],
    )
    by = ["curve", "parent", "metric", "strength"]
    found = rows.groupby(by, sort=False)[["diversity", "infeasible_users"]].mean().reset_index()
    for prefix, column in MEASURES.items():
        names = {"mean": prefix, "low": f"{prefix}_low", "high": f"{prefix}_high"}
        found = found.merge(over_seeds(rows, by, column).rename(columns=names), on=[*by, *_kept(found)])
    return found.sort_values(["curve", "strength"], ignore_index=True)


def _kept(found: pd.DataFrame) -> list[str]:
    return ["seeds"] if "seeds" in found else []


def monotone(curve: pd.DataFrame, slack: float = 0.0) -> bool:
    """Tell whether, as the strength grows, the cross-cutting share never falls and NDCG never rises.

    Args:
        curve: rows of one curve with ``strength``, ``cross`` and ``ndcg``.
        slack: changes against the trend up to this much count as none.
    """
    rows = curve.sort_values("strength")
    rises, falls = np.diff(rows["cross"]), np.diff(rows["ndcg"])
    return bool((rises >= -slack).all() and (falls <= slack).all())


def cross_cutting_frontier(frontier: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """NDCG against cross-cutting share of every derived model; None where neither is known."""
    table = by_strength(frontier, records)
    if table.empty:
        return None
    return Figure(
        id="cross_cutting_frontier",
        title="What lists from the other side cost",
        chart=frontier_chart(table),
        sentence=_sentence(table),
        alt_text=(
            "Ranking accuracy (NDCG) against the share of each list that comes from another side than the user's. A "
            "line joins the strengths of one transform, from the unchanged lists on; bars are the range over seeds."
        ),
        table=table,
    )


def frontier_chart(table: pd.DataFrame) -> Chart:
    """Draw :func:`by_strength`'s table: one line a curve, its points in the order of strength."""
    names = list(table["curve"].unique())
    colours, shapes = ([cycle[i % len(cycle)] for i in range(len(names))] for cycle in (CYCLE, SHAPES))
    colour = alt.Color("curve:N", scale=alt.Scale(domain=names, range=colours), title="derived model")
    shape = alt.Shape("curve:N", scale=alt.Scale(domain=names, range=shapes), title="derived model")
    scale = alt.Scale(zero=False, nice=True)
    x = alt.X(
        "cross:Q",
        title="share of the whole list that is clearly from another side",
        scale=scale,
        axis=alt.Axis(format=".0%"),
    )
    y = alt.Y("ndcg:Q", title=listing([label(name) for name in table["metric"].unique()], "or"), scale=scale)
    tips = [alt.Tooltip("curve:N", title="derived model"), alt.Tooltip("parent:N")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("strength", "ndcg", "cross", "diversity")]
    base = alt.Chart().encode(color=colour)
    marks = [
        base.mark_line(strokeWidth=2).encode(x=x, y=y, order="strength:Q"),
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(x=x, y=alt.Y("ndcg_low:Q"), y2="ndcg_high:Q"),
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=y, x=alt.X("cross_low:Q"), x2="cross_high:Q"),
        base.mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, shape=shape, tooltip=tips),
    ]
    drawn: Any = alt.layer(*marks, data=inline(table))
    chart: alt.LayerChart = drawn.properties(width=680, height=340)
    return chart


def _sentence(table: pd.DataFrame) -> str:
    """How far each curve goes, which ones are not monotone, and whose constraints fail."""
    curves = {str(name): rows for name, rows in table.groupby("curve", sort=False)}
    moved = {name: rows for name, rows in curves.items() if len(rows) > 1}
    text = "Of lists, " + "; ".join(_moved(name, rows) for name, rows in (moved or curves).items())
    odd = [name for name, rows in moved.items() if not monotone(rows, SLACK)]
    text += f". Not monotone in the mean over seeds: {listing(odd)}" if odd else ""
    failed = table.groupby("curve", sort=False)["infeasible_users"].max()
    parts = [f"{name} for up to {number(float(n), 0)} users" for name, n in failed.items() if n > 0]
    text += f". Constraints that could not be met: {listing(parts)}" if parts else ""
    return f"{text}."


def _moved(name: str, rows: pd.DataFrame) -> str:
    metric = label(rows["metric"].iloc[0])
    shares, values = (
        [number(float(rows[key].iloc[place]), digits) for place in (0, -1)]
        for key, digits in (("cross", 2), ("ndcg", 3))
    )
    if len(rows) == 1:
        return f"{name} has a share of {shares[0]} from another side and {metric} {values[0]}"
    return (
        f"{name} takes the share from another side from {' to '.join(shares)} and {metric} from {' to '.join(values)}"
    )
