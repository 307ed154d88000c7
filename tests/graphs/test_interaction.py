import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Relation
from hemicycle.graphs.interaction import InteractionGraph

EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


def arrays(edges):
    users, items = np.array(edges).T
    return users, items


@given(EDGES)
def test_bipartite_matrix_holds_every_edge_once(edges):
    graph = InteractionGraph.from_edges(*arrays(edges), 6, 6)
    dense = np.zeros((6, 6))
    dense[arrays(edges)] = 1
    np.testing.assert_array_equal(graph.to_scipy().toarray(), dense)
    np.testing.assert_array_equal(graph.degrees, dense.sum(1))
    np.testing.assert_array_equal(graph.item_degrees, dense.sum(0))


@given(EDGES)
def test_adjacency_is_symmetric_and_sorted(edges):
    for options in ({}, {"social": True}, {"social": True, "directed": False}):
        if options and all(u == i for u, i in edges):
            continue
        graph = InteractionGraph.from_edges(*arrays(edges), 6, 6, **options)
        adjacency = graph.adjacency()
        rows = np.repeat(np.arange(adjacency.n_nodes), np.diff(adjacency.indptr))
        dense = np.zeros((adjacency.n_nodes, adjacency.n_nodes), int)
        np.add.at(dense, (rows, adjacency.indices), 1)
        np.testing.assert_array_equal(dense, dense.T)
        assert dense.max() == 1
        assert dense.trace() == 0
        assert (np.diff(rows * adjacency.n_nodes + adjacency.indices) > 0).all()
        block = dense[adjacency.user_offset :][:6, adjacency.item_offset :][:, :6]
        np.testing.assert_array_equal(block, graph.to_scipy().toarray())


def test_nodes_of_a_directed_graph_are_doubled_and_of_an_undirected_one_not():
    users, items = arrays([(0, 1), (1, 2)])
    directed = InteractionGraph.from_edges(users, items, 3, 3, social=True).adjacency()
    undirected = InteractionGraph.from_edges(users, items, 3, 3, social=True, directed=False).adjacency()
    assert (directed.n_nodes, directed.item_offset) == (6, 3)
    assert (undirected.n_nodes, undirected.item_offset) == (3, 0)


def test_duplicates_sum_their_weights_and_keep_the_latest_time():
    graph = InteractionGraph.from_edges(*arrays([(0, 1), (0, 1), (1, 0)]), 2, 2, weights=[1, 2, 5], times=[7, 3, 1])
    np.testing.assert_array_equal(graph.weights, [3, 5])
    np.testing.assert_array_equal(graph.times, [7, 1])
    assert graph.weights.dtype == np.float32


def test_self_loops_of_a_social_graph_are_dropped():
    graph = InteractionGraph.from_edges(*arrays([(0, 0), (0, 1)]), 2, 2, social=True)
    assert graph.n_edges == 1


@pytest.mark.parametrize(
    ("edges", "shape", "message"),
    [
        ([(0, 0)], (2, 3), "as many columns as rows"),
        ([(0, 0)], (2, 2), "no edge"),
        ([(0, 2)], (2, 2), "leaves the range"),
        ([(-1, 1)], (2, 2), "leaves the range"),
    ],
)
def test_bad_edges_are_refused(edges, shape, message):
    with pytest.raises(InputError, match=message):
        InteractionGraph.from_edges(*arrays(edges), *shape, social=True)


def test_select_keeps_weights_and_times():
    graph = InteractionGraph.from_edges(*arrays([(0, 0), (0, 1), (2, 1)]), 3, 2, weights=[1, 2, 3], times=[4, 5, 6])
    part = graph.select(np.array([False, True, True]))
    np.testing.assert_array_equal(part.indptr, [0, 1, 1, 2])
    np.testing.assert_array_equal(part.weights, [2, 3])
    np.testing.assert_array_equal(part.times, [5, 6])


@pytest.mark.parametrize("empty", [False, True])
def test_write_and_read(tmp_path, empty):
    graph = InteractionGraph.from_edges(*arrays([(0, 1), (1, 0)]), 2, 2, social=True, times=[1, 2])
    graph = graph.select(np.full(2, not empty))
    graph.write(Folder.at(tmp_path))
    again = InteractionGraph.read(Folder.at(tmp_path))
    for name in ("indptr", "indices", "times"):
        np.testing.assert_array_equal(getattr(again, name), getattr(graph, name))
    assert again.weights is None
    assert (again.social, again.directed, again.n_items) == (True, True, 2)


def test_from_relation_reads_columns_by_name():
    table = pa.table({"user": pa.array([0, 1], pa.int32()), "item": pa.array([1, 0], pa.int32()), "weight": [2.0, 3.0]})
    graph = InteractionGraph.from_relation(Relation(table), 2, 2)
    np.testing.assert_array_equal(graph.weights, [2, 3])
    assert graph.times is None
