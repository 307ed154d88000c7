"""Regression to the mean."""

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class Regression(Mechanism):
    """x' = x - r x + drift + noise: opinions return to the point drift / r, whoever is followed (Galton, 1886).

    Errors of measurement look like this mechanism: with error variance tau^2 and variance V of what was measured, an
    error-free r of 0 appears as tau^2 / V.
    """

    coefficients = ("regression",)
    formula = "x' = x - r x + drift + noise: opinions return to a common point (Galton, J. Anthropol. Inst. 15, 1886)"

    class Config(MechanismConfig):
        """Options of regression to the mean."""

        mechanism: str = "regression"

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return -x."""
        del scene, shape
        return -opinions[:, None]
