"""What column-sharded workers tell each other in a step, and which way of it takes the fewest floats.

Propagation and Adam act on each column alone; only the comparison of vectors needs all columns. Three ways:

- ``scores``: every worker scores all pairs by its columns, and the partial scores are added up.
- ``rows``: users are dealt out; every worker gathers all columns of the rows that its share names, computes the loss of
  that share, and sends the rows' gradients back to whoever holds the columns.
- ``mixed`` (softmax): the scores of positive pairs are added up, and rows are gathered for users against the negatives
  that all share.

What is sent depends on the step's pairs and negatives, not on the number of nodes. All three end in the same gradient
up to rounding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.recommenders.losses import AddUp, Competition, alone, comparable, pair_scores, softmax_against
from hemicycle.training.batches import Draw, numbered
from hemicycle.training.group import Group
from hemicycle.training.options import TrainingOptions

_NEARLY = 1 - 1e-12
Exchange = Callable[[torch.Tensor, Sequence[Draw], EmbeddingConfig, Group], torch.Tensor]
"""Rows of a step (n_rows, columns), what is compared (by number of row), similarity, workers -> loss or share of it."""


def sum_over(group: Group) -> AddUp:
    """Return the sum over a group's workers."""
    return alone if group.world_size == 1 else group.all_reduce_sum


def by_scores(rows: torch.Tensor, draws: Sequence[Draw], config: EmbeddingConfig, group: Group) -> torch.Tensor:
    """Return the whole loss, on every worker."""
    vectors = comparable(rows, config, sum_over(group))
    return torch.stack([draw.loss(vectors, sum_over(group)) for draw in draws]).sum()


def by_rows(rows: torch.Tensor, draws: Sequence[Draw], config: EmbeddingConfig, group: Group) -> torch.Tensor:
    """Return the loss of this worker's share, from all columns."""
    shares = [[draw.shares(group.world_size)[rank] for draw in draws] for rank in range(group.world_size)]
    wanted = [numbered([ids for draw in share for ids in draw.ids], len(rows)) for share in shares]
    gathered: torch.Tensor = _Gathered.apply(rows, [ids for ids, _ in wanted], group)  # type: ignore[no-untyped-call]
    vectors, position = comparable(gathered, config), wanted[group.rank][1]
    return torch.stack([draw.moved(position).loss(vectors) for draw in shares[group.rank]]).sum()


def by_both(rows: torch.Tensor, draws: Sequence[Draw], config: EmbeddingConfig, group: Group) -> torch.Tensor:
    """Return the loss of this worker's share: positives by scores, shared negatives by rows."""
    vectors = comparable(rows, config, sum_over(group))
    return torch.stack([_softmax_of_share(vectors, draw, group) for draw in draws]).sum()


EXCHANGES: dict[str, Exchange] = {"scores": by_scores, "rows": by_rows, "mixed": by_both}


def _softmax_of_share(vectors: torch.Tensor, draw: Draw, group: Group) -> torch.Tensor:
    shares = draw.shares(group.world_size)
    pairs, against = shares[group.rank].pairs, shares[group.rank].against
    if not isinstance(against, Competition):
        raise TypeError("rivals are compared pair by pair")
    partial, lengths = pair_scores(vectors, draw.pairs), [len(share.pairs) for share in shares]
    positive = _Scattered.apply(partial, lengths, group)  # type: ignore[no-untyped-call]
    wanted = [torch.cat([share.pairs.users, against.items]) for share in shares]
    gathered: torch.Tensor = _Gathered.apply(vectors, wanted, group)  # type: ignore[no-untyped-call]
    users, others = torch.split(
        torch.arange(len(gathered), device=gathered.device), [len(pairs.users), len(against.items)]
    )
    mine, competition = replace(pairs, users=users), replace(against, items=others)
    return draw.weight * softmax_against(gathered, positive, mine, competition)


class _Gathered(torch.autograd.Function):
    """From some columns of all rows (n_rows, c) to all columns of this worker's rows, and gradients back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, wanted: Sequence[torch.Tensor], group: Group) -> torch.Tensor:
        ctx.wanted, ctx.group, ctx.shape = wanted, group, x.shape
        shape = (len(wanted[group.rank]), x.shape[1])
        blocks = group.all_to_all([x.index_select(0, ids) for ids in wanted], [shape] * group.world_size)
        return torch.cat(blocks, 1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        width = ctx.shape[1]
        shapes = [(len(ids), width) for ids in ctx.wanted]
        blocks = ctx.group.all_to_all(torch.split(grads[0], width, 1), shapes)
        gradient = grads[0].new_zeros(ctx.shape)
        for ids, block in zip(ctx.wanted, blocks, strict=True):
            gradient.index_add_(0, ids, block)
        return gradient, None, None


class _Scattered(torch.autograd.Function):
    """Sum over workers of which each keeps a run (a reduce-scatter), and gradients back to all (an all-gather)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, lengths: list[int], group: Group) -> torch.Tensor:
        ctx.lengths, ctx.group = lengths, group
        parts = group.all_to_all(torch.split(x, lengths), [(lengths[group.rank],)] * group.world_size)
        return torch.stack(parts).sum(0)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        blocks = [grads[0].contiguous()] * ctx.group.world_size
        return torch.cat(ctx.group.all_to_all(blocks, [(n,) for n in ctx.lengths])), None, None


# -- which way -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """How edges spread over items.

    Args:
        degrees: distinct numbers of users, shape (m,).
        often: items of each, shape (m,).
    """

    degrees: NDArray[np.number[Any]]
    often: NDArray[np.number[Any]]

    @property
    def items(self) -> float:
        """Number of items."""
        return float(self.often.sum())

    @property
    def edges(self) -> float:
        """Number of edges."""
        return float(self.degrees @ self.often)

    def log_untaken(self, taken: float) -> NDArray[np.floating]:
        """Logarithm of the probability that no user of an item is among a share of users, shape (m,)."""
        found: NDArray[np.floating] = self.degrees * np.log1p(-min(taken, _NEARLY))
        return found

    def log_missed(self, *, by_degree: bool, complete: bool) -> NDArray[np.floating]:
        """Logarithm of the probability that one draw is of another item, shape (m,)."""
        chance = self.degrees / max(1.0, self.edges) if by_degree else np.full(len(self.degrees), 1 / self.items)
        found: NDArray[np.floating] = np.log1p(-np.minimum(1.0 if complete else chance, _NEARLY) * np.ones(len(chance)))
        return found

    def distinct(self, log_absent: NDArray[np.floating]) -> float:
        """Expected number of items that occur, from the logarithms of the probabilities that they do not."""
        return float(-np.expm1(log_absent) @ self.often)


@dataclass(frozen=True)
class Load:
    """Expected sizes of one part of a step.

    Args:
        users: in the step.
        pairs: of these users.
        rows: distinct nodes that pairs and negatives name.
        share_rows: those that one worker's share names.
        negatives: distinct negatives of the step (``softmax``), or negatives in all (``bpr``).
    """

    users: float
    pairs: float
    rows: float
    share_rows: float
    negatives: float

    @classmethod
    def of(cls, graph: InteractionGraph, options: TrainingOptions, world_size: int) -> "Load":
        """Expect that a step draws each user of a graph with the same probability."""
        return cls.expected(
            graph.n_users, Spread(*np.unique(graph.item_degrees, return_counts=True)), options, world_size
        )

    @classmethod
    def expected(cls, n_users: float, spread: Spread, options: TrainingOptions, world_size: int) -> "Load":
        """The same for a graph of which no more is known than how its edges spread over items."""
        edges, softmax = spread.edges, options.loss == "softmax"
        taken = min(1.0, options.batch / max(1.0, edges))
        pairs, users = taken * edges, taken * n_users
        drawn = float(options.n_negatives if softmax else options.n_negatives * pairs)
        missed = drawn * spread.log_missed(
            by_degree=softmax and options.negatives_by == "popularity", complete=softmax and drawn >= spread.items
        )
        of_share = missed if softmax else missed / world_size
        return cls(
            users,
            pairs,
            users + spread.distinct(spread.log_untaken(taken) + missed),
            users / world_size + spread.distinct(spread.log_untaken(taken / world_size) + of_share),
            spread.distinct(missed) if softmax else drawn,
        )

    def floats(self, options: TrainingOptions, config: EmbeddingConfig, world_size: int) -> dict[str, float]:
        """Return the floats that each worker sends in a step, by way of exchange."""
        norms = 4 * self.rows if config.similarity == "cosine" else 0.0
        softmax = options.loss == "softmax"
        scored = self.users * self.negatives if softmax else self.negatives
        ways = {"scores": 2 * (self.pairs + scored) + norms, "rows": 2 * config.dim * self.share_rows}
        if softmax:
            ways["mixed"] = 2 * self.pairs + 2 * config.dim * (self.users / world_size + self.negatives) + norms
        return {way: floats * (world_size - 1) / world_size for way, floats in ways.items()}


def cheapest(loads: Sequence[Load], options: TrainingOptions, config: EmbeddingConfig, world_size: int) -> str:
    """Return the way that is asked for, or the one with the fewest floats over all parts."""
    if world_size == 1:
        return "scores"
    if options.exchange != "auto":
        return options.exchange
    ways = [load.floats(options, config, world_size) for load in loads]
    totals = {way: sum(each[way] for each in ways) for way in ways[0]}
    return min(totals, key=totals.__getitem__)
