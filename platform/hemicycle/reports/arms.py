"""How arms of exposure are told apart in figures: one colour and one dash each, the same in all figures of a study."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from hemicycle.reports.theme import CYCLE, DASHES, label

FIELD = "arm_label"


def arm_colour(arms: Sequence[str], *, legend: bool = True) -> Any:
    """Colour channel of arms; a channel by itself, so that marks may leave out the dash."""
    names = [label(arm) for arm in arms]
    scale = alt.Scale(domain=names, range=[CYCLE[place % len(CYCLE)] for place in range(len(names))])
    return alt.Color(f"{FIELD}:N", title="arm", legend=_legend() if legend else None, scale=scale)


def arm_dash(arms: Sequence[str], *, legend: bool = True) -> Any:
    """Dash channel of arms."""
    names = [label(arm) for arm in arms]
    scale = alt.Scale(domain=names, range=[list(DASHES[place % len(DASHES)]) for place in range(len(names))])
    return alt.StrokeDash(f"{FIELD}:N", title="arm", legend=_legend() if legend else None, scale=scale)


def _legend() -> alt.Legend:
    return alt.Legend(symbolOpacity=1, symbolType="stroke", symbolSize=260, symbolStrokeWidth=2, columns=4)
