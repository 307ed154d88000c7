"""Users who copy a source, or a panel of sources that agree: the kernel of the voter, noisy voter and q-voter.

Slots of a row: 0 who updates (``random`` alone), 1 to q the panel, q + 1 whether the update is a random state; then for
each dimension d, q + 2 + 2d whether a divided panel makes one flip, and q + 3 + 2d the random state.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.loops import compiled, over_rows
from hemicycle.opinions.base import OpinionConfig, Opinions, Sources
from hemicycle.opinions.meetings import A_USER, entries, fill_panel, narrowed, of, positions_of, source_of

Schedule = Literal["synchronous", "random"]


class CopyingConfig(OpinionConfig):
    """What all models share in which users copy others."""

    schedule: Schedule = "random"
    """``random``: a step is as many updates as there are users, one after the other, of users drawn;
    ``synchronous``: all update at once, which on bipartite graphs can go round in circles."""


@dataclass(frozen=True, eq=False)
class Copying:
    """How users copy.

    Args:
        noise: probability that an update is to a random state, shape (n_users,).
        flips: probability that a user whose panel disagrees takes the other state, shape (n_users,).
        fixed: users who never move, shape (n_users,).
        states: the states; with two the other one is known.
        panel: number q of sources that are asked.
        repetition: True where a source may be asked twice.
        at_once: True: all users update at once; False: n_users updates, one after the other, of users drawn.
    """

    noise: NDArray[np.float64]
    flips: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    states: tuple[float, ...]
    panel: int = 1
    repetition: bool = True
    at_once: bool = False


def copied(opinions: Opinions, sources: Sources, how: Copying, key: int) -> Opinions:
    """Return the opinions after one step."""
    read, n = positions_of(sources, opinions), len(opinions)
    write = read[:n].copy() if how.at_once else read[:n]
    states = np.asarray(how.states, opinions.dtype).astype(np.float64)
    rates = (narrowed(how.noise), narrowed(how.flips), narrowed(how.fixed), states)
    given = (entries(sources), (read, write), rates, np.uint64(key), (how.panel, how.repetition, how.at_once))
    if how.at_once:
        over_rows(_update, n, *given, work=A_USER * n)
    else:
        _update((0, n), *given)
    return write.astype(opinions.dtype)


@compiled
def _update(span: Any, rows: Any, opinions: Any, rates: Any, key: Any, how: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Make a span of updates: of the user of that number at once, or of one drawn."""
    read, write = opinions
    noise, flips, fixed, states = rates
    q, repetition, at_once = how
    panel = np.empty(q, np.int64)
    for p in range(span[0], span[1]):
        drawn = row_key(key, p)
        i = p if at_once else below(len(write), uniform_of(drawn, 0))
        if of(fixed, i):
            continue
        if of(noise, i) > 0.0 and uniform_of(drawn, q + 1) < of(noise, i):
            _random_state(write, i, drawn, states, q)
        elif q == 1 and repetition:
            _copy(read, write, i, source_of(rows, i, uniform_of(drawn, 1)))
        else:
            asked = fill_panel(rows, i, drawn, panel, repetition)
            _follow(read, write, i, drawn, panel, asked, of(flips, i), states)


@compiled
def _copy(read: Any, write: Any, i: int, j: int) -> None:
    """Take all that source j holds, where there is one."""
    if j >= 0:
        for d in range(write.shape[1]):
            write[i, d] = read[j, d]


@compiled
def _random_state(write: Any, i: int, drawn: Any, states: Any, q: int) -> None:
    for d in range(write.shape[1]):
        write[i, d] = states[below(len(states), uniform_of(drawn, q + 3 + 2 * d))]


@compiled
def _follow(  # noqa: PLR0913, PLR0917 - numba takes arrays
    read: Any, write: Any, i: int, drawn: Any, panel: Any, asked: int, flip: float, states: Any
) -> None:
    """Take what all who were asked hold; where they disagree, flip with the given probability."""
    if asked == 0:
        return
    for d in range(write.shape[1]):
        said, agree = read[panel[0], d], True
        for m in range(1, asked):
            agree = agree and read[panel[m], d] == said
        if agree:
            write[i, d] = said
        elif uniform_of(drawn, len(panel) + 2 + 2 * d) < flip:
            write[i, d] = states[1] if write[i, d] == states[0] else states[0]
