import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.api import VAR

from hemicycle.agenda.responses.decomposition import decomposition
from hemicycle.agenda.responses.impulse import (
    convolved,
    held_shocks,
    impact,
    moving_average,
    per_unit,
    permanent,
    responses_to_deviation,
)
from hemicycle.core.seeding import rng


def model(groups=3, lags=2, seed=0):
    random = rng("impulse", seed)
    factor = random.normal(size=(groups, groups))
    coefficients = random.normal(size=(lags, groups, groups)) * 0.2
    return coefficients, factor @ factor.T + np.eye(groups)


def literal_path(coefficients, shocks):
    """What a sequence of shocks, shape (days, groups), does to the groups from rest."""
    path = np.zeros_like(shocks)
    for day in range(len(shocks)):
        path[day] = shocks[day]
        for lag in range(min(len(coefficients), day)):
            path[day] += coefficients[lag] @ path[day - 1 - lag]
    return path


def test_moving_average_is_the_path_after_one_shock():
    coefficients, _ = model()
    found = moving_average(coefficients, 8)
    for group in range(3):
        shocks = np.zeros((9, 3))
        shocks[0, group] = 1
        np.testing.assert_allclose(found[:, :, group], literal_path(coefficients, shocks))


def test_day_zero_of_orthogonalised_responses():
    _, covariance = model()
    found = impact(covariance, "orthogonalised")
    np.testing.assert_allclose(found @ found.T, covariance)
    assert not np.triu(found, 1).any()


def test_the_order_decides_who_acts_within_the_day():
    _, covariance = model()
    found = impact(covariance, "orthogonalised", [2, 0, 1])
    np.testing.assert_allclose(found @ found.T, covariance)
    assert found[2, 0] == found[2, 1] == found[0, 1] == 0


def test_day_zero_of_generalised_responses():
    _, covariance = model()
    found = impact(covariance, "generalised")
    np.testing.assert_allclose(np.diag(found), np.sqrt(np.diag(covariance)))
    np.testing.assert_allclose(found / np.sqrt(np.diag(covariance))[:, None], _correlation(covariance))


def _correlation(covariance):
    spread = np.sqrt(np.diag(covariance))
    return covariance / spread / spread[:, None]


def test_the_first_group_responds_alike_in_both_kinds():
    coefficients, covariance = model()
    one = responses_to_deviation(coefficients, covariance, 6, "orthogonalised", [1, 0, 2])
    other = responses_to_deviation(coefficients, covariance, 6, "generalised")
    np.testing.assert_allclose(one[:, :, 1], other[:, :, 1])


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_relabelling_permutes_generalised_responses(order, seed):
    coefficients, covariance = model(groups=4, seed=seed)
    order = np.array(order)
    found = responses_to_deviation(coefficients, covariance, 5, "generalised")
    moved = responses_to_deviation(
        coefficients[:, order[:, None], order], covariance[order[:, None], order], 5, "generalised"
    )
    np.testing.assert_allclose(moved, found[:, order[:, None], order], atol=1e-10)


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_relabelling_with_the_order_permutes_orthogonalised_responses(order, seed):
    coefficients, covariance = model(groups=4, seed=seed)
    order = np.array(order)
    found = responses_to_deviation(coefficients, covariance, 5, "orthogonalised", order)
    moved = responses_to_deviation(
        coefficients[:, order[:, None], order], covariance[order[:, None], order], 5, "orthogonalised"
    )
    np.testing.assert_allclose(moved, found[:, order[:, None], order], atol=1e-10)


def test_replications_are_computed_like_one():
    pairs = [model(seed=seed) for seed in range(3)]
    together = responses_to_deviation(
        np.array([c for c, _ in pairs]), np.array([s for _, s in pairs]), 7, "generalised"
    )
    for found, (coefficients, covariance) in zip(together, pairs, strict=True):
        np.testing.assert_array_equal(found, responses_to_deviation(coefficients, covariance, 7, "generalised"))


def test_per_unit_raises_the_impulse_group_by_one():
    found = per_unit(responses_to_deviation(*model(), 4, "generalised"))
    np.testing.assert_allclose(np.diag(found[0]), 1)


# -- shocks that last ---------------------------------------------------------------------------------------------


@given(st.integers(0, 1000))
def test_held_shocks_keep_the_impulse_group_up(seed):
    coefficients, covariance = model(seed=seed)
    unit = per_unit(responses_to_deviation(coefficients, covariance, 6, "orthogonalised"))
    held = permanent(unit)
    np.testing.assert_allclose(np.diagonal(held, axis1=1, axis2=2), 1, atol=1e-8)
    shocks = held_shocks(np.diagonal(unit, axis1=1, axis2=2))
    for group in range(3):
        path = literal_path(coefficients, shocks[:, group, None] * unit[0, :, group])
        np.testing.assert_allclose(held[:, :, group], path, atol=1e-8)


def test_repeated_shocks_cumulate():
    unit = per_unit(responses_to_deviation(*model(), 6, "orthogonalised"))
    found = permanent(unit, "repeated")
    np.testing.assert_allclose(found, np.cumsum(unit, 0))
    np.testing.assert_allclose(found, convolved(np.ones((7, 3)), unit))


def test_held_is_repeated_where_a_group_forgets_itself():
    coefficients = np.array([[[0.0, 0.0], [0.5, 0.3]]])
    unit = per_unit(responses_to_deviation(coefficients, np.eye(2), 5, "orthogonalised"))
    np.testing.assert_allclose(permanent(unit)[:, :, 0], permanent(unit, "repeated")[:, :, 0])


def test_permanent_computes_replications_like_one():
    unit = np.array([per_unit(responses_to_deviation(*model(seed=seed), 6, "orthogonalised")) for seed in range(3)])
    np.testing.assert_allclose(permanent(unit)[1], permanent(unit[1]))


# -- decomposition of variance ------------------------------------------------------------------------------------


def test_decomposition_is_the_share_of_the_error_variance():
    coefficients, covariance = model()
    found = decomposition(responses_to_deviation(coefficients, covariance, 5, "orthogonalised"))
    psi = moving_average(coefficients, 5)
    variance = sum(psi[day] @ covariance @ psi[day].T for day in range(4))
    factor = np.linalg.cholesky(covariance)
    made = sum((psi[day] @ factor) ** 2 for day in range(4))
    np.testing.assert_allclose(found[3], made / np.diag(variance)[:, None])
    np.testing.assert_allclose(found.sum(-1), 1)


def test_generalised_shares_sum_to_one():
    found = decomposition(responses_to_deviation(*model(), 5, "generalised"))
    np.testing.assert_allclose(found.sum(-1), 1)


def test_decomposition_equals_statsmodels():
    values = rng("fevd").normal(size=(150, 3)).cumsum(0) * 0.1 + rng("noise").normal(size=(150, 3))
    theirs = VAR(values).fit(2)
    found = decomposition(responses_to_deviation(theirs.coefs, theirs.sigma_u, 9, "orthogonalised"))
    np.testing.assert_allclose(found.transpose(1, 0, 2), theirs.fevd(10).decomp, atol=1e-10)
