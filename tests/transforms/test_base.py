"""What re-rankers share: candidates, greedy picks, scores that reproduce lists."""

import numpy as np
import pytest
from contracts.transform_contract import planted
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.evaluation.topk import NONE, top_k
from hemicycle.transforms.base import Candidates, listed_first, pick
from hemicycle.transforms.mmr import MMR


def test_candidates_are_the_parents_best_with_relevance_from_1_to_0():
    scene, users = planted()[0], np.array([4, 9])
    found = Candidates.of(scene, users, 10)
    np.testing.assert_array_equal(found.items, top_k(scene.parent, scene.mask, users, 10))
    assert (found.relevance[:, 0] == 1).all()
    assert (found.relevance[:, -1] == 0).all()
    assert (np.diff(found.relevance, axis=1) <= 0).all()


def test_relevance_of_equal_scores_is_1():
    scene = planted()[0]
    scene = type(scene)(
        {"parent": lambda users: np.zeros((len(users), scene.train.n_items))}, scene.train, scene.mask, scene.attributes
    )
    assert (Candidates.of(scene, np.array([0]), 5).relevance == 1).all()


def test_the_best_free_column_is_taken_and_of_equal_ones_the_first():
    free = np.array([[True, True, False], [True, True, True]])
    np.testing.assert_array_equal(pick(np.array([[1.0, 1.0, 9.0], [0.0, 3.0, 3.0]]), free), [0, 1])
    np.testing.assert_array_equal(free, [[False, True, False], [True, False, True]])


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_scores_put_the_list_first_and_keep_the_order_of_the_rest(seed, k):
    source = np.random.default_rng(seed)
    own = source.permutation(9)[None].astype(float) * 3 - 7
    own[0, source.integers(9)] = -np.inf
    listed = source.permutation(9)[None, :k].astype(np.int32)
    listed[0, -1] = NONE if source.random() < 0.3 else listed[0, -1]
    out = listed_first(own, listed)
    known = [item for item in listed[0] if item != NONE]
    rest = [item for item in (-own[0]).argsort() if item not in known and np.isfinite(own[0, item])]
    order = [item for item in (-out[0]).argsort(kind="stable") if np.isfinite(out[0, item])]
    assert order == known + rest


def test_the_parent_is_asked_once_for_the_same_users():
    scene, asked = planted()[0], []
    scores = scene.parent

    def counted(users):
        asked.append(len(users))
        return scores(users)

    object.__setattr__(scene, "parents", {"parent": counted})
    MMR(MMR.Config()).scores(scene)(np.arange(12))
    assert asked == [12]


def test_fewer_candidates_than_places_are_a_problem():
    assert MMR.problems(MMR.Config(candidates=20), 20) == []
    assert MMR.problems(MMR.Config(candidates=19), 20) == ["19 candidates are fewer than the 20 items of a list"]


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_strengths_are_shares(strength):
    with pytest.raises(ValueError, match="strength"):
        MMR.Config(strength=strength)
