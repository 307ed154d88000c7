"""What a recommender is: the one protocol behind which all of them stand.

A new recommender is one file with a class that derives from :class:`ClosedFormRecommender` (fitted at once) or
:class:`EmbeddingRecommender` (trained by gradient, sharded by columns without further code) and one line in
``recommenders/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import normalize

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.seeding import key_of, keyed_normal
from hemicycle.graphs.interaction import Adjacency, InteractionGraph
from hemicycle.recommenders.propagation import Propagation

Parameters = Mapping[str, NDArray[np.floating]]
"""Arrays that a checkpoint holds, by name."""
Scores = Callable[[NDArray[np.integer]], NDArray[np.floating]]
"""Users (batch,) -> scores (batch, n_items)."""
Propagate = Callable[[torch.Tensor], torch.Tensor]
"""Differentiable product with D^-1/2 A D^-1/2."""
TABLE = "table"
"""Parameter of an embedding recommender: one row a node, one column a dimension."""


class RecommenderConfig(Options):
    """Base of every recommender's configuration."""

    model: str
    """Short name of the recommender, or ``package.module:Class``."""


@dataclass(frozen=True)
class Embedding:
    """Vectors of one layer: users (n_users, d) and items (n_items, d)."""

    users: NDArray[np.floating]
    items: NDArray[np.floating]


class Recommender(ABC):
    """A recommender: what it makes of its parameters."""

    Config: ClassVar[type[RecommenderConfig]]

    def __init__(self, config: RecommenderConfig) -> None:
        self.config = config

    @property
    def layers(self) -> Sequence[str]:
        """Layers that can be embedded, ``READOUT`` last; empty for a model without vectors."""
        return ()

    @abstractmethod
    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return a function from users to their scores of all items; training items are not masked here."""

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding | None:
        """Return the vectors of a layer, or None for a model without vectors; ``graph`` is the training graph."""
        del parameters, graph, layer
        return None


class ClosedFormRecommender(Recommender):
    """A recommender that is fitted at once."""

    @abstractmethod
    def fit(self, graph: InteractionGraph) -> Parameters:
        """Return the parameters for a training graph."""


class EmbeddingConfig(RecommenderConfig):
    """What all recommenders with one trainable table share."""

    dim: int = Field(64, ge=1)
    """Columns of the table."""
    init_scale: float = Field(0.1, gt=0)
    """Standard deviation of the normal start values."""
    similarity: Literal["dot", "cosine"] = "cosine"
    """What scores a pair of vectors: their dot product, or their cosine divided by ``temperature``."""
    temperature: float = Field(0.5, gt=0)
    """Divisor of the cosine, without meaning for the dot product. Small dense graphs want 0.5 to 1, sparse ones of
    many thousand items 0.1 to 0.2."""


class EmbeddingRecommender(Recommender):
    """A recommender whose score compares two vectors made from one trainable table.

    Every operation acts on each column of the table separately, so that R workers can hold d/R columns each.
    The training loop starts the table from :meth:`initial` and calls :meth:`vectors` once a step.
    """

    config: EmbeddingConfig

    @property
    def layers(self) -> Sequence[str]:
        """``READOUT``; a model with more layers says so."""
        return (READOUT,)

    @abstractmethod
    def vectors(self, table: torch.Tensor, propagate: Propagate, layer: str = READOUT) -> torch.Tensor:
        """Return the vectors of a layer, of the table's shape; those of ``READOUT`` score."""

    def initial(self, adjacency: Adjacency, seed: int, columns: NDArray[np.integer]) -> NDArray[np.float32]:
        """Start values N(0, init_scale^2) of some columns, shape (n_nodes, len(columns)), the same whoever asks."""
        nodes = np.arange(adjacency.n_nodes)
        return keyed_normal(key_of("embedding", seed), nodes, columns) * np.float32(self.config.init_scale)

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding:
        """Return the vectors of a layer.

        Raises:
            InputError: the model has no such layer, or the table belongs to another graph.
        """
        if layer not in self.layers:
            raise InputError(f"{self.config.model} has no layer {layer!r}; it has {', '.join(self.layers)}")
        adjacency, table = graph.adjacency(), parameters[TABLE]
        if len(table) != adjacency.n_nodes:
            raise InputError(f"the table has {len(table)} rows and the graph {adjacency.n_nodes} nodes")
        own = torch.tensor(table)  # a copy: memory-mapped arrays are read-only, and alignment decides over rounding
        with torch.no_grad():
            vectors = self.vectors(own, Propagation(adjacency, own.dtype), layer).numpy()
        users, items = adjacency.user_offset, adjacency.item_offset
        return Embedding(vectors[users : users + graph.n_users], vectors[items : items + graph.n_items])

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores; the vectors are computed at its first call and kept."""

        @cache
        def sides() -> tuple[torch.Tensor, torch.Tensor]:
            embedding = self.embed(parameters, graph)
            users, items = torch.from_numpy(embedding.users), torch.from_numpy(embedding.items)
            if self.config.similarity == "dot":
                return users, items
            return normalize(users) / self.config.temperature, normalize(items)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            users, items = sides()
            found: NDArray[np.floating] = (users[torch.tensor(batch, dtype=torch.int64)] @ items.T).numpy()
            return found

        return score
