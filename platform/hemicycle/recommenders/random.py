"""Random: every user gets another list that knows nothing. What chance alone reaches in any measure."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import keyed_uniform
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores


class RandomConfig(RecommenderConfig):
    """Random recommendation has nothing to set."""

    model: str = "random"
    """Short name."""


class Random(ClosedFormRecommender):
    """Scores are independent and uniform on (0, 1), one for each user and item whatever else is asked. No vectors."""

    Config: ClassVar[type[RecommenderConfig]] = RandomConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Draw the key of all scores: the parameter is a whole number below 2^53, which a float holds exactly."""
        del graph
        return {"key": np.array([rng.integers(2**53)], np.float64)}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        key, items = int(parameters["key"][0]), np.arange(graph.n_items)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            return keyed_uniform(key, batch, items)

        return score
