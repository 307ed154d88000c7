"""Dandekar, Goel and Lee's biased assimilation."""

from typing import Annotated, Any

import numpy as np

from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled, over_entries
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.distances import weight_of
from hemicycle.opinions.meetings import entries, positions_of
from hemicycle.opinions.parameters import Limits, PerUser


class BiasedAssimilation(OpinionModel):
    """x' = (w x + x^b s) / (w + x^b s + (1 - x)^b (d - s)), synchronous (Dandekar, Goel and Lee, PNAS 110(15), 2013).

    x is a user's opinion in [0, 1], s = sum_j w_ij x_j and d = sum_j w_ij over its sources, w the weight of its own
    opinion and b its bias: the more a user leans to 1, the more the sources count that say 1. b = 0 is DeGroot's
    model. On two islands with homophily h, started mirror-wise about 1/2, the islands end at the two extremes for
    b >= 1, apart for 2 / (h + 1) < b < 1 and in consensus at 1/2 for smaller b
    (:func:`hemicycle.opinions.phases.two_islands`). Other bounds are mapped to [0, 1] and back; dimensions do not
    touch each other. A user without sources stays. Consensus stays at the extremes and in the middle, a saddle: the
    least asymmetry leads everyone to one extreme.
    """

    class Config(OpinionConfig):
        """Options of biased assimilation."""

        opinion: str = "biased_assimilation"
        bias: Annotated[PerUser, Limits(ge=0)] = 1.0
        """b: 0 is DeGroot's averaging, 1 and more polarizes two islands of any homophily above 1."""
        self_weight: Annotated[PerUser, Limits(ge=0)] = 1.0
        """Weight w of the own opinion, in units of the sources' weights."""

    config: Config

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """Report missing bounds, and opinions outside them."""
        if bounds is None:
            what = "biased assimilation needs to know the most extreme opinions"
            return [Problem(what, "bounds", "give bounds, e.g. [0, 1]")]
        outside = int(((opinions < bounds[0]) | (opinions > bounds[1])).any(axis=1).sum())
        if not outside:
            return []
        what = f"{outside} users have opinions outside the bounds [{bounds[0]:g}, {bounds[1]:g}]"
        return [Problem(what, "bounds", "rescale the opinions, or set wider bounds")]

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after all users have weighed what they see."""
        del innate, key
        n = len(opinions)
        bounds = (-1.0, 1.0) if self.people is None or self.people.bounds is None else self.people.bounds
        traits = (self.values("bias", n), self.values("self_weight", n))
        positions, after = positions_of(sources, opinions), opinions.astype(np.float64)
        over_entries(_assimilate, sources.indptr, entries(sources), positions, traits, np.array(bounds, float), after)
        return self.held(opinions, after.astype(opinions.dtype))


@compiled
def _assimilate(span: Any, rows: Any, positions: Any, traits: Any, bounds: Any, after: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    indptr, indices, weights = rows
    bias, self_weight = traits
    low, width = bounds[0], bounds[1] - bounds[0]
    for i in range(span[0], span[1]):
        for d in range(positions.shape[1]):
            pro = con = 0.0
            for e in range(indptr[i], indptr[i + 1]):
                weight = weight_of(weights, e)
                said = (positions[np.uint32(indices[e]), d] - low) / width
                pro += weight * said
                con += weight * (1.0 - said)
            x = (positions[i, d] - low) / width
            up, down = x ** bias[i] * pro, (1.0 - x) ** bias[i] * con
            if pro + con > 0.0 and self_weight[i] + up + down > 0.0:
                x += ((1.0 - x) * up - x * down) / (self_weight[i] + up + down)
                after[i, d] = min(max(low + width * x, low), low + width)
