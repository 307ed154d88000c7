"""Compiled recursions over events (Ogata 1981).

R_a(t) = sum over earlier events of a source of beta exp(-beta (t - t_n)) and its lagged companion
B_a(t) = sum beta (t - t_n) exp(-beta (t - t_n)) follow from their values at the event before, so that one pass over the
events makes the features of all intensities. Legend: n events, S sources, K exponentials, L columns a source.
"""

from typing import Any

import numpy as np

from hemicycle.core.loops import compiled


@compiled
def shared_rows(  # noqa: PLR0913, PLR0917  # compiled loops take arrays one by one
    events: Any, rates: Any, mixes: Any, state: Any, lags: Any, clock: Any, place: Any, out: Any, lags_out: Any
) -> None:
    """Write R just before each event, for rates that all pairs share.

    Args:
        events: times and marks of a stretch of n events.
        rates: shape (K,).
        mixes: weight of each exponential in each column, shape (K, L).
        state: R after the last event of the stretch before, shape (K, S); changed.
        lags: B, of the same shape, or of shape (0, 0) where it is not wanted; changed.
        clock: time of ``state``, shape (1,); changed.
        place: row of ``out`` for each event, -1: none.
        out: shape (rows, L * S).
        lags_out: derivative R - beta B of R to log beta, shape (rows, S) with K = 1, or (0, 0).
    """
    times, marks = events
    n_rates, n_sources = state.shape
    lagged = lags.size > 0
    for n in range(len(times)):
        gap = times[n] - clock[0]
        clock[0] = times[n]
        for k in range(n_rates):
            fade = np.exp(-rates[k] * gap)
            if lagged:
                for j in range(n_sources):
                    lags[k, j] = fade * (lags[k, j] + gap * state[k, j])
            for j in range(n_sources):
                state[k, j] *= fade
        if place[n] >= 0:
            _mixed(state, mixes, out[place[n]])
            if lagged:
                for j in range(n_sources):
                    lags_out[place[n], j] = state[0, j] - rates[0] * lags[0, j]
        for k in range(n_rates):
            state[k, marks[n]] += rates[k]


@compiled
def _mixed(state: Any, mixes: Any, row: Any) -> None:
    """Sum exponentials into columns."""
    n_rates, n_sources = state.shape
    for column in range(mixes.shape[1]):
        first = column * n_sources
        row[first : first + n_sources] = 0.0
        for k in range(n_rates):
            weight = mixes[k, column]
            if weight != 0.0:
                for j in range(n_sources):
                    row[first + j] += weight * state[k, j]


@compiled
def own_rows(  # noqa: PLR0913, PLR0917  # compiled loops take arrays one by one
    events: Any, rates: Any, state: Any, lags: Any, clock: Any, place: Any, out: Any, lags_out: Any
) -> None:
    """As :func:`shared_rows` with one exponential, whose rate is a source's or a pair's own.

    Args:
        events: times and marks of a stretch of n events.
        rates: shape (1 or S, S): targets x sources.
        state: R at the last event of each source, shape of ``rates``; changed.
        lags: B, of the same shape; changed.
        clock: time of the last event of each source, shape (S,); changed.
        place: row of ``out`` for each event, -1: none.
        out: shape (rows, S).
        lags_out: derivative R - beta B of R to log beta, shape (rows, S), or (0, 0).
    """
    times, marks = events
    n_targets, n_sources = rates.shape
    lagged = lags_out.size > 0
    for n in range(len(times)):
        now, mark, row = times[n], marks[n], place[n]
        target = mark if n_targets > 1 else 0
        if row >= 0:
            for j in range(n_sources):
                gap = now - clock[j]
                fade = np.exp(-rates[target, j] * gap)
                out[row, j] = fade * state[target, j]
                if lagged:
                    lag = fade * (lags[target, j] + gap * state[target, j])
                    lags_out[row, j] = out[row, j] - rates[target, j] * lag
        gap = now - clock[mark]
        clock[mark] = now
        for i in range(n_targets):
            fade = np.exp(-rates[i, mark] * gap)
            lags[i, mark] = fade * (lags[i, mark] + gap * state[i, mark])
            state[i, mark] = fade * state[i, mark] + rates[i, mark]


@compiled
def counted(marks: Any, targets: Any, weights: Any, out: Any) -> None:
    """Write sum_j weights[i, j] N_j, N_j earlier events of source j, at each event of a target i; shape (n,).

    Args:
        marks: source of each event, shape (n,).
        targets: row of ``weights`` of each event, -1: none.
        weights: shape (n_targets, S).
        out: shape (n,).
    """
    total = np.zeros(weights.shape[0])
    for n in range(len(marks)):
        if targets[n] >= 0:
            out[n] = total[targets[n]]
        total += weights[:, marks[n]]


@compiled
def moment_sums(times: Any, marks: Any, rates: Any, sums: Any, stops: Any) -> None:
    """Sum R just before the events of each source, and note R at stops.

    Args:
        times: of events and stops, increasing.
        marks: source of each event; -1: a stop.
        rates: shape (K, S).
        sums: shape (S, K, S), from 0; changed: sums[i, k, j] is the sum of R_kj over the events of source i.
        stops: shape (n_stops, K, S): R just after each stop.
    """
    n_rates, n_sources = rates.shape
    state = np.zeros((n_rates, n_sources))
    clock, stop = times[0], 0
    for n in range(len(times)):
        gap, mark = times[n] - clock, marks[n]
        clock = times[n]
        for k in range(n_rates):
            fade, rate = np.exp(-rates[k, 0] * gap), rates[k, 0]
            for j in range(n_sources):
                if rates[k, j] != rate:
                    rate = rates[k, j]
                    fade = np.exp(-rate * gap)
                state[k, j] *= fade
                if mark < 0:
                    stops[stop, k, j] = state[k, j]
                else:
                    sums[mark, k, j] += state[k, j]
            if mark >= 0:
                state[k, mark] += rates[k, mark]
        if mark < 0:
            stop += 1
