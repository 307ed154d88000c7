"""Influence that falls with the distance of opinions."""

import numpy as np

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class DistanceDecay(Mechanism):
    """x' = x + s mean_j exp(-d_ij / l) (x_j - x_i) + drift + noise, d_ij = |x_j - x_i|.

    The smooth relative of bounded confidence (Mäs, Flache and Helbing, PLoS Comput. Biol. 6(10), 2010); the larger the
    scale l, the nearer to assimilation, so that an interval without upper end means that no decay was found.
    """

    coefficients = ("susceptibility",)
    shape = "scale"
    linear = False
    formula = (
        "x' = x + s mean_j exp(-d_ij / l) (x_j - x_i) + drift + noise "
        "(after Mäs, Flache and Helbing, PLoS Comput. Biol. 6(10), 2010)"
    )

    class Config(MechanismConfig):
        """Options of decaying influence."""

        mechanism: str = "distance_decay"

    def shapes(self, width: float, number: int) -> Floats:
        """Scales from a fiftieth of the opinions' width to ten times of it, at equal ratios."""
        return np.geomspace(width / 50, width * 10, number)

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return the mean of the decaying differences."""
        return scene.pull(opinions, np.exp(-scene.distances() / shape))[:, None]
