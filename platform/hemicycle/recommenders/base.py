"""What a recommender is: the one protocol behind which all of them stand.

A new recommender is one file with a class that derives from :class:`Recommender` (closed forms) or
:class:`EmbeddingRecommender` (trained by gradient, sharded by columns without further code) and one line in
``recommenders/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.records import READOUT
from hemicycle.graphs.interaction import Adjacency, InteractionGraph

Parameters = Mapping[str, NDArray[np.floating]]
"""Arrays that a checkpoint holds, by name."""
Scores = Callable[[NDArray[np.integer]], NDArray[np.floating]]
"""Users (batch,) -> scores (batch, n_items)."""


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
    """A recommender: how its parameters come about, and what it makes of them."""

    Config: ClassVar[type[RecommenderConfig]]

    def __init__(self, config: RecommenderConfig) -> None:
        self.config = config

    @property
    def layers(self) -> Sequence[str]:
        """Layers that can be embedded, ``READOUT`` last; empty for a model without vectors."""
        return ()

    @abstractmethod
    def fit(self, graph: InteractionGraph) -> Parameters:
        """Fit in closed form on the training graph."""

    @abstractmethod
    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return a function from users to their scores of all items; training items are not masked here."""

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding | None:
        """Return the vectors of a layer, or None for a model without vectors."""
        del parameters, graph, layer
        return None


class EmbeddingRecommender(Recommender):
    """A recommender whose score is a dot product of vectors made from one trainable table.

    Every operation acts on each column of the table separately, so that R workers can hold d/R columns each.
    The training loop (``training/loop.py``) starts ``table`` from :meth:`initial`, calls :meth:`layers_of` once a
    step and reads the vectors that score from :meth:`read_out`.
    """

    dim: int

    @abstractmethod
    def initial(self, adjacency: Adjacency, seed: int, columns: NDArray[np.integer]) -> NDArray[np.float32]:
        """Start values of some columns, shape (n_nodes, len(columns)), the same whoever asks for them."""

    @abstractmethod
    def layers_of(self, table: torch.Tensor, propagate: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        """Return the layers, each of the table's shape; ``propagate`` multiplies by D^-1/2 A D^-1/2."""

    @abstractmethod
    def read_out(self, table: torch.Tensor, propagate: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Return the vectors whose dot products score, of the table's shape."""
