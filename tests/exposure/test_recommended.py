import numpy as np
import pytest

from hemicycle.exposure.base import Scene
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.recommended import Recommended, list_problems, proposals_from_lists
from hemicycle.graphs.interaction import InteractionGraph

GRAPH = InteractionGraph.from_edges(np.array([0, 1, 2]), np.array([1, 2, 0]), 3, 3, social=True)
LISTS = np.array([[2, 1, -1], [0, -1, -1], [-1, -1, -1]], np.int32)


def test_first_k_of_each_list_are_shown():
    np.testing.assert_array_equal(proposals_from_lists(LISTS.astype(np.int64), 2), LISTS[:, :2])
    assert proposals_from_lists(LISTS.astype(np.int64), 2).dtype == np.int32


def test_lists_are_mixed_with_neighbours():
    exposure = Recommended(Recommended.Config(k=2, strength=0.5))
    sources = exposure.shown(Scene(GRAPH, 0, LISTS), 7, np.zeros((3, 1)))
    np.testing.assert_array_equal(sources.indices, [1, 2, 1, 2, 0, 0])
    np.testing.assert_allclose(sources.weights, [0.5, 0.25, 0.25, 0.5, 0.5, 1])
    assert not exposure.redraws(7)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (LISTS[:2], "of 2 users for a graph of 3"),
        (LISTS.astype(float), "type float64"),
        (LISTS[:, 0], "shape"),
        (LISTS[:, :1], "fewer than k = 2"),
        (np.full((3, 2), 3), "outside"),
        (np.full((3, 2), -2), "outside"),
        (np.zeros((3, 2), int), "to themselves"),
    ],
)
def test_lists_that_do_not_fit_are_reported(lists, message):
    problems = list_problems(lists, n_users=3, k=2)
    assert any(message in problem.what for problem in problems)
    assert all(problem.remedy for problem in problems)


def test_fitting_lists_have_no_problem_and_missing_ones_do():
    exposure = Recommended(Recommended.Config(k=2, name="mf"))
    assert exposure.problems(Scene(GRAPH, 0, LISTS)) == []
    (problem,) = exposure.problems(Scene(GRAPH, 0))
    assert "'mf'" in problem.what
    with pytest.raises(ValueError, match="without lists"):
        exposure.shown(Scene(GRAPH, 0), 0, np.zeros((3, 1)))


def test_items_are_shown_where_they_have_positions():
    lists, exposure = np.array([[3], [4], [3]], np.int32), Recommended(Recommended.Config(k=1, strength=1))
    items = np.array([[0.5], [-0.5]])
    (problem,) = exposure.problems(Scene(GRAPH, 0, lists))
    assert "sources outside [0, 2]" in problem.what
    scene = Scene(GRAPH, 0, lists, items=items)
    assert exposure.problems(scene) == []
    sources = exposure.shown(scene, 0, np.zeros((3, 1)))
    shown = sources.positions[sources.indices[sources.weights > 0]]
    np.testing.assert_array_equal(shown[:, 0], [0.5, -0.5, 0.5])


def test_options_survive_a_file():
    own = {"exposure": "recommended", "update": "retrain", "erase": {"strength": 0.5, "of": "initial"}}
    config = EXPOSURE.validate(own)
    assert (config.update, config.erase.of) == ("retrain", "initial")
    assert EXPOSURE.validate(config.model_dump(mode="json")) == config
