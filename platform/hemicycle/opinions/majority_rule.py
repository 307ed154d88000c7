"""The majority rule."""

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.loops import compiled, over_entries
from hemicycle.opinions.base import OpinionConfig, Opinions, Sources
from hemicycle.opinions.distances import weight_of
from hemicycle.opinions.meetings import entries, fill_panel, positions_of
from hemicycle.opinions.states import DiscreteModel, TwoStates


class MajorityRule(DiscreteModel):
    """A group of odd size meets, and all of it take the state that most of it hold; each dimension by itself.

    Galam (J. Math. Psychol. 30, 1986); Krapivsky and Redner (Phys. Rev. Lett. 90, 238701, 2003). Groups meet one after
    the other: a user and different sources of theirs, drawn by weight; with too few of them the largest odd group. For
    groups of 3 on the complete graph of N users, k of them in a state, everybody ends in it with probability
    P(B <= k - 2) for a binomial B of N - 3 throws of a fair coin. With ``schedule: synchronous`` everybody takes at
    once the majority of the own state, of weight 1, and of all sources' states, by weight; a tie leaves it.
    """

    class Config(OpinionConfig):
        """Options of the majority rule."""

        opinion: str = "majority_rule"
        size: int = Field(default=3, ge=3, le=101)
        """Size of a group, odd; of no account when synchronous."""
        states: TwoStates = (-1.0, 1.0)
        """The two states, the lower one first."""
        schedule: Literal["synchronous", "random"] = "random"
        """``random``: groups meet one after the other, so many that a user takes part once in a step, on average;
        ``synchronous``: all at once, each with all sources."""

        @field_validator("size")
        @classmethod
        def _odd(cls, size: int) -> int:
            if size % 2 == 0:
                raise ValueError(f"a group of {size} may have no majority; give an odd size")
            return size

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after all groups met, or all users looked around."""
        del innate
        n, positions = len(opinions), positions_of(sources, opinions)
        if self.config.schedule == "synchronous":
            after = positions[:n].copy()
            over_entries(_look_around, sources.indptr, entries(sources), positions, self.fixed(n), after)
            return after.astype(opinions.dtype)
        _gather(entries(sources), positions, self.fixed(n), np.uint64(key), self.config.size)
        return positions[:n].astype(opinions.dtype)


@compiled
def _gather(rows: Any, positions: Any, fixed: Any, key: Any, size: int) -> None:
    """Let groups meet; slot 0 of a row is the user, the slots after it are the others."""
    group, n = np.empty(size, np.int64), len(fixed)
    for g in range(max(1, n // size)):
        drawn = row_key(key, g)
        i = below(n, uniform_of(drawn, 0))
        others = fill_panel(rows, i, drawn, group[1:], repetition=False)
        group[0] = i
        _agree(positions, group[: 1 + others // 2 * 2], fixed)


@compiled
def _agree(positions: Any, group: Any, fixed: Any) -> None:
    """Let all members that are users and no zealots take the majority's state."""
    for d in range(positions.shape[1]):
        own = positions[group[0], d]
        other, against = own, 0
        for member in group:
            if positions[member, d] != own:
                other = positions[member, d]
                against += 1
        chosen = other if 2 * against > len(group) else own
        for member in group:
            if member < len(fixed) and not fixed[member]:
                positions[member, d] = chosen


@compiled
def _look_around(span: Any, rows: Any, positions: Any, fixed: Any, after: Any) -> None:
    indptr, indices, weights = rows
    for i in range(span[0], span[1]):
        for d in range(after.shape[1]):
            own = positions[i, d]
            other, lead = own, 1.0
            for e in range(indptr[i], indptr[i + 1]):
                weight = weight_of(weights, e)
                if positions[indices[e], d] == own:
                    lead += weight
                else:
                    lead -= weight
                    other = positions[indices[e], d] if weight > 0.0 else other
            if lead < 0.0 and not fixed[i]:
                after[i, d] = other
