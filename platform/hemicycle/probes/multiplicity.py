"""Several attributes, several chances of a false finding: p-values corrected over the attributes of one reading."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FAMILY = ("record_id", "layer", "epoch", "scope", "probe")
"""Columns within which attributes are one family of tests."""
_ONE = ["entity", "attribute"]


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down p-values, max over j <= i of (m - j + 1) p_(j), at most 1 (Holm, Scand. J. Statistics 1979).

    They bound the probability of any false finding, whatever the dependence.

    Args:
        p: shape (m,); NaN does not count and stays.
    """
    return _stepwise(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini and Hochberg's p-values, min over j >= i of m / j p_(j), at most 1 (J. Royal Stat. Soc. B 1995).

    They bound the expected share of false findings, for independent or positively dependent tests.

    Args:
        p: shape (m,); NaN does not count and stays.
    """

    def adjusted(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        each = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
        return np.asarray(np.minimum.accumulate(each[::-1])[::-1])

    return _stepwise(p, adjusted)


def _stepwise(
    p: NDArray[np.float64], adjusted: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    found = np.full(len(p), np.nan)
    found[order] = np.minimum(adjusted(p[order]), 1)
    return found


def adjust(table: pd.DataFrame) -> pd.DataFrame:
    """Return a probe table with the columns ``p_holm`` and ``p_bh``.

    Attributes are corrected within a record, layer, epoch, scope and probe; the rows of one score, which differ by
    control, count once.

    Args:
        table: columns of ``FAMILY``, ``entity``, ``attribute`` and ``p_value``.
    """
    if table.empty:
        return table
    keys = [*FAMILY, *_ONE]
    scores = table[[*keys, "p_value"]].drop_duplicates(keys).copy()
    by = scores.groupby(list(FAMILY), dropna=False)["p_value"]
    for name, method in (("p_holm", holm), ("p_bh", benjamini_hochberg)):
        scores[name] = by.transform(lambda p, method=method: method(p.to_numpy(float)))
    kept = table.drop(columns=["p_holm", "p_bh"], errors="ignore")
    found = kept[keys].merge(scores.drop(columns="p_value"), "left", on=keys)
    return kept.assign(p_holm=found["p_holm"].to_numpy(), p_bh=found["p_bh"].to_numpy())
