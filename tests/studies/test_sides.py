"""On which side users and items stand, from what a data set says of them."""

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.data.schema import Dataset, Relation, tag
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.models import graph_of
from hemicycle.studies.sides import attributes_of, category_counts, direction_label, label_values, side_column
from hemicycle.transforms.mmr import MMR

USERS = {"id": ["a", "b", "c", "d"], "party": ["x", "x", "y", None], "position": [-1.0, -0.5, 2.0, None]}
EDGES = {"user": [0, 1, 2, 3, 0, 2, 2], "item": [0, 0, 1, 1, 2, 2, 3]}


def dataset(items=None, item_roles=None, users=USERS, roles=None, *, social=False):
    roles = {"party": "group", "position": "label"} if roles is None else roles
    table = pa.table({name: pa.array(values, pa.int32()) for name, values in EDGES.items()})
    described = None if items is None else tag(pa.table(items), item_roles or {}, public=False)
    people = tag(pa.table(users), roles, public=False)
    return Dataset("x", people, described, {"likes": Relation(table, social=social)})


def attributes(data, **config):
    graph = graph_of(data, "likes")
    return attributes_of(data, graph, MMR.Config(**config))


ITEMS = {"id": ["p", "q", "r", "s"]}


def test_groups_are_sides_and_items_have_their_audiences():
    found = attributes(dataset(ITEMS))
    assert found.sides == found.categories == ("x", "y")
    np.testing.assert_array_equal(found.user_side, [0, 0, 1, -1])
    np.testing.assert_array_equal(found.item_side, [0, 1, -1 if found.item_side[2] < 0 else found.item_side[2], 1])
    np.testing.assert_array_equal(found.item_category, found.item_side)


def test_what_everyone_takes_is_of_no_side():
    assert attributes(dataset(ITEMS), margin=0.2).item_side[2] == -1
    assert attributes(dataset(ITEMS), margin=0.0).item_side[2] != -1


def test_signs_of_a_position_are_sides_and_items_have_their_users_mean():
    found = attributes(dataset(ITEMS), side="position")
    assert found.sides == ("below zero", "above zero")
    np.testing.assert_array_equal(found.user_side, [0, 0, 1, -1])
    np.testing.assert_array_equal(found.item_side, [0, 1, 1, 1])


def test_items_with_a_position_or_a_group_of_their_own_keep_it():
    placed = attributes(dataset({**ITEMS, "position": [1.0, -1.0, None, 3.0]}), side="position")
    np.testing.assert_array_equal(placed.item_side, [1, 0, -1, 1])
    grouped = attributes(dataset({**ITEMS, "outlet": ["y", "x", "y", None]}, {"outlet": "group"}))
    np.testing.assert_array_equal(grouped.item_side, [1, 0, 1, -1])
    np.testing.assert_array_equal(grouped.item_category, [1, 0, 1, -1])


def test_groups_of_items_that_are_no_sides_are_categories_only():
    found = attributes(dataset({**ITEMS, "topic": ["tax", "war", "tax", "art"]}, {"topic": "group"}))
    assert found.sides == ("x", "y")
    assert found.categories == ("art", "tax", "war")
    np.testing.assert_array_equal(found.item_category, [1, 2, 1, 0])
    assert found.item_side[0] == 0


def test_between_users_the_others_own_side_counts():
    data = dataset(social=True)
    for config, expected in (({}, [0, 0, 1, -1]), ({"side": "position"}, [0, 0, 1, -1])):
        np.testing.assert_array_equal(attributes(data, **config).item_side, expected)


def test_without_groups_and_labels_nothing_is_known():
    found = attributes(dataset(ITEMS, roles={}))
    assert found.sides == ()
    assert (found.user_side == -1).all()
    topics = attributes(dataset({**ITEMS, "topic": ["a", "b", "b", "b"]}, {"topic": "group"}, roles={}))
    assert topics.categories == ("a", "b")


def test_the_first_group_then_the_first_numeric_label():
    assert side_column(dataset(), "") == "party"
    assert side_column(dataset(roles={"position": "label"}), "") == "position"
    assert side_column(dataset(), "position") == "position"
    assert side_column(dataset(roles={}), "") == ""
    assert direction_label(dataset(), "") == "position"


def test_of_classes_the_two_most_frequent_are_set_against_each_other():
    users = {"id": list("abcdef"), "party": ["x", "y", "z", "y", "x", "y"]}
    data = dataset(users=users, roles={"party": "label"})
    np.testing.assert_array_equal(label_values(data, "party"), [1, -1, np.nan, -1, 1, -1])
    np.testing.assert_array_equal(label_values(dataset(), "position"), [-1, -0.5, 2, np.nan])


@pytest.mark.parametrize(
    ("items", "roles", "side", "expected"),
    [
        (ITEMS, {}, "", {"x": -1, "y": -1}),
        (ITEMS, {}, "position", {"below zero": -1, "above zero": -1}),
        ({**ITEMS, "topic": ["a", "b", "b", None]}, {"topic": "group"}, "", {"a": 1, "b": 2}),
    ],
)
def test_items_of_a_category_are_counted_where_that_is_known(items, roles, side, expected):
    assert category_counts(dataset(items, roles), side) == expected


def test_the_senate_has_clear_sides_and_a_consensus():
    from hemicycle.data.voteview import Voteview

    data = Voteview(Voteview.Config()).read()
    graph: InteractionGraph = graph_of(data, "votes")
    found = attributes_of(data, graph, MMR.Config())
    assert found.sides == ("Democrat", "Independent", "Republican")
    shares = np.bincount(found.item_side + 1, minlength=4) / graph.n_items
    assert (shares[[0, 1, 3]] > 0.2).all()
    assert shares[2] < 0.01
