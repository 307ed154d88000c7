"""Pairs: nobody twice, as many edges as others, and labels of how two users relate."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD, by_control
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.probes.edges import Ends, Pairs, edge_targets, edge_vectors, sample_pairs
from hemicycle.probes.logistic import LogisticConfig
from hemicycle.probes.probe import probe_targets
from hemicycle.probes.ridge import RidgeConfig


def graph(n=200, *, social=True, seed=0, items=40):
    """Friends are of one side, five each; items are liked at random."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n), 5)
    other = (users + 2 * rng.integers(1, n // 2, len(users))) % n if social else rng.integers(0, items, len(users))
    size = n if social else items
    return InteractionGraph.from_edges(users, other, n, size, social=social, directed=not social)


@given(st.integers(0, 20), st.booleans())
def test_every_user_is_in_one_pair_at_most(seed, social):
    made = graph(seed=seed, social=social)
    pairs = sample_pairs(made, seed)
    users = np.concatenate([pairs.first, pairs.second]) if social else pairs.first
    assert len(users) == len(set(users.tolist()))
    dense = made.to_scipy().toarray() > 0
    np.testing.assert_array_equal(dense[pairs.first, pairs.second], pairs.edge)
    if social:
        np.testing.assert_array_equal(dense[pairs.second, pairs.first], pairs.edge)
    assert abs(2 * pairs.edge.sum() - len(pairs.edge)) <= 2
    assert len(pairs.edge) > 70


def test_the_same_pairs_for_all_models():
    one, two = sample_pairs(graph(), 3), sample_pairs(graph(), 3)
    np.testing.assert_array_equal(one.first, two.first)
    np.testing.assert_array_equal(one.second, two.second)
    assert not np.array_equal(one.first, sample_pairs(graph(), 4).first)
    assert len(sample_pairs(graph(), most=20).first) == 20


def test_a_graph_too_small_for_pairs_is_refused():
    with pytest.raises(InputError, match="fewer than ten pairs"):
        sample_pairs(InteractionGraph.from_edges(np.array([0, 1]), np.array([1, 2]), 4, 4, social=True))


def test_representations():
    x, y = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    assert edge_vectors(x, y, "hadamard").tolist() == [[3, -2]]
    assert edge_vectors(x, y, "difference").tolist() == [[2, 3]]
    assert edge_vectors(x, y, "concatenation").tolist() == [[1, 2, 3, -1]]
    assert edge_vectors(x, y).tolist() == edge_vectors(y, x).tolist() == [[3, -2, 2, 3]]
    with pytest.raises(InputError, match="make no pairs"):
        edge_vectors(x, np.zeros((1, 3)))


def ends(pairs, n=200):
    """Side is what friends share; left is a number that differs more between sides."""
    rng = np.random.default_rng(1)
    side = np.where(np.arange(n) % 2, "r", "l").astype(object)
    left = (np.arange(n) % 2) * 3 + rng.standard_normal(n)
    both = {name: (v[pairs.first], v[pairs.second]) for name, v in {"side": side, "left": left}.items()}
    degrees = np.full(len(pairs.first), 5.0), np.full(len(pairs.first), 6.0)
    return side, left, Ends({"left": both["left"]}, {"side": both["side"]}, degrees)


def test_labels_of_pairs():
    pairs = sample_pairs(graph())
    side, left, known = ends(pairs)
    found = {target.attribute: target for target in edge_targets(pairs, known)}
    assert list(found) == ["edge", "same side", "difference of left"]
    same = side[pairs.first] == side[pairs.second]
    np.testing.assert_array_equal(found["same side"].values == "same", same)
    np.testing.assert_allclose(found["difference of left"].values, np.abs(left[pairs.first] - left[pairs.second]))
    assert list(found["difference of left"].groups) == ["same side"]
    assert {target.entity for target in found.values()} == {"edge"}
    assert set(found["edge"].values) == {"edge", "other"}


def test_a_missing_end_leaves_the_label_missing():
    pairs = Pairs(np.array([0, 1]), np.array([2, 3]), np.array([True, False]), social=True)
    groups = {"party": (np.array(["a", None], object), np.array(["a", "b"], object))}
    same = list(edge_targets(pairs, Ends({}, groups, (np.ones(2), np.ones(2)))))[1]
    assert same.values.tolist() == ["same", None]


@pytest.mark.slow
def test_who_agrees_is_read_from_pairs_and_how_far_two_are_apart():
    pairs = sample_pairs(graph(600))
    _, left, known = ends(pairs, 600)
    rng = np.random.default_rng(2)
    vectors = np.column_stack([left, rng.standard_normal((600, 4))]) - left.mean() * np.eye(5)[0]
    targets = {target.attribute: target for target in edge_targets(pairs, known)}
    read = edge_vectors(vectors[pairs.first], vectors[pairs.second])
    same = by_control(probe_targets(read, [targets["same side"]], LogisticConfig(penalties=(0.01,)), RECORD))
    assert same["permuted"]["score"] > same["permuted"]["control_high"] + 0.2
    apart = by_control(probe_targets(read, [targets["difference of left"]], RidgeConfig(), RECORD))
    assert apart["permuted"]["score"] > 0.9
    assert apart["same side"]["control_score"] < 0.8
