"""Compiled residual bootstrap of a panel vector autoregression: sums of products of simulated series.

``LANES`` replications are computed side by side, each on its own lane, so that a replication does not depend on those
beside it and the innermost loops run over lanes, which the compiler turns into vector instructions. Simulated series
are kept as rows (time x groups + group) of lanes, so that a window is one block. Products of lags l and m differ from
those of lags 0 and m - l by the ends of the runs alone (sum_t y_t-l y_t-m' is sum_s y_s y_s-h' over rows shifted by l,
h = m - l), which makes them cheap: only the first ``lags + 1`` are summed over all observations.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.loops import compiled, over_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LANES = 32
_TIMES = 16  # times whose products are summed before the next pair of groups: they stay in the fastest memory


@compiled
def _row(y: Any, t: Any, group: Any, n_groups: Any) -> Any:
    """Lanes of a time and group; an unsigned place spares the compiler a check of its sign."""
    return y[np.uintp(t * n_groups + group)]


@compiled
def _start(y: Any, run: Any, values: Any, shifts: Any) -> None:
    """Write a run's first values and the constants of all later rows to y."""
    start, stop, lags = run
    n_groups = values.shape[1]
    effect, intercepts = shifts
    for t in range(stop - start):
        for i in range(n_groups):
            y[t * n_groups + i] = values[start + t, i] if t < lags else intercepts[effect[start + t], i]


@compiled
def _add_residuals(y: Any, run: Any, pool: Any, keys: Any) -> None:
    """Add resampled residuals: a time draws a place in the pool of its series.

    A replication draws one number a time, the same for all topics, so that what topics have in common on a time stays
    together wherever they have the same times.
    """
    residuals, first, n_pool, time = pool
    start, stop, lags = run
    n_groups = residuals.shape[1]
    for t in range(lags, stop - start):
        for b in range(len(keys)):
            place = first + np.int64(uniform_of(keys[b], time[start + t]) * n_pool)
            for i in range(n_groups):
                y[t * n_groups + i, b] += residuals[place, i]


@compiled
def _simulate(y: Any, run: Any, weights: Any) -> None:
    """Add what the past brings to y, time after time; weights [response, window from its oldest time on]."""
    start, stop, lags = run
    n_groups, width = weights.shape
    for t in range(lags, stop - start):
        for i in range(n_groups):
            now = _row(y, t, i, n_groups)
            for place in range(width):
                weight, past = weights[i, place], _row(y, t - lags, place, n_groups)
                for b in range(len(now)):
                    now[b] += weight * past[b]


@compiled
def _add_products(products: Any, y: Any, run: Any) -> None:
    """Add y_t y_t-h' of all rows, h = 0 to lags, to products [h, past group, present group]."""
    start, stop, lags = run
    n_groups = products.shape[1]
    for block in range(lags, stop - start, _TIMES):
        end = min(block + _TIMES, stop - start)
        for place in range(products.shape[0] * n_groups * n_groups):
            h, j, i = place // n_groups**2, place // n_groups % n_groups, place % n_groups
            total = products[h, j, i]
            for t in range(block, end):
                now, past = _row(y, t, i, n_groups), _row(y, t - h, j, n_groups)
                for b in range(len(total)):
                    total[b] += now[b] * past[b]


@compiled
def _add_sums(sums: Any, y: Any, run: Any, effect: Any) -> None:
    """Add the windows of each constant to sums [constant, lag, group]."""
    start, stop, lags = run
    n_groups = sums.shape[2]
    for t in range(lags, stop - start):
        for h in range(lags + 1):
            for j in range(n_groups):
                total, past = sums[effect[start + t], h, j], _row(y, t - h, j, n_groups)
                for b in range(len(total)):
                    total[b] += past[b]


@compiled
def _add_ends(ends: Any, y: Any, run: Any) -> None:
    """Add what y_s y_s-h' gains at the start and loses at the end of a run when rows move from lag l to lag l + 1."""
    start, stop, lags = run
    n_groups, last = ends.shape[2], stop - start - 1
    for step in range(lags):
        new, old = (lags - 1 - step) * n_groups, (last - step) * n_groups
        for h in range(lags - step):
            for j in range(n_groups):
                past = j - h * n_groups
                for i in range(n_groups):
                    ends[step, h, j, i] += y[new + i] * y[new + past] - y[old + i] * y[old + past]


@compiled
def _assemble(out: Any, products: Any, ends: Any, lane: Any) -> None:
    """Write products of all pairs of lags to out, shape (1 + lags, groups, 1 + lags, groups)."""
    n_lags, n_groups = out.shape[0], out.shape[1]
    for place in range(n_lags * n_groups * n_groups):
        h, j, i = place // n_groups**2, place // n_groups % n_groups, place % n_groups
        value = products[h, j, i, lane]
        for lag in range(n_lags - h):
            if lag > 0:
                value += ends[lag - 1, h, j, i, lane]
            out[lag, i, lag + h, j] = value
            out[lag + h, j, lag, i] = value


@compiled
def _block(y: Any, keys: Any, series: Any, sums: Any) -> None:
    """Simulate all runs and add up their products."""
    (values, bounds, effect, lags), (weights, intercepts), (residuals, first, size, time) = series
    products, ends, windows = sums
    for r in range(len(bounds) - 1):
        run = (bounds[r], bounds[r + 1], lags)
        _start(y, run, values, (effect, intercepts))
        _add_residuals(y, run, (residuals, first[r], size[r], time), keys)
        _simulate(y, run, weights)
        _add_products(products, y, run)
        _add_sums(windows, y, run, effect)
        _add_ends(ends, y, run)


@compiled
def _blocks(span: Any, draw: Any, series: Any, out: Any) -> None:
    """Compute blocks of replications; those beyond the last are computed and thrown away."""
    (key, first), (out_products, out_sums) = draw, out
    bounds, lags, n_groups = series[0][1], series[0][3], out_sums.shape[3]
    y = np.empty(((bounds[1:] - bounds[:-1]).max() * n_groups, LANES))
    keys = np.empty(LANES, np.uint64)
    for block in range(span[0], span[1]):
        for b in range(LANES):
            keys[b] = row_key(key, first + block * LANES + b)
        products = np.zeros((lags + 1, n_groups, n_groups, LANES))
        ends = np.zeros((lags, lags + 1, n_groups, n_groups, LANES))
        windows = np.zeros((out_sums.shape[1], lags + 1, n_groups, LANES))
        _block(y, keys, series, (products, ends, windows))
        for b in range(min(LANES, len(out_products) - block * LANES)):
            _assemble(out_products[block * LANES + b], products, ends, b)
            out_sums[block * LANES + b] = windows[:, :, :, b]


def simulated_products(
    key: int, span: tuple[int, int], panel: tuple[Any, ...], model: tuple[Floats, Floats], pool: tuple[Any, ...]
) -> tuple[Floats, Floats]:
    """Return windows' sums of products and sums by constant of simulated series.

    Args:
        key: of the bootstrap, 64 bits.
        span: first replication and the one after the last.
        panel: values (observations, groups), bounds of the runs, constant of each observation, number of lags.
        model: lag matrices (lags, groups, groups) and constants.
        pool: residuals sorted by series; first place and number of those of each run's series; time of observations.

    Returns:
        Shapes (replications, 1 + lags, groups, 1 + lags, groups) and (replications, constants, 1 + lags, groups).
    """
    values, bounds, _, lags = panel
    count, n_groups = span[1] - span[0], values.shape[1]
    products = np.empty((count, lags + 1, n_groups, lags + 1, n_groups))
    sums = np.empty((count, len(model[1]), lags + 1, n_groups))
    oldest_first = np.ascontiguousarray(model[0][::-1].transpose(1, 0, 2).reshape(n_groups, -1))
    blocks = -(-count // LANES)
    work = blocks * LANES * int(bounds[-1]) * (lags + 1) * n_groups**2
    series = (panel, (oldest_first, model[1]), pool)
    over_rows(_blocks, blocks, (np.uint64(key), span[0]), series, (products, sums), work=work)
    return products, sums
