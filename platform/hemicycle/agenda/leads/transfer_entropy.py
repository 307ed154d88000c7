"""Transfer entropy of symbols: what a group's past tells about another's next day beyond that one's own past.

    TE(a -> b) = sum p(b', b, a) ln [ p(b' | b, a) / p(b' | b) ]      in nats

with b' the follower's symbol of a day, b that of the day before and a the leader's so many days before (Schreiber,
Physical Review Letters 85, 2000). Symbols of series that are normal in truth and whitened tell half the Granger measure
at most (Barnett, Barrett and Seth, PRL 103, 2009); any other shape of dependence is seen as well.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.loops import compiled, over_rows

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def gaussian(measure: Floats) -> Floats:
    """Return the transfer entropy of a Gaussian process, in nats: half of its Granger measure.

    Barnett, Barrett and Seth, Physical Review Letters 103 (2009), equation 7.

    Args:
        measure: Geweke's F(a -> b), any shape, which is that of the result.
    """
    return np.asarray(measure / 2)


def quantile_symbols(values: Floats, states: int) -> Whole:
    """Return the quantile class of each value within its topic and group, 0 to states - 1; -1: missing.

    Ties share the lowest class that they reach, so that rounded values make classes of unequal sizes.

    Args:
        values: shape (topics, times, groups).
        states: number of classes.
    """
    found = np.full(values.shape, -1, np.int64)
    for topic, group in np.ndindex(values.shape[0], values.shape[2]):
        series = values[topic, :, group]
        known = np.isfinite(series)
        edges = np.quantile(series[known], np.arange(1, states) / states) if known.any() else np.empty(0)
        found[topic, known, group] = np.searchsorted(edges, series[known], "left")
    return found


def ordinal_symbols(values: Floats, days: int) -> Whole:
    """Return the order of each day and the days - 1 before it, as the number of the permutation; -1: missing.

    Bandt and Pompe, Physical Review Letters 88 (2002). Of equal values the earlier one counts as the smaller.

    Args:
        values: shape (topics, times, groups).
        days: length of a pattern.
    """
    found = np.full(values.shape, -1, np.int64)
    if values.shape[1] < days:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(values, days, axis=1)
    order = np.argsort(windows, axis=-1, kind="stable")
    later = np.triu(np.ones((days, days), bool), 1)
    smaller = ((order[..., None] > order[..., None, :]) & later).sum(-1)
    number = smaller @ np.array([math.factorial(days - 1 - day) for day in range(days)])
    found[:, days - 1 :] = np.where(np.isfinite(windows).all(-1), number, -1)
    return found


def entropies(counts: NDArray[Any]) -> Floats:
    """Return transfer entropies from counts of (next day, day before, leader), the last three axes; 0 without any.

    Args:
        counts: shape (..., symbols, symbols, symbols).

    Returns:
        In nats, shape (...); never below 0.
    """
    n = counts.astype(float)
    total = np.maximum(n.sum((-3, -2, -1)), 1)
    joint = _n_log_n(n).sum((-3, -2, -1)) + _n_log_n(n.sum((-3, -1))).sum(-1)
    parts = _n_log_n(n.sum(-1)).sum((-2, -1)) + _n_log_n(n.sum(-3)).sum((-2, -1))
    return np.asarray(np.maximum(joint - parts, 0) / total)


def _n_log_n(n: Floats) -> Floats:
    return np.asarray(n * np.log(np.where(n > 0, n, 1)))


class Symbols:
    """Symbol series whose transfer entropies are counted.

    Args:
        symbols: shape (topics, times, groups); -1: missing.
        number: of different symbols.
    """

    def __init__(self, symbols: Whole, number: int) -> None:
        self._leaders = np.ascontiguousarray(np.moveaxis(symbols, 2, 0)).astype(np.int32)
        self.number = number
        pair = (symbols[:, 1:] * number + symbols[:, :-1]) * number
        known = (symbols[:, 1:] >= 0) & (symbols[:, :-1] >= 0)
        followers = np.full(symbols.shape, -1, np.int32)
        followers[:, 1:] = np.where(known, pair, -1)
        self._followers = np.ascontiguousarray(np.moveaxis(followers, 2, 0))

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self._leaders)

    def counts(self, pair: tuple[int, int], lag: int, labels: Whole) -> Whole:
        """Count (next day, day before, leader ``lag`` days before the next) in each cluster, without a circle.

        Args:
            pair: leader and follower.
            lag: days.
            labels: cluster of each topic and day, shape (topics, times).

        Returns:
            Shape (clusters, symbols, symbols, symbols).
        """
        leader, follower = self._leaders[pair[0]][:, :-lag], self._followers[pair[1]][:, lag:]
        known = (leader >= 0) & (follower >= 0)
        place = labels[:, lag:] * self.number**3 + follower + leader
        clusters, shape = int(labels.max()) + 1, (self.number,) * 3
        return np.bincount(place[known], minlength=clusters * self.number**3).reshape(clusters, *shape)

    def shifted(self, shifts: Whole) -> Floats:
        """Return the transfer entropies where each topic's leader is moved so many days on, round the circle.

        Args:
            shifts: shape (n, topics).

        Returns:
            Shape (n, groups, groups), [., leader, follower]; 0 on the diagonal.
        """
        found = np.zeros((len(shifts), self.groups, self.groups))
        for leader, follower in np.argwhere(~np.eye(self.groups, dtype=bool)):
            found[:, leader, follower] = entropies(self._circular(leader, follower, shifts))
        return found

    def _circular(self, leader: int, follower: int, shifts: Whole) -> Whole:
        counts = np.zeros((len(shifts), self.number**3), np.int64)
        given = (self._leaders[leader], self._followers[follower], shifts % self._leaders.shape[2], counts)
        over_rows(_count, len(shifts), *given, work=len(shifts) * self._leaders[0].size)
        return counts.reshape(len(shifts), *(self.number,) * 3)


@compiled
def _count(span: Any, leader: Any, follower: Any, shifts: Any, counts: Any) -> None:
    topics, times = leader.shape
    for row in range(span[0], span[1]):
        for topic in range(topics):
            back = times - shifts[row, topic]
            for time in range(times):
                then = time + back
                then = then - times if then >= times else then
                if follower[topic, time] >= 0 and leader[topic, then] >= 0:
                    counts[row, follower[topic, time] + leader[topic, then]] += 1
