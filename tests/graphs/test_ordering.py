import numpy as np
import pytest

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.ordering import node_order, reordered


def two_communities():
    """People of even and of odd number know each other."""
    pairs = [(u, v) for u in range(40) for v in range(40) if u != v and u % 2 == v % 2]
    users, items = np.array(pairs).T
    return InteractionGraph.from_edges(users, items, 41, 41, social=True, directed=False).adjacency()


@pytest.mark.parametrize("by", ["none", "degree", "rcm"])
def test_an_order_names_every_node_once_and_keeps_the_graph(by):
    adjacency = two_communities()
    order = node_order(adjacency, by)
    assert sorted(order) == list(range(41))
    pointers, indices = reordered(adjacency, order)
    for place, node in enumerate(order):
        mine = order[indices[pointers[place] : pointers[place + 1]]]
        assert mine.tolist() == adjacency.indices[adjacency.indptr[node] : adjacency.indptr[node + 1]].tolist()


def test_reverse_cuthill_mckee_brings_communities_together():
    adjacency = two_communities()
    pointers, indices = reordered(adjacency, node_order(adjacency, "rcm"))
    rows = np.repeat(np.arange(41), np.diff(pointers))
    before = np.abs(np.repeat(np.arange(41), np.diff(adjacency.indptr)) - adjacency.indices).max()
    assert np.abs(rows - indices).max() < 0.6 * before


def test_by_degree_the_busiest_come_first():
    degrees = np.diff(two_communities().indptr)[node_order(two_communities(), "degree")]
    assert (np.diff(degrees) <= 0).all()
