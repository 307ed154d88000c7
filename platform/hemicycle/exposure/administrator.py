"""A platform that weakens ties between those who disagree: the filter bubble of Chitra and Musco."""

from dataclasses import replace

import numpy as np
from pydantic import Field

from hemicycle.exposure.base import Exposure, ExposureConfig, Scene, due, neighbours
from hemicycle.exposure.reweighting import reweighted
from hemicycle.opinions.base import Opinions, Sources


class Administrator(Exposure):
    """Users see whom they follow, weighted anew by a network administrator who wants to see less disagreement.

    Whenever it acts it minimises sum W_ij |x_i - x_j|^2 over weights on the edges of the graph, with the users'
    total weights kept and |W - W0|_F <= budget |W0|_F, W0 being the graph (Chitra and Musco, WSDM 2020); see
    :mod:`hemicycle.exposure.reweighting`. There, users reach the Friedkin-Johnsen equilibrium between two rounds of
    the administrator: choose a ``refresh`` long enough for that.
    """

    class Config(ExposureConfig):
        """Options of a network administrator."""

        exposure: str = "administrator"
        budget: float = Field(default=0.2, ge=0)
        """How far weights may move, relative to their Frobenius norm; 0 is bit-identical to ``none``."""
        regularisation: float = Field(default=0.0, ge=0)
        """Weight of |W|_F^2 in what is minimised, the remedy that the authors propose."""
        refresh: int = Field(default=10, ge=0)
        """Steps between two rounds of the administrator; 0: one, at the start."""

    config: Config

    def redraws(self, step: int) -> bool:
        """Tell whether the administrator acts at this step."""
        return due(step, self.config.refresh)

    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return the graph under the administrator's weights."""
        del step
        followed = neighbours(scene.graph, opinions, scene.items)
        if self.config.budget == 0:
            return followed
        weights = reweighted(scene.graph, opinions, self.config.budget, self.config.regularisation)
        return replace(followed, weights=weights.astype(np.float32))
