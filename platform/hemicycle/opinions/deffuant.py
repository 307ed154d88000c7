"""Deffuant, Neau, Amblard and Weisbuch's pairwise compromise."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.meetings import entries, narrowed, of, positions_of, source_of
from hemicycle.opinions.parameters import Limits, PerUser, confidence_problems

_BLOCK = 64


class Deffuant(OpinionModel):
    """Two who are at most eps apart move towards each other: x_i += mu (x_j - x_i), x_j += mu (x_i - x_j).

    Deffuant, Neau, Amblard and Weisbuch (Adv. Complex Syst. 3, 2000). Meetings happen one after the other: a user i is
    drawn, then one of i's sources j by weight. Both differences are those before the meeting; distances are Euclidean,
    and a distance of exactly eps counts. Each of the two has an own eps and mu, so with equal ones the mean is
    conserved. Sources that are no users do not move. On the complete graph about 1 / (2 eps) large clusters of
    opinions uniform on an interval of length 1 remain, and between them minor ones of a few users (Ben-Naim,
    Krapivsky and Redner, Physica D 183, 2003).
    """

    class Config(OpinionConfig):
        """Options of the Deffuant model."""

        opinion: str = "deffuant"
        confidence: Annotated[PerUser, Limits(gt=0)] = 0.4
        """Largest distance eps at which somebody moves, in units of the opinions; at most their range."""
        mobility: Annotated[PerUser, Limits(gt=0, le=1)] = 0.5
        """Share mu of the distance that is gone in a meeting; at .5 two with the same meet in the middle."""
        moves: Literal["both", "listener"] = "both"
        """``listener``: only the drawn user moves towards the source, as one who reads."""
        pairs_per_step: int | None = Field(default=None, ge=1)
        """Meetings in a step; default: half as many as users (``listener``: as many)."""

    config: Config

    def problems(self, width: float) -> list[Problem]:
        """Report a confidence wider than the opinions' range."""
        return confidence_problems(self.config.confidence, width)

    def pairs(self, n_users: int) -> int:
        """Return the number of meetings in a step."""
        both = self.config.moves == "both"
        return self.config.pairs_per_step or max(1, n_users // (2 if both else 1))

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after the step's meetings."""
        del innate
        n, positions = len(opinions), positions_of(sources, opinions)
        rates = narrowed(self.values("confidence", n)), narrowed(self.values("mobility", n)), narrowed(self.fixed(n))
        _meet(entries(sources), positions, rates, np.uint64(key), (self.pairs(n), self.config.moves == "both"))
        return positions[:n].astype(opinions.dtype)


@compiled
def _meet(rows: Any, positions: Any, rates: Any, key: Any, how: Any) -> None:
    """Let pairs meet. They are drawn a block at a time, so that their random reads from memory overlap."""
    (confidence, mobility, fixed), (pairs, both), n = rates, how, len(rows[0]) - 1
    users, others = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    for start in range(0, pairs, _BLOCK):
        stop = min(start + _BLOCK, pairs)
        for p in range(start, stop):
            drawn = row_key(key, p)
            users[p - start] = below(n, uniform_of(drawn, 0))
            others[p - start] = source_of(rows, users[p - start], uniform_of(drawn, 1))
        for p in range(stop - start):
            i, j = users[p], others[p]
            if j < 0:
                continue
            distance = 0.0
            for d in range(positions.shape[1]):
                distance += (positions[j, d] - positions[i, d]) ** 2
            # products, not branches: whether somebody moves is what a processor guesses wrong
            goes = of(mobility, i) * (distance <= of(confidence, i) ** 2) * (not of(fixed, i))
            comes = 0.0
            if both and j < n:
                comes = of(mobility, j) * (distance <= of(confidence, j) ** 2) * (not of(fixed, j))
            for d in range(positions.shape[1]):
                away = positions[j, d] - positions[i, d]
                positions[i, d] += goes * away
                positions[j, d] -= comes * away
