import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders import ease
from hemicycle.recommenders.ease import EASE, EASEConfig


class TestEASE(RecommenderContract):
    config = EASEConfig(l2=100.0)


def weights_of(graph, **options):
    return EASE(EASEConfig(**options)).fit(graph, np.random.default_rng(0))["weights"]


def literal(graph, l2):
    """Every column is a ridge regression on all other columns."""
    x = graph.to_scipy().toarray().astype(np.float64)
    n = graph.n_items
    weights = np.zeros((n, n))
    for j in range(n):
        others = np.arange(n) != j
        a = x[:, others]
        weights[others, j] = np.linalg.solve(a.T @ a + l2 * np.eye(n - 1), a.T @ x[:, j])
    return weights


@pytest.mark.parametrize("rows", [7, 1024])
def test_weights_are_ridge_regressions_on_all_other_items(monkeypatch, rows):
    monkeypatch.setattr(ease, "_ROWS_AT_ONCE", rows)
    graph = random_split("bipartite", n=30, edges=250).train
    np.testing.assert_allclose(weights_of(graph, l2=2.0), literal(graph, 2.0), atol=1e-5)


def test_scores_are_the_users_rows_times_the_weights():
    graph = random_split("bipartite").train
    model = EASE(EASEConfig(l2=2.0))
    parameters = model.fit(graph, np.random.default_rng(0))
    expected = graph.to_scipy().toarray() @ parameters["weights"]
    np.testing.assert_allclose(model.scores(parameters, graph)(np.array([4, 1])), expected[[4, 1]], rtol=1e-5)


def test_users_unseen_in_training_are_scored_by_their_items():
    train, later = random_split("bipartite").train, random_split("bipartite", seed=1).train
    model = EASE(EASEConfig(l2=2.0))
    parameters = model.fit(train, np.random.default_rng(0))
    expected = later.to_scipy().toarray() @ parameters["weights"]
    np.testing.assert_allclose(model.scores(parameters, later)(np.arange(30)), expected, rtol=1e-5, atol=1e-6)


def test_nodes_without_edges_score_zero():
    graph = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 4)
    model = EASE(EASEConfig(l2=2.0))
    scores = model.scores(model.fit(graph, np.random.default_rng(0)), graph)(np.arange(3))
    assert (scores[2] == 0).all()
    assert (scores[:, 2:] == 0).all()
    assert scores[1, 0] > 0


def test_one_user_and_one_item():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    assert weights_of(graph).tolist() == [[0]]


def test_a_catalogue_beyond_the_limit_is_refused_at_once():
    with pytest.raises(InputError, match=r"square of 30 items, and max_items is 29[\s\S]*raise it"):
        weights_of(random_split("bipartite").train, max_items=29)


def test_a_catalogue_beyond_this_machines_memory_is_refused():
    ease._require_room(1000, 2000, 8.1e6)
    with pytest.raises(InputError, match=r"1000 items needs 0.0 GB, 0.0 GB are available[\s\S]*larger machine"):
        ease._require_room(1000, 2000, 7.9e6)


def test_an_indefinite_matrix_says_what_to_do():
    with pytest.raises(HemicycleError, match="raise the recommender's l2"):
        ease._inverse(np.asfortranarray(-np.eye(3, dtype=np.float32)))


def test_other_items_are_refused():
    model = EASE(EASEConfig())
    parameters = model.fit(random_split("bipartite").train, np.random.default_rng(0))
    with pytest.raises(InputError, match="fitted to 30 items and the graph has 29"):
        model.scores(parameters, random_split("bipartite", n=29).train)
