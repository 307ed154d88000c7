"""Bootstrap intervals of means over users, and of ratios of sums over users."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
LEVEL = 0.95
_AT_ONCE = 1 << 22

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with its interval; NaN where nothing was measured.

    Args:
        value: the estimate.
        low: lower end.
        high: upper end.
        n: how many observations it is the mean of.
        error: bootstrap standard error.
    """

    value: float
    low: float
    high: float
    n: int
    error: float = np.nan


def mean_interval(values: NDArray[np.floating], rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """Return the mean of what is known, shape (n,), with its interval; see :func:`mean_intervals`."""
    return mean_intervals(values[:, None], rng, draws)[0]


def mean_intervals(values: NDArray[np.floating], rng: np.random.Generator, draws: int = DRAWS) -> list[Interval]:
    """Return means over users with percentile bootstrap intervals (Efron, Annals of Statistics 1979).

    Args:
        values: one row a user, one column a measure, NaN where unknown, shape (n, m).
        rng: random numbers; all measures share the resamples.
        draws: resamples.
    """
    known = np.isfinite(values)
    return ratio_intervals(np.where(known, values, 0.0), known.astype(np.float64), rng, draws)


def ratio_intervals(sums: Floats, counts: Floats, rng: np.random.Generator, draws: int = DRAWS) -> list[Interval]:
    """Return sum(sums) / sum(counts) with intervals over users, who are drawn whole (cluster bootstrap).

    Resampling users rather than their single observations keeps what these have in common (Cameron, Gelbach and
    Miller, Review of Economics and Statistics 2008).

    Args:
        sums: sum of each user's observations, one column a measure, shape (n, m).
        counts: number of these, shape (n, m).
        rng: random numbers; all measures share the resamples.
        draws: resamples.
    """
    terms = np.concatenate([sums, counts], 1)
    found = [times @ terms for times in resamples(len(terms), rng, draws)]
    drawn = np.concatenate(found) if found else np.empty((0, terms.shape[1]))
    above, below = np.split(drawn, 2, axis=1)
    columns = zip(sums.sum(0), counts.sum(0), above.T, below.T, strict=True)
    return [_interval(total, n, a[b > 0] / b[b > 0]) for total, n, a, b in columns]


def _interval(total: float, n: float, drawn: Floats) -> Interval:
    if not n:
        return Interval(np.nan, np.nan, np.nan, 0)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(total / n), float(low), float(high), int(n), float(drawn.std()))


def resamples(n: int, rng: np.random.Generator, draws: int) -> Iterator[Floats]:
    """Yield how often each of n users is drawn, in blocks (b, n) that add up to (draws, n)."""
    step = max(1, _AT_ONCE // max(1, n))
    for start in range(0, draws if n else 0, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
