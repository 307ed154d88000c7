"""Axelrod's dissemination of culture."""

from typing import Any

import numpy as np
from pydantic import Field

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled
from hemicycle.opinions.base import OpinionConfig, Opinions, Sources
from hemicycle.opinions.meetings import entries, positions_of, source_of
from hemicycle.opinions.states import DiscreteModel, evenly


class Axelrod(DiscreteModel):
    """User i meets a source j; with the share of features on which they agree, i copies one on which they do not.

    Axelrod (J. Confl. Resolut. 41, 1997). Dimensions are the F features; each holds one of q traits, which are states
    at equal distances from the least to the greatest opinion. Those who share all traits or none have no influence on
    each other, so that several cultures can remain: more of them with more traits, fewer with more features. A step is
    as many meetings as there are users, one after the other: a user drawn, then one of their sources by weight.
    """

    class Config(OpinionConfig):
        """Options of Axelrod's model."""

        opinion: str = "axelrod"
        traits: int = Field(default=10, ge=2, le=1000)
        """Number q of traits of a feature."""

    config: Config

    @property
    def states(self) -> tuple[float, ...]:
        """The traits as opinions, within the bounds of the run; without bounds from -1 to 1."""
        bounds = None if self.people is None else self.people.bounds
        return evenly(self.config.traits, *(bounds or (-1.0, 1.0)))

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """Report a single feature, on which nobody can ever agree in part, and opinions that are no traits."""
        if opinions.shape[1] == 1:
            what = "Axelrod's model needs two features (dimensions) at least: with one nothing ever moves"
            return [Problem(what, remedy="give the society more dimensions, or use the voter model")]
        return super().start_problems(opinions, bounds)

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after as many meetings as there are users."""
        del innate
        n, positions = len(opinions), positions_of(sources, opinions)
        _meet(entries(sources), positions, self.fixed(n), np.uint64(key))
        return positions[:n].astype(opinions.dtype)


@compiled
def _meet(rows: Any, positions: Any, fixed: Any, key: Any) -> None:
    """Slots of a meeting: 0 the user, 1 the source, 2 whether they talk, 3 about what."""
    n, features = len(fixed), positions.shape[1]
    for p in range(n):
        drawn = row_key(key, p)
        i = below(n, uniform_of(drawn, 0))
        j = source_of(rows, i, uniform_of(drawn, 1))
        if j < 0 or fixed[i]:
            continue
        shared = 0
        for d in range(features):
            shared += positions[i, d] == positions[j, d]
        if shared < features and uniform_of(drawn, 2) * features < shared:
            _copy_one(positions, i, j, below(features - shared, uniform_of(drawn, 3)))


@compiled
def _copy_one(positions: Any, i: int, j: int, which: int) -> None:
    """Copy the feature that is number ``which`` among those on which i and j differ."""
    for d in range(positions.shape[1]):
        if positions[i, d] != positions[j, d]:
            if which == 0:
                positions[i, d] = positions[j, d]
                return
            which -= 1
