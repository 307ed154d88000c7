import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.exposure.edge_log import Changes, EdgeLog, applied, no_pairs, with_edges
from hemicycle.graphs.interaction import Features, InteractionGraph

N = 6


def pairs(*edges):
    return np.array(edges, np.int32).reshape(-1, 2)


def graph_of(edges, *, directed=True, weights=None):
    users, sources = np.array(sorted(edges)).T
    return InteractionGraph.from_edges(users, sources, N, N, social=True, directed=directed, weights=weights)


def edges_of(graph):
    return set(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


def literal(edges, changes, *, directed=True):
    """E' = (E minus dropped) united with added, as sets."""

    def both(part):
        found = {(int(u), int(v)) for u, v in part if u != v}
        return found if directed else found | {(v, u) for u, v in found}

    return (edges - both(changes.dropped)) | both(changes.added)


PAIR = st.tuples(st.integers(0, N - 1), st.integers(0, N - 1))
EDGES = st.sets(PAIR.filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=20)
CHANGES = st.builds(
    lambda dropped, added: Changes(pairs(*dropped), pairs(*added)),
    st.lists(PAIR, max_size=10),
    st.lists(PAIR, max_size=10),
)


@settings(max_examples=150, deadline=None)
@given(EDGES, CHANGES, st.booleans())
def test_application_equals_that_to_a_set(edges, changes, directed):
    graph = graph_of(edges, directed=directed)
    found = applied(graph, changes)
    assert edges_of(found) == literal(edges_of(graph), changes, directed=directed)
    assert all((np.diff(found.indices[a:b]) > 0).all() for a, b in zip(found.indptr, found.indptr[1:], strict=False))
    assert (found.indptr.dtype, found.indices.dtype) == (np.int64, np.int32)
    np.testing.assert_array_equal(applied(found, changes).indices, found.indices)


def test_weights_stay_with_their_edges_and_new_ones_weigh_1():
    graph = graph_of({(0, 1), (0, 3), (2, 1)}, weights=np.array([5.0, 7.0, 9.0]))
    found = applied(graph, Changes(pairs((0, 1)), pairs((0, 2), (0, 4), (5, 0), (2, 1))))
    assert dict(zip(edges_of_ordered(found), found.weights.tolist(), strict=True)) == {
        (0, 2): 1,
        (0, 3): 7,
        (0, 4): 1,
        (2, 1): 9,
        (5, 0): 1,
    }


def edges_of_ordered(graph):
    return list(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


def test_what_is_known_of_nodes_stays_and_times_go():
    graph = InteractionGraph.from_edges(
        np.array([0, 1]), np.array([1, 0]), 3, 3, social=True, times=np.array([1.0, 2.0])
    )
    known = InteractionGraph(
        graph.indptr, graph.indices, 3, social=True, times=graph.times, features=Features(np.ones((3, 2), np.float32))
    )
    found = applied(known, Changes(added=pairs((2, 0))))
    assert found.features is known.features
    assert found.times is None
    assert applied(known, Changes(clicked=pairs((0, 5)))) is known


def test_all_edges_can_go():
    found = applied(graph_of({(0, 1)}), Changes(dropped=pairs((0, 1))))
    assert found.n_edges == 0
    assert edges_of(applied(found, Changes(added=pairs((1, 0))))) == {(1, 0)}


@pytest.mark.parametrize("pair", [(0, N), (N, 0), (-1, 0)])
def test_strangers_are_refused(pair):
    with pytest.raises(InputError, match="leave the range of 6 users and 6 sources"):
        applied(graph_of({(0, 1)}), Changes(added=pairs(pair)))


def test_items_taken_enter_a_graph_of_items():
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([8, 2]), 2, 9)
    found = with_edges(graph, pairs((1, 0), (1, 0), (0, 8)))
    assert edges_of(found) == {(0, 8), (1, 0), (1, 2)}


STEPS = [
    (0, Changes(dropped=pairs((0, 1)), clicked=pairs((1, 7), (2, 7)))),
    (1, Changes()),
    (2, Changes(added=pairs((0, 2), (3, 0)))),
    (7, Changes(dropped=pairs((3, 0)), added=pairs((0, 1)), clicked=pairs((1, 7)))),
]


def filled():
    log = EdgeLog()
    for step, changes in STEPS:
        log.append(step, changes)
    return log


def test_replay_equals_the_graph():
    graph = start = graph_of({(0, 1), (1, 2)})
    log = filled()
    for step, changes in STEPS:
        graph = applied(graph, changes)
        assert edges_of(log.replayed(start, until=step)) == edges_of(graph)
    assert edges_of(log.replayed(start)) == edges_of(graph) == {(0, 1), (0, 2), (1, 2)}


def test_log_survives_its_arrays_and_is_a_table():
    log = filled()
    again = EdgeLog.from_arrays(log.arrays())
    for name, column in log.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], column)
        assert again.arrays()[name].dtype == column.dtype
    assert len(log) == len(again) == 8
    table = again.table().to_pandas()
    assert table.columns.tolist() == ["step", "user", "source", "what"]
    assert table.iloc[0].tolist() == [0, 0, 1, "unfollow"]
    assert table.what.value_counts().to_dict() == {"unfollow": 2, "follow": 3, "click": 3}


def test_empty_log():
    log = EdgeLog.from_arrays(EdgeLog().arrays())
    assert len(log) == len(log.table()) == len(log.clicks()) == 0
    graph = graph_of({(0, 1)})
    assert log.replayed(graph) is graph
    np.testing.assert_array_equal(log.times_clicked(np.zeros((2, 3), int)), np.zeros((2, 3)))


def test_log_only_grows():
    log = filled()
    with pytest.raises(ValueError, match="step 7 after step 7"):
        log.append(7, Changes())


def test_clicks_are_counted_as_they_come():
    log, shown = EdgeLog(), np.array([[7, -1], [7, 2], [2, 7]])
    for number, (step, changes) in enumerate(STEPS):
        log.append(step, changes)
        expected = [[0, 0], [1 + (number == 3), 0], [0, 1]]
        np.testing.assert_array_equal(log.times_clicked(shown), expected)
    np.testing.assert_array_equal(log.clicks(), [(1, 7), (2, 7), (1, 7)])
    np.testing.assert_array_equal(filled().times_clicked(shown), log.times_clicked(shown))


def test_users_whose_follows_change():
    assert STEPS[3][1].users.tolist() == [0, 3]
    assert not Changes(clicked=pairs((1, 2))).rewires
    assert no_pairs().shape == (0, 2)
