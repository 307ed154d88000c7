"""DeGroot's averaging."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from hemicycle.opinions.averaging import AveragingConfig, AveragingModel
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.parameters import Limits, PerUser


class DeGroot(AveragingModel):
    """x_i' = w_i x_i + (1 - w_i) (D^-1 A x)_i, synchronous (DeGroot, J. Am. Stat. Assoc. 69, 1974).

    A holds the sources' weights, D its row sums, w_i is the weight of the own opinion. On a connected undirected graph
    that is not bipartite, or with w_i = w > 0, opinions reach a consensus: the mean of the first opinions weighted by
    degree. The distance to it shrinks in the long run by the second largest modulus of an eigenvalue of the update's
    matrix at each step. A user without sources keeps its opinion.
    """

    class Config(AveragingConfig):
        """Options of DeGroot's model."""

        opinion: str = "degroot"
        self_weight: Annotated[PerUser, Limits(ge=0, le=1)] = 0.0
        """Weight w of the own opinion against the mean of the sources, for all or each user, from 0 to 1."""

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the weighted means of the own opinion and of the sources."""
        del innate, key
        pull = 1.0 - self.values("self_weight", len(opinions))
        return self.held(opinions, self.averages().pulled(sources, opinions, opinions, pull))


def consensus(sources: Sources, opinions: Opinions) -> NDArray[np.float64]:
    """Return the opinion that users of a connected undirected graph reach: the mean weighted by degree, (n_dims,).

    Args:
        sources: the graph, symmetric, users alone; connected, and not bipartite unless users weigh themselves, all
            with the same weight.
        opinions: the first ones, shape (n_users, n_dims).
    """
    degrees = sources.totals
    return np.asarray(degrees @ opinions / degrees.sum(), dtype=np.float64)
