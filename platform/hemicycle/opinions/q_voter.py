"""The q-voter model."""

from typing import Annotated

from pydantic import Field

from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.copying import Copying, CopyingConfig, copied
from hemicycle.opinions.parameters import Limits, PerUser
from hemicycle.opinions.states import DiscreteModel, TwoStates


class QVoter(DiscreteModel):
    """User i asks q sources, drawn by weight: if all hold the same, so does i; if not, i flips with probability eps.

    Castellano, Munoz and Pastor-Satorras (Phys. Rev. E 80, 041129, 2009), where a source may be asked twice. With
    ``independence`` p, i takes a random state instead with probability p (Nyczka, Sznajd-Weron and Cislo, Phys. Rev. E
    86, 011105, 2012, who flip with probability 1/2). With q = 1 this is the voter model. With q = 2 and eps = 0 on the
    complete graph of N users, k of them in a state, everybody ends in it with probability P(B < k) for a binomial B of
    N - 1 throws of a fair coin. Several dimensions are asked about at once, each is answered by itself. A user with
    fewer than q sources, without repetition, asks all of them.
    """

    class Config(CopyingConfig):
        """Options of the q-voter model."""

        opinion: str = "q_voter"
        q: int = Field(default=2, ge=1, le=100)
        """Number of sources asked."""
        repetition: bool = True
        """True: each is drawn from all sources; False: all are different."""
        flip: Annotated[PerUser, Limits(ge=0, le=1)] = 0.0
        """Probability eps of taking the other state when the sources disagree."""
        independence: Annotated[PerUser, Limits(ge=0, le=1)] = 0.0
        """Probability p of a random state instead of asking."""
        states: TwoStates = (-1.0, 1.0)
        """The two states, the lower one first."""

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after everybody asked a panel, once on average."""
        del innate
        n, config = len(opinions), self.config
        rates = self.values("independence", n), self.values("flip", n), self.fixed(n)
        how = Copying(*rates, self.states, config.q, config.repetition, at_once=config.schedule == "synchronous")
        return copied(opinions, sources, how, key)
