"""Hegselmann and Krause's bounded confidence."""

from pydantic import Field

from hemicycle.core.errors import Problem
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.kernels import confident_mean


class BoundedConfidence(OpinionModel):
    """x_i' = (1 - mu) x_i + mu m_i, synchronous; m_i is the mean of x_i and of the sources within the confidence.

    Hegselmann and Krause (JASSS 5(3), 2002), with mobility mu = 1. The user's own opinion has weight 1, the sources
    theirs; distances are Euclidean, and a source at exactly the confidence counts. Time grows with n_dims squared.
    """

    class Config(OpinionConfig):
        """Options of bounded confidence."""

        opinion: str = "bounded_confidence"
        confidence: float = Field(default=0.4, gt=0)
        """Largest distance at which a source has influence, in units of the opinions; at most their range."""
        mobility: float = Field(default=1.0, gt=0, le=1)
        """Share mu of the way to the mean that is gone in one step."""

    config: Config

    def problems(self, width: float) -> list[Problem]:
        """Report a confidence wider than the opinions' range."""
        if self.config.confidence <= width:
            return []
        what = f"the confidence {self.config.confidence:g} exceeds the range {width:g} of the opinions"
        return [Problem(what, remedy=f"give a confidence in (0, {width:g}], or wider bounds")]

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions moved towards the mean of those within the confidence."""
        del innate, key
        means = confident_mean(sources, opinions, self.config.confidence)
        return opinions + opinions.dtype.type(self.config.mobility) * (means - opinions)
