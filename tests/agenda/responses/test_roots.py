import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.agenda.responses.roots import companion, largest_roots, shrunk, surely_stable
from hemicycle.core.seeding import rng


def test_companion_carries_the_lags():
    coefficients = rng("companion").normal(size=(3, 2, 2))
    past = rng("past").normal(size=(3, 2))
    wanted = sum(coefficients[lag] @ past[lag] for lag in range(3))
    np.testing.assert_allclose((companion(coefficients) @ past.ravel())[:2], wanted)
    np.testing.assert_allclose((companion(coefficients) @ past.ravel())[2:], past[:2].ravel())


def test_explosive_replications_come_back_and_others_stay():
    coefficients = rng("explosive").normal(size=(20, 2, 3, 3)) * np.linspace(0.02, 1, 20)[:, None, None, None]
    roots = largest_roots(coefficients)
    changed, explosive = shrunk(coefficients)
    np.testing.assert_array_equal(explosive, roots >= 1)
    assert 0 < explosive.sum() < 20
    np.testing.assert_allclose(largest_roots(changed)[explosive], 0.99, atol=1e-9)
    np.testing.assert_array_equal(changed[~explosive], coefficients[~explosive])


@given(st.integers(0, 1000), st.floats(0.5, 1.5))
def test_surely_stable_is_sure(seed, root):
    matrix = rng("stable", seed).normal(size=(1, 4, 4))
    matrix *= root / np.abs(np.linalg.eigvals(matrix)).max()
    assert surely_stable(matrix)[0] == (root < 1) or 0.9 < root < 1
