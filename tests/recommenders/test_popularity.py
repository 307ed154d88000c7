import numpy as np
from contracts.recommender_contract import RecommenderContract

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.popularity import Popularity, PopularityConfig


class TestPopularity(RecommenderContract):
    config = PopularityConfig()
    finds_checkerboard = False


def test_the_score_is_the_number_of_users():
    graph = InteractionGraph.from_edges(np.array([0, 1, 2]), np.array([1, 1, 0]), 3, 3)
    popularity = Popularity(PopularityConfig())
    scores = popularity.scores(popularity.fit(graph, np.random.default_rng(0)), graph)
    np.testing.assert_array_equal(scores(np.array([2, 0])), [[1, 2, 0]] * 2)
    assert popularity.layers == ()
