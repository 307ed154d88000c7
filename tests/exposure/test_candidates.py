import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import keyed_uniform
from hemicycle.exposure.candidates import Candidates, best_of, closest_of, friends_of_friends, nearest
from hemicycle.graphs.interaction import InteractionGraph


def random_graph(n, degree, seed=0):
    users = np.repeat(np.arange(n), degree)
    items = np.random.default_rng(seed).integers(0, n, n * degree)
    return InteractionGraph.from_edges(users, items, n, n, social=True)


def literal_friends(graph, user):
    """Friends of friends, user by user, as a set."""
    rows = [set(graph.indices[graph.indptr[u] : graph.indptr[u + 1]].tolist()) for u in range(graph.n_users)]
    return set().union(*(rows[friend] for friend in rows[user])) - rows[user] - {user}


def literal_best(row, values, ties, k):
    """The k of a row with the largest values, equal ones by larger ties; -1 pads."""
    best = sorted(row, key=lambda j: (-values[j], -ties[j]))[:k]
    return best + [-1] * (k - len(best))


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 25), st.integers(1, 5), st.integers(1, 9), st.integers(0, 2**63))
def test_friends_of_friends_are_the_literal_ones_or_those_with_the_smallest_numbers(n, degree, most, key):
    graph = random_graph(n, degree, seed=n)
    found = friends_of_friends(graph, most, key)
    np.testing.assert_array_equal(found.users, np.arange(n))
    for user in range(n):
        expected = literal_friends(graph, user)
        drawn = keyed_uniform(key, np.array([user]), np.arange(n))[0]
        expected = set(sorted(expected, key=lambda j: drawn[j])[:most])
        assert len(found.row(user)) == len(expected)
        assert set(found.row(user).tolist()) == expected


def test_some_users_get_what_they_get_among_all():
    graph, users = random_graph(60, 6), np.array([41, 3, 3, 59])
    everyone, some = friends_of_friends(graph, 10, 7), friends_of_friends(graph, 10, 7, users)
    for row, user in enumerate(users):
        np.testing.assert_array_equal(some.row(row), everyone.row(user))


def test_kept_friends_of_friends_are_uniform():
    """2,000 users follow one hub, who follows 12 others: 4 of them are kept for each user."""
    users = np.concatenate([np.arange(13, 2013), np.zeros(12, int)])
    followed = np.concatenate([np.zeros(2000, int), np.arange(1, 13)])
    graph = InteractionGraph.from_edges(users, followed, 2013, 2013, social=True)
    kept = friends_of_friends(graph, 4, 9, np.arange(13, 2013))
    np.testing.assert_array_equal(np.diff(kept.indptr), 4)
    counts = np.bincount(kept.indices, minlength=13)[1:]
    assert np.abs(counts - 2000 * 4 / 12).max() < 5 * np.sqrt(2000 * 4 / 12)


def test_too_many_walks_are_drawn():
    n, many = 400, 150
    users = np.concatenate([np.zeros(many, int), np.repeat(np.arange(1, many + 1), many)])
    ends = np.concatenate([np.arange(1, many + 1), np.tile(np.arange(many + 1, 2 * many + 1), many)])
    graph = InteractionGraph.from_edges(users, ends, n, n, social=True)
    found = friends_of_friends(graph, 1000, 3, np.array([0]))
    assert set(found.row(0).tolist()) == literal_friends(graph, 0)
    np.testing.assert_array_equal(found.row(0), friends_of_friends(graph, 1000, 3).row(0))


@pytest.fixture
def two_threads():
    before = numba.get_num_threads()
    yield lambda threads: numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(before)


def test_results_do_not_depend_on_threads(two_threads):
    graph, rng = random_graph(8000, 8), np.random.default_rng(1)
    vectors = rng.standard_normal((8000, 5)).astype(np.float32)
    found = []
    for threads in (1, 2):
        two_threads(threads)
        candidates = friends_of_friends(graph, 20, 5)
        found.append((candidates.indices, *best_of(candidates, vectors, vectors, 4), nearest(vectors[:1000], 3)))
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("ties", [False, True])
def test_best_are_the_literal_best(ties):
    rng, n, k = np.random.default_rng(2), 80, 6
    graph = random_graph(n, 4)
    candidates = friends_of_friends(graph, 30, 1)
    left_out = random_graph(n, 10, seed=5)
    users = rng.integers(-2, 3, (n, 3)).astype(np.float32)
    sources = users[::-1].copy() if not ties else np.ones_like(users)
    ids, scores = best_of(candidates, users, sources, k, left_out)
    for user in range(n):
        banned = left_out.indices[left_out.indptr[user] : left_out.indptr[user + 1]]
        row = [j for j in candidates.row(user) if j not in banned]
        drawn = keyed_uniform(0, np.array([user]), np.arange(n))[0]
        expected = literal_best(row, users[user] @ sources.T, drawn, k)
        np.testing.assert_array_equal(ids[user], expected)
        np.testing.assert_allclose(scores[user], [users[user] @ sources[j] if j >= 0 else -np.inf for j in expected])


def test_scores_that_are_no_numbers_are_never_listed():
    candidates = Candidates(np.array([0, 3]), np.array([0, 1, 2], np.int32), np.array([0]))
    ids, _ = best_of(candidates, np.ones((1, 1)), np.array([[np.nan], [1.0], [2.0]]), 3)
    np.testing.assert_array_equal(ids, [[2, 1, -1]])


def literal_nearest(points, user, allowed, key):
    away = ((points[user] - points) ** 2).sum(1)
    drawn = keyed_uniform(key, np.array([user]), np.arange(len(points)))[0]
    return literal_best(allowed, -away, drawn, 5)


@pytest.mark.parametrize("grid", [1, 3, 1000])
def test_nearest_are_the_literal_nearest(grid):
    points = np.random.default_rng(3).integers(0, grid, (150, 2)) / 8
    graph = random_graph(150, 6)
    found = nearest(points, 5, graph, key=11)
    candidates = friends_of_friends(graph, 500, 1)
    among = closest_of(candidates, points, 5, key=11)
    for user in range(150):
        followed = graph.indices[graph.indptr[user] : graph.indptr[user + 1]]
        allowed = [j for j in range(150) if j != user and j not in followed]
        np.testing.assert_array_equal(found[user], literal_nearest(points, user, allowed, 11))
        np.testing.assert_array_equal(among[user], literal_nearest(points, user, candidates.row(user), 11))


def test_in_a_consensus_nobody_is_shown_to_everybody():
    shown = nearest(np.zeros((300, 2)), 5)
    assert np.bincount(shown.ravel(), minlength=300).max() < 30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda graph, some: friends_of_friends(graph, 0, 1), "0 candidates"),
        (lambda graph, some: best_of(some, np.ones((9, 2)), np.ones((9, 2)), 0), "lists of 0"),
        (lambda graph, some: best_of(some, np.ones((9, 2)), np.ones((9, 3)), 1), "shapes"),
        (lambda graph, some: best_of(some, np.ones((8, 2)), np.ones((9, 2)), 1), "users up to 8"),
        (lambda graph, some: best_of(some, np.ones((9, 2)), np.ones((1, 2)), 1), "sources up to"),
        (lambda graph, some: best_of(some, np.ones((9, 2)), np.ones((9, 2)), 1, random_graph(8, 2)), "8 users"),
        (lambda graph, some: nearest(np.ones((9, 2)), 0), "lists of 0"),
    ],
)
def test_bad_arguments_are_told(call, message):
    graph = random_graph(9, 3)
    with pytest.raises(InputError, match=message):
        call(graph, friends_of_friends(graph, 5, 1))


def test_items_have_no_friends():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    with pytest.raises(InputError, match="columns are items"):
        friends_of_friends(graph, 5, 1)
