import numpy as np
import pytest
from scipy import stats

from hemicycle.core.seeding import rng
from hemicycle.evaluation.reference_lists import history_lists, listed_only, random_lists
from hemicycle.evaluation.topk import NONE
from hemicycle.graphs.interaction import InteractionGraph


@pytest.fixture
def graph():
    source = np.random.default_rng(0)
    return InteractionGraph.from_edges(source.integers(20, size=80), source.integers(9, size=80), 20, 9)


def test_histories_are_drawn_from_what_users_took(graph):
    users = np.array([4, 0, 7, 19])
    lists = history_lists(graph, users, 3, rng("x"))
    for user, row in zip(users, lists, strict=True):
        own = set(graph.indices[graph.indptr[user] : graph.indptr[user + 1]].tolist())
        found = [i for i in row.tolist() if i != NONE]
        assert set(found) <= own
        assert len(set(found)) == len(found) == min(3, len(own))


def test_a_history_that_fits_is_whole_and_others_are_drawn_evenly():
    graph = InteractionGraph.from_edges(np.zeros(5, int), np.arange(5), 2, 6)
    assert sorted(history_lists(graph, np.array([0]), 5, rng("x"))[0].tolist()) == [0, 1, 2, 3, 4]
    assert (history_lists(graph, np.array([1]), 5, rng("x")) == NONE).all()
    source = rng("many")
    counts = np.bincount(np.concatenate([history_lists(graph, np.array([0]), 2, source)[0] for _ in range(500)]))
    assert stats.chisquare(counts).pvalue > 0.001


def test_random_lists_hold_anything_but_what_is_taken(graph):
    lists = random_lists([graph, graph], np.arange(20), 4, rng("x"))
    for user, row in enumerate(lists):
        own = set(graph.indices[graph.indptr[user] : graph.indptr[user + 1]].tolist())
        found = [i for i in row.tolist() if i != NONE]
        assert not own & set(found)
        assert len(set(found)) == len(found) == min(4, 9 - len(own))


def test_every_free_item_is_as_likely():
    graph = InteractionGraph.from_edges(np.zeros(3, int), np.array([0, 2, 3]), 1, 7)
    source = rng("many")
    drawn = np.concatenate([random_lists([graph], np.array([0]), 1, source)[0] for _ in range(600)])
    counts = np.bincount(drawn, minlength=7)
    assert counts[[0, 2, 3]].tolist() == [0, 0, 0]
    assert stats.chisquare(counts[[1, 4, 5, 6]]).pvalue > 0.001


def test_nobody_is_recommended_to_herself_and_nothing_free_is_nothing_listed():
    social = InteractionGraph.from_edges(np.array([0, 0]), np.array([1, 2]), 3, 3, social=True)
    assert random_lists([social], np.arange(3), 2, rng("x"))[0].tolist() == [NONE, NONE]
    assert sorted(random_lists([social], np.arange(3), 2, rng("x"))[1].tolist()) == [0, 2]


def test_what_is_not_on_a_list_is_not_made_up():
    scores = listed_only(lambda users: np.array([[1.0, 0.0, 0.5]])[users])
    assert scores(np.array([0])).tolist() == [[1.0, -np.inf, 0.5]]
