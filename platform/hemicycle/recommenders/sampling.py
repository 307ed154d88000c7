"""Neighbours of many nodes at once, all of them or a few drawn at random (Hamilton et al., GraphSAGE, NeurIPS 2017).

What is drawn for a node depends on the key and the node alone, never on which other nodes are asked for: workers that
share a batch draw what one worker would.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import keyed_uniform
from hemicycle.graphs.interaction import InteractionGraph

IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The neighbours of every node, as compressed sparse rows.

    Args:
        indptr: shape (n_nodes + 1,).
        indices: neighbours, shape (n_edges,).
    """

    indptr: IntArray
    indices: IntArray

    @property
    def n_nodes(self) -> int:
        """Number of nodes that have neighbours."""
        return len(self.indptr) - 1

    def degrees(self, nodes: IntArray) -> NDArray[np.int64]:
        """Return the numbers of neighbours of some nodes."""
        found: NDArray[np.int64] = np.asarray(self.indptr[nodes + 1] - self.indptr[nodes], np.int64)
        return found


@dataclass(frozen=True, eq=False)
class Bags:
    """Neighbours of some nodes, one bag a node.

    Args:
        counts: neighbours in every bag, shape (n,).
        neighbours: the bags one after the other, shape (counts.sum(),).
    """

    counts: NDArray[np.int64]
    neighbours: NDArray[np.int64]

    @property
    def owners(self) -> NDArray[np.int64]:
        """Bag of every neighbour, shape (counts.sum(),)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def of_users(graph: InteractionGraph) -> Neighbours:
    """Return the items of every user."""
    return Neighbours(graph.indptr, graph.indices)


def of_items(graph: InteractionGraph) -> Neighbours:
    """Return the users of every item, in ascending order."""
    by_item = np.argsort(graph.indices, kind="stable")
    return Neighbours(np.concatenate([[0], np.cumsum(graph.item_degrees)]), graph.rows()[by_item])


def all_neighbours(neighbours: Neighbours, nodes: IntArray) -> Bags:
    """Return all neighbours of some nodes; a node without any has an empty bag."""
    counts = neighbours.degrees(nodes)
    before = np.cumsum(counts) - counts
    places = np.repeat(np.asarray(neighbours.indptr)[nodes] - before, counts) + np.arange(counts.sum())
    return Bags(counts, np.asarray(neighbours.indices)[places].astype(np.int64))


def sample_neighbours(neighbours: Neighbours, nodes: IntArray, fanout: int, key: int) -> Bags:
    """Draw ``fanout`` neighbours of every node uniformly without replacement, or all of a node that has no more.

    Args:
        neighbours: of the whole graph.
        nodes: distinct or not; equal nodes get equal bags.
        fanout: most neighbours of a node.
        key: of the draw, see :func:`hemicycle.core.seeding.key_of`.
    """
    degrees = neighbours.degrees(nodes)
    crowded = np.flatnonzero(degrees > fanout)
    counts = np.minimum(degrees, fanout)
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = distinct_places(degrees[crowded], fanout, keyed_uniform(key, nodes[crowded], np.arange(fanout)))
    starts = np.cumsum(counts) - counts
    places[(starts[crowded, None] + np.arange(fanout)).ravel()] = drawn.ravel()
    found = np.asarray(neighbours.indices)[np.repeat(np.asarray(neighbours.indptr)[nodes], counts) + places]
    return Bags(counts, found.astype(np.int64))


def distinct_places(sizes: IntArray, count: int, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw ``count`` different numbers below each size, every subset equally likely.

    Floyd's algorithm (Bentley and Floyd, Communications of the ACM 1987), one round for all rows at once: in round j
    draw t from 0 to size - count + j; take it, or size - count + j where t has been taken.

    Args:
        sizes: shape (n,), none below ``count``.
        count: numbers a row.
        uniform: numbers in [0, 1), shape (n, count).

    Returns:
        Shape (n, count), in no particular order.
    """
    taken = np.full((len(sizes), count), -1, np.int64)
    for j in range(count):
        last = np.asarray(sizes, np.int64) - count + j
        drawn = np.minimum((uniform[:, j] * (last + 1)).astype(np.int64), last)
        again = (taken[:, :j] == drawn[:, None]).any(1)
        taken[:, j] = np.where(again, last, drawn)
    return taken
