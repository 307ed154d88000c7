import dataclasses

import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.recommenders.content_knn import ContentKNN, ContentKNNConfig, similar_items, unit_rows


def sides(n_items):
    """Even items resemble each other, and odd ones."""
    side = np.arange(n_items) % 2
    return np.stack([side, 1 - side, np.full(n_items, 0.1)], 1).astype(np.float32)


class Sided(ContentKNN):
    def content(self, graph):
        return sides(graph.n_items)


class TestContentKNN(RecommenderContract):
    config = ContentKNNConfig(k=3, pool=20)

    @pytest.fixture
    def recommender(self):
        return Sided(self.config)


def a_graph(seed=0, users=12, items=30):
    rng = np.random.default_rng(seed)
    taken = rng.random((users, items)) < 0.3
    taken[:, -4:] = False  # new items
    graph = InteractionGraph.from_edges(*np.nonzero(taken), users, items)
    return dataclasses.replace(graph, features=Features(items=rng.normal(size=(items, 5)).astype(np.float32)))


@pytest.mark.parametrize("k", [1, 4])
def test_it_is_the_mean_similarity_to_the_nearest_of_hers(k):
    graph = a_graph()
    model = ContentKNN(ContentKNNConfig(k=k, pool=30))
    found = model.scores(model.fit(graph, None), graph)(np.arange(12))
    x = graph.features.items / np.linalg.norm(graph.features.items, axis=1, keepdims=True)
    for user in range(12):
        hers = graph.indices[graph.indptr[user] : graph.indptr[user + 1]]
        for item in range(30):
            nearest = sorted((max(float(x[item] @ x[j]), 0) for j in hers if j != item), reverse=True)[:k]
            assert found[user, item] == pytest.approx(sum(nearest) / k, abs=1e-5)


def test_items_that_no_one_took_are_nobodys_neighbours():
    graph = a_graph()
    neighbours, similarity = similar_items(unit_rows(graph.features.items), graph, 50)
    assert neighbours.max() < 26
    assert (np.diff(similarity, axis=1) <= 0).all()


def test_content_is_needed():
    graph = dataclasses.replace(a_graph(), features=Features())
    with pytest.raises(InputError, match=r"features\.items: content_knn scores items by their content"):
        ContentKNN(ContentKNNConfig()).fit(graph, None)
