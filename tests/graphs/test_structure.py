"""Structure of graphs against networkx, literal loops and exact solutions."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.structure import (
    assortativity,
    in_strengths,
    mean_over_follows,
    modularity,
    out_strengths,
    random_walk_controversy,
)


def graph_of(dense, *, weighted=True):
    users, others = np.nonzero(dense)
    n, weights = len(dense), dense[users, others].astype(np.float32) if weighted else None
    return InteractionGraph.from_edges(users, others, n, n, social=True, weights=weights)


def random_dense(seed, n=12, *, symmetric=False):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n, n)) < 0.4) * rng.integers(1, 4, (n, n))
    np.fill_diagonal(dense, 0)
    dense[0, 1] = dense[1, 0] = 1
    return np.maximum(dense, dense.T) if symmetric else dense


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_strengths_and_means_are_those_of_the_matrix(seed, weighted):
    dense = random_dense(seed)
    graph, x = graph_of(dense, weighted=weighted), np.arange(12.0)
    matrix = dense if weighted else (dense > 0).astype(int)
    np.testing.assert_allclose(out_strengths(graph), matrix.sum(1))
    np.testing.assert_allclose(in_strengths(graph), matrix.sum(0))
    means, totals = mean_over_follows(graph, x)
    np.testing.assert_allclose(means * totals, matrix @ x)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_modularity_equals_the_literal_sum(seed):
    dense = random_dense(seed)
    sides = np.random.default_rng(seed).integers(0, 3, 12)
    total = dense.sum()
    pairs = [(i, j) for i in range(12) for j in range(12) if sides[i] == sides[j]]
    literal = sum(dense[i, j] / total - dense[i].sum() * dense[:, j].sum() / total**2 for i, j in pairs)
    assert modularity(graph_of(dense), sides) == pytest.approx(literal)


def test_modularity_and_assortativity_agree_with_networkx():
    dense = random_dense(3, symmetric=True)
    graph, network = graph_of(dense, weighted=False), nx.from_numpy_array((dense > 0).astype(int))
    sides, values = np.arange(12) % 2, np.arange(12) ** 2
    parts = [set(range(0, 12, 2)), set(range(1, 12, 2))]
    assert modularity(graph, sides) == pytest.approx(nx.community.modularity(network, parts))
    nx.set_node_attributes(network, {i: int(v) for i, v in enumerate(values)}, "v")
    expected = nx.numeric_assortativity_coefficient(network, "v")
    assert assortativity(graph, values.astype(float)) == pytest.approx(expected)


def test_two_cliques_are_modular_and_a_bipartite_graph_is_not():
    cliques = np.kron(np.eye(2, dtype=int), np.ones((4, 4), int)) - np.eye(8, dtype=int)
    crossed = np.kron(1 - np.eye(2, dtype=int), np.ones((4, 4), int))
    sides = np.repeat([0, 1], 4)
    assert modularity(graph_of(cliques), sides) == pytest.approx(0.5)
    assert modularity(graph_of(crossed), sides) == pytest.approx(-0.5)
    assert assortativity(graph_of(cliques), sides.astype(float)) == pytest.approx(1)
    assert assortativity(graph_of(crossed), sides.astype(float)) == pytest.approx(-1)


def test_users_of_no_known_side_are_left_out():
    dense = random_dense(5)
    sides = np.arange(12) % 2
    sides[6:] = -1
    assert modularity(graph_of(dense), sides) == pytest.approx(modularity(graph_of(dense[:6, :6]), sides[:6]))
    assert np.isnan(modularity(graph_of(dense), np.full(12, -1)))
    assert np.isnan(assortativity(graph_of(dense), np.full(12, 0.2)))


# -- random-walk controversy -------------------------------------------------------------------------------------------


def exact_controversy(dense, sides, hubs):
    """Controversy by the absorbing chain: where a walk from each user ends."""
    into, n = dense.sum(0), len(dense)
    ends = np.full(n, -1)
    for side in (0, 1):
        members = np.flatnonzero(sides == side)
        ends[members[np.argsort(-into[members], kind="stable")[:hubs]]] = side
    moving = ends < 0
    steps = dense / dense.sum(1, keepdims=True)
    absorbed = np.zeros((n, 2))
    absorbed[~moving] = np.eye(2)[ends[~moving]]
    rest = steps[np.ix_(moving, ~moving)] @ absorbed[~moving]
    absorbed[moving] = np.linalg.solve(np.eye(moving.sum()) - steps[np.ix_(moving, moving)], rest)
    found = np.array([absorbed[sides == side].mean(0) for side in (0, 1)])
    begun = found / found.sum(0)
    return begun[0, 0] * begun[1, 1] - begun[0, 1] * begun[1, 0]


def two_blocks(seed, across, n=60):
    rng = np.random.default_rng(seed)
    sides = np.arange(n) % 2
    chance = np.where(sides[:, None] == sides, 0.3, across)
    dense = (rng.random((n, n)) < chance) * rng.integers(1, 4, (n, n))
    np.fill_diagonal(dense, 0)
    dense[np.arange(n), (np.arange(n) + 2) % n] = 1
    return dense, sides


@pytest.mark.parametrize("across", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("weighted", [True, False])
def test_walks_agree_with_the_absorbing_chain(across, weighted):
    dense, sides = two_blocks(1, across)
    matrix = dense if weighted else (dense > 0).astype(int)
    found = random_walk_controversy(graph_of(dense, weighted=weighted), sides, key=3, walks=20_000, hubs=3)
    assert found == pytest.approx(exact_controversy(matrix, sides, 3), abs=0.03)


def test_walks_to_where_no_way_leads_to_a_hub_are_left_out_at_once():
    """Users 2 and 3 follow each other alone: their walks would go on to the longest, 1e10 steps in all."""
    dense = np.zeros((8, 8), int)
    dense[[1, 1, 2, 3, 5, 6, 7, 0], [0, 2, 3, 2, 4, 4, 0, 4]] = 1
    sides = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = random_walk_controversy(graph_of(dense), sides, key=1, walks=200_000, hubs=1)
    begun = np.array([[0.375, 0.0], [0.25, 0.75]]) / [[0.625, 0.75]]  # half of user 1's walks, and all of 2's and 3's
    assert found == pytest.approx(begun[0, 0] * begun[1, 1] - begun[0, 1] * begun[1, 0], abs=0.01)


def test_controversy_falls_with_contact_and_depends_on_its_key_alone():
    found = [random_walk_controversy(graph_of(two_blocks(1, a)[0]), np.arange(60) % 2, key=1) for a in (0, 0.05, 0.3)]
    assert found[0] == 1
    assert found[0] > found[1] + 0.1 > found[2] + 0.2
    again, other = (random_walk_controversy(graph_of(two_blocks(1, 0.05)[0]), np.arange(60) % 2, key=k) for k in (1, 2))
    assert again == found[1] != other


def test_without_a_second_side_there_is_no_controversy():
    graph = graph_of(random_dense(1))
    assert np.isnan(random_walk_controversy(graph, np.zeros(12, int), key=0))
    assert np.isnan(random_walk_controversy(graph, np.full(12, -1), key=0))


def test_walks_that_cannot_go_on_are_left_out():
    dense = np.zeros((6, 6), int)
    dense[4, 0] = dense[5, 1] = 1  # 2 and 3 follow nobody and are followed by nobody
    assert random_walk_controversy(graph_of(dense), np.arange(6) % 2, key=0, walks=200, hubs=1) == 1


def test_walks_need_weights_from_zero_on():
    graph = graph_of(random_dense(1))
    spoilt = InteractionGraph(graph.indptr, graph.indices, 12, social=True, weights=-graph.weights)
    with pytest.raises(InputError, match="from 0 on"):
        random_walk_controversy(spoilt, np.arange(12) % 2, key=0)
