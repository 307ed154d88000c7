"""What one step of training compares: pairs of users and items, and what each part's pairs compete with."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import Part
from hemicycle.recommenders.losses import (
    AddUp,
    Competition,
    Pairs,
    Rivals,
    alone,
    bpr,
    sampled_softmax,
)
from hemicycle.recommenders.negatives import ExactNegatives, shared_negatives
from hemicycle.training.options import TrainingOptions

_CELLS = 1 << 24


@dataclass(frozen=True)
class Draw:
    """One part's pairs in a step, and what they compete with.

    Args:
        pairs: all edges of the step's users.
        against: what the loss compares them with.
        weight: of the part's loss.
    """

    pairs: Pairs
    against: Competition | Rivals
    weight: float = 1.0

    @property
    def ids(self) -> tuple[torch.Tensor, ...]:
        """Everything that names a row."""
        return self.pairs.users, self.pairs.items, self.against.items

    def moved(self, position: torch.Tensor) -> "Draw":
        """Return the same with every row r renamed to position[r]."""
        users, items, others = (position.index_select(0, ids) for ids in self.ids)
        return replace(
            self, pairs=replace(self.pairs, users=users, items=items), against=replace(self.against, items=others)
        )

    def shares(self, number: int) -> list["Draw"]:
        """Return what each of several workers compares when users are dealt out: runs of about equal work."""
        counts = self.pairs.counts
        shared = isinstance(self.against, Competition)
        each = counts + len(self.against.items) if shared else counts
        work = each.cumsum(0)
        middle, bounds = work - each / 2, torch.arange(1, number, device=work.device) * (work[-1] / number)
        cuts = [0, *torch.searchsorted(middle, bounds).tolist(), len(counts)]
        ends = [0, *counts.cumsum(0).tolist()]
        return [self._share(slice(a, b), slice(ends[a], ends[b])) for a, b in pairwise(cuts)]

    def _share(self, rows: slice, of_rows: slice) -> "Draw":
        pairs = self.pairs
        bias = None if pairs.bias is None else pairs.bias[of_rows]
        mine = Pairs(pairs.users[rows], pairs.counts[rows], pairs.items[of_rows], bias, pairs.divisor)
        return replace(self, pairs=mine, against=_rivals_of(self.against, len(pairs), of_rows))

    def loss(self, vectors: torch.Tensor, add_up: AddUp = alone) -> torch.Tensor:
        """Return the weighted loss of the pairs, for comparable vectors."""
        if isinstance(self.against, Rivals):
            return self.weight * bpr(vectors, self.pairs, self.against, add_up)
        return self.weight * sampled_softmax(vectors, self.pairs, self.against, add_up)


def _rivals_of(against: Competition | Rivals, n_pairs: int, of_rows: slice) -> Competition | Rivals:
    """Return what some of the pairs compete with: rivals are their own, a competition is everybody's."""
    if isinstance(against, Competition):
        return against
    items = against.items.reshape(-1, n_pairs)[:, of_rows].reshape(-1)
    bias = None if against.bias is None else against.bias.reshape(-1, n_pairs)[:, of_rows].reshape(-1)
    return Rivals(items, bias)


def numbered(ids: Sequence[torch.Tensor], n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distinct rows among ids, ascending, and where each row of n stands among them, shape (n,).

    Positions of rows that do not occur mean nothing.
    """
    seen = torch.zeros(n, dtype=torch.bool, device=ids[0].device)
    for some in ids:
        seen.index_fill_(0, some, True)  # noqa: FBT003 - the tensor's own signature
    distinct = seen.nonzero()[:, 0]
    position = torch.empty(n, dtype=torch.int64, device=seen.device)
    position[distinct] = torch.arange(len(distinct), device=seen.device)
    return distinct, position


class _Counted(InteractionGraph):
    """A graph that counts its items' users once, not in every step."""

    @cached_property
    def item_degrees(self) -> NDArray[np.int64]:
        """Users of each item, shape (n_items,)."""
        return super().item_degrees

    @classmethod
    def of(cls, graph: InteractionGraph) -> "_Counted":
        return cls(**{field.name: getattr(graph, field.name) for field in fields(graph)})


class _TabledNegatives(ExactNegatives):
    """The same negatives where a table of who took what is small: looked up in it instead of searched for."""

    def __init__(self, graph: InteractionGraph) -> None:
        super().__init__(graph)
        self.table = np.zeros((graph.n_users, graph.n_items), bool)
        self.table[graph.rows(), graph.indices] = True
        if graph.social:
            np.fill_diagonal(self.table, val=True)

    def _taken(self, users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.bool_]:
        taken: NDArray[np.bool_] = self.table[users, items]
        return taken


def _exact_negatives(graph: InteractionGraph) -> ExactNegatives:
    small = graph.n_users * graph.n_items <= _CELLS
    return _TabledNegatives(graph) if small else ExactNegatives(graph)


class Learning:
    """One part: takes all edges of a step's users, and draws what they compete with.

    Args:
        part: edges.
        options: which loss, how many negatives.
        bias: what is added to the score of each item, shape (n_items,), or None for 0.
        like: a tensor of the table's type and device.
    """

    def __init__(
        self, part: Part, options: TrainingOptions, bias: NDArray[np.float32] | None, like: torch.Tensor
    ) -> None:
        self.part, self.graph, self.options = part, _Counted.of(part.graph), options
        self.like = like
        self.bias = None if bias is None else torch.from_numpy(bias).to(like)
        self.exact = _exact_negatives(part.graph) if options.loss == "bpr" else None
        self.degrees = part.graph.degrees

    def edges(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return how many items each user has, and the items."""
        counts = self.degrees[users]
        return counts, self.graph.indices[_entries(self.graph.indptr[users], counts)]

    def draw(self, users: NDArray[np.int64], draws: np.random.Generator) -> Draw | None:
        """Return all edges of some users with what they compete with; None when they have no edge here."""
        counts, items = self.edges(users)
        if not len(items):
            return None
        own = self._ids(items)
        pairs = Pairs(self._ids(users) + self.part.users, self._ids(counts), own + self.part.items, self._bias(own))
        if self.exact is None:
            return Draw(pairs, self._competition(draws), self.part.weight)
        found = self._ids(self._rivals(np.repeat(users, counts), items, self.exact, draws))
        return Draw(pairs, Rivals(found + self.part.items, self._bias(found)), self.part.weight)

    def draw_all(self, users: Sequence[NDArray[np.int64]], draws: Sequence[np.random.Generator]) -> list[Draw]:
        """Return what :meth:`draw` returns for each of several members; where all items compete, in one go.

        Every user has an edge here.
        """
        if self.exact is not None or not self.complete:
            found = [self.draw(some, of_member) for some, of_member in zip(users, draws, strict=True)]
            return [draw for draw in found if draw is not None]
        counts, items = self.edges(np.concatenate(users))
        ends = np.cumsum([len(some) for some in users])[:-1]
        pairs = np.add.reduceat(counts, [0, *ends]).tolist()
        own, lengths = self._ids(items), [len(some) for some in users]
        rows = torch.split(self._ids(np.concatenate(users)) + self.part.users, lengths)
        several = zip(rows, torch.split(self._ids(counts), lengths), torch.split(own, pairs), strict=True)
        return [
            Draw(Pairs(u, n, i + self.part.items, self._bias(i)), self._everything, self.part.weight)
            for u, n, i in several
        ]

    @property
    def complete(self) -> bool:
        """Whether all items compete in every step."""
        return self.exact is None and self.options.n_negatives >= self.graph.n_items

    @cached_property
    def _everything(self) -> Competition:
        return self._competition(np.random.default_rng(0))  # draws nothing

    def _rivals(
        self, users: NDArray[np.int64], items: NDArray[np.int32], exact: ExactNegatives, draws: np.random.Generator
    ) -> NDArray[np.int64]:
        times = self.options.n_negatives
        return exact.draw(np.tile(users, times), np.tile(items, times), draws)

    def _competition(self, draws: np.random.Generator) -> Competition:
        """Draw the shared negatives; what was drawn m times stands once, its score raised by log m."""
        options = self.options
        drawn, log_expected = shared_negatives(self.graph, options.n_negatives, options.negatives_by, draws)
        items, first, times = np.unique(drawn, return_index=True, return_counts=True)
        found, offset = self._ids(items), torch.from_numpy(np.log(times) - log_expected[first]).to(self.like)
        bias = self._bias(found)
        return Competition(found + self.part.items, offset if bias is None else offset + bias, self.complete)

    def _bias(self, items: torch.Tensor) -> torch.Tensor | None:
        return None if self.bias is None else self.bias[items]

    def _ids(self, values: NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(self.like.device)


def _entries(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions start, start + 1, ... of each row, one after the other."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
