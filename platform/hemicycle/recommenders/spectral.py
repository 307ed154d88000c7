"""Spectral: item co-occurrence and an ideal low-pass filter on the interaction matrix, without training.

After GF-CF (Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from sklearn.utils.extmath import randomized_svd

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Embedding, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.sparse import dense_product, pattern, power, require_items

_SPARE, _ROUNDS = 16, 4


class SpectralConfig(RecommenderConfig):
    """Spectral filter."""

    model: str = "spectral"
    """Short name."""
    rank: int = Field(256, ge=1)
    """Singular vectors k that the ideal filter lets pass; at most the smaller side of the matrix."""
    ideal: float = Field(0.2, ge=0)
    """Weight of the ideal filter; with 0 the linear filter alone scores, and only ``embed`` uses the vectors."""
    user_exponent: float = Field(0.5, ge=0, le=1)
    """a in R~ = D_u^-a R D_i^-b: the higher, the less very active users count."""
    item_exponent: float = Field(0.5, ge=0, le=1)
    """b in R~: the higher, the less popular items are recommended."""
    ideal_exponent: float = Field(0.5, ge=0, le=1)
    """c in D_i^-c V V^T D_i^c of the ideal filter."""


class Spectral(ClosedFormRecommender):
    """s_u = r_u R~^T R~ + w r_u D_i^-c V V^T D_i^c with R~ = D_u^-a R D_i^-b.

    r_u (0 or 1, shape (n_items,)) are the items of a user, V (n_items, k) the first right singular vectors of R~. The
    first term is the linear, the second the ideal low-pass filter (eqs. 10 to 12 of the paper, where a = b = c = 1/2).
    R~^T R~ is never formed: two hops over the edges cost as much as its rows would and need no memory of its size.

    A user is known by her items alone: ``graph`` may hold users who were not there in training. A user without items
    scores 0 everywhere. ``embed`` returns vectors whose dot product is the second term: scores are more than that.
    """

    Config: ClassVar[type[RecommenderConfig]] = SpectralConfig
    config: SpectralConfig

    @property
    def layers(self) -> Sequence[str]:
        """``READOUT``: the low-pass part."""
        return (READOUT,)

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Decompose R~; the training matrix itself is the other parameter."""
        matrix = pattern(graph)
        users = power(graph.degrees, -self.config.user_exponent)
        items = power(graph.item_degrees, -self.config.item_exponent)
        rank, seed = min(self.config.rank, *matrix.shape), int(rng.integers(2**31))
        vectors: NDArray[Any] = _right_vectors((users[:, None] * matrix * items).tocsr(), rank, seed)
        return {"indices": matrix.indices, "indptr": matrix.indptr, "vectors": vectors}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        require_items(graph, len(parameters["vectors"]))
        own, linear = pattern(graph), self._linear(parameters)
        entering, leaving = self._ideal(parameters)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            rows = own[batch]
            found = linear(rows)
            if self.config.ideal:
                found += (rows @ entering) @ leaving.T
            return found

        return score

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding:
        """Return the vectors of the low-pass part, r_u D_i^-c V and D_i^c V, of k dimensions.

        Raises:
            InputError: the model has no such layer, or was fitted to other items.
        """
        if layer not in self.layers:
            raise InputError(f"{self.config.model} has no layer {layer!r}; it has {', '.join(self.layers)}")
        require_items(graph, len(parameters["vectors"]))
        entering, leaving = self._ideal(parameters)
        return Embedding(pattern(graph) @ entering, leaving)

    def _ideal(self, parameters: Parameters) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return w D_i^-c V and D_i^c V."""
        vectors = np.array(parameters["vectors"], np.float32)
        degrees = np.bincount(parameters["indices"], minlength=len(vectors))
        weight, exponent = np.float32(self.config.ideal or 1.0), self.config.ideal_exponent
        entering = weight * power(degrees, -exponent)[:, None] * vectors
        return entering, power(degrees, exponent)[:, None] * vectors

    def _linear(self, parameters: Parameters) -> "_LinearFilter":
        n_items = len(parameters["vectors"])
        indptr, indices = np.array(parameters["indptr"]), np.array(parameters["indices"])
        matrix = sp.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=(len(indptr) - 1, n_items))
        users = power(np.diff(indptr), -2 * self.config.user_exponent)
        items = power(np.bincount(indices, minlength=n_items), -self.config.item_exponent)
        return _LinearFilter(matrix, matrix.T.tocsr(), users, items)


@dataclass(frozen=True)
class _LinearFilter:
    """Rows of items -> rows R~^T R~, by two hops: items to their users, users to their items."""

    matrix: sp.csr_array
    transposed: sp.csr_array
    users: NDArray[np.float32]
    items: NDArray[np.float32]

    def __call__(self, rows: sp.csr_array) -> NDArray[np.float32]:
        reached = (rows * self.items) @ self.transposed
        reached.data *= self.users[reached.indices]
        found = dense_product(reached.tocsr(), self.matrix, ones=True)
        found *= self.items
        return found


def _right_vectors(matrix: sp.csr_array, rank: int, seed: int) -> NDArray[np.float32]:
    """Return the first right singular vectors, shape (n_items, rank) (Halko et al., SIAM Review 2011)."""
    _, _, rows = randomized_svd(matrix, rank, n_oversamples=_SPARE, n_iter=_ROUNDS, random_state=seed)
    return np.ascontiguousarray(rows.T, np.float32)
