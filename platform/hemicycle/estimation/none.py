"""No mechanism: drift and noise."""

import numpy as np

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class Nothing(Mechanism):
    """x' = x + drift + noise: the null model, in which nobody influences anybody."""

    formula = "x' = x + drift + noise: nobody influences anybody"

    class Config(MechanismConfig):
        """Options of the null model."""

        mechanism: str = "none"

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return no column."""
        del scene, shape
        return np.empty((len(opinions), 0))
