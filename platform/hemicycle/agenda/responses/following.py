"""Does one group follow another more than it leads it? The difference of two effects, from the same replications.

Points and shares answer different questions. In points, a rise of ten is a larger shock to a group that gives the
topics little attention than to one that gives them much, and points are easier to gain for the latter: a group with the
higher mean follows more for that reason alone. Shares of variance have no scale: how much of what is unforeseen in one
group comes from the other; but with orthogonalised shocks, groups that stand first in the order are given what happens
within the day. Where statements disagree, means or the order speak.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.agenda.responses.intervals import Interval, interval, long_table
from hemicycle.agenda.responses.points import Shocks

Floats = NDArray[np.float64]


def following(estimates: Shocks, spread: Shocks, groups: tuple[str, ...], confidence: float) -> pd.DataFrame:
    """Compare the responses of each pair of groups to each other on the last day, in points.

    Both responses of a replication come from the same resampled data, so that the interval is that of a paired
    difference.

    Args:
        estimates: responses, shape (days, groups, groups), by shock and scale.
        spread: their replications, shape (replications, days, groups, groups).
        groups: names.
        confidence: level of the percentile interval.

    Returns:
        Table agenda_following: shock, a, b, b_on_a (response of a to a rise of b), a_on_b, difference (b_on_a less
        a_on_b), ci_low, ci_high, day; positive: a follows b more than it leads b. All ordered pairs, so that (b, a)
        mirrors (a, b).
    """
    parts = [
        _pairs(found, spread[shock, scale], groups, confidence).assign(shock=shock)
        for (shock, scale), found in estimates.items()
        if scale == "points"
    ]
    columns = ["shock", "a", "b", "b_on_a", "a_on_b", "difference", "ci_low", "ci_high", "day"]
    return pd.concat(parts, ignore_index=True)[columns]


def following_shares(shares: Floats, spread: Floats, groups: tuple[str, ...], confidence: float) -> pd.DataFrame:
    """Compare the shares of each other's forecast error variance that each pair of groups makes by the last day.

    Args:
        shares: decomposition, shape (days, groups, groups).
        spread: its replications, shape (replications, days, groups, groups).
        groups: names.
        confidence: level of the percentile interval.

    Returns:
        Table agenda_following_shares: a, b, b_in_a (share of a's variance that comes from b), a_in_b, difference,
        ci_low, ci_high, day; signs and pairs as in :func:`following`.
    """
    table = _pairs(shares, spread, groups, confidence).rename(columns={"b_on_a": "b_in_a", "a_on_b": "a_in_b"})
    columns = ["a", "b", "b_in_a", "a_in_b", "difference", "ci_low", "ci_high", "day"]
    return table[columns].reset_index(drop=True)


def _pairs(value: Floats, drawn: Floats, groups: tuple[str, ...], confidence: float) -> pd.DataFrame:
    last = value[-1:]
    found = paired(last, drawn[:, -1:], confidence)
    table = long_table(found, groups, "difference").rename(columns={"response": "a", "impulse": "b"})
    table = table.assign(day=len(value) - 1, b_on_a=last.ravel(), a_on_b=np.swapaxes(last, -1, -2).ravel())
    return table[table["a"] != table["b"]]


def paired(value: Floats, drawn: Floats, confidence: float) -> Interval:
    """Return the interval of effects [response, impulse] less those the other way round.

    Args:
        value: effects, shape (..., groups, groups).
        drawn: their replications along the first axis.
        confidence: level of the percentile interval.
    """
    return interval(value - np.swapaxes(value, -1, -2), drawn - np.swapaxes(drawn, -1, -2), confidence)
