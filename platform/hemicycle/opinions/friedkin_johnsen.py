"""Friedkin and Johnsen's social influence with an anchor in innate opinions."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.kernels import weighted_mean


class FriedkinJohnsen(OpinionModel):
    """x' = Theta s + (I - Theta) W x, synchronous (Friedkin and Johnsen, J. Math. Sociol. 15, 1990).

    s are the innate opinions, W the sources' weights with rows that sum to 1, I - Theta the diagonal matrix of
    susceptibilities. With ``susceptibility: degree``, Theta_i = 1 / (1 + d_i) for total source weights d_i, and on an
    undirected graph with Laplacian L the fixed point is z = (I + L)^-1 s, for which |z|^2 + 2 z'Lz + |z - s|^2 = |s|^2
    (Bindel, Kleinberg and Oren, Games Econ. Behav. 92, 2015; Musco, Musco and Tsourakakis, WWW 2018). W x of a user
    without sources is the own opinion.
    """

    class Config(OpinionConfig):
        """Options of the Friedkin-Johnsen model."""

        opinion: str = "friedkin_johnsen"
        susceptibility: Annotated[float, Field(ge=0, le=1)] | Literal["degree"] = "degree"
        """Weight of the sources against the innate opinion: a number in [0, 1] for all users (1 is DeGroot's model),
        or ``degree``: d / (1 + d) for a user whose sources have the total weight d."""

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return Theta s + (I - Theta) W x."""
        del key
        means, totals = weighted_mean(sources, opinions)
        given = self.config.susceptibility
        susceptibility = totals / (1 + totals) if given == "degree" else np.full(len(totals), given)
        return innate + susceptibility.astype(opinions.dtype)[:, None] * (means - innate)
