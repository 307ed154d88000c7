"""Compiled walks of two steps on a social graph: whom the users that one follows follow.

Endpoints are counted in an open hash table, one for a block of users, so that memory does not grow with the square
of the users. ``graph`` is the pair (indptr, indices) of compressed sparse rows.
"""

from typing import Any

import numpy as np

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.loops import compiled
from hemicycle.exposure.kernels import first_above

MOST_WALKS = 1 << 14
"""A user with more two-step walks than this gets that many drawn, with replacement and each alike."""
BLOCK = 512
"""Users whose walks share one table."""


def n_blocks(n_users: int) -> int:
    """Return the number of blocks of users."""
    return -(-n_users // BLOCK)


@compiled
def n_walks(graph: Any, user: Any) -> Any:
    """Return how many walks of two steps leave a user."""
    indptr, indices = graph
    total = 0
    for e in range(indptr[user], indptr[user + 1]):
        total += indptr[indices[e] + 1] - indptr[indices[e]]
    return total


@compiled
def table_size(graph: Any, user: Any) -> Any:
    """Return the places that the endpoints of a user's walks need: a power of 2, at most half full."""
    known = graph[0][user + 1] - graph[0][user] + 1
    needed, size = 2 * (known + min(n_walks(graph, user), MOST_WALKS)), 8
    while size < needed:
        size *= 2
    return size


@compiled
def largest_table(graph: Any, users: Any) -> Any:
    """Return the largest :func:`table_size` of some users."""
    size = 8
    for user in users:
        size = max(size, table_size(graph, user))
    return size


@compiled
def slot_of(ids: Any, size: Any, j: Any) -> Any:
    """Return the place of j in a table, or the free one where it belongs."""
    mask = np.uint32(size - 1)
    at = (np.uint32(j) * np.uint32(2654435769) >> np.uint32(7)) & mask
    while ids[at] != j and ids[at] != -1:
        at = (at + np.uint32(1)) & mask
    return at


@compiled
def count_walks(graph: Any, user: Any, key: Any, table: Any) -> Any:
    """Count the walks of two steps from a user to each user that is neither itself nor followed by it.

    Args:
        graph: (indptr, indices).
        user: where the walks start.
        key: uint64 key of the draws.
        table: (ids, counts, found) of at least :func:`table_size` places; found gets the places of the endpoints in
            the order of their discovery.

    Returns:
        Number of endpoints.
    """
    ids, counts, _ = table
    indptr, indices = graph
    size, total = table_size(graph, user), n_walks(graph, user)
    ids[:size] = -1
    at = slot_of(ids, size, user)
    ids[at], counts[at] = user, -1
    for e in range(indptr[user], indptr[user + 1]):
        at = slot_of(ids, size, indices[e])
        ids[at], counts[at] = indices[e], -1
    if total > MOST_WALKS:
        return _count_drawn(graph, user, row_key(key, user), table)
    n_found = 0
    for e in range(indptr[user], indptr[user + 1]):
        for end in range(indptr[indices[e]], indptr[indices[e] + 1]):
            n_found = _seen(indices[end], size, table, n_found)
    return n_found


@compiled
def _count_drawn(graph: Any, user: Any, key: Any, table: Any) -> Any:
    """Count drawn walks; the middle of a walk is found by bisection of the number of walks before it."""
    indptr, indices = graph
    first, last = indptr[user], indptr[user + 1]
    before = np.empty(last - first + 1, np.int64)
    before[0] = 0
    for e in range(first, last):
        before[e - first + 1] = before[e - first] + indptr[indices[e] + 1] - indptr[indices[e]]
    n_found, size = 0, table_size(graph, user)
    for walk in range(MOST_WALKS):
        drawn = below(before[-1], uniform_of(key, walk))
        e = first_above(before, drawn) - 1
        end = indptr[indices[first + e]] + drawn - before[e]
        n_found = _seen(indices[end], size, table, n_found)
    return n_found


@compiled
def _seen(j: Any, size: Any, table: Any, n_found: Any) -> Any:
    """Count one walk to j; return the number of endpoints so far."""
    ids, counts, found = table
    at = slot_of(ids, size, j)
    if ids[at] == -1:
        ids[at], counts[at], found[n_found] = j, 1, at
        return n_found + 1
    if counts[at] > 0:
        counts[at] += 1
    return n_found
