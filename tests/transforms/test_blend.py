"""Blends: links, weights, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from contracts.transform_contract import TransformContract, planted
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.transforms.blend import LINKS, Blend, Term, weighted

USERS = np.arange(6)


def two_parents():
    scene = planted()[0]
    other = np.random.default_rng(5).normal(size=(40, 120))
    return replace(scene, parents={"ours": scene.parent, "theirs": lambda users: other[users]}), other


class TestBlend(TransformContract):
    config = Blend.Config(parents={"ours": {}, "theirs": {"weight": 2, "link": "rank"}})

    def scene(self):
        return two_parents()[0]


def test_a_blend_of_one_member_equals_it():
    scene = two_parents()[0]
    np.testing.assert_array_equal(Blend(Blend.Config(parents={"ours": {}})).scores(scene)(USERS), scene.parent(USERS))


def test_a_model_plus_twice_the_log_of_another():
    scene, other = two_parents()
    made = Blend(Blend.Config(parents={"ours": {}, "theirs": {"weight": 2, "link": "log", "epsilon": 1e-3}}))
    expected = scene.parent(USERS) + 2 * np.log(np.maximum(other[USERS], 0) + 1e-3)
    np.testing.assert_allclose(made.scores(scene)(USERS), expected)


def test_strength_weighs_all_parents_but_the_first():
    scene, other = two_parents()
    made = Blend(Blend.Config(strength=0.25, parents={"ours": {"weight": 3}, "theirs": {"weight": 2}}))
    np.testing.assert_allclose(made.scores(scene)(USERS), 3 * scene.parent(USERS) + 0.5 * other[USERS], rtol=1e-5)


@given(st.integers(0, 10_000), st.sampled_from(sorted(LINKS)))
def test_links_keep_the_order_of_positive_scores(seed, name):
    scores = np.random.default_rng(seed).permutation(12)[None].astype(float) + 1
    found = weighted(scores, Term(link=name))
    np.testing.assert_array_equal(np.argsort(found), np.argsort(scores))


def test_ranks_and_z_scores_by_hand():
    scores = np.array([[3.0, 1.0, 1.0, 7.0]])
    np.testing.assert_allclose(weighted(scores, Term(link="rank")), [[0.75, 0.375, 0.375, 1.0]])
    np.testing.assert_allclose(weighted(scores, Term(link="zscore")), (scores - 3) / np.sqrt(6))
    np.testing.assert_array_equal(weighted(np.full((1, 3), 2.0), Term(link="zscore")), np.zeros((1, 3)))


@pytest.mark.parametrize("link", sorted(LINKS))
@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_what_a_parent_leaves_out_is_left_out_whatever_the_weight(link, weight):
    scores = np.array([[1.0, -np.inf, 3.0, np.nan]])
    found = weighted(scores, Term(link=link, weight=weight))
    np.testing.assert_array_equal(np.isfinite(found), [[True, False, True, False]])
    assert found[0, 1] == found[0, 3] == -np.inf


def test_a_blend_of_nothing_is_refused():
    with pytest.raises(ValidationError):
        Blend.Config(parents={})
