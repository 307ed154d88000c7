"""What the steps of deep recommenders are made of: which edges are hidden, whose turn it is, and who competes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import Schedule
from hemicycle.recommenders.negatives import shared_negatives

IntArray = NDArray[np.integer[Any]]


class DeepSchedule(Schedule, Protocol):
    """What the loop reads of :class:`hemicycle.training.options.TrainingOptions`."""

    @property
    def n_negatives(self) -> int:
        """Items drawn for a step."""

    @property
    def negatives_by(self) -> Literal["uniform", "popularity"]:
        """How they are drawn."""

    @property
    def max_steps(self) -> int | None:
        """Steps at most."""

    @property
    def dtype(self) -> str:
        """Precision of the parameters."""


def hidden_edges(graph: InteractionGraph, hide: float, cold: float, draws: np.random.Generator) -> NDArray[np.bool_]:
    """Mark the edges that an epoch hides, shape (n_edges,): each with probability ``hide``, all of a cold user.

    In an undirected graph between users both directions of an edge are hidden together.
    """
    rows = graph.rows()
    chances = np.where(draws.random(graph.n_users) < cold, 1.0, hide)[rows]
    marked: NDArray[np.bool_] = draws.random(graph.n_edges) < chances
    if not graph.directed:
        mirrored = np.argsort(graph.indices, kind="stable")  # the reverse of every edge, for edges come sorted
        marked = np.where(rows < graph.indices, marked, marked[mirrored])
    return marked if marked.any() else np.ones(graph.n_edges, bool)


def dealt(graph: InteractionGraph, steps: int, draws: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Deal all users with edges in random order into at most ``steps`` steps of about equally many edges."""
    users = draws.permutation(np.flatnonzero(graph.degrees))
    before = np.cumsum(graph.degrees[users]) - graph.degrees[users]
    bounds = np.flatnonzero(np.diff(before * steps // graph.n_edges)) + 1
    return (np.sort(part) for part in np.split(users, bounds))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that all pairs of a step compete with, each once.

    Args:
        items: ascending, shape (K,).
        log_expected: logarithm of how often each is expected in the draws, less that of how often it was drawn.
        complete: True when they are all items.
    """

    items: NDArray[np.int64]
    log_expected: NDArray[np.float64]
    complete: bool = False


def candidates(
    graph: InteractionGraph, own: IntArray, options: DeepSchedule, draws: np.random.Generator, *, in_batch: bool
) -> Candidates:
    """Return the rivals of a step: its own items, or items drawn for it.

    The correction of sampled softmax for the probability q of a draw (Bengio and Senecal, IEEE TNN 2008; for items
    of the batch Yi et al., RecSys 2019): scores lose log(K q_j); an item drawn c times gains log c.

    Args:
        graph: edges that are learnt from.
        own: items of the step's pairs, over all workers.
        options: how many are drawn, and how.
        draws: generator, in the same state on all workers.
        in_batch: take the step's own items.
    """
    if in_batch:
        items, counts = np.unique(own, return_counts=True)
        expected = np.log(len(own) * graph.item_degrees[items] / graph.n_edges)
        return Candidates(items.astype(np.int64), expected - np.log(counts))
    drawn, log_expected = shared_negatives(graph, options.n_negatives, options.negatives_by, draws)
    items, first, counts = np.unique(drawn, return_index=True, return_counts=True)
    return Candidates(
        items.astype(np.int64), log_expected[first] - np.log(counts), options.n_negatives >= graph.n_items
    )


def items_of(graph: InteractionGraph, users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Items of some users, one user after the other."""
    counts = graph.degrees[users]
    starts = np.repeat(graph.indptr[users] - np.cumsum(counts) + counts, counts)
    return graph.indices[starts + np.arange(len(starts))].astype(np.int64)
