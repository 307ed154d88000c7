"""Event studies: what every group's attention does around the days on which a topic rises.

The response of a group on day d of the window is its share on that day less its mean share of the days before the
window, in percentage points, averaged over events. Two things besides influence make responses: a group whose own rise
made the event responds on day 0 by selection, and topics in the news rise for everybody. The control places the same
number of events on random days of the same topics, of those that have as quiet a past; the days before day 0 show who
had moved already.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.draws import draws
from hemicycle.agenda.leads.options import EventOptions
from hemicycle.agenda.leads.shocks import Shocks, shocks
from hemicycle.agenda.responses.intervals import percentiles
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, rng

Floats = NDArray[np.float64]
RESPONSES = (
    "group",
    "response group",
    "day",
    "value",
    "ci_low",
    "ci_high",
    "n_events",
    "control",
    "control_low",
    "control_high",
)


def events(attention: Attention, options: EventOptions, key: int) -> dict[str, pd.DataFrame]:
    """Study what follows the events of an issue.

    Args:
        attention: of the issue's topics.
        options: what an event is, and the window.
        key: of all random numbers.

    Returns:
        ``agenda_events``: group (whose rise is the event), response group, day, value, ci_low, ci_high, n_events,
        control, control_low, control_high (mean response to events placed at random), in percentage points;
        ``agenda_first_movers``: group, response group, half_day (day on which the response first reaches half of its
        peak), ci_low, ci_high, first (share of bootstrap replications in which this group is the first), n_events. A
        group that hardly responds reaches half of its peak anywhere: read ``first`` with the intervals. A kind of event
        that never happens has no rows.

    Raises:
        InputError: fewer days than a window takes, or a file's events lie outside the data.
    """
    _check_length(attention, options)
    placed = Placed(attention.shares, options)
    found = [
        _study(attention, each, placed, options, key_of("agenda events", key, each.group))
        for each in shocks(attention, options)
    ]
    responses, movers = zip(*found, strict=True)
    return {"agenda_events": _joined(responses), "agenda_first_movers": _joined(movers)}


def check_events(attention: Attention, options: EventOptions) -> None:
    """Refuse what :func:`events` would refuse.

    Raises:
        InputError: as :func:`events`.
    """
    _check_length(attention, options)
    shocks(attention, options)


def _check_length(attention: Attention, options: EventOptions) -> None:
    needed = options.baseline + 2 * options.window + 1
    if len(attention.times) < needed:
        raise InputError(
            f"{len(attention.times)} days, but an event's window and baseline take {needed}",
            "window",
            "give more days, or a shorter window or baseline",
        )


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def windows(shares: Floats, topics: NDArray[np.int64], times: NDArray[np.int64], options: EventOptions) -> Floats:
    """Return the responses to single events, in percentage points.

    Args:
        shares: shape (topics, times, groups); NaN: missing.
        topics: topic of each event.
        times: its day.
        options: window and baseline.

    Returns:
        Shape (events, 2 x window + 1, groups); NaN where the day or the whole baseline is missing.
    """
    w, b = options.window, options.baseline
    around = shares[topics[:, None], times[:, None] + np.arange(-w - b, w + 1)]
    before = around[:, :b]
    n = np.isfinite(before).sum(1, keepdims=True)
    mean = np.where(n > 0, np.nansum(before, 1, keepdims=True) / np.maximum(n, 1), np.nan)
    return np.asarray(100 * (around[:, b:] - mean))


def drawn_means(responses: Floats, labels: NDArray[np.int64], key: int, replications: int) -> Floats:
    """Return mean responses in bootstrap replications that draw clusters of events whole.

    Args:
        responses: shape (events, days, groups).
        labels: cluster of each event, from 0.
        key: of the draws.
        replications: their number.

    Returns:
        Shape (replications, days, groups).
    """
    number, known = int(labels.max()) + 1, np.isfinite(responses)
    totals, counts = np.zeros((2, number, *responses.shape[1:]))
    np.add.at(totals, labels, np.where(known, responses, 0))
    np.add.at(counts, labels, known)
    weights = draws(number, key, replications)
    return _ratio(np.tensordot(weights, totals, 1), np.tensordot(weights, counts, 1))


class Placed:
    """Mean responses to events placed on random days of the topics of the true ones.

    Args:
        shares: shape (topics, times, groups); NaN: missing.
        options: window, baseline and number of placements.
    """

    def __init__(self, shares: Floats, options: EventOptions) -> None:
        self._first, self._days = options.window + options.baseline, shares.shape[1] - options.window
        topics, times = np.divmod(np.arange(len(shares) * self._n_days), self._n_days)
        every = windows(shares, topics, times + self._first, options).reshape(len(topics), -1)
        self._known = np.isfinite(every)
        self._every = np.where(self._known, every, 0)
        self._draws, self._shape = options.replications, (2 * options.window + 1, shares.shape[2])

    @property
    def _n_days(self) -> int:
        return int(self._days - self._first)

    def means(self, events: Shocks, key: int) -> Floats:
        """Place as many events as there are, once for each replication; (replications, days, groups)."""
        topics, places = np.nonzero(events.possible[:, self._first : self._days])
        starts, counts = np.searchsorted(topics, events.topics), np.bincount(topics)[events.topics]
        uniform = rng("placed", key).random((self._draws, len(events)))
        days = places[starts + (uniform * counts).astype(np.int64)]
        drawn = (days + events.topics * self._n_days).ravel()
        bounds = np.arange(0, drawn.size + 1, len(events))
        weights = sparse.csr_array((np.ones(drawn.size), drawn, bounds), shape=(self._draws, len(self._every)))
        return _ratio(weights @ self._every, weights @ self._known.astype(float)).reshape(self._draws, *self._shape)


def half_days(means: Floats, window: int) -> Floats:
    """Return the day on which a mean response first reaches half of its peak, between days by a straight line.

    Args:
        means: mean responses, days on the last axis but one, shape (..., 2 x window + 1, groups).
        window: days before the event.

    Returns:
        Shape (..., groups); NaN where the response never rises.
    """
    curves = np.moveaxis(np.nan_to_num(means), -2, -1)
    half = curves.max(-1, keepdims=True) / 2
    at = (curves >= half).argmax(-1)[..., None]
    above = np.take_along_axis(curves, at, -1)
    below = np.take_along_axis(curves, np.maximum(at - 1, 0), -1)
    back = np.where((at > 0) & (above > below), (above - half) / np.where(above > below, above - below, 1), 0)
    return np.where(half[..., 0] > 0, (at - back)[..., 0] - window, np.nan)


def _ratio(totals: Floats, counts: Floats) -> Floats:
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _study(
    attention: Attention, found: Shocks, random: Placed, options: EventOptions, key: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not len(found):
        return pd.DataFrame(columns=list(RESPONSES)), pd.DataFrame()
    single = windows(attention.shares, found.topics, found.times, options)
    by_topic = np.unique(found.topics, return_inverse=True)[1]
    labels = by_topic if options.clusters == "topics" else np.arange(len(found))
    drawn = drawn_means(single, labels, key, options.replications)
    placed = random.means(found, key)
    mean = drawn_means(single, np.zeros(len(found), np.int64), key, 1)[0]
    responses = _responses(attention.groups, mean, drawn, placed, options)
    responses = responses.assign(group=found.group, n_events=len(found))[list(RESPONSES)]
    movers = _movers(attention.groups, half_days(mean, options.window), half_days(drawn, options.window), options)
    movers.insert(0, "group", found.group)
    return responses, movers.assign(n_events=len(found))


def _responses(
    groups: Sequence[str], mean: Floats, drawn: Floats, placed: Floats, options: EventOptions
) -> pd.DataFrame:
    days = np.arange(-options.window, options.window + 1)
    known = np.isfinite(placed)
    columns = {"value": mean, "control": _ratio(np.where(known, placed, 0).sum(0), known.sum(0))}
    columns["ci_low"], columns["ci_high"] = percentiles(drawn, options.confidence)
    columns["control_low"], columns["control_high"] = percentiles(placed, options.confidence)
    names = {"response group": np.repeat(list(groups), len(days)), "day": np.tile(days, len(groups))}
    return pd.DataFrame(names | {name: values.T.ravel() for name, values in columns.items()})


def _movers(groups: Sequence[str], half: Floats, drawn: Floats, options: EventOptions) -> pd.DataFrame:
    low, high = percentiles(drawn, options.confidence)
    rank = np.where(np.isfinite(drawn), drawn, np.inf)
    first = ((rank == rank.min(1, keepdims=True)) & np.isfinite(rank)).astype(float)
    first /= np.maximum(first.sum(1, keepdims=True), 1)
    names = {"response group": list(groups), "half_day": half, "ci_low": low, "ci_high": high}
    return pd.DataFrame(names | {"first": first.mean(0)})
