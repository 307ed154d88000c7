"""Sums over each user's sources that metrics share, in one compiled pass over the edges.

Every row is summed by one thread in the order of its entries and in float64, so that values do not depend on the number
of threads. A user is no source of itself here. Legend: w_ij weight of source j for user i, x positions.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hemicycle.opinions.base import Opinions, Sources

Floats = NDArray[np.float64]
_ENTRIES_A_THREAD = 100_000  # below about this many, waking a thread takes longer than the work

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    parallel=True, nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


@dataclass(frozen=True, eq=False)
class Heard:
    """Opinions of each user's sources.

    Args:
        totals: sum of w_ij, shape (n,).
        means: weighted mean position, the own one where there is no source, shape (n, n_dims).
        squared: sum of w_ij |x_j - x_i|^2, shape (n,).
    """

    totals: Floats
    means: Opinions
    squared: Floats

    @classmethod
    def of(cls, sources: Sources, own: Opinions) -> "Heard":
        """Sum over sources, for users at ``own``, shape (n, n_dims)."""
        kernel = _heard_on_a_line if own.shape[1] == 1 else _heard_in_space
        with _threads(len(sources.indices)):
            found = kernel(sources.indptr, sources.indices, sources.weights, sources.positions, own)
        return cls(*found)


@dataclass(frozen=True, eq=False)
class Seen:
    """How far and on which side each user's sources stand.

    Args:
        totals: sum of w_ij, shape (n,).
        distance: sum of w_ij |x_j - x_i|, shape (n,).
        known: sum of w_ij over sources on a side, 0 where i is on none, shape (n,).
        across: that of sources on another side than i's, shape (n,).
    """

    totals: Floats
    distance: Floats
    known: Floats
    across: Floats

    @classmethod
    def of(cls, sources: Sources, own: Opinions, axis: Floats, middle: float = 0.0) -> "Seen":
        """Sum over sources.

        Args:
            sources: what each user sees.
            own: the users' opinions, shape (n, n_dims); the first n sources are the users.
            axis: along which the sides lie, shape (n_dims,).
            middle: opinion, in every dimension, where the sides meet; whoever is right there is on neither.
        """
        arrays = (sources.indptr, sources.indices, sources.weights, sources.positions)
        with _threads(len(sources.indices)):
            if own.shape[1] == 1:
                return cls(*_seen_on_a_line(*arrays, own, middle))
            lean = along(sources.positions, axis, middle)
            return cls(*_seen_in_space(*arrays, own, (along(own, axis, middle), lean)))


def along(positions: Opinions, axis: Floats, middle: float) -> Floats:
    """Coordinates of positions on an axis through the point that is ``middle`` in every dimension, shape (n,)."""
    if positions.shape[1] == 1:
        return np.subtract(positions[:, 0], middle, dtype=np.float64)
    return np.asarray((positions.astype(np.float64) - middle) @ axis)


@contextmanager
def _threads(n_entries: int) -> Iterator[None]:
    allowed = numba.get_num_threads()
    numba.set_num_threads(min(allowed, 1 + n_entries // _ENTRIES_A_THREAD))
    try:
        yield
    finally:
        numba.set_num_threads(allowed)


# -- compiled; one dimension by itself, where a source costs one read and sums stay in registers -----------------------


@_compiled
def _heard_on_a_line(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any) -> Any:
    n = len(own)
    totals, means, squared = np.empty(n), np.empty_like(own), np.empty(n)
    for i in numba.prange(n):
        here = np.float64(own[i, 0])
        total = moved = squares = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[e])
            weight = 1.0 if weights is None else np.float64(weights[e])
            away = np.float64(positions[j, 0]) - here
            total += weight if j != i else 0.0
            moved += weight * away
            squares += weight * away * away
        totals[i], squared[i] = total, squares
        means[i, 0] = here + moved / total if total > 0.0 else here
    return totals, means, squared


@_compiled
def _heard_in_space(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any) -> Any:
    n, dims = own.shape
    totals, moved, squared = np.empty(n), np.zeros((n, dims)), np.empty(n)
    for i in numba.prange(n):
        total = squares = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[e])
            weight = 1.0 if weights is None else np.float64(weights[e])
            total += weight if j != i else 0.0
            for d in range(dims):
                away = np.float64(positions[j, d]) - np.float64(own[i, d])
                moved[i, d] += weight * away
                squares += weight * away * away
        totals[i], squared[i] = total, squares
        for d in range(dims):
            moved[i, d] = own[i, d] + moved[i, d] / total if total > 0.0 else own[i, d]
    return totals, moved.astype(own.dtype), squared


@_compiled
def _seen_on_a_line(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any, middle: float) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    n = len(own)
    totals, distance, known, across = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in numba.prange(n):
        here = np.float64(own[i, 0])
        total = away = both = other = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[e])
            weight = 1.0 if weights is None else np.float64(weights[e])
            weight = weight if j != i else 0.0
            there = np.float64(positions[j, 0])
            product = (there - middle) * (here - middle)
            total += weight
            away += weight * abs(there - here)
            both += weight if product != 0.0 else 0.0
            other += weight if product < 0.0 else 0.0
        totals[i], distance[i], known[i], across[i] = total, away, both, other
    return totals, distance, known, across


@_compiled
def _seen_in_space(indptr: Any, indices: Any, weights: Any, positions: Any, own: Any, leans: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    n, dims = own.shape
    totals, distance, known, across = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in numba.prange(n):
        total = away = both = other = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[e])
            weight = 1.0 if weights is None else np.float64(weights[e])
            weight = weight if j != i else 0.0
            square = 0.0
            for d in range(dims):
                square += (np.float64(positions[j, d]) - np.float64(own[i, d])) ** 2
            product = leans[0][i] * leans[1][j]
            total += weight
            away += weight * np.sqrt(square)
            both += weight if product != 0.0 else 0.0
            other += weight if product < 0.0 else 0.0
        totals[i], distance[i], known[i], across[i] = total, away, both, other
    return totals, distance, known, across
