"""How a graph between users relates to what they are: assortativity, modularity, random-walk controversy.

Legend: w_ij weight of the edge from user i to user j, W their sum, out_i and in_j its sums over rows and columns.
"""

import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse import csgraph

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph

Floats = NDArray[np.float64]
UNKNOWN = -1
"""Side of a user whose side is not known."""
_LOST = -2
_HUB_SHARE, _FEWEST_HUBS = 0.01, 10
_LONGEST = 100_000
_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


def out_strengths(graph: InteractionGraph) -> Floats:
    """Sum of the weights of each user's edges, shape (n_users,)."""
    if graph.weights is None:
        return graph.degrees.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(graph.weights, dtype=np.float64)])
    return np.asarray(sums[graph.indptr[1:]] - sums[graph.indptr[:-1]])


def in_strengths(graph: InteractionGraph) -> Floats:
    """Sum of the weights of the edges to each user, shape (n_items,)."""
    if graph.weights is None:
        return graph.item_degrees.astype(np.float64)
    return np.asarray(np.bincount(graph.indices, graph.weights, graph.n_items), np.float64)


def assortativity(graph: InteractionGraph, values: NDArray[np.floating[Any]]) -> float:
    """Pearson correlation of a number at the two ends of edges (Newman, Phys. Rev. E 67, 026126, 2003, eq. 21).

    Every edge counts by its weight. NaN where the number does not vary at either end.

    Args:
        graph: between users.
        values: of each user, finite, shape (n_users,).
    """
    x = values.astype(np.float64)
    means, out = mean_over_follows(graph, x)
    return correlation_of_ends(x, means, out, in_strengths(graph))


def correlation_of_ends(x: Floats, means: Floats, out: Floats, into: Floats) -> float:
    """Assortativity from sums over each user's edges.

    Args:
        x: the number, shape (n,).
        means: weighted mean of x over those whom each user follows, shape (n,).
        out: weight of each user's edges, shape (n,).
        into: weight of the edges to each user, shape (n,).
    """
    total = out.sum()
    if not total > 0:
        return float("nan")
    here, there = (x - strength @ x / total for strength in (out, into))
    variances = (out @ (here * here)) * (into @ (there * there))
    covariance = (out * here) @ (means - into @ x / total)
    return float(covariance / np.sqrt(variances)) if variances > (1e-9 * total) ** 2 else float("nan")


def mean_over_follows(graph: InteractionGraph, values: Floats) -> tuple[Floats, Floats]:
    """Weighted mean of a number over whom each user follows (0 where nobody), and the weight; shape (n_users,) each."""
    out = out_strengths(graph)
    sums = graph.to_scipy().astype(np.float64) @ values
    return np.divide(sums, out, out=np.zeros(len(out)), where=out > 0), out


def modularity(graph: InteractionGraph, sides: NDArray[np.integer[Any]]) -> float:
    """Modularity of given sides: sum_ij (w_ij / W - out_i in_j / W^2) [i and j on one side].

    Leicht and Newman (Phys. Rev. Lett. 100, 118703, 2008); undirected, it is that of Newman and Girvan. Users
    of an unknown side are left out with their edges. NaN without an edge between users of known sides.

    Args:
        graph: between users.
        sides: of each user, 0, 1, ..., or ``UNKNOWN``, shape (n_users,).
    """
    rows = graph.rows()
    own, other = sides[rows].astype(np.int64), sides[graph.indices].astype(np.int64)
    n, both = int(sides.max(initial=0)) + 1, (own != UNKNOWN) & (other != UNKNOWN)
    weights = None if graph.weights is None else graph.weights[both]
    table = np.bincount(own[both] * n + other[both], weights, n * n).reshape(n, n).astype(np.float64)
    return modularity_of_table(table)


def modularity_of_table(table: Floats) -> float:
    """Modularity of sides from the weight of edges between them, rows follow columns, shape (n_sides, n_sides)."""
    total = table.sum()
    if not total > 0:
        return float("nan")
    shares = table / total
    return float(np.trace(shares) - shares.sum(axis=1) @ shares.sum(axis=0))


# -- random walks ------------------------------------------------------------------------------------------------------


def random_walk_controversy(
    graph: InteractionGraph, sides: NDArray[np.integer[Any]], key: int, walks: int = 10_000, hubs: int = 0
) -> float:
    """Random-walk controversy P_00 P_11 - P_01 P_10 of two sides, estimated from walks.

    P_ab is the probability that a walk which ended on side b began on side a (Garimella, De Francisci Morales, Gionis
    and Mathioudakis, ACM Trans. Social Computing 1, 2018). Walks begin at users drawn alike from a side, as many on
    either side, follow edges in proportion to their weights, and end at the first hub they meet, the start included.
    Hubs are each side's most followed users. Near 1 sides keep to themselves, near 0 they do not matter. A walk that
    comes to where no way leads to a hub, or has found none after 100,000 steps, is left out.

    Args:
        graph: between users.
        sides: 0, 1, or ``UNKNOWN``, shape (n_users,); walks may pass through users of an unknown side.
        key: 64-bit key of the draws.
        walks: number from either side; the standard error is about 1 / sqrt(walks).
        hubs: on either side; 0: a hundredth of the side, at least ten.

    Returns:
        NaN where a side has nobody or no walk ended on it.
    """
    known = [np.flatnonzero(sides == side) for side in (0, 1)]
    if not all(map(len, known)):
        return float("nan")
    ends = np.full(graph.n_users, UNKNOWN, np.int8)
    for side, members in enumerate(known):
        number = hubs or max(_FEWEST_HUBS, round(_HUB_SHARE * len(members)))
        ends[_most_followed(graph, members, number)] = side
    ends[~_leading_to(graph, ends >= 0)] = _LOST
    cumulated = np.empty(0) if graph.weights is None else _cumulated(graph)
    arrays = (np.asarray(graph.indptr), np.asarray(graph.indices), cumulated)
    found = np.array([_walk_ends(arrays, ends, known[side], walks, np.uint64(key ^ side)) for side in (0, 1)])
    if not found.sum(axis=0).all():
        return float("nan")
    begun = found / found.sum(axis=0)
    return float(begun[0, 0] * begun[1, 1] - begun[0, 1] * begun[1, 0])


def _leading_to(graph: InteractionGraph, places: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell from which users a walk can come to one of the places, themselves included, shape (n_users,)."""
    n, back = graph.n_users, graph.to_scipy().T.tocsr()
    back.eliminate_zeros()
    to = np.flatnonzero(places)
    start = np.append(back.indptr, len(back.indices) + len(to))  # one more user, from whom all places are reached
    indices = np.concatenate([back.indices, to.astype(back.indices.dtype)])
    whole = sp.csr_array((np.ones(len(indices)), indices, start), shape=(n + 1, n + 1))
    found = np.zeros(n + 1, np.bool_)
    found[csgraph.breadth_first_order(whole, n, return_predecessors=False)] = True
    return found[:n]


def _most_followed(graph: InteractionGraph, members: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The members most followed, the first of equals."""
    order = np.argsort(-in_strengths(graph)[members], kind="stable")
    return np.asarray(members[order[:number]])


def _cumulated(graph: InteractionGraph) -> Floats:
    """Cumulated weights within every row, shape (n_edges,).

    Raises:
        InputError: a weight is negative.
    """
    assert graph.weights is not None
    if graph.weights.min(initial=0) < 0:
        raise InputError("random walks need weights from 0 on")
    sums = np.cumsum(graph.weights, dtype=np.float64)
    before = np.concatenate([[0.0], sums])[graph.indptr[:-1]]
    return np.asarray(sums - np.repeat(before, graph.degrees))


@_compiled
def _walk_ends(arrays: Any, ends: Any, members: Any, walks: Any, key: Any) -> Any:
    """Count walks by the side of the hub where they end, shape (2,)."""
    indptr, indices, cumulated = arrays
    found = np.zeros(2, np.int64)
    for walk in range(walks):
        keyed = row_key(key, walk)
        user = members[np.int64(uniform_of(keyed, 0) * len(members))]
        for step in range(1, _LONGEST):
            if ends[user] != UNKNOWN:
                if ends[user] != _LOST:
                    found[ends[user]] += 1
                break
            low, high = indptr[user], indptr[user + 1]
            drawn = uniform_of(keyed, step)
            if len(cumulated):
                place = np.searchsorted(cumulated[low:high], drawn * cumulated[high - 1], side="right")
                user = indices[low + min(place, high - low - 1)]
            else:
                user = indices[low + np.int64(drawn * (high - low))]
    return found
