"""Metrics on the graph against literal loops over users and edges, and against identities."""

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.structure import assortativity, modularity
from hemicycle.simulations.metrics_network import (
    disagreement,
    neighbour_correlation,
    opinion_assortativity,
    polarization_disagreement,
    side_modularity,
)
from hemicycle.simulations.situation import Situation
from hemicycle.simulations.sums import Heard, Seen


def graph_of(dense, *, weighted=True, directed=True):
    users, others = np.nonzero(np.triu(dense) if not directed else dense)
    weights = dense[users, others].astype(np.float32) if weighted else None
    n = len(dense)
    return InteractionGraph.from_edges(users, others, n, n, social=True, directed=directed, weights=weights)


def state(seed, n=12, dims=1, *, weighted=True):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n, n)) < 0.4) * (rng.integers(1, 4, (n, n)) if weighted else 1)
    np.fill_diagonal(dense, 0)
    dense[0], dense[1, 0] = 0, 1
    opinions = rng.uniform(-1, 1, (n, dims))
    return Situation(opinions, graph_of(dense, weighted=weighted), opinions), dense


def edges_of(dense):
    n = len(dense)
    return [(i, j, dense[i, j]) for i in range(n) for j in range(n) if dense[i, j]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_metrics_equal_the_literal_ones(seed, dims):
    situation, dense = state(seed, dims=dims)
    x, seen = situation.opinions, situation.heard
    squared = sum(w * sum((x[i] - x[j]) ** 2) for i, j, w in edges_of(dense)) / dense.sum()
    assert disagreement(seen) == pytest.approx(squared)
    heard = [
        (x[i], sum(dense[i, j] * x[j] for j in range(len(x))) / dense[i].sum())
        for i in range(1, len(x))
        if dense[i].any()
    ]
    own, others = (np.array(side) - np.mean(side, axis=0) for side in zip(*heard, strict=True))
    literal = (own * others).sum() / np.sqrt((own**2).sum() * (others**2).sum())
    assert neighbour_correlation(x, seen) == pytest.approx(literal)
    along = situation.leading
    ends = np.array([(along[i], along[j]) for i, j, w in edges_of(dense) for _ in range(w)])
    expected = np.corrcoef(ends.T)[0, 1]
    assert opinion_assortativity(along, situation.axis, seen, situation.graph) == pytest.approx(expected)
    assert assortativity(situation.graph, along) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_one_pass_equals_the_literal_sums(seed, dims):
    situation, dense = state(seed, dims=dims)
    x, seen, sides = situation.opinions, situation.follows, situation.sides(situation.opinions)
    for i in range(len(x)):
        own = [(j, w) for k, j, w in edges_of(dense) if k == i]
        assert seen.totals[i] == pytest.approx(sum(w for _, w in own))
        assert seen.distance[i] == pytest.approx(sum(w * np.linalg.norm(x[i] - x[j]) for j, w in own))
        assert seen.across[i] == pytest.approx(sum(w for j, w in own if sides[i] != sides[j]))
        assert seen.known[i] == pytest.approx(seen.totals[i])


def test_sources_in_the_middle_and_oneself_do_not_count():
    dense = np.array([[5, 1, 2], [1, 0, 0], [1, 0, 0]])
    x = np.array([[0.5], [0.0], [-0.5]])
    seen = Seen.of(sources_of(dense, x), x, np.ones(1))
    assert seen.totals.tolist() == [3, 1, 1]
    assert seen.known.tolist() == [2, 0, 1]
    assert seen.across.tolist() == [2, 0, 1]
    heard = Heard.of(sources_of(dense, x), x)
    assert heard.totals.tolist() == [3, 1, 1]
    assert heard.means[:, 0] == pytest.approx([-1 / 3, 0.5, 0.5])
    assert heard.squared == pytest.approx([0.25 + 2, 0.25, 1])


def test_neighbour_correlation_in_one_dimension_is_pearsons():
    situation, dense = state(3, weighted=False)
    x, heard = situation.opinions, dense.sum(1) > 0
    expected = stats.pearsonr(x[heard, 0], (dense @ x)[heard, 0] / dense.sum(1)[heard]).statistic
    assert neighbour_correlation(x, situation.heard) == pytest.approx(expected)


def undirected(seed, n=10):
    upper = np.triu(np.random.default_rng(seed).random((n, n)) < 0.5, 1)
    return (upper | upper.T).astype(float)


def test_disagreement_is_the_laplacian_form_on_an_undirected_graph():
    dense = undirected(2)
    x = np.random.default_rng(2).random((10, 1))
    laplacian = np.diag(dense.sum(1)) - dense
    situation = Situation(x, graph_of(dense, directed=False), x)
    assert disagreement(situation.heard) == pytest.approx((2 * x.T @ laplacian @ x).item() / dense.sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.booleans())
def test_polarization_disagreement_equals_the_dense_solution(seed, dims, directed):
    dense = state(seed)[1] if directed else undirected(seed)
    s = np.random.default_rng(seed).uniform(-1, 1, (len(dense), dims))
    both = (dense + dense.T) / 2
    laplacian = np.diag(both.sum(1)) - both
    centred = s - s.mean(axis=0)
    z = np.linalg.solve(np.eye(len(s)) + laplacian, centred)
    found = polarization_disagreement(graph_of(dense, directed=directed), s) * len(s)
    assert found == pytest.approx((centred * z).sum(), rel=1e-5)
    assert found == pytest.approx((z**2).sum() + np.trace(z.T @ laplacian @ z), rel=1e-5)


def test_polarization_disagreement_of_two_friends_by_hand():
    pair = graph_of(np.array([[0, 1], [1, 0]]), weighted=False, directed=False)
    assert polarization_disagreement(pair, np.array([[1.0], [-1.0]])) == pytest.approx(1 / 3)  # z = s / 3
    assert polarization_disagreement(pair, np.full((2, 1), 0.4)) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_modularity_of_sides_is_that_of_the_partition(seed):
    situation, _ = state(seed, n=15)
    sides = situation.sides(situation.opinions)
    expected = modularity(situation.graph, sides)
    assert side_modularity(sides, situation.follows) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_consensus_has_no_correlations_and_no_disagreement(kind):
    x = np.full((12, 1), 0.3, kind)
    agreed = Situation(x, state(1)[0].graph, x)
    assert np.isnan(neighbour_correlation(x, agreed.heard))
    assert np.isnan(opinion_assortativity(agreed.leading, agreed.axis, agreed.heard, agreed.graph))
    assert disagreement(agreed.heard) == 0
    assert side_modularity(agreed.sides(x), agreed.follows) == 0


def test_a_graph_without_edges_has_no_values():
    empty = InteractionGraph(np.zeros(4, np.int64), np.empty(0, np.int32), 3, social=True)
    lonely = Situation(np.array([[0.1], [0.5], [-0.2]]), empty)
    assert np.isnan(neighbour_correlation(lonely.opinions, lonely.heard))
    assert np.isnan(disagreement(lonely.heard))
    assert np.isnan(side_modularity(lonely.sides(lonely.opinions), lonely.follows))
