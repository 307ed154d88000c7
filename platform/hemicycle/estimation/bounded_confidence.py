"""Hegselmann and Krause's bounded confidence."""

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class BoundedConfidence(Mechanism):
    """x' = x + mu (m - x) + drift + noise, m the mean of x, of weight 1, and of the sources within the confidence.

    Hegselmann and Krause (JASSS 5(3), 2002). The likelihood jumps at every edge's distance.
    """

    coefficients = ("mobility",)
    shape = "confidence"
    threshold = True
    linear = False
    formula = (
        "x' = x + mu (m - x) + drift + noise, m the mean of oneself and the sources within the confidence "
        "(Hegselmann and Krause, JASSS 5(3), 2002)"
    )

    class Config(MechanismConfig):
        """Options of bounded confidence."""

        mechanism: str = "bounded_confidence"

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return the way to the mean of those within the confidence."""
        return scene.confident(opinions, shape)[:, None]
