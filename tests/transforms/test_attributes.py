"""Sides and categories of users and items."""

import numpy as np
import pytest

from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.transforms.attributes import (
    UNKNOWN,
    Attributes,
    audience_position,
    audience_side,
    numbered,
    signs,
)


def graph(edges, n_users, n_items):
    users, items = np.array(edges).T
    return InteractionGraph.from_edges(users, items, n_users, n_items)


def test_attributes_are_read_back(tmp_path):
    codes = [np.array(values, np.int32) for values in ([0, -1], [1, 0, -1], [2, 1, 0])]
    made = Attributes(*codes, sides=("a", "b"), categories=("x", "y", "z"))
    made.write(Folder.at(tmp_path))
    found = Attributes.read(Folder.at(tmp_path))
    for name in ("user_side", "item_side", "item_category"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    assert (found.sides, found.categories) == (made.sides, made.categories)


def test_across_needs_two_known_and_different_sides():
    made = Attributes(np.array([0, 1, -1]), np.array([0, 1, -1]), np.zeros(3, np.int32))
    expected = [[False, True, False], [True, False, False], [False, False, False]]
    np.testing.assert_array_equal(made.across(np.arange(3)), expected)


def test_texts_are_numbered_and_unknown_ones_are_unknown():
    np.testing.assert_array_equal(numbered(np.array(["b", None, "a", "z"], object), ("a", "b")), [1, -1, 0, -1])


@pytest.mark.parametrize(
    ("margin", "expected"), [(0.0, [0, 1, UNKNOWN, UNKNOWN]), (0.3, [0, UNKNOWN, UNKNOWN, UNKNOWN])]
)
def test_signs_of_positions(margin, expected):
    np.testing.assert_array_equal(signs(np.array([-0.5, 0.2, 0.0, np.nan]), margin), expected)


def test_the_position_of_an_item_is_its_users_mean():
    found = audience_position(graph([(0, 0), (1, 0), (2, 1), (0, 1)], 3, 3), np.array([-1.0, 0.5, np.nan]))
    np.testing.assert_allclose(found, [-0.25, -1.0, np.nan])


def test_the_side_of_an_item_is_the_over_represented_one():
    """Five of the left and one of the right: what both take in proportion is of no side, whoever is more."""
    side = np.array([0, 0, 0, 0, 0, 1], np.int32)
    everyone = [(user, 0) for user in range(6)]
    edges = [*everyone, *((user, 1) for user in range(5)), (0, 2), (5, 2), (5, 3)]
    np.testing.assert_array_equal(audience_side(graph(edges, 6, 5), side, 0.1), [UNKNOWN, 0, 1, 1, UNKNOWN])


def test_users_of_unknown_side_do_not_count_in_an_audience():
    side = np.array([0, 1, UNKNOWN], np.int32)
    edges = [(0, 0), (2, 0), (1, 1), (2, 2)]
    np.testing.assert_array_equal(audience_side(graph(edges, 3, 3), side), [0, 1, UNKNOWN])
