"""The error with which opinions were measured, from three or more waves.

With an error of variance tau^2, whoever was measured too high at one wave seems to come down until the next: naive
estimates find regression to the mean and assimilation where there is none. Two waves cannot tell the error from the
mechanism. Of three, the first gives instruments whose error is independent of those of the second and third (as the
simplex models of Heise, Am. Sociol. Rev. 34, 1969, and Wiley and Wiley, 35, 1970, here with the graph): the movement is
regressed on opinions and on the sources' mean by these instruments, and what least squares gets wrong beside them is
tau^2. It is identified when errors are independent between waves and users and of one variance, and when regression
to the mean and assimilation describe the mechanism well enough.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hemicycle.core.errors import InputError
from hemicycle.estimation.intervals import Value
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.panel import FEWEST, Panel, Transition


def error_variance(panel: Panel, level: float) -> tuple[Value, Floats]:
    """Return the standard deviation of the errors with its interval, and their variance without each pool of users.

    Raises:
        InputError: fewer than three waves, or too few users who are known at three waves in a row.
    """
    pairs = list(zip(panel.transitions[:-1], panel.transitions[1:], strict=True))
    if not pairs:
        remedy = "give three waves of the same users, or the error's standard deviation as a number"
        raise InputError("two waves cannot tell errors of measurement from change", "error", remedy)
    q = len(pairs) + 2
    pools = np.zeros((panel.n_pools, 2 * q + 1, 2 * q + 1))
    for t, (earlier, later) in enumerate(pairs):
        for pool, rows in _shared(earlier, later):
            z = _stacked(earlier, later, rows, (t, len(pairs)))
            pools[pool] += z.T @ z
    counts = pools[:, : len(pairs), : len(pairs)].sum(axis=(1, 2))
    if counts.sum() < FEWEST:
        what = f"{int(counts.sum())} users are known at three waves in a row (at least {FEWEST} are needed)"
        raise InputError(what, "error", "give waves of the same users, or the error's standard deviation")
    total = pools.sum(axis=0)
    without = np.array([_variance(total - own, q) for own in pools])
    variance = _variance(total, q)
    used = np.flatnonzero(counts)
    spread = (without[used] - without[used].mean()) ** 2
    error = float(np.sqrt((len(used) - 1) / len(used) * spread.sum()))
    t_value = float(stats.t.ppf(0.5 + level / 2, len(used) - 1))
    ends = (variance + sign * t_value * error for sign in (-1, 0, 1))
    low, middle, high = (float(np.sqrt(max(end, 0.0))) for end in ends)
    slope = error / (2 * middle) if middle else np.nan
    return Value("measurement_sd", middle, low, high, slope, "instruments from the wave before, jackknife"), without


def _shared(earlier: Transition, later: Transition) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each pool's users who are known at three waves."""
    both = np.isin(later.rows, earlier.rows)
    for pool in range(len(later.starts) - 1):
        part = slice(later.starts[pool], later.starts[pool + 1])
        yield pool, later.rows[part][both[part]]


def _stacked(earlier: Transition, later: Transition, rows: NDArray[np.int64], place: tuple[int, int]) -> Floats:
    """Regressors, instruments and response, shape (n, 2 q + 1); both start with one drift a transition."""
    t, number = place
    drift = np.zeros((len(rows), number))
    drift[:, t] = 1.0
    regressors = [later.before[rows], later.scene.pull(later.before)[rows]]
    instruments = [earlier.before[rows], earlier.scene.pull(earlier.before)[rows]]
    response = (later.after - later.before)[rows]
    return np.column_stack([drift, *regressors, drift, *instruments, response])


def _variance(total: Floats, q: int) -> float:
    """Solve the moments of the opinions' own error for its variance, which may come out negative."""
    by_instruments, response = total[q : 2 * q, :q], total[q : 2 * q, -1]
    found = np.linalg.lstsq(by_instruments, response, rcond=None)[0]
    own = q - 2
    left = total[own, -1] - total[own, :q] @ found  # sum of x times the residual: only the error of x is in both
    n = total[: q - 2, : q - 2].sum()
    return float(-left / (n * (1 + found[own] - found[own + 1])))
