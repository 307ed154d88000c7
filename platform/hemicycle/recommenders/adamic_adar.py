"""Adamic-Adar: people know each other the sooner, the more neighbours they share who have few others."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.sparse import dense_product, pattern, require_items


class AdamicAdarConfig(RecommenderConfig):
    """Adamic-Adar and its kin."""

    model: str = "adamic_adar"
    """Short name."""
    weighting: Literal["log", "none", "inverse"] = "log"
    """What a shared neighbour of degree d counts: 1/log d (Adamic and Adar), 1 (the number of common neighbours;
    Newman, Physical Review E 2001) or 1/d (resource allocation; Zhou et al., European Physical Journal B 2009)."""
    neighbours: Literal["both", "out", "in"] = Field("both")
    """Whose neighbourhoods are compared where edges are directed: ``both`` whom one follows and who follows one,
    ``out`` whom one follows, ``in`` who follows one."""


class AdamicAdar(ClosedFormRecommender):
    """s_uv = sum of 1 / log d_z over the common neighbours z of u and v (Adamic and Adar, Social Networks 2003).

    d_z counts the users of whom z is a neighbour, so that it is at least 2 for any common one. Only for graphs
    between users. Weights of edges do not count. Without vectors; a user without neighbours scores 0 everywhere.
    """

    Config: ClassVar[type[RecommenderConfig]] = AdamicAdarConfig
    config: AdamicAdarConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Weigh every user as a common neighbour, shape (n_users,).

        Raises:
            InputError: the graph is not one between users.
        """
        del rng
        if not graph.social:
            raise InputError(
                f"{self.config.model} compares the neighbours of two users, and this graph joins users to items",
                remedy="train it on a relation between users (follows, friendship); for items take item_knn",
            )
        degrees = np.bincount(self._neighbours(graph).indices, minlength=graph.n_users)
        weights = np.zeros(graph.n_users)
        shared = degrees >= 2
        weights[shared] = _WEIGHTING[self.config.weighting](degrees[shared])
        return {"weights": weights.astype(np.float32)}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        weights = np.array(parameters["weights"])
        require_items(graph, len(weights))
        own = self._neighbours(graph)
        sharing = own.T.tocsr()

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            return dense_product((own[batch] * weights).tocsr(), sharing, ones=True)

        return score

    def _neighbours(self, graph: InteractionGraph) -> sp.csr_array:
        """Return who is whose neighbour, shape (n_users, n_users), all entries 1."""
        follows = pattern(graph)
        if not graph.directed or self.config.neighbours == "out":
            return follows
        if self.config.neighbours == "in":
            return follows.T.tocsr()
        both = (follows + follows.T).tocsr()
        both.data[:] = 1
        return both


_WEIGHTING: Mapping[str, Callable[[NDArray[np.integer]], NDArray[np.float64]]] = {
    "log": lambda degrees: 1 / np.log(degrees),
    "none": lambda degrees: np.ones(len(degrees)),
    "inverse": lambda degrees: 1.0 / degrees,
}
