"""Figures of estimated mechanisms: profiles of shape parameters with their intervals, and the comparison."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import BLUE, GREY, VERMILION, inline, label, listing, number

if TYPE_CHECKING:
    from hemicycle.estimation.estimate import Estimates

_DEEP = 25.0


def estimation_figures(found: "Estimates", level: float) -> Sequence[Figure]:
    """Return the figures that can be drawn: the comparison, and a profile of each shape parameter."""
    own = found.profile[found.profile["group"] == ""]
    profiles = [_profile(own[own["mechanism"] == name], found.results, level) for name in own["mechanism"].unique()]
    figures = [comparison_figure(found.comparison[found.comparison["group"] == ""], level), *profiles]
    return [figure for figure in figures if figure is not None]


def comparison_figure(comparison: pd.DataFrame, level: float) -> Figure | None:
    """Forest of differences in held-out log-likelihood to the preferred mechanism; None with one mechanism."""
    if len(comparison) < 2:
        return None
    order = comparison["mechanism"].tolist()
    y = alt.Y("mechanism:N", sort=order, title=None)
    title = "held-out log-likelihood a movement, against the preferred mechanism"
    base = alt.Chart(inline(comparison), width=420, height=26 * len(order))
    rule = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("ci_low:Q", title=title), x2="ci_high:Q", y=y)
    dot = base.mark_point(color=BLUE, filled=True, size=70).encode(
        x="held_out_difference:Q", y=y, tooltip=["mechanism:N", "delta_bic:Q", "held_out_difference:Q"]
    )
    zero = alt.Chart(inline(pd.DataFrame({"x": [0.0]}))).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x="x:Q")
    gaps = [f"{name} {gap:.1f}" for name, gap in zip(order[1:4], comparison["delta_bic"][1:4], strict=True)]
    return Figure(
        id="estimation_comparison",
        title="Which mechanism fits",
        chart=alt.layer(zero, rule, dot),
        sentence=f"{order[0]} is preferred; BIC above it: {listing(gaps)}. Bars are {level:.0%} intervals over users.",
        alt_text=f"Forest of {len(order)} mechanisms: how much worse than {order[0]} they predict users left out.",
        table=comparison.reset_index(drop=True),
    )


def _profile(profile: pd.DataFrame, results: pd.DataFrame, level: float) -> Figure | None:
    """Draw the likelihood ratio by shape parameter, with the interval as a band."""
    name, parameter = str(profile["mechanism"].iloc[0]), str(profile["parameter"].iloc[0])
    at = (results["group"] == "") & (results["mechanism"] == name) & (results["parameter"] == parameter)
    row = results[at].iloc[0]
    shown = profile[np.isfinite(profile["ratio"])].sort_values("value")
    if shown.empty:
        return None
    top = float(shown["value"].max())
    x = alt.X("value:Q", title=f"{label(name)}: {parameter}", scale=alt.Scale(domain=[0.0, top], nice=False))
    height = float(min(shown["ratio"].max(), max(_DEEP, shown["ratio"].quantile(0.9)))) or 1.0
    scale = alt.Scale(domain=[-height, 0], clamp=True)
    line = alt.Chart(inline(shown.assign(ratio=-shown["ratio"])), width=420, height=240)
    drawn = line.mark_line(color=BLUE, interpolate="step-after" if name == "bounded_confidence" else "linear").encode(
        x=x, y=alt.Y("ratio:Q", scale=scale, title="twice the log-likelihood, below its maximum")
    )
    ends = pd.DataFrame({"low": [row["ci_low"]], "high": [min(row["ci_high"], top)], "value": [min(row["value"], top)]})
    band = alt.Chart(inline(ends)).mark_rect(color=GREY, opacity=0.25).encode(x="low:Q", x2="high:Q")
    best = alt.Chart(inline(ends)).mark_rule(color=VERMILION).encode(x="value:Q")
    high = number(row["ci_high"]) if np.isfinite(row["ci_high"]) else "no upper end"
    return Figure(
        id=f"estimation_profile_{name}",
        title=f"What the data say about the {parameter} of {label(name)}",
        chart=alt.layer(band, best, drawn),
        sentence=f"Best {number(row['value'])}; {level:.0%} interval from {number(row['ci_low'])} to {high}.",
        alt_text=f"Profile likelihood of the {parameter}, highest at {number(row['value'])}.",
        table=shown.reset_index(drop=True),
    )
