"""One worker's part in training an embedding recommender: its columns of the table, and steps of Adam on them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import HemicycleError
from hemicycle.core.seeding import key_of, rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE, EmbeddingRecommender, Moment, Parameters, Part
from hemicycle.recommenders.losses import Competition, Pairs, Rivals, bpr, comparable, sampled_softmax, squared_norm
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


class Learning:
    """Losses of one part: draws what the step's pairs compete with, and compares.

    Args:
        part: edges.
        options: which loss, how many negatives.
        bias: what is added to the score of each item, shape (n_items,), or None for 0.
        like: a tensor of the table's type and device.
    """

    def __init__(
        self, part: Part, options: TrainingOptions, bias: NDArray[np.float32] | None, like: torch.Tensor
    ) -> None:
        self.part, self.graph, self.options = part, part.graph, options
        self.like = like
        self.bias = None if bias is None else torch.from_numpy(bias).to(like)
        self.exact = ExactNegatives(part.graph) if options.loss == "bpr" else None

    def edges(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return how many items each user has, and the items."""
        counts = self.graph.degrees[users]
        return counts, self.graph.indices[_entries(self.graph.indptr[users], counts)]

    def pairs(self, users: NDArray[np.int64]) -> Pairs:
        """Return all edges of some users."""
        counts, items = self.edges(users)
        own = self._ids(items)
        return Pairs(self._ids(users) + self.part.users, self._ids(counts), own + self.part.items, self._bias(own))

    def loss(
        self, vectors: torch.Tensor, pairs: Pairs, draws: np.random.Generator, add_up: Callable[..., torch.Tensor]
    ) -> torch.Tensor:
        """Return the loss of pairs, for comparable vectors."""
        if self.exact is not None:
            return bpr(vectors, pairs, self._rivals(pairs, self.exact, draws), add_up)
        return sampled_softmax(vectors, pairs, self._competition(draws), add_up)

    def _rivals(self, pairs: Pairs, exact: ExactNegatives, draws: np.random.Generator) -> Rivals:
        times = self.options.n_negatives
        users, items = (pairs.owners - self.part.users).cpu().numpy(), (pairs.items - self.part.items).cpu().numpy()
        found = self._ids(exact.draw(np.tile(users, times), np.tile(items, times), draws))
        return Rivals(found + self.part.items, self._bias(found))

    def _competition(self, draws: np.random.Generator) -> Competition:
        options = self.options
        items, log_expected = shared_negatives(self.graph, options.n_negatives, options.negatives_by, draws)
        found, offset = self._ids(items), -torch.from_numpy(log_expected).to(self.like)
        bias = self._bias(found)
        complete = options.n_negatives >= self.graph.n_items
        return Competition(found + self.part.items, offset if bias is None else offset + bias, complete)

    def _bias(self, items: torch.Tensor) -> torch.Tensor | None:
        return None if self.bias is None else self.bias[items]

    def _ids(self, values: NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(self.like.device)


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
        self.propagate = Propagation(recommender.adjacency(graph), getattr(torch, options.dtype), group.device)
        start = torch.from_numpy(recommender.initial(graph, seed, self.columns))
        self.adam = Adam.start(start.to(group.device, getattr(torch, options.dtype)).requires_grad_())
        self.learnings = [
            Learning(part, options, recommender.bias(part.graph), self.adam.table.detach())
            for part in recommender.parts(graph)
        ]

    @property
    def step(self) -> int:
        """Steps made."""
        return self.adam.step

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which an epoch's edges are dealt out."""
        return max(1, math.ceil(self.graph.n_edges / self.options.batch))

    @property
    def total_steps(self) -> int:
        """Steps of the whole fit."""
        planned = self.options.epochs * self.steps_per_epoch
        return planned if self.options.max_steps is None else min(planned, self.options.max_steps)

    def parameters(self) -> Parameters | None:
        """Return the whole table on rank 0, None elsewhere."""
        table = self.group.gather_columns(self.adam.table.detach())
        return None if table is None else {TABLE: table.cpu().numpy()}

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
        """Sum of all parts' losses for the step's users, and what the recommender adds."""
        table, add_up = self.adam.table, self.group.all_reduce_sum
        pairs = [(learning, found) for learning in self.learnings for found in [learning.pairs(users)] if len(found)]
        key = key_of("step", self.seed, self.adam.step)
        moment = Moment(pairs[0][1].users, pairs[0][1].items, key, self.columns, add_up)
        raw, added = self.recommender.objective(table, self.propagate, moment)
        vectors = comparable(raw, self.recommender.config, add_up)
        losses = [learning.part.weight * learning.loss(vectors, found, draws, add_up) for learning, found in pairs]
        if self.options.l2:
            losses += [
                learning.part.weight * self.options.l2 * squared_norm(table, found, add_up) for learning, found in pairs
            ]
        return sum(losses if added is None else [*losses, added], start=table.new_zeros(()))


def _entries(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions start, start + 1, ... of each row, one after the other."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
