"""Are topics the same from other starts? Topics of two fits are matched and their words compared."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hemicycle.agenda.attention.topic_words import top_words


def cosines(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine of every row of ``a`` with every row of ``b``; 0 for rows of zeros."""
    return _unit(a) @ _unit(b).T


def matched(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each topic of ``a`` its partner in ``b``, by the largest sum of cosines (Hungarian method).

    Args:
        a: weights of words, shape (topics, words).
        b: as ``a``; with fewer topics, those without a partner get -1.
    """
    rows, columns = linear_sum_assignment(-cosines(a, b))
    partner = np.full(len(a), -1)
    partner[rows] = columns
    return partner


def jaccard(a: set[int] | set[str], b: set[int] | set[str]) -> float:
    """Size of the intersection over that of the union."""
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def stability(weights: NDArray[np.float64], others: Sequence[NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    """Mean Jaccard index of a topic's words with those of its partners in fits from other starts.

    After Greene, O'Callaghan and Cunningham (2014, ECML PKDD).

    Args:
        weights: weights of words of the fit that is used, shape (topics, words).
        others: the same of other fits, over the same words.
        count: how many words describe a topic.

    Returns:
        Shape (topics,), in [0, 1]; NaN without other fits.
    """
    if not others:
        return np.full(len(weights), np.nan)
    return np.asarray(np.mean([_overlap(weights, other, count) for other in others], axis=0))


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    mine, theirs = top_words(a, count), top_words(b, count)
    partner = matched(a, b)
    pairs = zip(mine, partner, strict=True)
    return np.array([jaccard(set(row.tolist()), set(theirs[at].tolist())) if at >= 0 else 0.0 for row, at in pairs])


def _unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(np.divide(x, length, out=np.zeros_like(x), where=length > 0))
