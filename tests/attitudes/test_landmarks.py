"""Landmarks that maps share."""

import numpy as np
import pytest

from hemicycle.attitudes.landmarks import Landmarks, group_points, stacked
from hemicycle.core.errors import InputError

NAMES = list("abcd")
POINTS = np.arange(8.0).reshape(4, 2)


def test_groups_are_means_weighted_by_size():
    points = np.array([[0.0, 0], [2, 0], [5, 5], [np.nan, 1], [7, 7]])
    found = group_points(points, ["a", "a", "b", "b", ""])
    assert found.names == ("a", "b")
    np.testing.assert_allclose(found.points, [[1, 0], [5, 5]])
    np.testing.assert_allclose(found.weights, [2, 1])
    assert group_points(points, ["a", "a", "b", "b", None], least=2).names == ("a",)


def test_a_stack_holds_what_two_maps_share():
    maps = {"one": Landmarks(NAMES, POINTS), "two": Landmarks(list("cxa"), POINTS[:3], np.array([3.0, 1, 2]))}
    names, stack = stacked(maps)
    assert names == ("a", "c")
    np.testing.assert_array_equal(stack.points[0], POINTS[[0, 2]])
    np.testing.assert_array_equal(stack.points[1], POINTS[[2, 0]])
    np.testing.assert_array_equal(stack.weights, [[1, 1], [2, 3]])


def test_names_are_shuffled_in_all_maps_but_the_first():
    names = [f"n{k}" for k in range(50)]
    points = np.random.default_rng(0).normal(size=(50, 2))
    _, stack = stacked({"one": Landmarks(names, points), "two": Landmarks(names, points)})
    mixed = stack.shuffled(np.random.default_rng(0))
    np.testing.assert_array_equal(mixed.points[0], points)
    assert (mixed.points[1] != points).any()
    np.testing.assert_array_equal(np.sort(mixed.points[1], 0), np.sort(points, 0))


def test_groups_that_cannot_be_used():
    with pytest.raises(InputError, match="4 points, 1 groups"):
        group_points(POINTS, ["a"])
    with pytest.raises(InputError, match="no group has 3 points"):
        group_points(POINTS, NAMES, least=3)
