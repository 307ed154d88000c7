import numpy as np
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.recommenders.random import Random, RandomConfig


class TestRandom(RecommenderContract):
    config = RandomConfig()
    finds_checkerboard = False

    def test_what_it_learns_of_users_does_not_depend_on_their_numbers(self, fitted):
        """It learns nothing of users: another graph of the same size changes no score."""
        one, other = (fitted(random_split("bipartite", seed=seed), str(seed)) for seed in (0, 1))
        assert one.keys() == other.keys() == {"key"}
        np.testing.assert_array_equal(one["key"], other["key"])


def test_scores_are_uniform_and_every_users_own():
    graph = random_split("bipartite", n=300, edges=1000).train
    random = Random(RandomConfig())
    scores = random.scores(random.fit(graph, np.random.default_rng(0)), graph)(np.arange(300))
    assert ((scores > 0) & (scores < 1)).all()
    np.testing.assert_allclose(np.quantile(scores, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
    assert np.abs(np.corrcoef(scores)[np.triu_indices(300, 1)]).max() < 0.4


def test_another_seed_gives_other_scores():
    graph = random_split("bipartite").train
    random = Random(RandomConfig())
    one, other = (
        random.scores(random.fit(graph, np.random.default_rng(seed)), graph)(np.arange(30)) for seed in (0, 1)
    )
    assert (one != other).all()
