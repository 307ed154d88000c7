"""Candidates: which sources are worth scoring for a user, and the best of them; never users x sources.

Ties are broken by a number keyed by (user, source), not by the order of ids: where opinions have become equal, the
first ids would otherwise be shown to everybody.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.errors import InputError
from hemicycle.core.loops import compiled, over_entries, over_rows
from hemicycle.exposure.kernels import holds, order_statistic, place
from hemicycle.exposure.walks import BLOCK, MOST_WALKS, count_walks, largest_table, n_blocks, n_walks
from hemicycle.graphs.interaction import InteractionGraph

Lists = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Ids, -1 pads, and scores, -inf there; best first, shape (n, k)."""
_TILE = 64
_summing: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR")), fastmath={"reassoc", "contract", "nsz"}
)
"""Compile a sum whose terms may be added in any order, but always in the same."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Sources that may be shown to some users, as compressed sparse rows; none twice in a row.

    Args:
        indptr: int64, shape (n + 1,).
        indices: int32, shape (n_entries,).
        users: whose rows they are, int64, shape (n,).
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    users: NDArray[np.int64]

    def row(self, i: int) -> NDArray[np.int32]:
        """Return the candidates of the i-th of the users."""
        return self.indices[self.indptr[i] : self.indptr[i + 1]]


def friends_of_friends(
    graph: InteractionGraph, most: int, key: int, users: NDArray[np.integer[Any]] | None = None
) -> Candidates:
    """Return whom the users that one follows follow, without oneself and those one follows.

    Of more than ``most``, as many are kept, drawn uniformly and without replacement: those with the smallest numbers
    keyed by (user, candidate). A user with more than 16,384 two-step walks gets its candidates from that many drawn
    walks. Draws depend on the key, the user and the candidate alone.

    Args:
        graph: row u holds whom u follows; weights do not count.
        most: candidates of a user, at most.
        key: 64-bit key of the draws.
        users: whose candidates, shape (n,); None: everybody's.

    Raises:
        InputError: the graph is not one between users, or ``most`` is not positive.
    """
    _require_social(graph)
    if most < 1:
        raise InputError(f"{most} candidates for a user", remedy="ask for at least one")
    who = np.arange(graph.n_users) if users is None else np.asarray(users, np.int64)
    rows = (np.asarray(graph.indptr), np.asarray(graph.indices))
    counts = np.empty(len(who), np.int64)
    over_rows(_at_most, len(who), rows, who, most, counts, work=int(graph.degrees[who].sum()))
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = np.empty(bounds[-1], np.int32)
    out = (bounds, indices, counts)
    over_rows(_friends_of_friends, n_blocks(len(who)), rows, who, np.uint64(key), out, work=len(indices))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    _pack(bounds, indptr, indices)
    return Candidates(indptr, indices[: indptr[-1]], who)


def best_of(
    candidates: Candidates,
    user_vectors: NDArray[np.floating[Any]],
    source_vectors: NDArray[np.floating[Any]],
    k: int,
    exclude: InteractionGraph | None = None,
) -> Lists:
    """Return the k candidates of each user with the largest inner products x_u . y_j, best first.

    Args:
        candidates: which sources to score, and for whom.
        user_vectors: x, a row for every user of the graph, shape (n_users, d).
        source_vectors: y, shape (n_sources, d); a bias is one more column, with 1 in ``user_vectors``.
        k: length of the lists.
        exclude: what is not to be listed: row u holds the sources left out for u; None: nothing.

    Raises:
        InputError: k is not positive, or the vectors do not fit the candidates.
    """
    users, sources = (np.ascontiguousarray(table, np.float32) for table in (user_vectors, source_vectors))
    _require_vectors(candidates, users, sources, k)
    out = _empty(len(candidates.users), k, np.float32)
    rows = (candidates.indptr, candidates.indices, candidates.users)
    over_entries(_best_of, candidates.indptr, rows, users, sources, _rows_of(exclude, len(users)), out)
    return out[0], out[1]


def closest_of(candidates: Candidates, positions: NDArray[np.floating[Any]], k: int, key: int = 0) -> NDArray[np.int32]:
    """Return the k candidates of each user that are nearest to it, best first; -1 pads.

    Args:
        candidates: which users to compare, and with whom.
        positions: shape (n_users, d); equal distances are ordered by numbers keyed by ``key``, user and candidate.
        k: length of the lists.
        key: 64-bit key.
    """
    table = np.ascontiguousarray(positions, np.float64)
    _require_vectors(candidates, table, table, k)
    out = _empty(len(candidates.users), k, np.float64)
    rows = (candidates.indptr, candidates.indices, candidates.users)
    over_entries(_closest_of, candidates.indptr, rows, table, np.uint64(key), out)
    return out[0]


def nearest(
    vectors: NDArray[np.floating[Any]], k: int, exclude: InteractionGraph | None = None, key: int = 0
) -> NDArray[np.int32]:
    """Return the k other rows nearest to each row (Euclidean), best first; exact, n^2 d operations in tiles.

    Args:
        vectors: shape (n, d).
        k: length of the lists; -1 pads.
        exclude: row u holds what is left out for u, beside itself; None: nothing.
        key: 64-bit key of the numbers that order equal distances.
    """
    if k < 1:
        raise InputError(f"lists of {k} neighbours", remedy="ask for at least one")
    out = _empty(len(vectors), k, np.float64)
    n, left_out = len(vectors), _rows_of(exclude, len(vectors))
    points = np.ascontiguousarray(vectors, np.float64)
    over_rows(_nearest, -(-n // _TILE), points, left_out, np.uint64(key), out, work=n**2)
    return out[0]


def _empty(n: int, k: int, kind: type[np.floating[Any]]) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.float64]]:
    """Return empty lists: ids, values, and numbers that order equal values."""
    return np.full((n, k), -1, np.int32), np.full((n, k), -np.inf, kind), np.full((n, k), -np.inf)


def _rows_of(graph: InteractionGraph | None, n: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return a graph's rows, or empty ones."""
    if graph is None:
        return np.zeros(n + 1, np.int64), np.empty(0, np.int32)
    if graph.n_users != n:
        raise InputError(f"a graph of {graph.n_users} users says what to leave out for {n}", remedy="give their graph")
    return np.asarray(graph.indptr), np.asarray(graph.indices)


def _require_social(graph: InteractionGraph) -> None:
    if not graph.social:
        remedy = "name a relation between users, e.g. who follows whom"
        raise InputError("friends of friends in a graph whose columns are items", remedy=remedy)


def _require_vectors(candidates: Candidates, users: NDArray[Any], sources: NDArray[Any], k: int) -> None:
    if k < 1:
        raise InputError(f"lists of {k} candidates", remedy="ask for at least one")
    if users.ndim != 2 or sources.ndim != 2 or users.shape[1] != sources.shape[1]:
        raise InputError(
            f"vectors of shapes {users.shape} and {sources.shape}", remedy="give (n_users, d) and (n_sources, d)"
        )
    highest = (int(table.max(initial=-1)) for table in (candidates.users, candidates.indices))
    for name, table, last in zip(("users", "sources"), (users, sources), highest, strict=True):
        if last >= len(table):
            raise InputError(f"candidates name {name} up to {last}, and there are vectors of {len(table)}")


# -- compiled --------------------------------------------------------------------------------------------------------


@compiled
def _at_most(span: Any, graph: Any, users: Any, most: int, counts: Any) -> None:
    for i in range(span[0], span[1]):
        counts[i] = min(most, n_walks(graph, users[i]), MOST_WALKS)


@compiled
def _friends_of_friends(span: Any, graph: Any, users: Any, key: Any, out: Any) -> None:
    """Fill ``indices[bounds[i]:]`` with the candidates of ``users[i]``, of some blocks, and how many each has."""
    n, (bounds, indices, counts) = len(users), out
    for block in range(span[0], span[1]):
        low, high = block * BLOCK, min(n, (block + 1) * BLOCK)
        size = largest_table(graph, users[low:high])
        table = (np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int64))
        for i in range(low, high):
            n_found = count_walks(graph, users[i], key, table)
            counts[i] = _keep(table, n_found, row_key(key, users[i]), indices[bounds[i] : bounds[i + 1]])


@compiled
def _keep(table: Any, n_found: Any, key: Any, out: Any) -> Any:
    """Copy endpoints to ``out``; where they are too many, those with the smallest keyed numbers."""
    ids, _, found = table
    most = len(out)
    if n_found <= most:
        for f in range(n_found):
            out[f] = ids[found[f]]
        return n_found
    drawn = np.empty(n_found)
    for f in range(n_found):
        drawn[f] = uniform_of(key, ids[found[f]])
    limit, kept = order_statistic(drawn.copy(), most - 1), 0
    for f in range(n_found):
        if drawn[f] <= limit and kept < most:
            out[kept] = ids[found[f]]
            kept += 1
    return kept


@compiled
def _pack(bounds: Any, indptr: Any, indices: Any) -> None:
    """Move rows together, in place."""
    for i in range(len(bounds) - 1):
        for e in range(indptr[i + 1] - indptr[i]):
            indices[indptr[i] + e] = indices[bounds[i] + e]


@_summing
def _product(x: Any, y: Any) -> Any:
    """Inner product in float32; the order of its terms is the compiler's, the same in every run on a machine."""
    total = np.float32(0)
    for d in range(len(x)):
        total += x[d] * y[d]
    return total


@compiled
def _best_of(span: Any, candidates: Any, users: Any, sources: Any, exclude: Any, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    indptr, indices, who = candidates
    ids, scores, ties = out
    for i in range(span[0], span[1]):
        user = who[i]
        left_out = exclude[1][exclude[0][user] : exclude[0][user + 1]]
        key = row_key(np.uint64(0), user)
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            score = _product(users[user], sources[j])
            if score >= scores[i, -1] and not holds(left_out, j):
                place(ids[i], scores[i], ties[i], (j, score, uniform_of(key, j)))


@compiled
def _minus_distance(x: Any, y: Any) -> Any:
    total = 0.0
    for d in range(len(x)):
        total -= (x[d] - y[d]) ** 2
    return total


@compiled
def _closest_of(span: Any, candidates: Any, positions: Any, key: Any, out: Any) -> None:
    indptr, indices, who = candidates
    ids, values, ties = out
    for i in range(span[0], span[1]):
        own = row_key(key, who[i])
        for e in range(indptr[i], indptr[i + 1]):
            value = _minus_distance(positions[who[i]], positions[indices[e]])
            if value >= values[i, -1]:
                place(ids[i], values[i], ties[i], (indices[e], value, uniform_of(own, indices[e])))


@compiled
def _nearest(span: Any, vectors: Any, exclude: Any, key: Any, out: Any) -> None:
    ids, values, ties = out
    n = len(vectors)
    for tile in range(span[0], span[1]):
        for start in range(0, n, _TILE * 8):
            for i in range(tile * _TILE, min(n, (tile + 1) * _TILE)):
                left_out, own = exclude[1][exclude[0][i] : exclude[0][i + 1]], row_key(key, i)
                for j in range(start, min(n, start + _TILE * 8)):
                    value = _minus_distance(vectors[i], vectors[j])
                    if value >= values[i, -1] and i != j and not holds(left_out, j):
                        place(ids[i], values[i], ties[i], (j, value, uniform_of(own, j)))
