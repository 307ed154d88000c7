"""Social graphs of other shapes than the homophilous one: random, complete, small-world, scale-free, blocks.

random          G(n, m): m different pairs, all alike (Erdos and Renyi, Publ. Math. 6, 1959)
complete        every pair
small_world     a ring of n users, each tied to the k nearest, each tie rewired with probability p (Watts and Strogatz,
                Nature 393, 1998)
scale_free      a clique of m + 1 users, then each newcomer ties itself to m users drawn in proportion to their degrees
                (Barabasi and Albert, Science 286, 1999)
blocks          a follow is looked for inside the own community with probability q (``modularity``) and, independently,
                inside the own party with probability h (``homophily``), among all there alike

Of blocks whose communities know nothing of parties, with C communities of equal size, modularity tends to q (1 - 1/C)
and the assortativity by party (Newman, PRE 67, 2003) to h, each by its own dial (tested). This is a planted partition
(Condon and Karp, Random Struct. Algorithms 18, 2001) of two crossed partitions.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import uniform
from hemicycle.core.loops import compiled
from hemicycle.core.seeding import key_of, rng
from hemicycle.data.society_edges import block_sort
from hemicycle.data.society_follows import Follows, Shape

Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Users, and whom they follow; of mutual ties each once."""


class Partition(NamedTuple):
    """Whom a user may look for: users in an order in which blocks are contiguous, and where a user's own block lies.

    Args:
        order: users, shape (n,).
        first: where the own block of each user begins, shape (n,).
        last: where it ends, shape (n,).
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def ties(follows: Follows, users: int, seed: int) -> Pairs:
    """Return the edges of a shape that knows nothing of its users.

    Args:
        follows: its options; the kind is one of ``SHAPES``.
        users: their number.
        seed: of the graph.
    """
    return SHAPES[follows.kind](follows, users, seed)


def _random(follows: Follows, users: int, seed: int) -> Pairs:
    source = rng("random follows", seed)
    codes = np.sort(source.choice(follows.room(users), follows.edges(users), replace=False, shuffle=False))
    return _ordered(codes, users) if follows.directed else _unordered(codes)


def _ordered(codes: NDArray[np.int64], users: int) -> Pairs:
    """Numbers below n (n - 1) -> different ordered pairs."""
    rows, columns = np.divmod(codes, users - 1)
    return rows.astype(np.int32), (columns + (columns >= rows)).astype(np.int32)


def _unordered(codes: NDArray[np.int64]) -> Pairs:
    """Numbers below n (n - 1) / 2 -> pairs with the second below the first: code = u (u - 1) / 2 + v."""
    rows = ((1 + np.sqrt(1 + 8 * codes.astype(np.float64))) / 2).astype(np.int64)
    rows -= rows * (rows - 1) // 2 > codes  # the root is rounded
    rows += (rows + 1) * rows // 2 <= codes
    return rows.astype(np.int32), (codes - rows * (rows - 1) // 2).astype(np.int32)


def _complete(follows: Follows, users: int, seed: int) -> Pairs:
    del seed
    return _unordered(np.arange(follows.edges(users)))


def _small_world(follows: Follows, users: int, seed: int) -> Pairs:
    half = int(follows.per_user) // 2
    first = np.repeat(np.arange(users), half)
    second = (first + np.tile(np.arange(1, half + 1), users)) % users
    source = rng("small world", seed)
    moved = np.flatnonzero(source.random(len(first)) < follows.rewiring)
    while len(moved):
        second[moved] = source.integers(users, size=len(moved))
        moved = moved[_bad(first, second, users)[moved]]
    return first.astype(np.int32), second.astype(np.int32)


def _bad(first: NDArray[np.int64], second: NDArray[np.int64], users: int) -> NDArray[np.bool_]:
    """Tell which ties are loops, or stand twice."""
    codes = np.minimum(first, second) * users + np.maximum(first, second)
    _, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return np.asarray((first == second) | (counts[places] > 1))


def _scale_free(follows: Follows, users: int, seed: int) -> Pairs:
    half = int(follows.per_user) // 2
    ends = np.empty(2 * follows.edges(users), np.int32)
    clique = _unordered(np.arange(half * (half + 1) // 2))
    ends[: 2 * len(clique[0])] = np.stack(clique, axis=1).ravel()
    _attach(ends, 2 * len(clique[0]), users, half, np.uint64(key_of("scale free", seed)))
    return ends[0::2].copy(), ends[1::2].copy()


@compiled
def _attach(ends: NDArray[np.int32], place: int, users: int, half: int, key: np.uint64) -> None:
    """Tie every newcomer to ``half`` different ends of earlier ties, so that degrees count."""
    for user in range(half + 1, users):
        before, found, attempt = place, 0, 0
        while found < half:
            target = ends[int(uniform(key, user, attempt) * before)]
            attempt += 1
            known = False
            for other in range(found):
                known = known or ends[before + 2 * other + 1] == target
            if not known:
                ends[place], ends[place + 1] = user, target
                place += 2
                found += 1


SHAPES: dict[Shape, Callable[[Follows, int, int], Pairs]] = {
    "random": _random,
    "complete": _complete,
    "small_world": _small_world,
    "scale_free": _scale_free,
}


# -- blocks ----------------------------------------------------------------------------------------------------------


def blocks(
    follows: Follows, community: NDArray[np.integer], party: NDArray[np.integer], counts: NDArray[np.int64], seed: int
) -> Pairs:
    """Return the follows of users who look inside their community, their party, both, or anywhere.

    Args:
        follows: the two dials.
        community: of each user, from 0, shape (n,).
        party: of each user, from 0, shape (n,).
        counts: how many each user follows, shape (n,).
        seed: of the graph.
    """
    alone = np.zeros(len(community), np.int64)
    inside = [partition(a, b) for b in (alone, party) for a in (alone, community)]
    pointers = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    out = np.empty(pointers[-1], np.int32)
    chances = np.array([follows.modularity, follows.homophily])
    orders, firsts, lasts = (np.stack(parts) for parts in zip(*inside, strict=True))
    _look(pointers, orders, firsts, lasts, chances, np.uint64(key_of("block follows", seed)), out)
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts), out


def partition(one: NDArray[np.integer], other: NDArray[np.integer]) -> Partition:
    """Sort users by two crossed partitions."""
    order, bounds = block_sort(one.astype(np.int64), other.astype(np.int64))
    block = one.astype(np.int64) * (int(other.max()) + 1) + other
    return Partition(order, bounds[block], bounds[block + 1])


@compiled
def _look(  # noqa: PLR0913, PLR0917 - numba takes arrays
    pointers: NDArray[np.int64],
    orders: NDArray[np.int64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    chances: NDArray[np.float64],
    key: np.uint64,
    out: NDArray[np.int32],
) -> None:
    """Draw the different targets of every user; who finds nobody new in many attempts looks anywhere."""
    n = orders.shape[1]
    taken = np.full(n, -1, np.int64)
    for user in range(n):
        taken[user] = user
        place, end = pointers[user], pointers[user + 1]
        limit, attempt = 8 * (end - place) + 64, 0
        while place < end:
            where = 0
            if attempt < limit:
                where += uniform(key, user, 3 * attempt) < chances[0]
                where += 2 * (uniform(key, user, 3 * attempt + 1) < chances[1])
            first, last = firsts[where, user], lasts[where, user]
            target = orders[where, first + int(uniform(key, user, 3 * attempt + 2) * (last - first))]
            attempt += 1
            if taken[target] != user:
                taken[target] = user
                out[place] = target
                place += 1
