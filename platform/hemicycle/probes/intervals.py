"""Bootstrap intervals of scores, over users or over the groups by which folds are cut."""

from collections.abc import Mapping
from dataclasses import dataclass

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


UNDEFINED = Estimate(np.nan, np.nan, np.nan)


def bootstrap(
    statistics: Mapping[str, Statistic],
    units: NDArray[np.integer],
    generator: np.random.Generator,
    replicates: int = 1000,
) -> dict[str, Estimate]:
    """Return 95 % percentile intervals of statistics from one set of resamples (Efron & Tibshirani, 1993).

    Out-of-fold predictions are taken as given: the interval holds the uncertainty from who was measured, not the
    one from which users the probe was fitted on.

    Args:
        statistics: functions of sums over the same n users.
        units: what is drawn with replacement, shape (n,): users 0 ... n - 1, or the code of each user's group.
        generator: random numbers.
        replicates: number of resamples.
    """
    terms = np.concatenate([s.terms for s in statistics.values()], axis=1)
    by_unit = np.stack([np.bincount(units, column) for column in terms.T], axis=1)
    sums = np.concatenate([counts @ by_unit for counts in resamples(len(by_unit), generator, replicates)])
    ends = np.cumsum([s.terms.shape[1] for s in statistics.values()])
    parts = np.split(sums, ends[:-1], axis=1)
    return {name: _estimate(s, part) for (name, s), part in zip(statistics.items(), parts, strict=True)}


def _estimate(statistic: Statistic, sums: NDArray[np.float64]) -> Estimate:
    value, replicated = statistic.value, statistic.combine(sums)
    replicated = replicated[np.isfinite(replicated)]
    if not np.isfinite(value) or len(replicated) == 0:
        return UNDEFINED
    low, high = np.percentile(replicated, LEVEL)
    return Estimate(value, float(low), float(high))
