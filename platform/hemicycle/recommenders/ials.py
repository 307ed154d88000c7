"""iALS: matrix factorisation of implicit feedback by alternating least squares (Hu et al., ICDM 2008).

With the frequency-scaled regularisation of Rendle et al. (Revisiting the Performance of iALS on Item Recommendation
Benchmarks, RecSys 2022), solved by a few steps of conjugate gradients a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.core.records import READOUT
from hemicycle.core.seeding import key_of, keyed_normal
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import (
    Embedding,
    IterativeRecommender,
    Parameters,
    RecommenderConfig,
    Schedule,
    Workers,
)
from hemicycle.recommenders.least_squares import Factors, gram_of, improve
from hemicycle.recommenders.scoring import DotScores
from hemicycle.recommenders.sparse import pattern


class IALSConfig(RecommenderConfig):
    """iALS."""

    model: str = "ials"
    """Short name."""
    dim: int = Field(64, ge=1)
    """Dimensions d of the factors."""
    unobserved: float = Field(0.02, gt=0)
    """alpha_0: weight of the pull of every pair towards 0; an edge pulls towards 1 with weight 1, or its own. The
    denser the graph, the larger: 0.1 and more for a few thousand items."""
    l2: float = Field(0.02, ge=0)
    """lambda: weight of the squared norms."""
    exponent: float = Field(0.75, ge=0, le=1)
    """nu: a row of n edges is regularised by lambda (n + alpha_0 n_others)^nu; 0 treats all rows alike."""
    steps: int = Field(3, ge=1)
    """Steps of conjugate gradients a row and sweep; d steps solve exactly."""
    init_scale: float = Field(0.1, gt=0)
    """Standard deviation of the start values times the root of d."""
    weighted: bool = False
    """Weigh an edge by its own weight, which must be positive, instead of 1."""


class IALS(IterativeRecommender):
    """min sum_E c_ui (x_u . y_i - 1)^2 + alpha_0 sum_all (x_u . y_i)^2 + lambda sum_r (n_r + alpha_0 m_r)^nu |z_r|^2.

    E are the training edges; r runs over users and items, with n_r edges and m_r partners in all. An epoch sweeps over
    all users, then over all items; every row is improved from where it stands, so that the loss never rises but by
    rounding. The options' ``batch``, ``lr``, ``loss`` and negatives have no meaning here.

    Each of several workers improves a block of rows and needs all vectors of the other side: a sweep sums one d x d
    matrix over workers and exchanges the rows that were improved.
    """

    Config: ClassVar[type[RecommenderConfig]] = IALSConfig
    config: IALSConfig

    @property
    def layers(self) -> Sequence[str]:
        """``READOUT``: the factors."""
        return (READOUT,)

    def start(self, graph: InteractionGraph, options: Schedule, seed: int, workers: Workers) -> "IALSFitting":
        """Return the fit at its start.

        Raises:
            InputError: edges are to be weighted, and have no positive weights.
        """
        if self.config.weighted and (graph.weights is None or not (graph.weights > 0).all()):
            raise InputError(
                "weighted: true needs a positive weight of every edge",
                "recommender.weighted",
                "name a weight column of positive numbers, or leave weighted out",
            )
        return IALSFitting(self.config, graph, options.epochs, seed, workers)

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding:
        """Return the factors of users and items.

        Raises:
            InputError: the model has no such layer, or was fitted to other users or items.
        """
        if layer not in self.layers:
            raise InputError(f"{self.config.model} has no layer {layer!r}; it has {', '.join(self.layers)}")
        users, items = np.array(parameters["users"]), np.array(parameters["items"])
        if (len(users), len(items)) != (graph.n_users, graph.n_items):
            raise InputError(
                f"the model was fitted to {len(users)} users and {len(items)} items, and the graph has "
                f"{graph.n_users} and {graph.n_items}"
            )
        return Embedding(users, items)

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> DotScores:
        """Return the function from users to scores."""
        embedding = self.embed(parameters, graph)
        return DotScores(torch.from_numpy(embedding.users), torch.from_numpy(embedding.items))


@dataclass(frozen=True)
class Rows:
    """The users, or the items, that a worker improves.

    Args:
        indptr: int64, shape (n_own + 1,), of this worker's rows.
        indices: int32, their partners on the other side.
        weights: float32, of each edge.
        l2: float32, regularisation of each row, shape (n_own,).
        bounds: first row of each worker's block, and the number of all rows at the end.
        rank: of this worker.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32]
    l2: NDArray[np.float32]
    bounds: NDArray[np.int64]
    rank: int

    @classmethod
    def of(cls, matrix: sp.csr_array, config: IALSConfig, workers: Workers) -> "Rows":
        """Take this worker's block of a matrix rows x partners; blocks have about equally many edges and rows."""
        work = np.cumsum(np.diff(matrix.indptr) + config.dim)
        cuts = np.searchsorted(work, work[-1] * np.arange(1, workers.world_size) / workers.world_size)
        bounds = np.concatenate([[0], cuts, [matrix.shape[0]]])
        block = matrix[bounds[workers.rank] : bounds[workers.rank + 1]]
        counts = np.diff(block.indptr)
        l2 = config.l2 * (counts + config.unobserved * matrix.shape[1]) ** config.exponent
        indptr, indices = block.indptr.astype(np.int64), block.indices.astype(np.int32)
        return cls(indptr, indices, block.data, l2.astype(np.float32), bounds, workers.rank)

    @property
    def own(self) -> slice:
        """This worker's rows in the whole table."""
        return slice(int(self.bounds[self.rank]), int(self.bounds[self.rank + 1]))


class IALSFitting:
    """One worker's part in a fit: it holds the factors of both sides, and improves its own rows of each."""

    def __init__(self, config: IALSConfig, graph: InteractionGraph, epochs: int, seed: int, workers: Workers) -> None:
        self.config, self.workers, self.total_steps, self.step = config, workers, epochs, 0
        matrix = pattern(graph)
        if config.weighted and graph.weights is not None:
            matrix.data = np.array(graph.weights, np.float32)
        self.rows = {"users": Rows.of(matrix, config, workers), "items": Rows.of(matrix.T.tocsr(), config, workers)}
        sides = zip(self.rows, matrix.shape, strict=True)
        self.factors: dict[str, Factors] = {side: _initial(n, config, key_of("ials", seed, side)) for side, n in sides}

    def epoch(self, number: int) -> float:
        """Improve all users, then all items; return the loss divided by the number of edges.

        Raises:
            HemicycleError: the loss is no longer a number.
        """
        self._sweep("users", "items")
        loss = self._sweep("items", "users")
        self.step = number
        if not np.isfinite(loss):
            raise HemicycleError(f"iALS diverged in epoch {number} (loss {loss}); raise the recommender's l2")
        return loss

    def parameters(self) -> Parameters | None:
        """Return the factors on rank 0, None elsewhere."""
        return dict(self.factors) if self.workers.rank == 0 else None

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the factors of both sides, all that later epochs depend on."""
        return dict(self.factors)

    def restore(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Return to a state."""
        self.factors = {side: np.array(state[side]) for side in self.rows}
        self.step = step

    def _sweep(self, side: str, other: str) -> float:
        """Improve one side's rows, the other's held; return the loss that is reached, an edge."""
        rows, others, fixed = self.rows[side], self.rows[other], self.factors[other]
        gram = self._sum(gram_of(fixed[others.own])) * np.float32(self.config.unobserved)
        own = self.factors[side][rows.own].copy()
        losses = improve(rows.indptr, rows.indices, rows.weights, rows.l2, gram, fixed, own, self.config.steps)
        self.factors[side] = self._gathered(own, rows.bounds)
        norms = np.square(fixed[others.own], dtype=np.float64).sum(1) @ others.l2
        loss, edges = self._sum(np.array([losses.sum() + norms, len(rows.indices)]))
        return float(loss / max(edges, 1))

    def _sum(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the sum over workers."""
        found: NDArray[Any] = self.workers.all_reduce_sum(torch.from_numpy(array).to(self.workers.device)).cpu().numpy()
        return found

    def _gathered(self, own: Factors, bounds: NDArray[np.int64]) -> Factors:
        """Return all workers' rows, one block below the other; they travel in blocks of the largest one's size."""
        sizes = np.diff(bounds).tolist()
        block = torch.zeros((max(sizes), own.shape[1]), device=self.workers.device)
        block[: len(own)] = torch.from_numpy(own)
        blocks = self.workers.all_gather(block)
        found: Factors = torch.cat([b[:size] for b, size in zip(blocks, sizes, strict=True)]).cpu().numpy()
        return found


def _initial(n: int, config: IALSConfig, key: int) -> Factors:
    """Return normal start values, shape (n, d)."""
    scale = np.float32(config.init_scale / np.sqrt(config.dim))
    return keyed_normal(key, np.arange(n), np.arange(config.dim)) * scale
