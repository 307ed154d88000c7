"""One worker's part in training an embedding recommender: its columns of the table, and steps of Adam on them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import HemicycleError
from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import EmbeddingRecommender
from hemicycle.recommenders.losses import Competition, Pairs, bpr, comparable, sampled_softmax, squared_norm
from hemicycle.recommenders.negatives import ExactNegatives, shared_negatives
from hemicycle.recommenders.propagation import Propagation
from hemicycle.training.group import Group
from hemicycle.training.options import TrainingOptions

_ENTRIES_AT_ONCE = 1 << 20


@dataclass
class Adam:
    """Adam (Kingma and Ba, ICLR 2015) on one tensor, elementwise, so that every worker keeps its own.

    Args:
        table: what is trained.
        mean: first moment, shape of the table.
        square: second moment, shape of the table.
        step: steps made.
    """

    table: torch.Tensor
    mean: torch.Tensor
    square: torch.Tensor
    step: int = 0

    @classmethod
    def start(cls, table: torch.Tensor) -> "Adam":
        """Start on a table."""
        return cls(table, torch.zeros_like(table), torch.zeros_like(table))

    def update(self, gradient: torch.Tensor, lr: float) -> None:
        """Make one step, in chunks of rows that stay in the processor's cache."""
        self.step += 1
        size = max(1, _ENTRIES_AT_ONCE // max(1, self.table.shape[1]))
        unbiased = math.sqrt(1 - 0.999**self.step)
        scale = lr / (1 - 0.9**self.step)
        with torch.no_grad():
            for start in range(0, len(self.table), size):
                rows = slice(start, start + size)
                g, mean, square = gradient[rows], self.mean[rows], self.square[rows]
                mean.lerp_(g, 0.1)
                square.mul_(0.999).addcmul_(g, g, value=0.001)
                self.table[rows].addcdiv_(mean, (square.sqrt() / unbiased).add_(1e-8), value=-scale)


class Trainer:
    """Trains one worker's columns.

    Args:
        recommender: what is trained.
        graph: training graph, both propagated on and learnt from.
        options: how.
        seed: key of start values, order and negatives.
        group: this worker.
    """

    def __init__(
        self,
        recommender: EmbeddingRecommender,
        graph: InteractionGraph,
        options: TrainingOptions,
        seed: int,
        group: Group,
    ) -> None:
        self.recommender, self.graph, self.options, self.seed, self.group = recommender, graph, options, seed, group
        self.columns = group.columns(recommender.config.dim)
        self.adjacency = graph.adjacency()
        self.dtype = getattr(torch, options.dtype)
        self.propagate = Propagation(self.adjacency, self.dtype, group.device)
        self.exact = ExactNegatives(graph) if options.loss == "bpr" else None
        start = recommender.initial(self.adjacency, seed, self.columns)
        self.adam = Adam.start(torch.from_numpy(start).to(group.device, self.dtype).requires_grad_())

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which an epoch's edges are dealt out."""
        return max(1, math.ceil(self.graph.n_edges / self.options.batch))

    @property
    def total_steps(self) -> int:
        """Steps of the whole fit."""
        planned = self.options.epochs * self.steps_per_epoch
        return planned if self.options.max_steps is None else min(planned, self.options.max_steps)

    def state(self) -> dict[str, NDArray[np.floating]]:
        """Return all that later steps depend on, beside the number of steps made."""
        tensors = {"table": self.adam.table.detach(), "mean": self.adam.mean, "square": self.adam.square}
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}

    def restore(self, state: Mapping[str, NDArray[np.floating]], step: int) -> None:
        """Return to a state."""
        tensors = {name: torch.tensor(array, device=self.group.device) for name, array in state.items()}
        self.adam = Adam(tensors["table"].requires_grad_(), tensors["mean"], tensors["square"], step)

    def epoch(self, number: int) -> float:
        """Train one epoch (counted from 1) or what ``max_steps`` leaves of it; return the mean loss of its steps.

        Raises:
            HemicycleError: the loss is no longer a number.
        """
        draws = rng("negatives", self.seed, number)
        losses = []
        for users in self._deal(number):
            if self.adam.step >= self.total_steps:
                break
            losses.append(self._step(users, draws))
        loss = float(np.mean(losses))
        if not math.isfinite(loss):
            raise HemicycleError(f"training diverged in epoch {number} (loss {loss}); lower train.lr")
        return loss

    def _deal(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Deal all users with edges, in an order keyed by seed and epoch, into steps of about equally many edges."""
        degrees = self.graph.degrees
        users = rng("shuffle", self.seed, number).permutation(np.flatnonzero(degrees))
        before = np.cumsum(degrees[users]) - degrees[users]
        of_step = before * self.steps_per_epoch // self.graph.n_edges
        bounds = np.flatnonzero(np.diff(of_step)) + 1
        return (np.sort(part) for part in np.split(users, bounds))

    def _step(self, users: NDArray[np.int64], draws: np.random.Generator) -> float:
        table, options = self.adam.table, self.options
        loss = self._loss(users, draws)
        (gradient,) = torch.autograd.grad(loss, table)
        self.adam.update(gradient, options.lr_at(self.adam.step, self.total_steps))
        return loss.item()

    def _loss(self, users: NDArray[np.int64], draws: np.random.Generator) -> torch.Tensor:
        table, add_up = self.adam.table, self.group.all_reduce_sum
        counts = self.graph.degrees[users]
        items = self.graph.indices[_entries(self.graph.indptr[users], counts)]
        pairs = Pairs(self._users(users), self._ids(counts), self._items(items))
        vectors = comparable(self.recommender.vectors(table, self.propagate), self.recommender.config, add_up)
        if self.exact is not None:
            negatives = self._exact_negatives(np.repeat(users, counts), items, draws)
            loss = bpr(vectors, pairs, negatives, add_up)
        else:
            loss = sampled_softmax(vectors, pairs, self._competition(draws), add_up)
        return loss + self.options.l2 * squared_norm(table, pairs, add_up) if self.options.l2 else loss

    def _exact_negatives(
        self, users: NDArray[np.int64], items: NDArray[np.int32], draws: np.random.Generator
    ) -> torch.Tensor:
        assert self.exact is not None
        times = self.options.n_negatives
        return self._items(self.exact.draw(np.tile(users, times), np.tile(items, times), draws))

    def _competition(self, draws: np.random.Generator) -> Competition:
        options = self.options
        items, log_expected = shared_negatives(self.graph, options.n_negatives, options.negatives_by, draws)
        correction = torch.from_numpy(log_expected).to(self.group.device, self.dtype)
        return Competition(self._items(items), correction, options.n_negatives >= self.graph.n_items)

    def _ids(self, values: NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(self.group.device)

    def _users(self, users: NDArray[np.integer]) -> torch.Tensor:
        return self._ids(users) + self.adjacency.user_offset

    def _items(self, items: NDArray[np.integer]) -> torch.Tensor:
        return self._ids(items) + self.adjacency.item_offset


def _entries(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions start, start + 1, ... of each row, one after the other."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
