"""Compiled sums over compressed sparse rows: a user's sources, one user a task.

Every row is summed by one thread, in the order of its entries and in float64, so that results do not depend on the
number of threads. Sums are of differences to the user's own opinion: a consensus is a fixed point to the last bit.
Compiled code is kept between processes where ``NUMBA_CACHE_DIR`` names a folder.

Shapes: indptr (n + 1,), indices and weights (n_entries,), positions (n_sources, n_dims), own (n, n_dims).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hemicycle.opinions.base import Opinions, Sources

_ENTRIES_A_THREAD = 100_000  # below about this many, waking a thread takes longer than the work

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    parallel=True, nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


def weighted_mean(sources: Sources, own: Opinions) -> tuple[Opinions, NDArray[np.float64]]:
    """Weighted mean position of each user's sources, and their total weight.

    Args:
        sources: what each user sees.
        own: the users' opinions, shape (n_users, n_dims).

    Returns:
        Means of the shape and type of ``own`` (a user without sources: the own opinion), totals of shape (n_users,).
    """
    return _over_rows(_weighted_mean, sources, own)  # type: ignore[no-any-return]


def confident_mean(sources: Sources, own: Opinions, confidence: float) -> Opinions:
    """Weighted mean of the own opinion, of weight 1, and of the sources at most ``confidence`` away from it."""
    return _over_rows(_confident_mean, sources, own, confidence * confidence)  # type: ignore[no-any-return]


def squared_differences(sources: Sources, own: Opinions) -> NDArray[np.float64]:
    """Sum of w_ij |x_j - x_i|^2 over the sources j of each user i, shape (n_users,)."""
    return _over_rows(_squared_differences, sources, own)  # type: ignore[no-any-return]


def _over_rows(kernel: Callable[..., Any], sources: Sources, own: Opinions, *options: float) -> Any:
    """Call a compiled kernel on arrays, with as many threads as the work is worth."""
    with _threads(len(sources.indices)):
        return kernel(sources.indptr, sources.indices, sources.weights, sources.positions, own, *options)


@contextmanager
def _threads(n_entries: int) -> Iterator[None]:
    allowed = numba.get_num_threads()
    numba.set_num_threads(min(allowed, 1 + n_entries // _ENTRIES_A_THREAD))
    try:
        yield
    finally:
        numba.set_num_threads(allowed)


@_compiled
def _weighted_mean(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any) -> Any:
    n, dims = own.shape
    means = np.empty_like(own)
    totals = np.zeros(n)
    for i in numba.prange(n):
        for d in range(dims):
            here = np.float64(own[i, d])
            total = moved = 0.0
            for e in range(indptr[i], indptr[i + 1]):
                weight = 1.0 if weights is None else np.float64(weights[e])
                total += weight
                moved += weight * (np.float64(positions[np.uint32(indices[e]), d]) - here)
            totals[i] = total
            means[i, d] = here + moved / total if total > 0.0 else here
    return means, totals


@_compiled
def _confident_mean(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any, limit: float) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    n, dims = own.shape
    means = np.empty_like(own)
    for i in numba.prange(n):
        for d in range(dims):
            here = np.float64(own[i, d])
            total, moved = 1.0, 0.0
            for e in range(indptr[i], indptr[i + 1]):
                j = np.uint32(indices[e])
                distance = 0.0
                for c in range(dims):
                    distance += (np.float64(positions[j, c]) - np.float64(own[i, c])) ** 2
                weight = 1.0 if weights is None else np.float64(weights[e])
                weight = weight if distance <= limit else 0.0
                total += weight
                moved += weight * (np.float64(positions[j, d]) - here)
            means[i, d] = here + moved / total
    return means


@_compiled
def _squared_differences(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any) -> Any:
    n, dims = own.shape
    sums = np.zeros(n)
    for i in numba.prange(n):
        total = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            weight = 1.0 if weights is None else np.float64(weights[e])
            for d in range(dims):
                away = np.float64(positions[np.uint32(indices[e]), d]) - np.float64(own[i, d])
                total += weight * away * away
        sums[i] = total
    return sums
