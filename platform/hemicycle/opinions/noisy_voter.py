"""The noisy voter model, which is Kirman's model of herding."""

from typing import Annotated

import numpy as np

from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.copying import Copying, CopyingConfig, copied
from hemicycle.opinions.parameters import Limits, PerUser
from hemicycle.opinions.states import DiscreteModel, States


class NoisyVoter(DiscreteModel):
    """With probability a, user i takes a state at random, each dimension by itself; otherwise one source's opinion.

    Kirman (Q. J. Econ. 108, 1993); Granovsky and Madras (Stoch. Proc. Appl. 55, 1995). With two states on the complete
    graph of N users and updates one after the other, the number in a state is in the long run beta-binomial with both
    parameters a (N - 1) / (2 (1 - a)): below 1 the society sways between the two camps, above 1 it stays divided.
    """

    class Config(CopyingConfig):
        """Options of the noisy voter model."""

        opinion: str = "noisy_voter"
        noise: Annotated[PerUser, Limits(ge=0, le=1)] = 0.01
        """Probability a that an update is a random state."""
        states: States = (-1.0, 1.0)
        """What can be held; all are equally probable when chosen at random."""

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after everybody was asked once on average."""
        del innate
        n = len(opinions)
        at_once, never = self.config.schedule == "synchronous", np.zeros(n)
        how = Copying(self.values("noise", n), never, self.fixed(n), self.states, at_once=at_once)
        return copied(opinions, sources, how, key)
