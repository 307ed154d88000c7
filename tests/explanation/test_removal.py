"""Lists without an axis: what the shares predict is what happens."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.seeding import rng
from hemicycle.evaluation.topk import top_k
from hemicycle.explanation.removal import Removal, crossing, flows, parts_of_moves, remove
from hemicycle.explanation.shares import Axis, Vectors
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import DotScores


def dot_scores(n, m, seed=0):
    draws = rng("removal test", seed)
    return DotScores(*(torch.from_numpy(draws.normal(size=(rows, 6)).astype(np.float32)) for rows in (n, m)))


def removed(seed, axis=None, k=5):
    scores = dot_scores(n=40, m=50, seed=seed)
    draws = rng("taken", seed)
    taken = InteractionGraph.from_edges(draws.integers(0, 40, 120), draws.integers(0, 50, 120), 40, 50)
    axis = axis or Axis.along("a", rng("axis", seed).normal(size=6))
    users = np.arange(40)
    before = top_k(scores, taken, users, k)
    return scores, axis, remove(scores, axis, taken, users, before)


@given(st.integers(0, 500))
def test_what_leaves_owes_more_to_the_axis_than_what_comes_in(seed):
    scores, axis, removal = removed(seed)
    gone, come = parts_of_moves(removal, Vectors.of(scores), axis)
    moved = removal.leaving.any(1)
    assert moved.any()
    assert np.isfinite(gone).sum() == np.isfinite(come).sum()
    least, most = np.where(np.isnan(gone), np.inf, gone).min(1), np.where(np.isnan(come), -np.inf, come).max(1)
    assert (least[moved] >= most[moved] - 1e-5).all()


def test_items_with_a_positive_part_fall_and_others_rise_against_the_rest():
    scores, axis, _ = removed(3)
    users, items = np.arange(40), np.tile(np.arange(50, dtype=np.int32), (40, 1))
    part = Vectors.of(scores).along(axis, users, items)
    change = axis.removed(scores)(users) - scores(users)
    assert (change[part > 1e-4] < 0).all()
    assert (change[part < -1e-4] > 0).all()
    ranks = [np.argsort(np.argsort(-of(users), 1), 1) for of in (scores, axis.removed(scores))]
    rank_change = (ranks[1] - ranks[0]).ravel()
    assert np.corrcoef(rank_change, part.ravel())[0, 1] > 0.5
    assert rank_change[part.ravel() > np.quantile(part, 0.9)].mean() > 0


def test_an_axis_along_which_nothing_lies_changes_nothing():
    scores = dot_scores(n=40, m=50)
    scores.users[:, 2] = 0
    scores.items[:, 2] = 0
    taken = InteractionGraph.from_edges(np.array([0]), np.array([0]), 40, 50)
    users = np.arange(40)
    removal = remove(scores, Axis.along("a", np.eye(6)[2]), taken, users, top_k(scores, taken, users, 5))
    assert not removal.changed.any()
    assert not removal.replaced.any()


def written():
    """Two users, sides 0 and 1; items 0 to 2 are of side 0, 3 and 4 of side 1, 5 of none."""
    before = np.array([[0, 1, 2], [3, 0, -1]], np.int32)
    after = np.array([[0, 3, 5], [3, 4, -1]], np.int32)
    return Removal(np.array([0, 1]), before, after), np.array([0, 1]), np.array([0, 0, 0, 1, 1, -1])


def test_moves_and_flows_by_hand():
    removal, user_side, item_side = written()
    assert removal.leaving.tolist() == [[False, True, True], [False, True, False]]
    assert removal.entering.tolist() == [[False, True, True], [False, True, False]]
    assert removal.changed.tolist() == [1, 1]
    assert removal.replaced.tolist() == pytest.approx([2 / 3, 1 / 2])
    found = flows(removal, item_side, 2)
    third = 1 / 3
    np.testing.assert_allclose(found[0], [[third, third, third], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(found[1], [[0, 0.5, 0], [0, 0.5, 0], [0, 0, 0]])
    before, after = crossing(removal, user_side, item_side)
    np.testing.assert_allclose(before, [0, 0.5])
    np.testing.assert_allclose(after, [0.5, 0])


def test_flows_add_up_to_whole_lists():
    _, _, removal = removed(5)
    sides = rng("sides").integers(-1, 2, 50)
    found = flows(removal, sides, 2)
    np.testing.assert_allclose(found.sum((1, 2)), 1)
    for lists, axis in ((removal.before, 2), (removal.after, 1)):
        share = np.stack([(sides[lists] == side).mean(1) for side in (0, 1, -1)], 1)
        np.testing.assert_allclose(found.sum(axis), share)
