"""Hegselmann and Krause's bounded confidence."""

from typing import Annotated, Literal

from hemicycle.core.errors import Problem
from hemicycle.opinions.averaging import AveragingConfig, AveragingModel
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.kernels import confident_in_turn
from hemicycle.opinions.parameters import Limits, PerUser, confidence_problems


class BoundedConfidence(AveragingModel):
    """x_i' = (1 - mu_i) x_i + mu_i m_i; m_i is the mean of x_i and of the sources within the confidence eps_i of x_i.

    Hegselmann and Krause (JASSS 5(3), 2002), with mobility mu = 1 and all users at once. The user's own opinion has
    weight 1, the sources theirs; distances are Euclidean, and a source at exactly the confidence counts.
    """

    class Config(AveragingConfig):
        """Options of bounded confidence."""

        opinion: str = "bounded_confidence"
        confidence: Annotated[PerUser, Limits(gt=0)] = 0.4
        """Largest distance at which a source has influence, for all or each user, in units of the opinions; at most
        their range."""
        mobility: Annotated[PerUser, Limits(gt=0, le=1)] = 1.0
        """Share mu of the way to the mean that is gone in one step, for all or each user."""
        schedule: Literal["synchronous", "random"] = "synchronous"
        """``synchronous``: all users move at once; ``random``: one step is as many moves as there are users, each of
        one user drawn by chance, who sees all moves before it (on one thread of the cpu)."""

    config: Config

    def problems(self, width: float) -> list[Problem]:
        """Report a confidence wider than the opinions' range, and updates in turn on cuda."""
        found = confidence_problems(self.config.confidence, width)
        if self.config.schedule == "random" and self.config.device == "cuda":
            found.append(Problem("users who move in turn cannot be moved on cuda", remedy="set device: cpu"))
        return found

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions moved towards the mean of those within the confidence."""
        del innate
        n = len(opinions)
        confidence, mobility = self.values("confidence", n), self.values("mobility", n)
        if self.config.schedule == "random":
            return confident_in_turn(sources.at(opinions), confidence, mobility, self.fixed(n), key)
        return self.held(opinions, self.averages().confident_mean(sources, opinions, confidence, mobility))
