import dataclasses

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.evaluation.ranking import top_k
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.recommenders.group_majority import GroupMajority, GroupMajorityConfig, group_shares, groups_of


@pytest.fixture
def graph():
    """Two groups of four: the first takes even items, the second odd ones; the last two items are new."""
    users, items = np.nonzero((np.arange(8)[:, None] // 4) == (np.arange(10) % 2))
    old = items < 8
    members = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    content = np.eye(2, dtype=np.float32)[np.arange(10) % 2]
    found = InteractionGraph.from_edges(users[old], items[old], 8, 10)
    return dataclasses.replace(found, features=Features(members, content))


def test_a_new_item_goes_to_the_group_that_took_similar_ones(graph):
    model = GroupMajority(GroupMajorityConfig(k=3))
    scores = model.scores(model.fit(graph, None), graph)
    assert top_k(scores, graph, np.arange(8), 1)[:, 0].tolist() == [8] * 4 + [9] * 4
    np.testing.assert_allclose(scores(np.array([0, 7]))[:, 8:], [[1, 0], [0, 1]], atol=1e-6)


def test_shares_are_of_the_members_with_edges(graph):
    fewer = graph.select(graph.rows() != 0)
    np.testing.assert_allclose(group_shares(fewer, groups_of(fewer, "test")).max(1), [1, 1])


@pytest.mark.parametrize(("users", "items", "key"), [(False, True, "users"), (True, False, "items")])
def test_both_kinds_of_features_are_needed(graph, users, items, key):
    known = graph.features
    bare = Features(known.users if users else None, known.items if items else None)
    with pytest.raises(InputError, match=rf"features\.{key}: group_majority"):
        GroupMajority(GroupMajorityConfig()).fit(dataclasses.replace(graph, features=bare), None)
