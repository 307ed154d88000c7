import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract, random_split
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders import item_knn
from hemicycle.recommenders.item_knn import ItemKNN, ItemKNNConfig, neighbours, user_weights


class TestItemKNN(RecommenderContract):
    config = ItemKNNConfig(neighbours=30)


class TestItemKNNByBM25(RecommenderContract):
    config = ItemKNNConfig(neighbours=20, weighting="bm25", shrinkage=1.0)


def literal(graph, config):
    """All similarities in double precision, the largest k of each row kept, ties by number."""
    x = graph.to_scipy().toarray().astype(np.float64) * user_weights(graph, config.weighting)[:, None]
    norms = np.linalg.norm(x, axis=0)
    a = config.asymmetry
    with np.errstate(invalid="ignore", divide="ignore"):
        similar = x.T @ x / (norms[:, None] ** (2 * a) * norms ** (2 - 2 * a) + config.shrinkage)
    similar = np.nan_to_num(similar).astype(np.float32)
    np.fill_diagonal(similar, 0)
    for row in similar:
        row[np.argsort(-row, kind="stable")[config.neighbours :]] = 0
    return similar


@given(
    seed=st.integers(0, 99),
    edges=st.integers(1, 400),
    config=st.builds(
        ItemKNNConfig,
        neighbours=st.integers(1, 30),
        asymmetry=st.sampled_from([0.0, 0.5, 1.0]),
        shrinkage=st.sampled_from([0.0, 3.0]),
        weighting=st.sampled_from(["none", "tfidf", "bm25"]),
    ),
)
def test_neighbours_are_the_literal_ones(seed, edges, config):
    graph = random_split("bipartite", edges=edges, seed=seed).train
    found, expected = neighbours(graph, config).toarray(), literal(graph, config)
    np.testing.assert_allclose(np.sort(found, 1), np.sort(expected, 1), rtol=1e-5)
    if config.weighting == "none" and config.asymmetry != 0.5:  # whole numbers only: ties are exact
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_equally_similar_items_stay_by_number():
    users = np.repeat(np.arange(4), 6)
    graph = InteractionGraph.from_edges(users, np.tile(np.arange(6), 4), 4, 6)
    found = neighbours(graph, ItemKNNConfig(neighbours=2)).toarray()
    np.testing.assert_array_equal(found[5] > 0, [True, True, False, False, False, False])
    np.testing.assert_array_equal(found[0] > 0, [False, True, True, False, False, False])


def test_blocks_change_nothing(monkeypatch):
    graph = random_split("bipartite", edges=400).train
    whole = neighbours(graph, ItemKNNConfig(neighbours=5))
    monkeypatch.setattr(item_knn, "_PRODUCTS_AT_ONCE", 40)
    np.testing.assert_array_equal(neighbours(graph, ItemKNNConfig(neighbours=5)).toarray(), whole.toarray())


def test_active_users_weigh_less():
    graph = InteractionGraph.from_edges(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 2]), 2, 4)
    assert user_weights(graph, "none").tolist() == [1, 1]
    np.testing.assert_allclose(user_weights(graph, "tfidf"), 1 + np.log([4, 4 / 3]), rtol=1e-6)
    lengths = 0.25 + 0.75 * np.array([1, 3]) / 2
    np.testing.assert_allclose(
        user_weights(graph, "bm25"), (1 + np.log([4, 4 / 3])) * 2.2 / (1 + 1.2 * lengths), rtol=1e-6
    )


def test_scores_add_up_the_similarities_of_a_users_items():
    graph = random_split("bipartite").train
    model = ItemKNN(ItemKNNConfig(neighbours=4))
    parameters = model.fit(graph, np.random.default_rng(0))
    expected = graph.to_scipy().toarray() @ neighbours(graph, model.config).toarray()
    np.testing.assert_allclose(model.scores(parameters, graph)(np.array([5, 0])), expected[[5, 0]], rtol=1e-5)


def test_nodes_without_edges_score_zero():
    graph = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 4)
    model = ItemKNN(ItemKNNConfig())
    scores = model.scores(model.fit(graph, np.random.default_rng(0)), graph)(np.arange(3))
    assert (scores[2] == 0).all()
    assert (scores[:, 2:] == 0).all()
    assert scores[1, 0] == pytest.approx(0.5**0.5)


def test_one_user_and_one_item():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    model = ItemKNN(ItemKNNConfig())
    assert model.scores(model.fit(graph, np.random.default_rng(0)), graph)(np.array([0])).tolist() == [[0]]


def test_other_items_are_refused():
    model = ItemKNN(ItemKNNConfig())
    parameters = model.fit(random_split("bipartite").train, np.random.default_rng(0))
    with pytest.raises(InputError, match="fitted to 30 items and the graph has 29"):
        model.scores(parameters, random_split("bipartite", n=29).train)
