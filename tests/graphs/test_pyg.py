import warnings

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.pyg import RELATION, from_pyg, to_pyg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric's imports of what torch has deprecated
    import torch_geometric.data  # noqa: F401

SHAPES = {"bipartite": {}, "directed": {"social": True}, "undirected": {"social": True, "directed": False}}


def a_graph(shape, **values):
    users, items = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3])
    return InteractionGraph.from_edges(users, items, 4, 4, **SHAPES[shape], **values)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("values", [{}, {"weights": [1, 2, 3, 4], "times": [5, 6, 7, 8]}])
def test_there_and_back(shape, values):
    graph = a_graph(shape, **values)
    again = from_pyg(to_pyg(graph))
    for name in ("indptr", "indices", "weights", "times"):
        np.testing.assert_array_equal(getattr(again, name), getattr(graph, name))
    assert (again.n_items, again.social, again.directed) == (graph.n_items, graph.social, graph.directed)


def test_direction_is_seen_where_it_is_not_said():
    for shape in ("directed", "undirected"):
        data = to_pyg(a_graph(shape))
        del data.directed
        assert from_pyg(data).directed == (shape == "directed")


def test_nodes_without_edges_are_kept():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 7, 9)
    data = to_pyg(graph)
    assert (data["user"].num_nodes, data["item"].num_nodes) == (7, 9)
    assert from_pyg(data).n_users == 7


def test_more_than_one_relation_is_refused():
    data = to_pyg(a_graph("bipartite"))
    data["user", "likes", "item"].edge_index = data[RELATION].edge_index
    with pytest.raises(InputError, match="one edge type, not 2"):
        from_pyg(data)
