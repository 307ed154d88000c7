import numpy as np
import pytest
from scipy import stats

from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.random import Random, random_users
from hemicycle.graphs.interaction import InteractionGraph

NOWHERE = np.zeros((50, 1))


@pytest.fixture
def scene():
    users = np.arange(50)
    graph = InteractionGraph.from_edges(users, (users + 1) % 50, 50, 50, social=True)
    return Scene(graph, seed=3)


def test_draws_are_other_users():
    drawn = random_users(5, 400, key=1)
    assert drawn.shape == (5, 400)
    assert drawn.dtype == np.int32
    assert not (drawn == np.arange(5)[:, None]).any()
    for user, row in enumerate(drawn):
        assert set(row) == set(range(5)) - {user}


def test_draws_are_uniform():
    counts = np.bincount(random_users(1000, 50, key=2).ravel(), minlength=1000)
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_slot_does_not_depend_on_how_many_slots_there_are():
    np.testing.assert_array_equal(random_users(30, 8, key=4)[:, :3], random_users(30, 3, key=4))


def test_draws_depend_on_seed_and_step_alone(scene):
    exposure = Random(Random.Config(k=4))
    first = exposure.proposals(scene, 2, NOWHERE)
    np.testing.assert_array_equal(first, Random(Random.Config(k=4, strength=0.9)).proposals(scene, 2, NOWHERE))
    np.testing.assert_array_equal(first, random_users(50, 4, key_of("random exposure", 3, 2)))
    assert (first != exposure.proposals(scene, 3, NOWHERE)).mean() > 0.9
    assert (first != exposure.proposals(Scene(scene.graph, seed=4), 2, NOWHERE)).mean() > 0.9


@pytest.mark.parametrize(("refresh", "redrawn"), [(0, [0]), (1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (9, [0])])
def test_refresh_says_when_to_draw_anew(refresh, redrawn):
    exposure = Random(Random.Config(refresh=refresh))
    assert [step for step in range(5) if exposure.redraws(step)] == redrawn


def test_strength_zero_is_no_mediation(scene):
    opinions = np.zeros((50, 1))
    plain = Neighbours(Neighbours.Config()).shown(scene, 0, opinions)
    weightless = Random(Random.Config(strength=0)).shown(scene, 0, opinions)
    np.testing.assert_array_equal(weightless.indptr, plain.indptr)
    np.testing.assert_array_equal(weightless.indices, plain.indices)
    assert weightless.weights is plain.weights is None


def test_strength_is_the_share_of_the_draws(scene):
    sources = Random(Random.Config(k=4, strength=0.25)).shown(scene, 0, np.zeros((50, 1)))
    assert sources.indptr[-1] == 50 * 5
    np.testing.assert_allclose(sources.weights.reshape(50, 5), [[0.75] + [0.0625] * 4] * 50)
