import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.core.errors import InputError
from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.outlets import Outlets
from hemicycle.graphs.interaction import InteractionGraph

N = 4000
USERS = np.arange(N)
GRAPH = InteractionGraph.from_edges(USERS, (USERS + 1) % N, N, N, social=True)
SCENE = Scene(GRAPH, 1)


def test_audiences_choose_as_a_logit_does():
    opinions = np.full((N, 1), 0.4)
    exposure = Outlets(Outlets.Config(number=3, leaning=0.8, selectivity=1.5))
    np.testing.assert_allclose(exposure.own(1)[:, 0], [-0.8, 0, 0.8])
    shares = np.bincount(exposure.proposals(SCENE, 0, opinions)[:, 0] - N, minlength=3) / N
    chances = np.exp(-1.5 * np.abs(0.4 - np.array([-0.8, 0, 0.8])))
    np.testing.assert_allclose(shares, chances / chances.sum(), atol=0.03)


def test_outlets_of_a_user_are_different_ones_and_stay_while_its_opinion_does():
    opinions = np.random.default_rng(0).random((N, 1))
    exposure = Outlets(Outlets.Config(k=4))
    first = exposure.proposals(SCENE, 0, opinions)
    assert (np.diff(np.sort(first, axis=1), axis=1) > 0).all()
    np.testing.assert_array_equal(first, exposure.proposals(SCENE, 20, opinions))
    some = Outlets(Outlets.Config(k=2)).proposals(SCENE, 0, opinions)
    np.testing.assert_array_equal(some, first[:, :2])


def test_selective_users_take_the_nearest():
    opinions = np.random.default_rng(0).uniform(-1, 1, (N, 1))
    shown = Outlets(Outlets.Config(number=5, selectivity=1e6)).proposals(SCENE, 0, opinions)[:, 0] - N
    np.testing.assert_array_equal(shown, np.abs(opinions - np.linspace(-1, 1, 5)).argmin(axis=1))


@pytest.mark.parametrize("with_items", [False, True])
def test_outlets_stand_after_users_and_items(with_items):
    items = np.full((7, 2), 0.5, np.float32) if with_items else None
    opinions = np.zeros((N, 2), np.float32)
    exposure = Outlets(Outlets.Config(positions=[[-1, 0.2], [1, 0.3]], strength=0.4))
    sources = exposure.shown(Scene(GRAPH, 1, items=items), 0, opinions)
    first = N + 7 * with_items
    assert sources.positions.dtype == np.float32
    np.testing.assert_allclose(sources.positions[first:], [[-1, 0.2], [1, 0.3]])
    rows = sources.indices.reshape(N, 2)
    np.testing.assert_array_equal(rows[:, 0], GRAPH.indices)
    assert set(rows[:, 1]) == {first, first + 1}
    np.testing.assert_allclose(sources.weights.reshape(N, 2), [[0.6, 0.4]] * N)


def test_items_of_the_society_can_be_the_outlets():
    exposure = Outlets(Outlets.Config(number=0, k=3, name="press"))
    (problem,) = exposure.problems(SCENE)
    assert "'press' shows 3 items" in problem.what
    scene = Scene(GRAPH, 1, items=np.random.default_rng(0).random((6, 1)))
    assert exposure.problems(scene) == []
    shown = exposure.proposals(scene, 0, np.zeros((N, 1)))
    assert set(shown.ravel()) == set(range(N, N + 6))
    assert len(exposure.shown(scene, 0, np.zeros((N, 1))).positions) == N + 6


def test_strength_zero_is_no_mediation():
    opinions = np.zeros((N, 1))
    sources = Outlets(Outlets.Config(strength=0)).shown(SCENE, 0, opinions)
    plain = Neighbours(Neighbours.Config()).shown(SCENE, 0, opinions)
    assert sources.weights is plain.weights is None
    assert sources.positions is plain.positions is opinions


def test_a_single_outlet_stands_where_it_leans():
    np.testing.assert_allclose(Outlets(Outlets.Config(number=1, leaning=0.7)).own(2), [[0.7, 0]])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"number": 2, "k": 3}, "2 outlets, fewer than the k = 3"),
        ({"positions": [[0], [0, 1]]}, r"\[1, 2\] dimensions"),
        ({"positions": [[]]}, r"\[0\] dimensions"),
        ({"selectivity": -1}, "greater than or equal to 0"),
    ],
)
def test_impossible_outlets_are_refused(bad, message):
    with pytest.raises(ValidationError, match=message):
        Outlets.Config(**bad)


def test_outlets_in_other_dimensions_are_refused():
    with pytest.raises(InputError, match="stand in 2 dimensions and users in 1"):
        Outlets(Outlets.Config(positions=[[0, 1]])).shown(SCENE, 0, np.zeros((N, 1)))
