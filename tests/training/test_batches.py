"""What a step compares."""

import numpy as np
import pytest
import torch
from contracts.recommender_contract import random_split

from hemicycle.recommenders.base import Part
from hemicycle.recommenders.losses import Competition, Rivals, sampled_softmax
from hemicycle.recommenders.negatives import shared_negatives
from hemicycle.training.batches import Learning
from hemicycle.training.options import TrainingOptions

USERS = np.array([1, 4, 7])
LIKE = torch.zeros(1, dtype=torch.float64)


@pytest.fixture
def graph():
    return random_split("bipartite").train


def learning(graph, bias=None, **options):
    return Learning(Part(graph, 0, graph.n_users, 0.5), TrainingOptions(**options), bias, LIKE)


def test_a_step_takes_all_edges_of_its_users(graph):
    draw = learning(graph, negatives=3).draw(USERS, np.random.default_rng(0))
    assert draw.pairs.users.tolist() == USERS.tolist()
    expected = [graph.n_users + i for u in USERS for i in graph.indices[graph.indptr[u] : graph.indptr[u + 1]]]
    assert draw.pairs.items.tolist() == expected
    assert draw.pairs.counts.tolist() == graph.degrees[USERS].tolist()
    assert draw.weight == 0.5


def test_users_without_edges_have_nothing_to_compare(graph):
    assert learning(graph.select(graph.rows() != 1)).draw(np.array([1]), np.random.default_rng(0)) is None


@pytest.mark.parametrize("by", ["popularity", "uniform"])
def test_a_negative_drawn_twice_stands_once_and_counts_twice(graph, by):
    bias = np.linspace(-1, 1, graph.n_items).astype(np.float32)
    draw = learning(graph, bias, negatives=25, negatives_by=by).draw(USERS, np.random.default_rng(3))
    assert isinstance(draw.against, Competition)
    items, log_expected = shared_negatives(graph, 25, by, np.random.default_rng(3))
    assert len(set(items)) == len(draw.against.items) < 25
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(graph.n_users + graph.n_items, 4)))
    drawn = Competition(torch.from_numpy(items) + graph.n_users, torch.from_numpy(bias[items] - log_expected), False)  # noqa: FBT003 - a field
    found, expected = (sampled_softmax(vectors, draw.pairs, against) for against in (draw.against, drawn))
    torch.testing.assert_close(found, expected)


def test_rivals_are_no_items_of_their_user(graph):
    draw = learning(graph, loss="bpr", negatives=2).draw(USERS, np.random.default_rng(0))
    assert isinstance(draw.against, Rivals)
    taken = set(zip(draw.pairs.owners.tolist(), draw.pairs.items.tolist(), strict=True))
    against = set(zip(draw.pairs.owners.tolist() * 2, draw.against.items.tolist(), strict=True))
    assert not taken & against
