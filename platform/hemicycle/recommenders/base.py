"""What a recommender is: the one protocol behind which all of them stand.

A new recommender is one file with a class that derives from

- :class:`ClosedFormRecommender`: fitted at once,
- :class:`EmbeddingRecommender`: one table trained by gradient, sharded by columns without further code,
- :class:`IterativeRecommender`: brings its own fit, epoch by epoch (alternating least squares, deep networks),

and one line in ``recommenders/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

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
from hemicycle.recommenders.scoring import DotScores, Scores
from hemicycle.recommenders.starts import lay, spectral_start

Parameters = Mapping[str, NDArray[np.floating]]
"""Arrays that a checkpoint holds, by name."""
TABLE = "table"
"""Parameter of an embedding recommender: one row a node, one column a dimension."""


class Propagate(Protocol):
    """Differentiable products with S = D^-1/2 A D^-1/2."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return S x."""

    def polynomial(self, x: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
        """Return the sum over k of weights[k] S^k x."""


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
    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Return the parameters for a training graph."""


# -- recommenders that bring their own fit ---------------------------------------------------------------------------


class Workers(Protocol):
    """This worker among all of a fit, see :class:`hemicycle.training.group.Group`."""

    @property
    def rank(self) -> int:
        """Number of this worker."""

    @property
    def world_size(self) -> int:
        """Number of workers."""

    @property
    def device(self) -> str:
        """Where this worker computes."""

    def all_reduce_sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add up over workers in place, and return the tensor."""

    def all_gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return every worker's tensor of the same shape, in the order of ranks."""


class Schedule(Protocol):
    """What a fit is told about its length, see :class:`hemicycle.training.options.TrainingOptions`."""

    @property
    def epochs(self) -> int:
        """Passes over all training edges."""

    @property
    def batch(self) -> int:
        """Edges in a step, about."""

    @property
    def lr(self) -> float:
        """Learning rate."""

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (counted from 0) out of ``steps``."""


class Fitting(Protocol):
    """One worker's part in a fit under way."""

    @property
    def step(self) -> int:
        """Steps made."""

    @property
    def total_steps(self) -> int:
        """Steps of the whole fit."""

    def epoch(self, number: int) -> float:
        """Train one epoch (counted from 1); return its mean loss."""

    def parameters(self) -> Parameters | None:
        """Return the whole parameters on rank 0, None elsewhere; called by all workers."""

    def state(self) -> dict[str, NDArray[np.floating]]:
        """Return this worker's arrays on which later steps depend, beside the number of steps made."""

    def restore(self, state: Mapping[str, NDArray[np.floating]], step: int) -> None:
        """Return to a state."""


class IterativeRecommender(Recommender):
    """A recommender that brings its own fit; everything random in it is keyed by seed and epoch."""

    @abstractmethod
    def start(self, graph: InteractionGraph, options: Schedule, seed: int, workers: Workers) -> Fitting:
        """Return the fit at its start; every worker calls this."""


# -- recommenders with one trainable table ---------------------------------------------------------------------------


class EmbeddingConfig(RecommenderConfig):
    """What all recommenders with one trainable table share."""

    dim: int = Field(64, ge=1)
    """Columns of the table."""
    init_scale: float = Field(0.1, gt=0)
    """Standard deviation of the start values."""
    start: Literal["normal", "svd"] = "normal"
    """``svd``: start from the leading singular vectors of the normalised training graph instead of normal numbers. What
    is trained ends better and sooner; but then an untrained model already knows the graph and is no control."""
    similarity: Literal["dot", "cosine"] = "cosine"
    """What scores a pair of vectors: their dot product, or their cosine divided by ``temperature``."""
    temperature: float = Field(0.5, gt=0)
    """Divisor of the cosine, without meaning for the dot product. Small dense graphs want 0.5 to 1, sparse ones of
    many thousand items 0.1 to 0.2."""
    popularity: float = Field(0.0, ge=0)
    """Weight of log(1 + users of the item), added to every score in training and in ranking alike: what is popular
    need not be learnt by the vectors."""


@dataclass(frozen=True)
class Part:
    """Edges from which a fit learns: every user's, drawn together with her.

    Args:
        graph: the edges.
        users: node of the graph's user 0.
        items: node of the graph's item 0.
        weight: of its loss in the sum over parts.
    """

    graph: InteractionGraph
    users: int
    items: int
    weight: float = 1.0


@dataclass(frozen=True)
class Moment:
    """What a recommender may use in a training step beside its table.

    Args:
        users: nodes of the step's users, distinct.
        items: nodes of the items they took, with repetitions.
        key: of the step's random numbers, see :func:`hemicycle.core.seeding.keyed_normal`; the same on all workers.
        columns: columns of the table that this worker holds.
        add_up: sum over workers, in place.
    """

    users: torch.Tensor
    items: torch.Tensor
    key: int
    columns: NDArray[np.int64]
    add_up: Callable[[torch.Tensor], torch.Tensor]


class EmbeddingRecommender(Recommender):
    """A recommender whose score compares two vectors made from one trainable table.

    Every operation acts on each column of the table separately, so that R workers can hold d/R columns each.
    The training loop starts the table from :meth:`initial` and calls :meth:`objective` once a step.
    """

    config: EmbeddingConfig

    @property
    def layers(self) -> Sequence[str]:
        """``READOUT``; a model with more layers says so."""
        return (READOUT,)

    @abstractmethod
    def vectors(self, table: torch.Tensor, propagate: Propagate, layer: str = READOUT) -> torch.Tensor:
        """Return the vectors of a layer, of the table's shape; those of ``READOUT`` score."""

    def adjacency(self, graph: InteractionGraph) -> Adjacency:
        """Return the nodes, and the edges on which vectors propagate; the training graph's by default."""
        return graph.adjacency()

    def parts(self, graph: InteractionGraph) -> Sequence[Part]:
        """Return what is learnt from, the training graph's edges first; by default nothing else."""
        adjacency = self.adjacency(graph)
        return (Part(graph, adjacency.user_offset, adjacency.item_offset),)

    def objective(
        self, table: torch.Tensor, propagate: Propagate, moment: Moment
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the vectors that the loss compares, and a term to add to it; by default the read-out and none."""
        del moment
        return self.vectors(table, propagate), None

    def initial(self, graph: InteractionGraph, seed: int, columns: NDArray[np.integer]) -> NDArray[np.float32]:
        """Start values of some columns, shape (n_nodes, len(columns)), the same whoever asks.

        N(0, init_scale^2), or with ``start: svd`` what :func:`hemicycle.recommenders.starts.spectral_start` knows.
        """
        adjacency = self.adjacency(graph)
        table = keyed_normal(key_of("embedding", seed), np.arange(adjacency.n_nodes), columns)
        if self.config.start == "svd":
            users, items = spectral_start(graph, self.config.dim, seed)
            lay(table[adjacency.user_offset :][: graph.n_users], users, columns)
            lay(table[adjacency.item_offset :][: graph.n_items], items, columns)
        return table * np.float32(self.config.init_scale)

    def bias(self, graph: InteractionGraph) -> NDArray[np.float32] | None:
        """Return what is added to the score of each item, shape (n_items,); None for 0."""
        if not self.config.popularity:
            return None
        return (self.config.popularity * np.log1p(graph.item_degrees)).astype(np.float32)

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding:
        """Return the vectors of a layer.

        Raises:
            InputError: the model has no such layer, or the table belongs to another graph.
        """
        if layer not in self.layers:
            raise InputError(f"{self.config.model} has no layer {layer!r}; it has {', '.join(self.layers)}")
        adjacency, table = self.adjacency(graph), parameters[TABLE]
        if len(table) != adjacency.n_nodes:
            raise InputError(f"the table has {len(table)} rows and the graph {adjacency.n_nodes} nodes")
        own = torch.tensor(table)  # a copy: memory-mapped arrays are read-only, and alignment decides over rounding
        with torch.no_grad():
            vectors = self.vectors(own, Propagation(adjacency, own.dtype), layer).numpy()
        users, items = adjacency.user_offset, adjacency.item_offset
        return Embedding(vectors[users : users + graph.n_users], vectors[items : items + graph.n_items])

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> DotScores:
        """Return the function from users to scores."""
        embedding, bias = self.embed(parameters, graph), self.bias(graph)
        users, items = torch.from_numpy(embedding.users), torch.from_numpy(embedding.items)
        if self.config.similarity == "cosine":
            users, items = normalize(users) / self.config.temperature, normalize(items)
        return DotScores(users, items, None if bias is None else torch.from_numpy(bias).to(items.dtype))
