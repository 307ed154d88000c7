"""Attraction to those who are near, repulsion from those who are far."""

import numpy as np
from pydantic import Field

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class AttractionRepulsion(Mechanism):
    """x' = x + r mean_j tanh((T - d_ij) / h) (x_j - x_i) + drift + noise, d_ij = |x_j - x_i|.

    Mean movement of a smooth attraction-repulsion model (Axelrod, Daymude and Forrest, PNAS 118(50), 2021): one moves
    towards whom one meets below the tolerance T and away from them above, a share r of the way. There the change is
    abrupt; here it takes a distance of about h, which makes the tolerance an ordinary parameter, and everybody followed
    is met alike.
    """

    coefficients = ("strength",)
    shape = "tolerance"
    linear = False
    formula = (
        "x' = x + r mean_j tanh((T - d_ij) / h) (x_j - x_i) + drift + noise "
        "(after Axelrod, Daymude and Forrest, PNAS 118(50), 2021)"
    )

    class Config(MechanismConfig):
        """Options of attraction and repulsion."""

        mechanism: str = "attraction_repulsion"
        softness: float = Field(default=0.05, gt=0, le=1)
        """Distance h within which attraction turns into repulsion, as a share of the opinions' observed width."""

    config: Config

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return the mean of the attracting and repelling differences."""
        turn = np.tanh((shape - scene.distances()) / (self.config.softness * scene.width))
        return scene.pull(opinions, turn)[:, None]
