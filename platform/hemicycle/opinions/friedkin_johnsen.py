"""Friedkin and Johnsen's social influence with an anchor in innate opinions."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from hemicycle.opinions.averaging import AveragingConfig, AveragingModel
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.equilibrium import Equilibrium, Solver, equilibrium
from hemicycle.opinions.parameters import Limits, PerUser

BY_DEGREE = "degree"


class FriedkinJohnsen(AveragingModel):
    """x' = Theta s + (I - Theta) W x, synchronous (Friedkin and Johnsen, J. Math. Sociol. 15, 1990).

    s are the innate opinions, W the sources' weights with rows that sum to 1, I - Theta the diagonal matrix of
    susceptibilities. With ``susceptibility: degree``, Theta_i = 1 / (1 + d_i) for total source weights d_i, and on an
    undirected graph with Laplacian L the fixed point is z = (I + L)^-1 s, for which |z|^2 + 2 z'Lz + |z - s|^2 = |s|^2
    (Bindel, Kleinberg and Oren, Games Econ. Behav. 92, 2015; Musco, Musco and Tsourakakis, WWW 2018). W x of a user
    without sources is the own opinion.
    """

    class Config(AveragingConfig):
        """Options of the Friedkin-Johnsen model."""

        opinion: str = "friedkin_johnsen"
        susceptibility: Annotated[PerUser, Limits(ge=0, le=1, words=(BY_DEGREE,))] = BY_DEGREE
        """Weight of the sources against the innate opinion, for all or each user, from 0 to 1 (for all 1 is DeGroot's
        model), or ``degree``: d / (1 + d) for a user whose sources have the total weight d."""

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return Theta s + (I - Theta) W x."""
        del key
        pull = self._pull(len(opinions))
        return self.held(opinions, self.averages().pulled(sources, opinions, innate, pull))

    def equilibrium(self, innate: Opinions, sources: Sources, solver: Solver | None = None) -> Equilibrium:
        """Return the fixed point for sources that stay as they are; zealots hold their innate opinions.

        Raises:
            InputError: there is no single fixed point.
            ConvergenceError: it was not found within the solver's iterations.
        """
        pull = self._pull(len(innate))
        if self.people is not None and self.people.fixed is not None:
            totals = sources.totals
            pull = totals / (1.0 + totals) if pull is None else pull
            pull = np.where(self.people.fixed, 0.0, pull)
        return equilibrium(sources, innate, pull, solver or Solver())

    def _pull(self, n_users: int) -> NDArray[np.float64] | None:
        """Susceptibility of each user; None: by degree."""
        return None if self.config.susceptibility == BY_DEGREE else self.values("susceptibility", n_users)
