"""Sums over each user's sources that metrics share, in one compiled pass over the edges.

Every row is summed by one thread in the order of its entries and in float64, so that values do not depend on the number
of threads. A user is no source of itself here. Legend: w_ij weight of source j for user i, x positions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.loops import compiled, over_entries
from hemicycle.opinions.base import Opinions, Sources

Floats = NDArray[np.float64]


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
        found = cls(np.empty(len(own)), np.empty_like(own), np.empty(len(own)))
        out = (found.totals, found.means, found.squared)
        over_entries(kernel, sources.indptr, _edges(sources), sources.weights, own, out)
        return found


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
        found = cls(*(np.empty(len(own)) for _ in range(4)))
        out = (found.totals, found.distance, found.known, found.across)
        if own.shape[1] == 1:
            over_entries(_seen_on_a_line, sources.indptr, _edges(sources), sources.weights, (own, middle), out)
        else:
            leans = (along(own, axis, middle), along(sources.positions, axis, middle))
            over_entries(_seen_in_space, sources.indptr, _edges(sources), sources.weights, (own, leans), out)
        return found


def along(positions: Opinions, axis: Floats, middle: float) -> Floats:
    """Coordinates of positions on an axis through the point that is ``middle`` in every dimension, shape (n,)."""
    if positions.shape[1] == 1:
        return np.subtract(positions[:, 0], middle, dtype=np.float64)
    return np.asarray((positions.astype(np.float64) - middle) @ axis)


def _edges(sources: Sources) -> tuple[Any, ...]:
    return sources.indptr, sources.indices, sources.positions


# -- compiled; one dimension by itself, where a source costs one read and sums stay in registers -----------------------


@compiled
def _heard_on_a_line(span: Any, edges: Any, weights: Any, own: Any, out: Any) -> None:
    indptr, indices, positions = edges
    totals, means, squared = out
    for i in range(*span):
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


@compiled
def _heard_in_space(span: Any, edges: Any, weights: Any, own: Any, out: Any) -> None:
    indptr, indices, positions = edges
    totals, means, squared = out
    dims = own.shape[1]
    moved = np.empty(dims)
    for i in range(*span):
        moved[:] = 0.0
        total = squares = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[e])
            weight = 1.0 if weights is None else np.float64(weights[e])
            total += weight if j != i else 0.0
            for d in range(dims):
                away = np.float64(positions[j, d]) - np.float64(own[i, d])
                moved[d] += weight * away
                squares += weight * away * away
        totals[i], squared[i] = total, squares
        for d in range(dims):
            means[i, d] = own[i, d] + moved[d] / total if total > 0.0 else own[i, d]


@compiled
def _seen_on_a_line(span: Any, edges: Any, weights: Any, at: Any, out: Any) -> None:
    indptr, indices, positions = edges
    own, middle = at
    totals, distance, known, across = out
    for i in range(*span):
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


@compiled
def _seen_in_space(span: Any, edges: Any, weights: Any, at: Any, out: Any) -> None:
    indptr, indices, positions = edges
    own, leans = at
    totals, distance, known, across = out
    dims = own.shape[1]
    for i in range(*span):
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
