import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.negatives import ExactNegatives, shared_negatives


def a_graph(n=20, edges=150, seed=0, **shape):
    users, items = np.random.default_rng(seed).integers(n, size=(2, edges))
    return InteractionGraph.from_edges(users, items, n, n, **shape)


@given(st.integers(1, 380), st.booleans(), st.integers(0, 99))
def test_a_negative_is_never_a_training_item_nor_oneself(edges, social, seed):
    graph = a_graph(edges=edges + 20, seed=seed, social=social)
    users, positives = graph.rows(), graph.indices
    items = ExactNegatives(graph).draw(users, positives, np.random.default_rng(seed))
    dense = graph.to_scipy().toarray() > 0
    full = graph.degrees[users] >= 20 - social
    assert (items[full] == positives[full]).all()
    assert not dense[users, items][~full].any()
    assert not (social and (items == users)[~full].any())


def test_negatives_are_uniform_over_what_is_left():
    graph = InteractionGraph.from_edges(np.zeros(2, int), np.array([1, 3]), 1, 5)
    items = ExactNegatives(graph).draw(np.zeros(30_000, int), np.ones(30_000, int), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(items) / 30_000, [1 / 3, 0, 1 / 3, 0, 1 / 3], atol=0.02)


@pytest.mark.parametrize("by", ["uniform", "popularity"])
def test_shared_negatives_come_as_often_as_they_say(by):
    graph = a_graph()
    counts = np.zeros(20)
    for seed in range(4000):
        items, log_expected = shared_negatives(graph, 10, by, np.random.default_rng(seed))
        counts += np.bincount(items, minlength=20)
    expected = np.full(20, 0.5) if by == "uniform" else 10 * graph.item_degrees / graph.n_edges
    np.testing.assert_allclose(counts / 4000, expected, atol=0.05)
    np.testing.assert_allclose(np.exp(log_expected), expected[items])


def test_enough_negatives_are_all_items_once():
    items, log_expected = shared_negatives(a_graph(), 20, "popularity", np.random.default_rng(0))
    np.testing.assert_array_equal(items, np.arange(20))
    assert not log_expected.any()
