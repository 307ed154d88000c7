"""Compiled sums over the sources of each user, and over the edges in the order of their distances.

Every row is summed by one thread in the order of its entries, so that results do not depend on the number of threads.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
_EDGES_A_THREAD = 100_000  # below about this many, waking a thread takes longer than the work
_CACHED = bool(os.environ.get("NUMBA_CACHE_DIR"))
compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(nogil=True, cache=_CACHED)
"""Compile for one thread."""
_in_parallel: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(parallel=True, nogil=True, cache=_CACHED)


@contextmanager
def _threads(n_edges: int) -> Iterator[None]:
    allowed = numba.get_num_threads()
    numba.set_num_threads(min(allowed, 1 + n_edges // _EDGES_A_THREAD))
    try:
        yield
    finally:
        numba.set_num_threads(allowed)


def weighted_pull(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    opinions: Floats,
    influence: tuple[Floats, float],
) -> Floats:
    """Mean over sources of g(distance) times the difference to them, shape (n_users,); 0 without sources.

    Args:
        indptr: rows, shape (n_users + 1,).
        indices: sources, shape (n_edges,).
        weights: shape (n_edges,), or (0,): all are 1.
        opinions: shape (n_users,).
        influence: g at equal steps from distance 0 on, and the step; interpolated, constant beyond the last.
    """
    with _threads(len(indices)):
        found: Floats = _weighted_pull(indptr, indices, weights, opinions, *influence)
    return found


@_in_parallel
def _weighted_pull(indptr: Any, indices: Any, weights: Any, opinions: Any, table: Any, step: float) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    n, last = len(opinions), len(table) - 2
    pulls = np.zeros(n)
    for i in numba.prange(n):
        total = moved = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            weight = 1.0 if len(weights) == 0 else np.float64(weights[e])
            away = opinions[indices[e]] - opinions[i]
            place = min(abs(away) / step, last + 1.0)
            knot = min(int(place), last)
            rest = place - knot
            total += weight
            moved += weight * away * ((1.0 - rest) * table[knot] + rest * table[knot + 1])
        if total > 0.0:
            pulls[i] = moved / total
    return pulls


def confident_pull(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    opinions: Floats,
    confidence: float,
) -> Floats:
    """Way to the mean of oneself (weight 1) and the sources at most ``confidence`` away, shape (n_users,)."""
    with _threads(len(indices)):
        found: Floats = _confident_pull(indptr, indices, weights, opinions, confidence)
    return found


@_in_parallel
def _confident_pull(indptr: Any, indices: Any, weights: Any, opinions: Any, confidence: float) -> Any:
    n = len(opinions)
    pulls = np.zeros(n)
    for i in numba.prange(n):
        total, moved = 1.0, 0.0
        for e in range(indptr[i], indptr[i + 1]):
            away = opinions[indices[e]] - opinions[i]
            if abs(away) <= confidence:
                weight = 1.0 if len(weights) == 0 else np.float64(weights[e])
                total += weight
                moved += weight * away
        pulls[i] = moved / total
    return pulls


def pooled_products(columns: Floats, starts: NDArray[np.int64]) -> Floats:
    """Sums of products of columns, pool by pool, shape (n_pools, k, k).

    Args:
        columns: shape (n, k).
        starts: pool g has the rows ``starts[g]:starts[g + 1]``, shape (n_pools + 1,).
    """
    found: Floats = _pooled_products(np.ascontiguousarray(columns), starts)
    return found


@compiled
def _pooled_products(columns: Any, starts: Any) -> Any:
    k = columns.shape[1]
    sums = np.zeros((len(starts) - 1, k, k))
    for g in range(len(starts) - 1):
        for r in range(starts[g], starts[g + 1]):
            for a in range(k):
                for b in range(a, k):
                    sums[g, a, b] += columns[r, a] * columns[r, b]
        for a in range(k):
            for b in range(a):
                sums[g, a, b] = sums[g, b, a]
    return sums
