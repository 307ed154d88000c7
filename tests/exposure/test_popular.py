import numpy as np
import pytest

from hemicycle.exposure.base import Scene
from hemicycle.exposure.popular import Popular
from hemicycle.graphs.interaction import InteractionGraph

N = 60
NOWHERE = np.zeros((N, 1))


def graph(seed):
    rng = np.random.default_rng(seed)
    followed = (rng.random(400) ** 2 * N).astype(int)
    return InteractionGraph.from_edges(rng.integers(0, N, 400), followed, N, N, social=True)


def allowed(scene, user):
    followed = scene.graph.indices[scene.graph.indptr[user] : scene.graph.indptr[user + 1]]
    return [j for j in range(N) if j != user and j not in followed]


@pytest.mark.parametrize("by", ["followers", "growth"])
def test_most_popular_are_the_literal_ones(by):
    scene = Scene(graph(0), 1, earlier=graph(1))
    exposure = Popular(Popular.Config(k=5, by=by))
    followers = np.bincount(scene.graph.indices, minlength=N)
    earlier = np.bincount(scene.earlier.indices, minlength=N) if by == "growth" else 0
    np.testing.assert_array_equal(exposure.popularity(scene), followers - earlier)
    found = exposure.proposals(scene, 0, NOWHERE)
    for user in range(N):
        best = np.sort((followers - earlier)[allowed(scene, user)])[::-1][:5]
        np.testing.assert_array_equal((followers - earlier)[found[user]], best)
        assert set(found[user]) <= set(allowed(scene, user))
        assert len(set(found[user])) == 5


def test_drawn_users_are_as_frequent_as_they_are_popular():
    scene = Scene(graph(0), 1)
    found = Popular(Popular.Config(k=4000, drawn=True)).proposals(scene, 3, NOWHERE)
    followers = np.bincount(scene.graph.indices, minlength=N)
    for user in (0, 7):
        free = allowed(scene, user)
        expected = followers[free] / followers[free].sum()
        shares = np.bincount(found[user], minlength=N)[free] / 4000
        assert np.abs(shares - expected).max() < 5 * np.sqrt(expected.max() / 4000)
        assert set(found[user]) <= set(free)


def test_draws_go_by_seed_step_user_and_slot():
    scene, few, many = Scene(graph(0), 1), Popular.Config(k=3, drawn=True), Popular.Config(k=8, drawn=True)
    first = Popular(few).proposals(scene, 2, NOWHERE)
    np.testing.assert_array_equal(Popular(many).proposals(scene, 2, NOWHERE)[:, :3], first)
    assert (Popular(few).proposals(scene, 3, NOWHERE) != first).any()


def test_who_follows_all_is_shown_nobody():
    full = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([1, 2, 2]), 3, 3, social=True)
    for drawn in (False, True):
        found = Popular(Popular.Config(k=2, drawn=drawn)).proposals(Scene(full, 0), 0, np.zeros((3, 1)))
        np.testing.assert_array_equal(found[0], [-1, -1])


def test_growth_needs_an_earlier_graph():
    exposure = Popular(Popular.Config(by="growth", name="trending"))
    (problem,) = exposure.problems(Scene(graph(0), 0))
    assert "'trending'" in problem.what
    assert exposure.problems(Scene(graph(0), 0, earlier=graph(1))) == []
    with pytest.raises(ValueError, match="earlier"):
        exposure.proposals(Scene(graph(0), 0), 0, NOWHERE)


def test_when_nobody_wins_followers_nobody_is_drawn():
    scene = Scene(graph(0), 1, earlier=graph(0))
    assert (Popular(Popular.Config(by="growth", drawn=True)).proposals(scene, 0, NOWHERE) == -1).all()
