"""Compiled conduct: what every user drops and adds in a step, one user a task of one thread."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.loops import compiled, over_entries
from hemicycle.exposure.kernels import holds

FOLLOWS = ("random", "shared", "proposed")
"""Ways to find whom to follow, by code."""
SHARED, PROPOSED = 1, 2
ATTEMPTS = 20
"""Draws of somebody to follow in a step; a user whose draws all fail keeps whom it would have dropped."""


class Plan(NamedTuple):
    """The configuration as compiled code reads it."""

    accept: float
    accept_discordant: float
    unfollow: float
    limit: float
    keep_degree: bool
    follow: int


class World(NamedTuple):
    """What users see before a step: follows, opinions, proposals, and which of these can be followed."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    positions: NDArray[np.floating[Any]]
    proposed: NDArray[np.int32]
    can_follow: NDArray[np.bool_]


class Keys(NamedTuple):
    """Keys of the step's draws, by what they decide."""

    accept: np.uint64
    unfollow: np.uint64
    follow: np.uint64
    exchange: np.uint64


# -- compiled, one user a task ---------------------------------------------------------------------------------------


def act(world: World, plan: Plan, keys: Keys, dropped: NDArray[np.bool_], added: NDArray[np.int32]) -> None:
    """Fill what every user drops, (n_edges,), and whom it adds, (n, k + 1): in place of someone, then by proposal."""
    world = world._replace(positions=np.ascontiguousarray(world.positions, np.float64))  # compiled once
    over_entries(_act, world.indptr, world, plan, keys, dropped, added)


@compiled
def _act(span: Any, world: Any, plan: Any, keys: Any, dropped: Any, added: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    for user in range(span[0], span[1]):
        first, last = world.indptr[user], world.indptr[user + 1]
        own = (world.indices[first:last], dropped[first:last], added[user])
        if plan.keep_degree:
            _exchange(user, world, plan, keys, own)
        else:
            _unfollow(user, world, plan, keys, own)
        _accept(user, world, plan, keys, own)


@compiled
def _unfollow(user: Any, world: Any, plan: Any, keys: Any, own: Any) -> None:
    """Drop every discordant followee with a probability."""
    if plan.unfollow <= 0:
        return
    followees, dropped, _ = own
    key = row_key(keys.unfollow, user)
    for slot in range(len(followees)):
        if uniform_of(key, followees[slot]) < plan.unfollow:
            dropped[slot] = _is_far(world.positions, user, followees[slot], plan.limit)


@compiled
def _exchange(user: Any, world: Any, plan: Any, keys: Any, own: Any) -> None:
    """With a probability drop one discordant followee for somebody else."""
    key = row_key(keys.unfollow, user)
    if plan.unfollow <= 0 or uniform_of(key, 0) >= plan.unfollow:
        return
    followees, dropped, added = own
    discordant = 0
    for source in followees:
        discordant += _is_far(world.positions, user, source, plan.limit)
    found = _found(user, world, plan, row_key(keys.follow, user)) if discordant > 0 else np.int64(-1)
    if found < 0:
        return
    added[0] = found
    left = below(discordant, uniform_of(key, 1))
    for slot in range(len(followees)):
        if _is_far(world.positions, user, followees[slot], plan.limit):
            if left == 0:
                dropped[slot] = True
            left -= 1


@compiled
def _found(user: Any, world: Any, plan: Any, key: Any) -> Any:
    """Return whom to follow instead, -1 for nobody."""
    n = len(world.indptr) - 1
    followees = world.indices[world.indptr[user] : world.indptr[user + 1]]
    if plan.follow == PROPOSED:
        return _best_proposed(user, world, followees, plan.limit)
    for attempt in range(ATTEMPTS):
        if plan.follow == SHARED:
            source = _shared(user, world, plan.limit, key, attempt)
        else:
            source = below(n, uniform_of(key, attempt))
        if _can_be_followed(user, source, followees, n):
            return source
    return np.int64(-1)


@compiled
def _shared(user: Any, world: Any, limit: Any, key: Any, attempt: Any) -> Any:
    """Return a concordant followee of a concordant followee, both drawn; -1 where a draw is discordant."""
    first, degree = world.indptr[user], world.indptr[user + 1] - world.indptr[user]
    friend = world.indices[first + below(degree, uniform_of(key, 2 * attempt))]
    theirs = world.indptr[friend + 1] - world.indptr[friend]
    if theirs == 0 or _is_far(world.positions, user, friend, limit):
        return np.int64(-1)
    source = world.indices[world.indptr[friend] + below(theirs, uniform_of(key, 2 * attempt + 1))]
    return np.int64(-1) if _is_far(world.positions, user, source, limit) else np.int64(source)


@compiled
def _best_proposed(user: Any, world: Any, followees: Any, limit: Any) -> Any:
    """Return the first proposed user who is concordant and not followed; -1 for nobody."""
    n = len(world.indptr) - 1
    for slot in range(world.proposed.shape[1]):
        source = world.proposed[user, slot]
        if not world.can_follow[user, slot] or not _can_be_followed(user, source, followees, n):
            continue
        if not _is_far(world.positions, user, source, limit):
            return np.int64(source)
    return np.int64(-1)


@compiled
def _accept(user: Any, world: Any, plan: Any, keys: Any, own: Any) -> None:
    """Follow each proposal with a probability, where degrees are kept in exchange for a followee."""
    followees, dropped, added = own
    most = max(plan.accept, plan.accept_discordant)
    if most <= 0:
        return
    n, key, exchange = len(world.indptr) - 1, row_key(keys.accept, user), row_key(keys.exchange, user)
    for slot in range(world.proposed.shape[1]):
        source = world.proposed[user, slot]
        if source < 0 or not world.can_follow[user, slot]:
            continue
        drawn = uniform_of(key, source)
        if drawn >= most or not _can_be_followed(user, source, followees, n) or source in added:
            continue
        chance = plan.accept_discordant if _is_far(world.positions, user, source, plan.limit) else plan.accept
        if drawn < chance and (not plan.keep_degree or _made_room(dropped, uniform_of(exchange, source))):
            added[1 + slot] = source


@compiled
def _made_room(dropped: Any, drawn: Any) -> Any:
    """Drop a followee drawn among those that are kept; False when there is none."""
    left = below(len(dropped) - dropped.sum(), drawn)
    for slot in range(len(dropped)):
        if not dropped[slot]:
            if left == 0:
                dropped[slot] = True
                return True
            left -= 1
    return False


@compiled
def _can_be_followed(user: Any, source: Any, followees: Any, n_users: Any) -> Any:
    """Tell whether a source is another user whom one does not follow yet."""
    return 0 <= source < n_users and source != user and not holds(followees, source)


@compiled
def _is_far(positions: Any, user: Any, source: Any, limit: Any) -> Any:
    """Tell whether the squared distance of two users exceeds a limit."""
    total = 0.0
    for axis in range(positions.shape[1]):
        gap = np.float64(positions[user, axis]) - np.float64(positions[source, axis])
        total += gap * gap
    return total > limit
