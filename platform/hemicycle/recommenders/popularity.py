"""Popularity: everyone is recommended what most people took. The baseline that every other model has to beat."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores


class PopularityConfig(RecommenderConfig):
    """Popularity has nothing to set."""

    model: str = "popularity"
    """Short name."""


class Popularity(ClosedFormRecommender):
    """Score of an item: its number of users in training, the same for everyone. Without vectors."""

    Config: ClassVar[type[RecommenderConfig]] = PopularityConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Count the users of every item."""
        del rng
        return {"degrees": graph.item_degrees.astype(np.float64)}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the same scores for every user."""
        del graph
        degrees = np.asarray(parameters["degrees"])

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            return np.tile(degrees, (len(batch), 1))

        return score
