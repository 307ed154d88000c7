"""Compiled sums over compressed sparse rows: a user's sources, a part of the users a task.

Every row is summed by one thread, in the order of its entries and in float64, so that results do not depend on the
number of threads. Sums are of differences to the user's own opinion: a consensus is a fixed point to the last bit. A
step goes over the entries once: what is done with a user's sum is done in the same loop, and kernels are compiled for
one, two, three and four dimensions, where sums stay in registers. Compiled code is kept between processes where
``NUMBA_CACHE_DIR`` names a folder.

Shapes: indptr (n + 1,), indices and weights (n_entries,), positions (n_sources, n_dims), own (n, n_dims).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemicycle.core.counters import below, uniform
from hemicycle.core.loops import compiled, over_entries
from hemicycle.opinions.base import Opinions, Sources

_MOST_UNROLLED = 4  # dimensions; beyond, a loop over them is as fast


def pulled(sources: Sources, own: Opinions, anchor: Opinions, pull: NDArray[np.float64] | None) -> Opinions:
    """Return (1 - p_i) a_i + p_i m_i for the weighted mean position m_i of each user's sources.

    Args:
        sources: what each user sees; m_i of a user without sources is its own opinion.
        own: the users' opinions, shape (n_users, n_dims).
        anchor: a, of the same shape.
        pull: p, shape (n_users,); None: w_i / (1 + w_i) for the total weight w_i of the user's sources.

    Returns:
        Array of the shape and type of ``own``.
    """
    pull, means = np.empty(0) if pull is None else pull, np.empty_like(own)
    _over_users(_pulled, sources, own, anchor, pull, _unrolled(own), means)
    return means


def weighted_mean(sources: Sources, own: Opinions) -> tuple[Opinions, NDArray[np.float64]]:
    """Weighted mean position of each user's sources, and their total weight.

    Args:
        sources: what each user sees.
        own: the users' opinions, shape (n_users, n_dims).

    Returns:
        Means of the shape and type of ``own`` (a user without sources: the own opinion), totals of shape (n_users,).
    """
    return pulled(sources, own, own, np.ones(len(own))), sources.totals


def confident_mean(sources: Sources, own: Opinions, confidence: ArrayLike, mobility: ArrayLike = 1.0) -> Opinions:
    """Weighted mean of the own opinion, of weight 1, and of the sources at most ``confidence`` away from it.

    Args:
        sources: what each user sees.
        own: the users' opinions, shape (n_users, n_dims).
        confidence: largest Euclidean distance that counts, a number or one a user.
        mobility: share of the way to the mean that is gone, a number or one a user.
    """
    limits, shares = (_for_each(value, len(own)) for value in (confidence, mobility))
    means = np.empty_like(own)
    _over_users(_confident, sources, own, limits, shares, _unrolled(own), means)
    return means


def confident_in_turn(
    sources: Sources, confidence: NDArray[np.float64], mobility: NDArray[np.float64], fixed: NDArray[np.bool_], key: int
) -> Opinions:
    """Return the opinions after n_users updates by :func:`confident_mean`, each of one user drawn by chance.

    The t-th update is of user floor(n u) for the uniform number u of row t and column 0 of ``key``; it sees all
    updates before. The first n_users positions of ``sources`` are the users' opinions. One thread.
    """
    seen = (sources.indptr, sources.indices, sources.positions.copy())
    _confident_in_turn(seen, sources.weights, confidence, mobility, fixed, np.uint64(key))
    return seen[2][: sources.n_users]


# -- tasks -------------------------------------------------------------------------------------------------------------


def _unrolled(own: Opinions) -> tuple[int, ...] | None:
    """Return a tuple as long as there are dimensions, a length that is part of the type: code is compiled for it.

    A closure over the number would be shorter, but numba confuses closures of one name in its cache.
    """
    return (0,) * own.shape[1] if own.shape[1] <= _MOST_UNROLLED else None


def _for_each(value: ArrayLike, n_users: int) -> NDArray[np.float64]:
    values = np.asarray(value, dtype=np.float64)
    return values if values.shape == (n_users,) else np.full(n_users, values)


def _over_users(kernel: Callable[..., None], sources: Sources, own: Opinions, *each: Any) -> None:
    """Call a compiled kernel on all users' rows, with as many threads as the work is worth."""
    seen = (sources.indptr, sources.indices, sources.positions)
    over_entries(kernel, sources.indptr, seen, sources.weights, own, *each)


# -- compiled ----------------------------------------------------------------------------------------------------------


@compiled
def _pulled(  # noqa: PLR0913, PLR0917 - numba takes arrays
    span: Any, seen: Any, weights: Any, own: Any, anchor: Any, pull: Any, unrolled: Any, out: Any
) -> None:
    indptr, indices, positions = seen
    width = own.shape[1] if unrolled is None else len(unrolled)
    here, moved = np.zeros(width), np.zeros(width)
    for i in range(span[0], span[1]):
        for d in range(width):
            here[d], moved[d] = own[i, d], 0.0
        if width == 1:
            total, moved[0] = _on_a_line(seen, weights, i, here[0], None)
        else:
            total = 0.0 if weights is not None else np.float64(indptr[i + 1] - indptr[i])
            for e in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
                j = np.uint32(indices[e])
                if weights is None:
                    for d in range(width):
                        moved[d] += np.float64(positions[j, d]) - here[d]
                else:
                    weight = np.float64(weights[e])
                    total += weight
                    for d in range(width):
                        moved[d] += weight * (np.float64(positions[j, d]) - here[d])
        share = pull[i] if len(pull) else total / (1.0 + total)
        for d in range(width):
            a = np.float64(anchor[i, d])
            mean = moved[d] / total if total > 0.0 else 0.0
            out[i, d] = a + share * ((here[d] - a) + mean)


@compiled
def _near(seen: Any, weights: Any, i: Any, limit: Any, width: Any, here: Any, moved: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Sum the differences to sources of row i within the limit into ``moved``; return 1 + their weight."""
    indptr, indices, positions = seen
    total = 1.0
    for e in range(indptr[i], indptr[i + 1]):
        j = np.uint32(indices[e])
        distance = 0.0
        for d in range(width):
            distance += (np.float64(positions[j, d]) - here[d]) ** 2
        if width > 2 and distance > limit:  # in few dimensions a sum of zeros takes less than a branch
            continue
        weight = 1.0 if weights is None else np.float64(weights[e])
        weight = weight if distance <= limit else 0.0
        total += weight
        for d in range(width):
            moved[d] += weight * (np.float64(positions[j, d]) - here[d])
    return total


@compiled
def _on_a_line(seen: Any, weights: Any, i: Any, here: Any, limit: Any) -> Any:
    """Return the weight of the sources of row i, and the sum of the differences to them: one dimension, in registers.

    ``limit``, where there is one, is that of the squared distance.
    """
    indptr, indices, positions = seen
    total = moved = 0.0
    for e in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
        difference = np.float64(positions[np.uint32(indices[e]), 0]) - here
        weight = 1.0 if weights is None else np.float64(weights[e])
        if limit is not None:
            weight = weight if difference * difference <= limit else 0.0
        total += weight
        moved += weight * difference
    return total, moved


@compiled
def _confident(  # noqa: PLR0913, PLR0917 - numba takes arrays
    span: Any, seen: Any, weights: Any, own: Any, limits: Any, shares: Any, unrolled: Any, out: Any
) -> None:
    width = own.shape[1] if unrolled is None else len(unrolled)
    here, moved = np.zeros(width), np.zeros(width)
    for i in range(span[0], span[1]):
        if width == 1:
            place = np.float64(own[i, 0])
            total, change = _on_a_line(seen, weights, i, place, limits[i] * limits[i])
            out[i, 0] = place + shares[i] * change / (1.0 + total)
            continue
        for d in range(width):
            here[d], moved[d] = own[i, d], 0.0
        total = _near(seen, weights, i, limits[i] * limits[i], width, here, moved)
        for d in range(width):
            out[i, d] = here[d] + shares[i] * moved[d] / total


@compiled
def _confident_in_turn(seen: Any, weights: Any, limits: Any, shares: Any, fixed: Any, key: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    positions = seen[2]
    n, width = len(limits), positions.shape[1]
    here, moved = np.zeros(width), np.zeros(width)
    for t in range(n):
        i = below(n, uniform(key, t, 0))
        if fixed[i]:
            continue
        for d in range(width):
            here[d], moved[d] = positions[i, d], 0.0
        total = _near(seen, weights, i, limits[i] * limits[i], width, here, moved)
        for d in range(width):
            positions[i, d] = here[d] + shares[i] * moved[d] / total
