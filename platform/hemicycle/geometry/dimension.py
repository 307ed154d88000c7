"""How many dimensions a representation uses: of its covariance, and of the surface on which the users lie."""

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.probes.intervals import UNDEFINED, Estimate

LEAST = 20
"""Users below which no dimension is estimated."""
NEIGHBOURS_OF = 4000
"""Users at most whose neighbours are sought: with more, noise within a neighbourhood counts as dimensions."""
_BLOCK = 512
_Z = 1.959964


def participation_ratio(vectors: NDArray[np.floating]) -> Estimate:
    """Return (sum of eigenvalues)^2 / sum of their squares of the covariance (Gao et al., bioRxiv 214262, 2017).

    1 when all variance lies on a line, d when it is spread evenly. The plain ratio of few users is far too small, so
    tr(S^2) is replaced by its unbiased estimate (a U-statistic: that of the unbiased HSIC, Song et al., JMLR 2012).
    The interval is by the infinitesimal jackknife over users, on the logarithm.

    Args:
        vectors: shape (n, d).

    Raises:
        InputError: fewer than LEAST users, or NaN.
    """
    x = _checked(vectors)
    n = len(x)
    norms, gram = (x**2).sum(axis=1), x.T @ x
    trace, fourth = norms.sum(), ((x @ gram) * x).sum(axis=1)
    unbiased = fourth - n / (n - 2) * norms**2 + norms * trace / ((n - 1) * (n - 2))
    square = unbiased.sum()
    if trace <= 0 or square <= 0:
        return UNDEFINED
    value = (trace / (n - 1)) ** 2 / (square / (n * (n - 3)))
    error = 2 * np.sqrt(((norms / trace - unbiased / square) ** 2).sum())
    return Estimate(float(value), float(value * np.exp(-_Z * error)), float(value * np.exp(_Z * error)))


def two_nn(vectors: NDArray[np.floating], discard: float = 0.1) -> Estimate:
    """Return the dimension from the two nearest neighbours of each user (Facco et al., Scientific Reports 2017).

    Where density is locally constant, mu = r2 / r1 is Pareto: log mu is exponential with rate d. As in the paper the
    largest ratios are set aside, here as censored ones: with the k smallest of n and T = sum of these + (n - k) times
    the k-th, d = (k - 1) / T. Its error is that of the score with the covariance between a user and their nearest
    neighbour, who share a distance: 15 to 30 % more than were users independent. The value is valid on the scale of
    one neighbour; above about 8 dimensions a few thousand users are too few and it is too low (as the paper says).

    Args:
        vectors: shape (n, d); of users with the same vector one is kept, of more than ``NEIGHBOURS_OF`` the first.
        discard: share of the largest ratios that is censored.

    Raises:
        InputError: fewer than LEAST users, or NaN.
    """
    x = np.unique(_checked(vectors)[:NEIGHBOURS_OF], axis=0)
    if len(x) < LEAST:
        return UNDEFINED
    distances, nearest = _nearest(x)
    logs = np.log(distances[:, 1] / distances[:, 0])
    kept = int(np.floor(len(logs) * (1 - discard)))
    limit = np.sort(logs)[kept - 1]
    total = np.minimum(logs, limit).sum()
    if total <= 0:
        return UNDEFINED
    value = (kept - 1) / total
    score = (logs <= limit) - kept / total * np.minimum(logs, limit)
    mutual = nearest[nearest] == np.arange(len(x))
    square = (score**2).sum() + (score * score[nearest] * np.where(mutual, 1, 2)).sum()
    error = np.sqrt(max(square, 0.0)) / kept
    return Estimate(float(value), float(value * np.exp(-_Z * error)), float(value * np.exp(_Z * error)))


def _checked(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    if len(vectors) < LEAST:
        raise InputError(f"{len(vectors)} users are too few", "dimension", f"give at least {LEAST}")
    if not np.isfinite(vectors).all():
        raise InputError("vectors hold NaN or infinity", "dimension", "leave those users out")
    return np.asarray(vectors - vectors.mean(axis=0, dtype=np.float64), np.float64)


def _nearest(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distances to the nearest and the second nearest row, (n, 2), and which is the nearest, (n,)."""
    found, nearest = np.empty((len(x), 2)), np.empty(len(x), np.intp)
    for start in range(0, len(x), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(x)))
        near = np.argpartition(_squares(x, slice(start, start + _BLOCK)), 3, axis=1)[:, :4]
        exact = np.sqrt(((x[near] - x[rows][:, None]) ** 2).sum(axis=-1))
        exact[near == rows[:, None]] = -1
        order = np.argsort(exact, axis=1)[:, 1:3]
        found[rows] = np.take_along_axis(exact, order, axis=1)
        nearest[rows] = np.take_along_axis(near, order, axis=1)[:, 0]
    return found, nearest


def _squares(x: NDArray[np.float64], rows: slice) -> NDArray[np.float64]:
    norms = (x**2).sum(axis=1)
    return np.asarray(norms - 2 * x[rows] @ x.T)
