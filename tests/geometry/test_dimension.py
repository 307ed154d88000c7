"""Known dimensions are found, with intervals that cover them."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.geometry import dimension
from hemicycle.geometry.dimension import participation_ratio, two_nn


def flat(n, d, ambient=20, seed=0):
    """A d-dimensional ball's worth of normal numbers in a larger space."""
    source = np.random.default_rng(seed)
    return source.standard_normal((n, d)) @ np.linalg.qr(source.standard_normal((ambient, d)))[0].T


@pytest.mark.parametrize("d", [1, 2, 5])
def test_both_find_the_dimension_of_a_flat_piece(d):
    x = flat(2000, d)
    assert participation_ratio(x).value == pytest.approx(d, rel=0.03)
    assert two_nn(x).value == pytest.approx(d, rel=0.07)


def test_a_curve_has_one_dimension_though_its_covariance_has_two():
    t = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    circle = np.column_stack([np.cos(t), np.sin(t)])
    assert two_nn(circle).value == pytest.approx(1, rel=0.07)
    assert participation_ratio(circle).value == pytest.approx(2, rel=0.02)


def test_the_ratio_is_that_of_known_eigenvalues_also_of_few_users():
    scales = np.array([4.0, 2.0, 1.0, 1.0])
    wanted = (scales**2).sum() ** 2 / (scales**4).sum()
    few = [participation_ratio(np.random.default_rng(s).standard_normal((200, 4)) * scales).value for s in range(60)]
    assert np.mean(few) == pytest.approx(wanted, rel=0.03)
    wide = [participation_ratio(np.random.default_rng(s).standard_normal((50, 64))).value for s in range(20)]
    assert np.mean(wide) == pytest.approx(64, rel=0.05)


def stretched(source):
    return source.standard_normal((200, 3)) * np.sqrt([3, 3, 1])


def sphere(source):
    x = source.standard_normal((400, 3))
    return x / np.linalg.norm(x, axis=1)[:, None]


@pytest.mark.parametrize(
    ("estimate", "draw", "truth"), [(participation_ratio, stretched, 49 / 19), (two_nn, sphere, 2)]
)
def test_intervals_cover(estimate, draw, truth):
    found = [estimate(draw(np.random.default_rng(seed))) for seed in range(200)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.88 <= covered <= 0.985


def test_neighbours_in_blocks_are_those_of_all_distances(monkeypatch):
    x = flat(100, 3)
    whole = two_nn(x)
    monkeypatch.setattr(dimension, "_BLOCK", 7)
    assert two_nn(x) == whole
    distances = np.sort(np.linalg.norm(x[:, None] - x, axis=-1), axis=1)[:, 1:3]
    np.testing.assert_allclose(dimension._nearest(x)[0], distances, rtol=1e-6)


def test_users_with_the_same_vector_count_once():
    x = flat(300, 2)
    assert two_nn(np.concatenate([x, x[:50]])).value == pytest.approx(two_nn(x).value)


def test_vectors_that_do_not_vary_have_no_dimension():
    for estimate in (participation_ratio, two_nn):
        assert np.isnan(estimate(np.ones((50, 3))).value)


@pytest.mark.parametrize("estimate", [participation_ratio, two_nn])
def test_bad_vectors(estimate):
    with pytest.raises(InputError, match="5 users are too few"):
        estimate(np.ones((5, 3)))
    with pytest.raises(InputError, match="NaN"):
        estimate(np.full((50, 3), np.nan))
