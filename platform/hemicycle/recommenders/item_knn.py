"""Item-kNN: what is often taken together with what a user took (Deshpande and Karypis, ACM TOIS 2004)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.sparse import dense_product, packed, pattern, require_items, unpacked

_PRODUCTS_AT_ONCE = 1 << 24
_BM25_SATURATION, _BM25_LENGTH = 1.2, 0.75


class ItemKNNConfig(RecommenderConfig):
    """Item-kNN."""

    model: str = "item_knn"
    """Short name."""
    neighbours: int = Field(200, ge=1)
    """Most similar items kept of each item."""
    shrinkage: float = Field(0.0, ge=0)
    """Added to the product of norms: similarities that rest on few users are drawn towards 0."""
    asymmetry: float = Field(0.5, ge=0, le=1)
    """Exponent alpha: 0.5 is the cosine; lower recommends popular items less, higher more."""
    weighting: Literal["none", "tfidf", "bm25"] = "none"
    """How users are weighed before similarities are taken: all alike, or very active ones less."""


class ItemKNN(ClosedFormRecommender):
    """s_ui = sum over the items j of u of sim(j, i), over the most similar i of each j.

    sim(j, i) = x_j . x_i / (|x_j|^(2 alpha) |x_i|^(2 - 2 alpha) + shrinkage), where x_i (n_users,) is an item's
    column: ones, or weights of its users. With tf-idf a user of n items weighs log(n_items / n) + 1 (Salton and
    Buckley, Information Processing and Management 1988), with BM25 her weight also falls with n over its mean
    (Robertson and Zaragoza, Foundations and Trends in IR 2009). Weights of edges do not count.

    A user is known by her items alone: ``graph`` may hold users who were not there in training; one without items
    scores 0 everywhere. Without vectors.
    """

    Config: ClassVar[type[RecommenderConfig]] = ItemKNNConfig
    config: ItemKNNConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Return the nearest neighbours as a sparse matrix, shape (n_items, n_items)."""
        del rng
        return packed(neighbours(graph, self.config))

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        own, similar = pattern(graph), unpacked(parameters)
        require_items(graph, similar.shape[0])

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            return dense_product(own[batch], similar)

        return score


def neighbours(graph: InteractionGraph, config: ItemKNNConfig) -> sp.csr_array:
    """Return the similarities of each item (row) to its nearest neighbours, itself left out.

    Of equally similar items those of smaller numbers stay. The co-occurrence matrix is made some rows at a time.
    """
    matrix = pattern(graph)
    matrix.data = np.repeat(user_weights(graph, config.weighting), graph.degrees)
    turned = matrix.T.tocsr()
    norms = np.sqrt(np.bincount(matrix.indices, np.square(matrix.data, dtype=np.float64), graph.n_items))
    left, right = norms ** (2 * config.asymmetry), norms ** (2 - 2 * config.asymmetry)
    blocks = []
    for rows in _blocks(turned @ graph.degrees.astype(np.float64)):
        dots = (turned[rows] @ matrix).tocsr()
        owners = np.repeat(rows, np.diff(dots.indptr))
        dots.data = np.where(
            owners == dots.indices, 0, dots.data / (left[owners] * right[dots.indices] + config.shrinkage)
        ).astype(np.float32)
        blocks.append(_nearest(dots, config.neighbours))
    return sp.vstack(blocks, "csr")


def _blocks(work: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Cut all items into runs of consecutive ones that cost about as much each, at least one a run."""
    run = (np.cumsum(work) // _PRODUCTS_AT_ONCE).astype(np.int64)
    return iter(np.split(np.arange(len(work)), np.flatnonzero(np.diff(run)) + 1))


def _nearest(similar: sp.csr_array, k: int) -> sp.csr_array:
    """Return the k largest positive entries of each row."""
    runs = (slice(*ends) for ends in pairwise(similar.indptr.tolist()))
    best = [run.start + _best(similar.data[run], similar.indices[run], k) for run in runs]
    kept = np.concatenate(best)
    ends = np.concatenate([[0], np.cumsum([len(found) for found in best])])
    return sp.csr_array((similar.data[kept], similar.indices[kept], ends), shape=similar.shape)


def _best(values: NDArray[np.float32], columns: NDArray[np.integer], k: int) -> NDArray[np.int64]:
    """Return the positions of the k largest positive values, of equal ones those of smaller columns."""
    if len(values) <= k:
        return np.flatnonzero(values > 0)
    limit = np.partition(values, -k)[-k]
    if limit <= 0:
        return np.flatnonzero(values > 0)
    above, tied = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
    return np.concatenate([above, tied[np.argsort(columns[tied])[: k - len(above)]]])


def user_weights(graph: InteractionGraph, weighting: str) -> NDArray[np.float32]:
    """Return the weight of each user's entries, shape (n_users,)."""
    degrees: NDArray[np.float64] = np.maximum(graph.degrees, 1.0)
    if weighting == "none":
        return np.ones(graph.n_users, np.float32)
    inverse: NDArray[np.float64] = np.log(graph.n_items / degrees) + 1
    if weighting == "tfidf":
        return inverse.astype(np.float32)
    length = 1 - _BM25_LENGTH + _BM25_LENGTH * degrees / (graph.n_edges / max(1, int(np.count_nonzero(graph.degrees))))
    return np.asarray(inverse * (_BM25_SATURATION + 1) / (1 + _BM25_SATURATION * length), np.float32)
