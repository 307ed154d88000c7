"""Where runs end: every measure's mean over seeds with its interval, cell by cell and arm by arm."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.simulations.contrasts import last_values, paired_interval

KEYS = ["simulation", "cell", "opinion", "arm", "metric"]
COLUMNS = [*KEYS, "step", "n_seeds", "n_known", "mean", "ci_low", "ci_high"]
PROPORTIONS = frozenset({"consensus"})
"""Metrics that are 0 or 1 in a run, so that their mean is a share of the seeds."""

Interval = tuple[float, float, float]
"""Mean, low, high."""


def outcomes(results: pd.DataFrame) -> pd.DataFrame:
    """Summarise every metric at the last step of each run.

    Args:
        results: columns simulation, cell (without it: 0), opinion, arm, seed, step, metric, value
            (``simulation_results``).

    Returns:
        One row for each simulation, cell, opinion model, arm and metric: ``step``, the last of any run; ``n_seeds``;
        ``n_known``, seeds whose value is a number; their ``mean``; ``ci_low`` and ``ci_high``, its 95 % interval, NaN
        with one value: Wilson's score interval of a share (``PROPORTIONS``), else Student's t.
    """
    if results.empty:
        return pd.DataFrame(columns=COLUMNS)
    return pd.DataFrame(_rows(last_values(results)), columns=COLUMNS)


def _rows(last: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    for key, group in last.groupby(KEYS, sort=True):
        values = group["value"].to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        about = share_interval if key[-1] in PROPORTIONS else _mean_interval
        yield (*key, group["step"].max(), len(values), len(known), *about(known))


def _mean_interval(values: NDArray[np.float64]) -> Interval:
    return paired_interval(values)[:3] if len(values) else (np.nan, np.nan, np.nan)


def share_interval(values: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Share of ones and its score interval (Wilson, JASA 22, 1927), which has a width at shares of 0 and 1 too.

    Args:
        values: zeros and ones, shape (n,).
        level: of the interval.

    Returns:
        (share, low, high); all NaN without values.
    """
    n = len(values)
    if not n:
        return (np.nan, np.nan, np.nan)
    share, z2 = float(values.mean()), float(stats.norm.ppf((1 + level) / 2)) ** 2
    middle, reach = share + z2 / (2 * n), np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    low, high = (float((middle + side * reach) / (1 + z2 / n)) for side in (-1, 1))
    return share, max(0.0, low), min(1.0, high)
