"""Distances become a map, always the same one, and the map says how well it fits."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import smacof

from hemicycle.core.errors import InputError
from hemicycle.geometry.model_map import angles, model_map


def distances(n, d, seed=0):
    return squareform(pdist(np.random.default_rng(seed).standard_normal((n, d))))


def test_a_plane_is_recovered():
    wanted = distances(25, 2)
    placed = model_map(wanted)
    assert placed.stress < 1e-6
    np.testing.assert_allclose(squareform(pdist(placed.points)), wanted, atol=1e-6)
    np.testing.assert_allclose(placed.points.mean(axis=0), 0, atol=1e-9)


def test_the_stress_is_no_worse_than_that_of_the_reference_from_many_starts():
    wanted = distances(30, 5)
    placed = model_map(wanted)
    peer, _ = smacof(wanted, n_init=4, random_state=0, metric=True, normalized_stress=False, eps=1e-6)
    assert placed.stress <= 1.02 * np.sqrt(
        ((pdist(peer) - pdist_of(wanted)) ** 2).sum() / (pdist_of(wanted) ** 2).sum()
    )
    shown = pdist(placed.points)
    assert placed.stress == pytest.approx(
        np.sqrt(((shown - pdist_of(wanted)) ** 2).sum() / (pdist_of(wanted) ** 2).sum())
    )


def pdist_of(square):
    return squareform(square, checks=False)


def test_the_order_of_models_does_not_matter():
    wanted, order = distances(12, 4), np.random.default_rng(1).permutation(12)
    one, two = model_map(wanted), model_map(wanted[np.ix_(order, order)])
    np.testing.assert_allclose(one.points[order], two.points, atol=1e-5)


def test_models_that_are_all_the_same_lie_on_one_point():
    placed = model_map(np.zeros((4, 4)))
    assert placed.stress == 0
    assert not placed.points.any()


def test_two_models_lie_on_a_line():
    placed = model_map(np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert np.abs(placed.points[:, 0]).tolist() == pytest.approx([1, 1])
    np.testing.assert_allclose(placed.points[:, 1], 0, atol=1e-9)


def test_angles_of_similarities():
    found = angles(np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert found[0, 1] == pytest.approx(np.pi / 3)
    assert angles(np.array([[1.0, -0.2], [-0.2, 1.0]]))[0, 1] == pytest.approx(np.pi / 2)


def test_unknown_distances_are_refused():
    with pytest.raises(InputError, match="2 distances unknown"):
        model_map(np.array([[0, np.nan], [np.nan, 0]]))
