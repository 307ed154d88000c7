import dataclasses

import numpy as np
import pytest
import torch
from contracts.deep_contract import DeepContract
from contracts.recommender_contract import random_split

from hemicycle.core.errors import InputError
from hemicycle.evaluation.ranking import evaluate
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.recommenders.sampling import Bags
from hemicycle.recommenders.two_tower import Towers, TwoTower, TwoTowerConfig
from hemicycle.training.group import SINGLE
from hemicycle.training.options import TrainingOptions


class Labelled(TwoTower):
    """Every item's content is its number."""

    def content(self, graph):
        return np.eye(graph.n_items, dtype=np.float32)


class TestTwoTower(DeepContract):
    config = TwoTowerConfig(dim=8, history=8)

    @pytest.fixture
    def recommender(self):
        return Labelled(self.config)


class TestTwoTowerWithAllItsParts(DeepContract):
    config = TwoTowerConfig(dim=8, hidden=12, pooling="mean", user_vectors=True, item_vectors=True, popularity=0.1)

    @pytest.fixture
    def recommender(self):
        return Labelled(self.config)


@pytest.fixture
def topics():
    """Users like one of four topics; the last 40 of 120 items are new, and their content alone tells their topic."""
    rng = np.random.default_rng(0)
    topic, taste = np.arange(120) % 4, np.arange(80) % 4
    liked = (taste[:, None] == topic) & (rng.random((80, 120)) < 0.5)
    content = np.eye(4)[topic] @ rng.normal(size=(4, 10)) + 0.3 * rng.normal(size=(120, 10))
    users, items = np.nonzero(liked)
    train, new = (InteractionGraph.from_edges(users[part], items[part], 80, 120) for part in (items < 80, items >= 80))
    return dataclasses.replace(train, features=Features(items=content.astype(np.float32))), new


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_it_scores_items_that_no_one_took(topics, pooling):
    train, new = topics
    model = TwoTower(TwoTowerConfig(dim=8, pooling=pooling, item_vectors=True))
    fitting = model.start(train, TrainingOptions(epochs=20, batch=300, lr=0.01), 0, SINGLE)
    for number in range(1, 21):
        fitting.epoch(number)
    unseen = evaluate(lambda users: only_new(model, fitting, train, users), train, new, 10)
    assert unseen.metrics["precision@10"] > 0.45  # half of the ten items of her topic; by chance .125


def only_new(model, fitting, train, users):
    scores = model.scores(fitting.parameters(), train)(users)
    scores[:, :80] = -np.inf
    return scores


def test_pooling_is_the_weighted_mean_of_each_bag():
    torch.manual_seed(0)
    towers = Towers((3, 6, 0, 4), TwoTowerConfig(dim=5)).double()
    vectors, bags = torch.randn(6, 5, dtype=torch.float64), Bags(np.array([2, 0, 3]), np.array([1, 4, 0, 1, 5]))
    found = towers.pooled(vectors, bags).detach().numpy()
    weights = towers.attention(vectors).exp()
    for row, bag in enumerate([[1, 4], [], [0, 1, 5]]):
        expected = (weights[bag] * vectors[bag]).sum(0) / weights[bag].sum() if bag else torch.zeros(5)
        np.testing.assert_allclose(found[row], expected.detach().numpy(), rtol=1e-12)


def test_content_is_needed_and_named():
    graph = random_split("bipartite").train
    with pytest.raises(InputError, match=r"features\.items: two_tower scores items by their content"):
        TwoTower(TwoTowerConfig()).start(graph, TrainingOptions(), 0, SINGLE)
    content = np.full((30, 2), np.nan, np.float32)
    broken = dataclasses.replace(graph, features=Features(items=content))
    with pytest.raises(InputError, match=r"features\.items: 30 of 30 rows hold NaN"):
        TwoTower(TwoTowerConfig()).start(broken, TrainingOptions(), 0, SINGLE)


def test_features_of_users_enter_only_where_wanted(topics):
    train = dataclasses.replace(topics[0], features=Features(np.eye(80, dtype=np.float32), topics[0].features.items))
    without, with_them = (TwoTower(TwoTowerConfig(dim=4, user_features=wanted)) for wanted in (False, True))
    options = TrainingOptions(epochs=1, batch=300)
    assert "user_input.weight" not in without.start(train, options, 0, SINGLE).parameters()
    assert with_them.start(train, options, 0, SINGLE).parameters()["user_input.weight"].shape == (4, 80)
    with pytest.raises(InputError, match=r"features\.users: two_tower is to use features of users"):
        with_them.start(topics[0], options, 0, SINGLE)
