import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Scene
from hemicycle.exposure.candidates import closest_of, friends_of_friends, nearest
from hemicycle.exposure.similar import Similar, nearest_on_a_line
from hemicycle.graphs.interaction import InteractionGraph


def random_graph(n, degree, seed=0):
    users = np.repeat(np.arange(n), degree)
    items = np.random.default_rng(seed).integers(0, n, n * degree)
    return InteractionGraph.from_edges(users, items, n, n, social=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 30), st.sampled_from([1, 2, 5, 1000]), st.integers(1, 6), st.integers(0, 1000))
def test_nearest_on_a_line_are_the_literal_ones(n, grid, k, seed):
    points = np.random.default_rng(seed).integers(0, grid, n) / 8
    graph = random_graph(n, 2, seed)
    found = nearest_on_a_line(points, k, graph, seed)
    drawn = keyed_uniform(seed, np.arange(n), np.arange(1))[:, 0]
    rank = np.argsort(np.lexsort((drawn, points)))
    for user in range(n):
        followed = graph.indices[graph.indptr[user] : graph.indptr[user + 1]]
        others = [j for j in range(n) if j != user and j not in followed]
        others.sort(key=lambda j: (abs(points[j] - points[user]), abs(rank[j] - rank[user]), rank[j]))
        np.testing.assert_array_equal(found[user], others[:k] + [-1] * (k - len(others[:k])))


def test_similar_users_are_the_nearest_of_their_candidates():
    graph, rng = random_graph(50, 4), np.random.default_rng(1)
    scene, key = Scene(graph, 2), key_of("similar exposure", 2, 3)
    line, plane = rng.random((50, 1)), rng.random((50, 2))
    near = Similar(Similar.Config(k=4, most=9)).proposals(scene, 3, plane)
    np.testing.assert_array_equal(near, closest_of(friends_of_friends(graph, 9, key), plane, 4, key))
    everyone = Similar(Similar.Config(k=4, candidates="all"))
    np.testing.assert_array_equal(everyone.proposals(scene, 3, plane), nearest(plane, 4, graph, key))
    on_line = everyone.proposals(scene, 3, line)
    np.testing.assert_array_equal(on_line, nearest_on_a_line(line[:, 0], 4, graph, key))
    np.testing.assert_array_equal(on_line, nearest(line, 4, graph, key))


def test_exposure_is_more_alike_than_chance():
    opinions = np.random.default_rng(1).random((300, 1))
    shown = Similar(Similar.Config(k=5)).proposals(Scene(random_graph(300, 8), 2), 0, opinions)
    assert np.abs(opinions[shown, 0] - opinions).mean() < 0.15


def test_all_pairs_of_too_many_users_are_refused(monkeypatch):
    monkeypatch.setattr("hemicycle.exposure.similar._MOST_USERS", 10)
    with pytest.raises(InputError, match="all pairs of 20 users"):
        Similar(Similar.Config(candidates="all")).proposals(Scene(random_graph(20, 2), 0), 0, np.zeros((20, 2)))
