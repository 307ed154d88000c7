"""Parts of a score add up to it, along any axes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.explanation.axes import AxisPlan, attitude_axis, chance, control_axes
from hemicycle.explanation.shares import REMAINDER, Axis, Vectors, in_order, take_apart
from hemicycle.recommenders.scoring import DotScores


def dot_scores(n=30, m=40, d=6, seed=0, bias=True):
    draws = rng("explanation test", seed)
    users, items = (torch.from_numpy(draws.normal(size=(rows, d)).astype(np.float32)) for rows in (n, m))
    return DotScores(users, items, torch.from_numpy(draws.normal(size=m).astype(np.float32)) if bias else None)


def some_lists(n=30, m=40, k=5):
    lists = rng("lists").permuted(np.tile(np.arange(m), (n, 1)), axis=1)[:, :k].astype(np.int32)
    lists[0, 3:] = -1
    return np.arange(n), lists


@given(st.integers(0, 1000), st.integers(1, 4), st.booleans())
def test_parts_over_several_axes_the_remainder_and_the_bias_add_up_to_the_score(seed, count, bias):
    scores, (users, lists) = dot_scores(seed=seed, bias=bias), some_lists()
    directions = rng("directions", seed).normal(size=(count, 6))
    axes = in_order([Axis.along(f"a{number}", w) for number, w in enumerate(directions)])
    found = take_apart(Vectors.of(scores), axes, users, lists)
    whole = np.take_along_axis(scores(users).astype(np.float64), np.maximum(lists, 0), 1)
    np.testing.assert_allclose(found.score[lists >= 0], whole[lists >= 0], rtol=1e-5, atol=1e-5)  # theirs is single
    exact = np.einsum("nd,nkd->nk", scores.users.double().numpy(), scores.items.double().numpy()[lists])
    np.testing.assert_allclose(found.product[lists >= 0], exact[lists >= 0], rtol=1e-6, atol=1e-12)
    shares = sum(found.share(name) for name in found.parts)
    np.testing.assert_allclose(shares[lists >= 0], 1, rtol=1e-6)
    assert np.isnan(found.score[lists < 0]).all()


def test_a_part_is_that_of_the_projection_written_out_also_of_an_oblique_one():
    scores, (users, lists) = dot_scores(), some_lists()
    vectors = Vectors.of(scores)
    draws = rng("oblique")
    left, right = draws.normal(size=(2, 6, 2))
    p = left @ np.linalg.inv(right.T @ left) @ right.T
    axis = Axis.projecting("oblique", p)
    assert axis.rank == 2
    np.testing.assert_allclose(axis.left @ axis.right.T, p, atol=1e-10)
    written = np.einsum("nd,de,nke->nk", vectors.users, p, vectors.items[lists])
    np.testing.assert_allclose(vectors.along(axis, users, lists)[1:], written[1:], rtol=1e-9)


def test_removing_an_axis_takes_its_part_off_every_score():
    scores, (users, lists) = dot_scores(), some_lists()
    axis = Axis.along("a", np.arange(1.0, 7.0))
    fall = scores(users) - axis.removed(scores)(users)
    part = Vectors.of(scores).along(axis, users, lists)
    np.testing.assert_allclose(np.take_along_axis(fall, lists, 1)[1:], part[1:], atol=1e-4)
    assert axis.removed(scores).items.dtype == torch.float32


def test_axes_in_order_share_nothing_and_one_that_adds_nothing_is_left_out():
    first, second = np.eye(4)[0], np.array([1.0, 1.0, 0, 0])
    axes = in_order([Axis.along("a", first), Axis.along("b", second), Axis.along("c", np.array([2.0, 3.0, 0, 0]))])
    assert [axis.name for axis in axes] == ["a", "b"]
    np.testing.assert_allclose(np.abs(axes[1].left[:, 0]), np.eye(4)[1], atol=1e-12)


def test_leads_are_scores_above_the_users_mean():
    scores, (users, lists) = dot_scores(), some_lists()
    found = take_apart(Vectors.of(scores).centred(), [], users, lists)
    own = scores(users)
    lead = np.take_along_axis(own - own.mean(1, keepdims=True), lists, 1)
    np.testing.assert_allclose(found.score[1:], lead[1:], atol=1e-5)


def test_what_is_no_axis_is_refused():
    with pytest.raises(InputError, match="zero or not finite"):
        Axis.along("a", np.zeros(3))
    with pytest.raises(InputError, match="each other's span"):
        Axis.along("a", np.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(InputError, match="no projection"):
        Axis.projecting("a", 2 * np.eye(3))
    oblique = Axis.projecting("o", np.array([[1.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(InputError, match="the axis o is oblique"):
        in_order([oblique])
    vectors, (users, lists) = Vectors.of(dot_scores()), some_lists()
    axis = Axis.along("a", np.ones(6))
    with pytest.raises(InputError, match="different names"):
        take_apart(vectors, [axis, axis], users, lists)
    with pytest.raises(InputError, match="none 'remainder'"):
        take_apart(vectors, [Axis.along(REMAINDER, np.ones(6))], users, lists)
    with pytest.raises(InputError, match="3 dimensions, vectors 6"):
        take_apart(vectors, [Axis.along("a", np.ones(3))], users, lists)


# -- axes and their controls ------------------------------------------------------------------------------------------


def test_a_planted_axis_is_found_and_its_share_is_far_above_the_controls():
    draws = rng("planted")
    side = np.repeat([-1.0, 1.0], 100)
    users = draws.normal(size=(200, 16)) * 0.3
    users[:, 0] += side
    items = draws.normal(size=(60, 16)) * 0.3
    items[:, 0] += np.tile([-1.0, 1.0], 30)
    vectors = Vectors(users, items, np.zeros(60))
    lists = np.argsort(-(users @ items.T), 1)[:, :5]
    axis = attitude_axis("side", users, side, AxisPlan())
    assert abs(axis.left[0, 0]) > 0.99
    everyone = np.arange(200)

    def share(one):
        return vectors.along(one, everyone, lists).sum() / vectors.products(everyone, lists).sum()

    controls = control_axes("side", users, side, AxisPlan(draws=30))
    by_chance = {name: chance([np.array(share(one)) for one in drawn]) for name, drawn in controls.items()}
    assert share(axis) > 0.6
    assert by_chance["random"][0] == pytest.approx(1 / 16, abs=0.05)  # of d directions each has a d-th on average
    for mean, low, high in by_chance.values():
        assert low <= mean <= high < share(axis)


def test_controls_are_keyed_and_leave_unknown_labels_unknown():
    users, values = rng("users").normal(size=(30, 4)), np.where(np.arange(30) < 10, np.nan, np.arange(30.0))
    one, two = (control_axes("a", users, values, AxisPlan(draws=3)) for _ in range(2))
    for name in one:
        for a, b in zip(one[name], two[name], strict=True):
            np.testing.assert_array_equal(a.left, b.left)
    assert not np.allclose(one["permuted"][0].left, one["permuted"][1].left)
    assert np.isnan(chance([])[0])
