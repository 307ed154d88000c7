"""Percentile intervals of arrays [day, response, impulse], and arrays as tidy tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Interval:
    """An estimate and the ends of its interval, arrays of one shape; ends are NaN without replications.

    Args:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: Floats
    low: Floats
    high: Floats


def interval(value: Floats, drawn: Floats, confidence: float) -> Interval:
    """Return the percentile interval (Efron, Annals of Statistics 1979).

    Args:
        value: the estimate.
        drawn: its replications, along the first axis.
        confidence: level, such as .95.
    """
    return Interval(value, *percentiles(drawn, confidence))


def percentiles(drawn: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the ends between which the middle of the replications lies.

    Args:
        drawn: replications along the first axis, shape (replications, ...); NaN: unknown, left out.
        confidence: share of the replications between the ends.

    Returns:
        Two arrays of the shape of a replication; NaN where nothing is known.
    """
    known = np.isfinite(drawn)
    some = known.any(0)
    low, high = np.full((2, *some.shape), np.nan)
    if some.any():
        quantile = np.quantile if known.all() else np.nanquantile
        low[some], high[some] = quantile(drawn[:, some], [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


def long_table(found: Interval, groups: tuple[str, ...], name: str) -> pd.DataFrame:
    """Return a table with the columns response, impulse, day, ``name``, ci_low and ci_high.

    Args:
        found: arrays of shape (days, groups, groups), [day, response, impulse].
        groups: names.
        name: column of the estimate.
    """
    names = np.asarray(groups, dtype=object)
    day, response, impulse = (index.ravel() for index in np.indices(found.value.shape))
    return pd.DataFrame(
        {
            "response": names[response],
            "impulse": names[impulse],
            "day": day,
            name: found.value.ravel(),
            "ci_low": found.low.ravel(),
            "ci_high": found.high.ravel(),
        }
    )
