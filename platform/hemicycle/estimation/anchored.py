"""Assimilation with a pull back to innate opinions."""

import numpy as np

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class Anchored(Mechanism):
    """x' = x + s (m - x) + a (u - x) + drift + noise: assimilation and an anchor, each with its own strength.

    a = 0 is assimilation and a = 1 - s is Friedkin and Johnsen's model: which of them holds can be read off the
    intervals. u are the innate opinions: given, or the first of three or more waves.
    """

    coefficients = ("susceptibility", "anchor")
    anchored = True
    formula = "x' = x + s (m - x) + a (u - x) + drift + noise; a = 0: assimilation, a = 1 - s: Friedkin and Johnsen"

    class Config(MechanismConfig):
        """Options of anchored assimilation."""

        mechanism: str = "anchored"

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return m - x and u - x."""
        del shape
        return np.stack([scene.pull(opinions), scene.innate - opinions], axis=1)
