"""Moments by fold and cell against the literal sums over rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.probes.base import Task
from hemicycle.probes.moments import Cells, Labels, Predictors
from hemicycle.probes.ridge import centre


def task(n, groups, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((n, 3)) * 7 + 100).astype(dtype)
    folds = rng.permutation(n) % 4
    return Task((x,), rng.standard_normal((n, 2)) + 1000, folds, rng.integers(0, groups, n))


@given(st.integers(8, 60), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_products_are_those_of_centred_labels(n, groups, seed):
    given_ = task(n, groups, seed)
    predictors = Predictors(given_)
    found = Labels(given_.labels, predictors).products((1, 2))
    residual = given_.labels - centre(given_, (1, 2))
    for k in range(4):
        rows = predictors.cells.rows(k)
        np.testing.assert_allclose(found.cross[k], predictors.x[k].T @ residual[rows], atol=1e-7)
        np.testing.assert_allclose(found.sums[k], residual[rows].sum(0), atol=1e-8)
        np.testing.assert_allclose(found.squares[k], (residual[rows] ** 2).sum(0), atol=1e-7)


@given(st.integers(5, 40), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_cells_cut_rows_by_fold_and_group(n, groups, seed):
    rng = np.random.default_rng(seed)
    folds, group, values = np.arange(n) % 5, rng.integers(0, groups, n), rng.standard_normal((n, 2))
    cells = Cells(folds, group)
    sums = cells.sums(values)
    for at, (k, g) in enumerate(zip(cells.fold, cells.group, strict=True)):
        np.testing.assert_allclose(sums[at], values[(folds == k) & (group == g)].sum(0), atol=1e-12)
    assert sorted(np.concatenate([cells.rows(k) for k in range(5)])) == list(range(n))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bases_whiten_the_training_set(dtype):
    given_ = task(50, 1, 0, dtype)
    predictors = Predictors(given_)
    means, to_basis, values = predictors.basis((0,), 0)
    train = np.concatenate(predictors.x[1:])
    p = (train - means) @ to_basis
    np.testing.assert_allclose(p.T @ p, np.diag(values), atol=1e-8)
    np.testing.assert_allclose(values.sum(), 3 * len(train))
    held = (predictors.x[0] - means) @ to_basis
    np.testing.assert_allclose(predictors.gram(0, means, to_basis), held.T @ held, atol=1e-8)


def test_labels_far_from_zero_keep_their_digits():
    given_ = task(40, 3, 1)
    far = Labels(given_.labels + 1e9, Predictors(given_)).products((0,))
    near = Labels(given_.labels, Predictors(given_)).products((0,))
    np.testing.assert_allclose(far.squares, near.squares, rtol=1e-5)
