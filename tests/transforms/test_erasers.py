"""Erasers: equal to the papers' dense formulas, and true to the theorems on the rows they were fitted on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.transforms.erasers import RIDGE, Eraser, EraserOptions, fit, label_columns

ERASING = ("leace", "mean", "inlp")


def planted(n=300, d=6, k=1, seed=0, classes=0):
    """Correlated vectors with a mean of their own, and labels that are partly linear in them."""
    source = np.random.default_rng(seed)
    x = source.normal(size=(n, d)) @ source.normal(size=(d, d)) + source.normal(size=d)
    z = x @ source.normal(size=(d, k)) + source.normal(size=(n, k))
    if not classes:
        return x, z
    cut = np.searchsorted(np.quantile(z[:, 0], np.arange(1, classes) / classes), z[:, 0])
    return x, label_columns([np.array([f"class {c}" for c in cut], object)])


def options(method, **values):
    return EraserOptions(method=method, **values)


def covariance(x, z):
    return (x - x.mean(0)).T @ (z - z.mean(0)) / len(x)


def unexplained(x, z):
    """Squared error of the best linear reader with a constant, as a share of the constant's alone."""
    centred = np.column_stack([np.ones(len(x)), x])
    residual = z - centred @ np.linalg.lstsq(centred, z, rcond=1e-9)[0]
    return np.square(residual).sum() / np.square(z - z.mean(0)).sum()


def root(matrix, power):
    """Symmetric power of a positive semidefinite matrix on its range."""
    values, axes = np.linalg.eigh(matrix)
    kept = values > 1e-12 * values.max()
    return (axes[:, kept] * values[kept] ** power) @ axes[:, kept].T


def leace_of_the_paper(x, z, t):
    """Belrose et al., theorem 4.3: r(x) = x - t W^+ P W (x - E x), all dense, one vector after the other."""
    mean, cross = x.mean(0), covariance(x, z)
    whitening, colouring = root(covariance(x, x), -0.5), root(covariance(x, x), 0.5)
    inside = whitening @ cross
    projection = inside @ np.linalg.pinv(inside, rcond=1e-9)
    return np.stack([row - t * colouring @ projection @ whitening @ (row - mean) for row in x])


def inlp_of_the_paper(x, z, rounds):
    """Ravfogel et al., algorithm 1: project the data itself, round by round, onto the nullspace of the next reader."""
    mean, left = x.mean(0), x - x.mean(0)
    penalty = RIDGE * np.trace(covariance(x, x)) / x.shape[1]
    for _ in range(rounds):
        w = np.linalg.solve(left.T @ left / len(x) + penalty * np.eye(x.shape[1]), left.T @ (z - z.mean(0)) / len(x))
        left -= left @ w @ np.linalg.pinv(w, rcond=1e-9)
    return mean + left


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("k", "classes"), [(1, 0), (3, 0), (1, 2), (1, 4)])
def test_leace_equals_the_dense_formula(k, classes, t):
    x, z = planted(k=k, classes=classes)
    found = fit(x, z, options("leace"))
    np.testing.assert_allclose(found.apply(x, t), leace_of_the_paper(x, z, t), atol=1e-8)
    assert found.rank == (classes - 1 if classes else k)


def test_leace_equals_the_dense_formula_where_vectors_fill_a_subspace_only():
    x, z = planted(d=4, k=2)
    x = np.column_stack([x, x @ np.ones(4), np.zeros(len(x))])
    found = fit(x, z, options("leace")).apply(x)
    np.testing.assert_allclose(found, leace_of_the_paper(x, z, 1.0), atol=1e-7)
    assert np.abs(covariance(found, z)).max() < 1e-8


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_inlp_equals_the_iteration_on_the_data(rounds):
    x, z = planted(d=7, k=1)
    found = fit(x, z, options("inlp", rounds=rounds))
    np.testing.assert_allclose(found.apply(x), inlp_of_the_paper(x, z, rounds), atol=1e-8)
    assert found.rank == rounds


def test_mean_projection_of_two_classes_is_along_the_difference_of_their_means():
    x, z = planted(classes=2)
    difference = x[z[:, 0] > 0].mean(0) - x[z[:, 1] > 0].mean(0)
    unit = difference / np.linalg.norm(difference)
    expected = x - np.outer((x - x.mean(0)) @ unit, unit)
    np.testing.assert_allclose(fit(x, z, options("mean")).apply(x), expected, atol=1e-10)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(0, 4))
def test_after_leace_nothing_linear_is_left_on_the_rows_it_was_fitted_on(seed, k, classes):
    x, z = planted(n=80, d=5, k=k, seed=seed, classes=classes if classes > 1 else 0)
    after = fit(x, z, options("leace")).apply(x)
    assert np.abs(covariance(after, z)).max() <= 1e-8
    assert unexplained(after, z) == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(after.mean(0), x.mean(0), atol=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_leace_changes_vectors_least_among_the_maps_that_leave_no_covariance(seed, k):
    x, z = planted(n=60, d=5, k=k, seed=seed)
    change = {name: np.square(fit(x, z, options(name)).apply(x) - x).sum() for name in ("leace", "mean")}
    assert change["leace"] <= change["mean"] * (1 + 1e-9)


def test_the_mean_projection_leaves_no_covariance_either_and_a_random_direction_does():
    x, z = planted(k=2)
    left = {n: np.abs(covariance(fit(x, z, options(n, rank=2)).apply(x), z)).max() for n in ("mean", "random")}
    assert left["mean"] < 1e-8
    assert left["random"] > 0.1


@pytest.mark.parametrize("method", [*ERASING, "random"])
def test_strength_goes_from_nothing_to_all_and_twice_is_once(method):
    x, z = planted()
    found = fit(x, z, options(method, rank=2, rounds=2))
    once = found.apply(x)
    np.testing.assert_array_equal(found.apply(x, 0), x)
    np.testing.assert_allclose(found.apply(x, 0.3), 0.7 * x + 0.3 * once, atol=1e-9)
    np.testing.assert_allclose(found.apply(once), once, atol=1e-8)
    np.testing.assert_allclose(found.right @ found.left, np.eye(found.rank), atol=1e-8)


@pytest.mark.parametrize("method", ERASING)
def test_labels_need_no_scale_and_collinear_ones_are_one(method):
    x, z = planted(k=1)
    alone, several = (
        fit(x, label_columns(labels), options(method, rounds=3)).apply(x)
        for labels in ([z[:, 0]], [1000 * z[:, 0] + 5, -z[:, 0]])
    )
    np.testing.assert_allclose(alone, several, atol=1e-5)


def test_inlp_stops_when_all_is_taken_away():
    x, z = planted(d=3, k=2)
    assert fit(x, z, options("inlp", rounds=20)).rank == 3


def test_random_directions_are_keyed_and_orthonormal():
    x, z = planted()
    first, again, other = (fit(x, z, options("random", rank=3, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.left, again.left)
    assert np.abs(first.left - other.left).max() > 0.01
    np.testing.assert_allclose(first.left.T @ first.left, np.eye(3), atol=1e-12)


def test_rows_without_a_label_are_left_out():
    x, z = planted(k=2)
    z[:40, 0], z[30:60, 1] = np.nan, np.nan
    found, expected = (fit(*pair, options("leace")) for pair in ((x, z), (x[60:], z[60:])))
    np.testing.assert_array_equal(found.left, expected.left)


def test_single_precision_comes_back_as_it_was_and_it_can_be_stored(tmp_path):
    x, z = planted()
    found = fit(x.astype(np.float32), z, options("leace"))
    found.write(Folder.at(tmp_path / "eraser"))
    read = Eraser.read(Folder.at(tmp_path / "eraser"))
    after = read.apply(x.astype(np.float32))
    assert after.dtype == np.float32
    np.testing.assert_array_equal(after, found.apply(x.astype(np.float32)))


def test_columns_of_labels():
    found = label_columns(
        [np.array([1.0, 3.0, np.nan]), np.array(["b", None, "a"], object), np.array([True, False, True])]
    )
    np.testing.assert_array_equal(found[:, 1:3], [[0, 1], [np.nan, np.nan], [1, 0]])
    np.testing.assert_array_equal(found[:, 0], [1, 3, np.nan])
    np.testing.assert_array_equal(found[:, 3:], [[0, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, z: (x, z * 0), "does not differ"),
        (lambda x, z: (x, z * np.nan), "does not differ between the 0 rows"),
        (lambda x, z: (x * np.nan, z), "hold NaN or infinity"),
    ],
)
def test_what_cannot_be_erased_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        fit(*change(*planted()), options("leace"))


def test_too_many_random_directions_and_other_vectors_are_refused():
    x, z = planted(d=3)
    with pytest.raises(InputError, match="4 random directions of vectors of length 3"):
        fit(x, z, options("random", rank=4))
    with pytest.raises(InputError, match="eraser of vectors of length 3"):
        fit(x, z, options("mean")).apply(np.zeros((2, 5)))
