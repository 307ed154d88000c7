"""Who leads whom: tables of pairs, of net leads and of leadership, from one measure of every ordered pair."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.agenda.responses.intervals import percentiles
from hemicycle.probes.multiplicity import benjamini_hochberg

Floats = NDArray[np.float64]
FAMILY = ("measure",)
"""Columns within which the ordered pairs are one family of tests."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure of every ordered pair of groups, [a, b]: how much a leads b.

    Args:
        measure: its name.
        value: shape (groups, groups); a sign says in which direction b follows.
        lag: delay in days at which it is largest, or the number of lags that it takes together.
        p_value: NaN on the diagonal.
        drawn: values of bootstrap replications, which all measures draw alike, shape (replications, groups, groups).
        control: what the p-value compares with.
        least: the smallest possible value.
        strength: what net leads compare, shape (groups, groups); None: the values. The largest value over delays is
            biased upwards, and the more so the less there is, which a difference of two would take for a lead.
        drawn_strength: the same in bootstrap replications.
    """

    measure: str
    value: Floats
    lag: NDArray[np.int64]
    p_value: Floats
    drawn: Floats
    control: str
    least: float = -np.inf
    strength: Floats | None = None
    drawn_strength: Floats | None = None


def interval(value: Floats, drawn: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return percentile intervals whose replications are moved so that their mean is the value.

    Measures that cannot be negative are biased upwards by about as much in a replication as in the data; without the
    shift the interval would hold the bias twice (Davison and Hinkley 1997, section 5.2).

    Args:
        value: any shape.
        drawn: replications along the first axis; none: NaN.
        confidence: of the interval.
    """
    return percentiles(_moved(value, drawn), confidence)


def pairs(found: Measured, groups: Sequence[str], level: float, confidence: float) -> pd.DataFrame:
    """Return one row an ordered pair: the table ``agenda_leads``.

    Args:
        found: the measure.
        groups: names.
        level: false-discovery rate at which an edge is kept.
        confidence: of the intervals.

    Returns:
        Columns measure, from, to, lag, value, ci_low, ci_high, p_value, p_bh (over the pairs), edge (p_bh <= level) and
        control.
    """
    low, high = (np.maximum(end, found.least) for end in interval(found.value, found.drawn, confidence))
    at = np.nonzero(~np.eye(len(groups), dtype=bool))
    columns = {"lag": found.lag, "value": found.value, "ci_low": low, "ci_high": high, "p_value": found.p_value}
    table = _named(found, groups, at, columns)
    return adjusted(table, level).assign(control=found.control)


def adjusted(table: pd.DataFrame, level: float, family: Sequence[str] = FAMILY) -> pd.DataFrame:
    """Return the table with ``p_bh`` and ``edge`` over all rows of a family, by Benjamini and Hochberg (1995).

    For a table of many issues: a family over all of them (the default, where only measures are apart) controls the rate
    of false edges among all edges of all issues.

    Args:
        table: with the columns of the family and ``p_value``.
        level: false-discovery rate at which an edge is kept.
        family: columns that tell families apart.
    """
    by = table.groupby(list(family), dropna=False)["p_value"]
    p_bh = by.transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    return table.assign(p_bh=p_bh, edge=p_bh <= level)


def net_leads(found: Measured, groups: Sequence[str], level: float, confidence: float) -> pd.DataFrame:
    """Return one row a pair of groups: how much more the first leads the second than the other way round.

    Both directions are taken from the same bootstrap replications, and so is the two-sided p-value.

    Args:
        found: the measure.
        groups: names.
        level: false-discovery rate at which an edge is kept.
        confidence: of the intervals.

    Returns:
        Columns measure, from, to, net, ci_low, ci_high, p_value, p_bh, edge.
    """
    value, drawn = _net(found)
    low, high = interval(value, drawn, confidence)
    at = np.triu_indices(len(groups), 1)
    columns = {"net": value, "ci_low": low, "ci_high": high, "p_value": _two_sided(value, drawn)}
    return adjusted(_named(found, groups, at, columns), level)


def leadership(found: Measured, groups: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return one row a group: the mean of its net leads over all other groups, the table ``agenda_network``.

    Args:
        found: the measure.
        groups: names.
        confidence: of the intervals.

    Returns:
        Columns measure, group, net, ci_low, ci_high.
    """
    value, drawn = (net.sum(-1) / max(1, len(groups) - 1) for net in _net(found))
    low, high = interval(value, drawn, confidence)
    return pd.DataFrame({"measure": found.measure, "group": groups, "net": value, "ci_low": low, "ci_high": high})


def _net(found: Measured) -> tuple[Floats, Floats]:
    value = found.value if found.strength is None else found.strength
    drawn = found.drawn if found.drawn_strength is None else found.drawn_strength
    return value - value.T, drawn - drawn.swapaxes(1, 2)


def _moved(value: Floats, drawn: Floats) -> Floats:
    return drawn - drawn.mean(0) + value if len(drawn) else drawn


def _two_sided(value: Floats, drawn: Floats) -> Floats:
    if not len(drawn):
        return np.full(value.shape, np.nan)
    moved = _moved(value, drawn)
    tail = np.minimum((moved <= 0).sum(0), (moved >= 0).sum(0))
    return np.asarray(np.minimum(2 * (1 + tail) / (1 + len(drawn)), 1))


def _named(
    found: Measured, groups: Sequence[str], at: tuple[NDArray[np.int64], ...], columns: Mapping[str, NDArray[Any]]
) -> pd.DataFrame:
    names = {"measure": found.measure, "from": _of(groups, at[0]), "to": _of(groups, at[1])}
    return pd.DataFrame(names | {name: values[at] for name, values in columns.items()})


def _of(groups: Sequence[str], at: Iterable[int]) -> list[str]:
    return [groups[i] for i in at]
