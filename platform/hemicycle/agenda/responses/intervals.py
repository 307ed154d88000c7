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
    if not len(drawn):
        nothing = np.full_like(value, np.nan)
        return Interval(value, nothing, nothing)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return Interval(value, low, high)


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
