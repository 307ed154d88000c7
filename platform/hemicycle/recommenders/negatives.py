"""Items that a user did not take, drawn for training."""

import numpy as np
from numpy.typing import NDArray

from hemicycle.graphs.interaction import InteractionGraph

IntArray = NDArray[np.integer]


class ExactNegatives:
    """Draws, for each given user, an item that is no training item of hers (nor, between users, herself).

    All draws are made at once, looked up in the sorted keys u * n_items + i, and only collisions are drawn again.

    Args:
        graph: training graph.
    """

    def __init__(self, graph: InteractionGraph) -> None:
        self.n_items = graph.n_items
        self.social = graph.social
        self.keys = graph.rows() * np.int64(graph.n_items) + graph.indices
        self.full = graph.degrees >= graph.n_items - int(graph.social)

    def draw(self, users: IntArray, positives: IntArray, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return one item for each user, shape of ``users``.

        A user who took everything has no negative; she gets her positive, which makes the pair's gradient vanish.
        """
        items = rng.integers(self.n_items, size=len(users))
        saturated = self.full[users]
        items[saturated] = positives[saturated]
        open_ = np.flatnonzero(~saturated)
        while len(open_):
            open_ = open_[self._taken(users[open_], items[open_])]
            items[open_] = rng.integers(self.n_items, size=len(open_))
        return items

    def _taken(self, users: IntArray, items: IntArray) -> NDArray[np.bool_]:
        keys = users * np.int64(self.n_items) + items
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        taken: NDArray[np.bool_] = self.keys[found] == keys
        return taken | (users == items) if self.social else taken


def shared_negatives(
    graph: InteractionGraph, count: int, by: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw the items that all pairs of a step compete with, and the logarithm of how often each is expected.

    Args:
        graph: training graph.
        count: number of draws K, with replacement. When it reaches the number of items every item is returned once
            instead, and the sampled softmax is the full one.
        by: ``uniform``, or ``popularity``: in proportion to an item's number of users.
        rng: generator.

    Returns:
        Items, shape (K,), and log(K q), shape (K,), with q the probability of each draw.
    """
    if count >= graph.n_items:
        return np.arange(graph.n_items), np.zeros(graph.n_items)
    if by == "uniform":
        return rng.integers(graph.n_items, size=count), np.full(count, np.log(count / graph.n_items))
    items = graph.indices[rng.integers(graph.n_edges, size=count)].astype(np.int64)
    return items, np.log(count * graph.item_degrees[items] / graph.n_edges)
