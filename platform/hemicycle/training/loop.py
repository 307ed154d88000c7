"""One worker's part in training an embedding recommender: its columns of the table, and steps of Adam on them."""

import logging
import math
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE, EmbeddingRecommender, Moment, Parameters
from hemicycle.recommenders.divergence import mean_loss
from hemicycle.recommenders.losses import squared_norm
from hemicycle.recommenders.propagation import Propagation
from hemicycle.training.adam import Adam
from hemicycle.training.allocator import give_back_memory, keep_freed_memory
from hemicycle.training.batches import Draw, Learning, numbered
from hemicycle.training.exchange import EXCHANGES, Load, cheapest, sum_over
from hemicycle.training.group import Group
from hemicycle.training.options import TrainingOptions

_LOG = logging.getLogger(__name__)


class Columns:
    """One worker's columns of a table, with Adam's state, and the order in which users are dealt out.

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
        if keep_freed_memory():
            weakref.finalize(self, give_back_memory)
        start = torch.from_numpy(recommender.initial(graph, seed, self.columns))
        self.adam = Adam.start(start.to(group.device, getattr(torch, options.dtype)).requires_grad_())

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

    def deal(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Deal all users with edges, in an order keyed by seed and epoch, into steps of about equally many edges."""
        degrees = self.graph.degrees
        users = rng("shuffle", self.seed, number).permutation(np.flatnonzero(degrees))
        before = np.cumsum(degrees[users]) - degrees[users]
        of_step = before * self.steps_per_epoch // self.graph.n_edges
        bounds = np.flatnonzero(np.diff(of_step)) + 1
        return (np.sort(part) for part in np.split(users, bounds))


def propagation(
    recommender: EmbeddingRecommender, graph: InteractionGraph, options: TrainingOptions, device: str
) -> Propagation:
    """Return products with a training graph in the precision that is asked for."""
    gather = torch.bfloat16 if options.precision == "bf16" else None
    return Propagation(recommender.adjacency(graph), getattr(torch, options.dtype), device, gather, options.ordering)


class Trainer(Columns):
    """Trains one worker's columns."""

    def __init__(
        self,
        recommender: EmbeddingRecommender,
        graph: InteractionGraph,
        options: TrainingOptions,
        seed: int,
        group: Group,
    ) -> None:
        super().__init__(recommender, graph, options, seed, group)
        self.propagate = propagation(recommender, graph, options, group.device)
        parts, like = recommender.parts(graph), self.adam.table.detach()
        self.learnings = [Learning(part, options, recommender.bias(part.graph), like) for part in parts]
        self.exchange = self._chosen_exchange()

    def _chosen_exchange(self) -> str:
        """Return how workers exchange what they know, and say so once."""
        number = self.group.world_size
        graphs = [learning.graph for learning in self.learnings]
        loads = [Load.of(graph, self.options, number) for graph in graphs] if number > 1 else []
        way = cheapest(loads, self.options, self.recommender.config, number)
        if self.group.rank == 0 and number > 1:
            _LOG.info("%d workers exchange %s", number, way)
        return way

    def epoch(self, number: int) -> float:
        """Train one epoch (counted from 1) or what ``max_steps`` leaves of it; return the mean loss of its steps.

        Raises:
            DivergenceError: the loss is no longer a number.
        """
        draws = rng("negatives", self.seed, number)
        losses = []
        for users in self.deal(number):
            if self.adam.step >= self.total_steps:
                break
            losses.append(self.make_step(users, draws))
        return mean_loss(losses, number)

    def make_step(self, users: NDArray[np.int64], draws: np.random.Generator) -> float:
        """Make one step on all edges of some users, and return its loss, the same on all workers."""
        drawn = [draw for learning in self.learnings for draw in [learning.draw(users, draws)] if draw is not None]
        loss, gradient = self._gradient(drawn)
        self.adam.update(gradient, self.options.lr_at(self.adam.step, self.total_steps))
        return loss

    def _gradient(self, draws: Sequence[Draw]) -> tuple[float, torch.Tensor]:
        """Return the step's loss, the same on all workers, and its gradient for this worker's columns.

        The loss is the sum of all parts' losses, what the recommender adds, and the squared norms; only the rows that
        the step names are compared.
        """
        table = self.adam.table
        nodes, position = numbered([ids for draw in draws for ids in draw.ids], len(table))
        own, added = self.recommender.objective(table, self.propagate, self._moment(draws[0]))
        rows: torch.Tensor = _Rows.apply(own, nodes)  # type: ignore[no-untyped-call]
        local = [draw.moved(position) for draw in draws]
        compared = EXCHANGES[self.exchange](rows, local, self.recommender.config, self.group)
        (gradient,) = torch.autograd.grad(compared if added is None else compared + added, table)
        whole = self.exchange == "scores" and self.group.rank > 0
        partial = compared.new_zeros(()) if whole else compared.detach().clone()
        if self.options.l2:
            partial += self._shrink(gradient, nodes, local)
        loss = self.group.all_reduce_sum(partial)
        return (loss if added is None else loss + added.detach()).item(), gradient

    def _moment(self, draw: Draw) -> Moment:
        key = key_of("step", self.seed, self.adam.step)
        return Moment(draw.pairs.users, draw.pairs.items, key, self.columns, sum_over(self.group))

    def _shrink(self, gradient: torch.Tensor, nodes: torch.Tensor, draws: Sequence[Draw]) -> torch.Tensor:
        """Add the gradient of the start vectors' squared norms; return these columns' part of them."""
        start = self.adam.table.detach().index_select(0, nodes)
        value = start.new_zeros(())
        for draw in draws:
            norm, slope = squared_norm(start, draw.pairs)
            gradient.index_add_(0, nodes, slope, alpha=self.options.l2 * draw.weight)
            value += self.options.l2 * draw.weight * norm
        return value


class _Rows(torch.autograd.Function):
    """Distinct rows of a tensor; nothing else gets a gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        ctx.rows, ctx.shape = rows, x.shape
        return x.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0].new_zeros(ctx.shape).index_copy_(0, ctx.rows, grads[0]), None
