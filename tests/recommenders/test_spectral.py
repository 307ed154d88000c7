import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.spectral import Spectral, SpectralConfig


class TestSpectral(RecommenderContract):
    config = SpectralConfig(rank=8)


class TestLinearFilter(RecommenderContract):
    config = SpectralConfig(rank=4, ideal=0)


EXPONENTS = {"user_exponent": 0.35, "item_exponent": 0.4, "ideal_exponent": 0.7}


def literal(train, config):
    """The matrix that takes items to scores, dense and with a whole decomposition."""
    x = train.to_scipy().toarray().astype(np.float64)
    users, items = (np.maximum(x.sum(axis), 1) for axis in (1, 0))
    scaled = users[:, None] ** -config.user_exponent * x * items**-config.item_exponent
    vectors = np.linalg.svd(scaled)[2][: config.rank].T
    known = x.any(0)
    into = known * items**-config.ideal_exponent
    ideal = into[:, None] * (vectors @ vectors.T) * (known * items**config.ideal_exponent)
    return scaled.T @ scaled, config.ideal * ideal


@pytest.mark.parametrize("changes", [{}, EXPONENTS])
def test_scores_are_the_equation(changes):
    train, later = random_split("bipartite").train, random_split("bipartite", seed=1).train
    model = Spectral(SpectralConfig(rank=6, ideal=0.3, **changes))
    parameters = model.fit(train, np.random.default_rng(0))
    linear, ideal = literal(train, model.config)
    for graph in (train, later):
        rows = graph.to_scipy().toarray()
        np.testing.assert_allclose(model.scores(parameters, graph)(np.arange(30)), rows @ (linear + ideal), rtol=1e-3)
        embedding = model.embed(parameters, graph)
        np.testing.assert_allclose(embedding.users @ embedding.items.T, rows @ ideal, rtol=1e-3, atol=1e-4)


def test_with_the_linear_filter_alone_vectors_are_the_same_but_do_not_score():
    graph = random_split("bipartite").train
    model = Spectral(SpectralConfig(rank=6, ideal=0))
    parameters = model.fit(graph, np.random.default_rng(0))
    rows, (linear, _) = graph.to_scipy().toarray(), literal(graph, model.config)
    np.testing.assert_allclose(model.scores(parameters, graph)(np.arange(30)), rows @ linear, rtol=1e-4)
    assert np.abs(model.embed(parameters, graph).users).max() > 0


def test_nodes_without_edges_score_zero():
    graph = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 4)
    model = Spectral(SpectralConfig())
    scores = model.scores(model.fit(graph, np.random.default_rng(0)), graph)(np.arange(3))
    assert (scores[2] == 0).all()
    assert (scores[:, 2:] == 0).all()
    assert scores[1, 0] > 0


def test_one_user_and_one_item():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    model = Spectral(SpectralConfig(ideal=0.5))
    parameters = model.fit(graph, np.random.default_rng(0))
    np.testing.assert_allclose(model.scores(parameters, graph)(np.array([0])), [[1.5]], rtol=1e-6)


def test_other_items_are_refused():
    model = Spectral(SpectralConfig(rank=4))
    parameters = model.fit(random_split("bipartite").train, np.random.default_rng(0))
    for use in (model.scores, model.embed):
        with pytest.raises(InputError, match="fitted to 30 items and the graph has 29"):
            use(parameters, random_split("bipartite", n=29).train)
