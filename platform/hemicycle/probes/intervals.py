"""Bootstrap intervals of scores, over users or over the groups by which folds are cut."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.evaluation.intervals import resamples
from hemicycle.probes.base import Statistic

LEVEL = (2.5, 97.5)
"""Percentiles of every interval."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; all NaN where undefined."""

    value: float
    low: float
    high: float


_Name = TypeVar("_Name")
POOLS = 5000
"""Units that are drawn one by one; of more, pools are drawn."""
UNDEFINED = Estimate(np.nan, np.nan, np.nan)


def bootstrap(
    statistics: Mapping[_Name, Statistic],
    units: NDArray[np.integer],
    generator: np.random.Generator,
    replicates: int = 1000,
) -> dict[_Name, Estimate]:
    """Return 95 % percentile intervals of statistics from one set of resamples (Efron & Tibshirani, 1993).

    Out-of-fold predictions are taken as given: the interval holds the uncertainty from who was measured, not the
    one from which users the probe was fitted on.

    More than ``POOLS`` units are first dealt at random into so many pools of equal size, which are then drawn whole:
    the resampled sums keep their mean, and their standard deviation up to 1 / sqrt(2 ``POOLS``) = 1 %, less than the
    error of 1000 replicates (random groups: Wolter, Introduction to Variance Estimation, 2007, chapter 2).

    Args:
        statistics: functions of sums over the same n users.
        units: what is drawn with replacement, shape (n,): users 0 ... n - 1, or the code of each user's group.
        generator: random numbers.
        replicates: number of resamples.
    """
    return estimates(statistics, draw(units, generator, replicates))


@dataclass(frozen=True, eq=False)
class Resamples:
    """Resamples of units that serve any number of statistics.

    Args:
        pools: what is drawn whole, shape (n,), 0 ... pools - 1: units, or pools of them.
        counts: how often each is drawn, shape (replicates, pools).
    """

    pools: NDArray[np.integer]
    counts: NDArray[np.uint16]


def draw(units: NDArray[np.integer], generator: np.random.Generator, replicates: int = 1000) -> Resamples:
    """Draw units with replacement, see :func:`bootstrap`."""
    pools = _pools(units, generator)
    blocks = [counts.astype(np.uint16) for counts in resamples(int(pools.max()) + 1, generator, replicates)]
    return Resamples(pools, np.concatenate(blocks))


def estimates(statistics: Mapping[_Name, Statistic], drawn: Resamples) -> dict[_Name, Estimate]:
    """Return statistics with their intervals from given resamples, see :func:`bootstrap`."""
    terms = np.concatenate([s.terms for s in statistics.values()], axis=1)
    by_unit = np.stack([np.bincount(drawn.pools, column) for column in terms.T], axis=1)
    sums = drawn.counts.astype(np.float64) @ by_unit
    ends = np.cumsum([s.terms.shape[1] for s in statistics.values()])
    parts = np.split(sums, ends[:-1], axis=1)
    return {name: _estimate(s, part) for (name, s), part in zip(statistics.items(), parts, strict=True)}


def _pools(units: NDArray[np.integer], generator: np.random.Generator) -> NDArray[np.integer]:
    """Pool of each row, 0 ... min(units, POOLS) - 1."""
    count = int(units.max()) + 1
    return units if count <= POOLS else (generator.permutation(count) % POOLS)[units]


def _estimate(statistic: Statistic, sums: NDArray[np.float64]) -> Estimate:
    value, replicated = statistic.value, statistic.combine(sums)
    replicated = replicated[np.isfinite(replicated)]
    if not np.isfinite(value) or len(replicated) == 0:
        return UNDEFINED
    low, high = np.percentile(replicated, LEVEL)
    return Estimate(value, float(low), float(high))
