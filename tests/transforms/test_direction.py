"""Limiting a direction: nothing of it is left at full strength, and no linear probe reads its label then."""

from dataclasses import replace

import numpy as np
import pytest
from contracts.transform_contract import TransformContract, planted

from hemicycle.core.errors import InputError
from hemicycle.transforms.direction import Direction, learn


class TestDirection(TransformContract):
    config = Direction.Config(strength=0.7)


def altered(t):
    scene = planted()[0]
    return scene, Direction(Direction.Config(strength=t)).embed(scene)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_the_component_shrinks_and_the_rest_stays(t):
    scene, found = altered(t)
    w, parent = scene.direction, scene.parent
    for before, after in ((parent.users.numpy(), found.users), (parent.items.numpy(), found.items)):
        np.testing.assert_allclose(after @ w, (1 - t) * (before @ w), atol=1e-6)
        np.testing.assert_allclose(after - np.outer(after @ w, w), before - np.outer(before @ w, w), atol=1e-5)


def test_scores_are_products_of_the_altered_vectors():
    scene, found = altered(0.4)
    scores = Direction(Direction.Config(strength=0.4)).scores(scene)(np.arange(5))
    np.testing.assert_allclose(scores, found.users[:5] @ found.items.T, atol=1e-5)


def test_the_direction_of_two_classes_is_the_difference_of_their_means():
    source = np.random.default_rng(0)
    x, y = source.normal(size=(50, 3)), source.integers(0, 2, 50) * 2.0 - 1
    difference = x[y > 0].mean(0) - x[y < 0].mean(0)
    np.testing.assert_allclose(learn(x, y), difference / np.linalg.norm(difference))


def test_no_linear_information_is_left_where_the_covariance_is_taken_away():
    source = np.random.default_rng(1)
    x = source.normal(size=(200, 6)) @ source.normal(size=(6, 6))
    y = x @ source.normal(size=6) + source.normal(size=200)
    w = learn(x, y)
    after = x - np.outer(x @ w, w)
    centred = np.column_stack([after - after.mean(0)])
    fitted = centred @ np.linalg.lstsq(centred, y - y.mean(), rcond=1e-8)[0]
    assert np.square(fitted).sum() < 1e-12 * np.square(y - y.mean()).sum()


def test_ridge_finds_the_true_direction_among_correlated_columns():
    source = np.random.default_rng(2)
    x = source.normal(size=(4000, 4)) @ np.array([[1, 0.9, 0, 0], [0, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    true = np.array([0.0, 1.0, 0.0, 0.0])
    found = {how: learn(x, x @ true, how) for how in ("ridge", "covariance")}
    assert found["ridge"] @ true > 0.99 > found["covariance"] @ true


def test_missing_labels_are_left_out():
    source = np.random.default_rng(3)
    x, y = source.normal(size=(30, 3)), source.normal(size=30)
    y[:5] = np.nan
    np.testing.assert_array_equal(learn(x, y), learn(x[5:], y[5:]))


@pytest.mark.parametrize("y", [[np.nan, np.nan, 1.0], [2.0, 2.0, 2.0]])
def test_a_label_that_does_not_differ_is_refused(y):
    with pytest.raises(InputError, match="does not differ"):
        learn(np.eye(3), np.array(y))


def test_a_parent_without_vectors_and_a_missing_direction_are_refused():
    scene = planted()[0]
    plain = replace(scene, parents={"parent": lambda users: np.zeros((len(users), 120))})
    with pytest.raises(InputError, match="scores without vectors"):
        Direction(Direction.Config()).scores(plain)
    with pytest.raises(InputError, match="no direction was learnt"):
        Direction(Direction.Config()).scores(replace(scene, direction=None))
