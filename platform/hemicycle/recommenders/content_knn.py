"""Content neighbours: an item is liked as far as it resembles items that a user took (Pazzani and Billsus, 2007)."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.two_tower import item_content

_SIMILARITIES_AT_ONCE = 1 << 24


class ContentKNNConfig(RecommenderConfig):
    """Nearest neighbours by content."""

    model: str = "content_knn"
    """Short name."""
    k: int = Field(20, ge=1)
    """Items of the user that count, those most similar to the item that is scored."""
    pool: int = Field(200, ge=1)
    """Most similar items of each item among which they are sought."""


class ContentKNN(ClosedFormRecommender):
    """s_ui = 1/k sum over the k items j of u most similar to i, out of the ``pool`` most similar of all, of cos(i, j).

    Where u took fewer of them the missing count as 0. Without vectors of users.
    """

    Config: ClassVar[type[RecommenderConfig]] = ContentKNNConfig
    config: ContentKNNConfig

    def content(self, graph: InteractionGraph) -> NDArray[np.float32]:
        """Return what describes items, shape (n_items, any)."""
        return item_content(graph, self.config.model)

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Keep the items' features, scaled to length 1."""
        del rng
        return {"items": unit_rows(self.content(graph))}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        neighbours, similarity = similar_items(np.asarray(parameters["items"]), graph, self.config.pool)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            return np.stack([self._row(graph, int(user), neighbours, similarity) for user in batch])

        return score

    def _row(
        self, graph: InteractionGraph, user: int, neighbours: NDArray[np.int64], similarity: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        taken = np.zeros(graph.n_items, bool)
        taken[graph.indices[graph.indptr[user] : graph.indptr[user + 1]]] = True
        hers = taken[neighbours]
        hers &= np.cumsum(hers, 1) <= self.config.k
        found: NDArray[np.float32] = np.einsum("nm,nm->n", similarity, hers) / np.float32(self.config.k)
        return found


def unit_rows(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = np.asarray(features / np.maximum(lengths, 1e-12), np.float32)
    return scaled


def similar_items(
    vectors: NDArray[np.float32], graph: InteractionGraph, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return each item's most similar items among those that anyone took, itself left out, the nearest first.

    Similarities below 0 count as 0.

    Args:
        vectors: of length 1, shape (n_items, any).
        graph: who took what.
        count: most neighbours of an item.

    Returns:
        Items and similarities, each of shape (n_items, count) or less where fewer have been taken.
    """
    taken = np.flatnonzero(graph.item_degrees)
    blocks = list(_similar(torch.tensor(vectors), torch.from_numpy(taken), min(count, len(taken))))
    places, values = (torch.cat([block[part] for block in blocks]).numpy() for part in (0, 1))
    return taken[places], np.maximum(values, 0)


def _similar(vectors: torch.Tensor, taken: torch.Tensor, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    rows = max(1, _SIMILARITIES_AT_ONCE // len(taken))
    for start in range(0, len(vectors), rows):
        similarity = vectors[start : start + rows] @ vectors[taken].T
        itself = torch.arange(start, start + len(similarity))
        similarity[itself[:, None] == taken] = -1.0
        best = similarity.topk(count, dim=1)
        yield best.indices, best.values
