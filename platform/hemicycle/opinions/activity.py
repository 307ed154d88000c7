"""Activity-driven contacts: who is active now, and whom they meet (Perra et al., Scientific Reports 2, 469, 2012)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.loops import compiled, over_rows
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.distances import squared_distance, weight_of
from hemicycle.opinions.meetings import entries

_A_CLOCK = 10  # sums of an entry that drawing a clock takes
_SAME_PLACE = 1e-24  # squared distance below which sources are equally near, and chance decides between them


@dataclass(frozen=True, eq=False)
class Meeting:
    """How users meet.

    Args:
        activity: probability of each user to be active in a step, shape (n_users,).
        homophily: exponent beta of each user, shape (n_users,): contacts are drawn ~ distance^-beta.
        contacts: distinct sources that an active user meets, at most.
        reciprocity: probability that a meeting works both ways.
        received: whether the active user is influenced for certain, rather than the one it meets.
    """

    activity: NDArray[np.float64]
    homophily: NDArray[np.float64]
    contacts: int
    reciprocity: float
    received: bool


Met = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Active users, shape (n_active,), and the sources they meet, shape (n_active, contacts); -1 pads."""
Influences = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Who influences each user in this step, once each, as compressed sparse rows: indptr and indices."""


def contacts(sources: Sources, places: Opinions, meeting: Meeting, key: int) -> Met:
    """Draw who is active, and for each the distinct sources it meets, with probability ~ weight * distance^-beta.

    The draw without replacement is a race of exponential clocks (Efraimidis and Spirakis, Inf. Process. Lett. 97,
    2006), in one pass over the rows of those who are active: the cost does not depend on anybody else's row. Sources
    at the user's own place count as 1e-12 away, so that chance decides between them. A user never meets itself.

    Args:
        sources: whom users may meet.
        places: where the sources are, shape (n_sources, n_dims); distances are Euclidean.
        meeting: how users meet.
        key: of this step.
    """
    drawn = keyed_uniform(key_of("active", key), np.arange(sources.n_users), np.zeros(1, np.int64))
    active = np.flatnonzero(drawn[:, 0] < meeting.activity)
    clocks = np.full((len(active), meeting.contacts), np.inf)
    met = np.full(clocks.shape, -1)
    race = (meeting.homophily, np.uint64(key_of("contacts", key)))
    work = _A_CLOCK * len(sources.indices) * len(active) // max(1, sources.n_users)
    over_rows(_race, len(active), entries(sources), places, race, active, (clocks, met), work=work)
    return active, met


def influences(sources: Sources, met: Met, meeting: Meeting, key: int) -> Influences:
    """Return who influences whom after meetings: certainly one way, the other way with the reciprocity."""
    n_users, n_sources = sources.n_users, len(sources.positions)
    active = np.broadcast_to(met[0][:, None], met[1].shape)
    drawn = keyed_uniform(key_of("reciprocity", key), met[0], np.arange(met[1].shape[1]))
    there = met[1] >= 0
    back = there & (drawn < meeting.reciprocity)
    inward, outward = (there, back) if meeting.received else (back, there)
    outward = outward & (met[1] < n_users)
    users = np.concatenate([active[inward], met[1][outward]])
    whom = np.concatenate([met[1][inward], active[outward]])
    once = np.unique(users * n_sources + whom)
    counts = np.bincount(once // n_sources, minlength=n_users)
    return np.concatenate([[0], np.cumsum(counts)]), once % n_sources


@compiled
def _race(span: Any, rows: Any, places: Any, race: Any, active: Any, best: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    indptr, indices, weights = rows
    homophily, key = race
    clocks, met = best
    for a in range(span[0], span[1]):
        i = active[a]
        drawn, start = row_key(key, i), indptr[i]
        for e in range(start, indptr[i + 1]):
            j = np.int64(indices[e])
            weight = weight_of(weights, e)
            if j != i and weight > 0.0:
                clock = -np.log(uniform_of(drawn, e - start)) / weight
                if homophily[i] > 0.0:
                    clock *= max(squared_distance(places, i, j), _SAME_PLACE) ** (0.5 * homophily[i])
                _enter(clocks[a], met[a], clock, j)


@compiled
def _enter(clocks: Any, met: Any, clock: Any, j: Any) -> Any:
    """Keep the least clocks and whose they are, in ascending order."""
    at = len(clocks) - 1
    if clock >= clocks[at]:
        return
    while at > 0 and clocks[at - 1] > clock:
        clocks[at], met[at] = clocks[at - 1], met[at - 1]
        at -= 1
    clocks[at], met[at] = clock, j
