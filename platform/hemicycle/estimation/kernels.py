"""Compiled sums over the sources of each user, and over the edges in the order of their distances.

Every row is summed by one thread in the order of its entries, so that results do not depend on the number of threads.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.loops import compiled, over_entries

Floats: TypeAlias = NDArray[np.float64]


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
    pulls = np.zeros(len(opinions))
    over_entries(_weighted_pull, indptr, (indptr, indices, weights), opinions, influence, pulls)
    return pulls


@compiled
def _weighted_pull(span: Any, edges: Any, opinions: Any, influence: Any, pulls: Any) -> None:
    indptr, indices, weights = edges
    table, step = influence
    last = len(table) - 2
    for i in range(*span):
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


def confident_pull(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    opinions: Floats,
    confidence: float,
) -> Floats:
    """Way to the mean of oneself (weight 1) and the sources at most ``confidence`` away, shape (n_users,)."""
    pulls = np.zeros(len(opinions))
    over_entries(_confident_pull, indptr, (indptr, indices, weights), opinions, confidence, pulls)
    return pulls


@compiled
def _confident_pull(span: Any, edges: Any, opinions: Any, confidence: float, pulls: Any) -> None:
    indptr, indices, weights = edges
    for i in range(*span):
        total, moved = 1.0, 0.0
        for e in range(indptr[i], indptr[i + 1]):
            away = opinions[indices[e]] - opinions[i]
            if abs(away) <= confidence:
                weight = 1.0 if len(weights) == 0 else np.float64(weights[e])
                total += weight
                moved += weight * away
        pulls[i] = moved / total


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
