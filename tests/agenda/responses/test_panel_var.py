import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.api import VAR

from hemicycle.agenda.responses.impulse import responses_to_deviation
from hemicycle.agenda.responses.moments import drawn, moments, total
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.agenda.responses.panel_var import fit
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng


def simulated(topics=3, times=60, groups=3, lags=2, seed=0):
    """Series of a stable autoregression, topics at different levels."""
    random = rng("panel var", seed)
    coefficients = random.normal(size=(lags, groups, groups)) * 0.25 / lags
    level = random.normal(size=(topics, groups))
    values = random.normal(size=(topics, times, groups))
    for t in range(lags, times):
        for lag in range(lags):
            values[:, t] += values[:, t - 1 - lag] @ coefficients[lag].T
    return values + level[:, None] - 5


def literal(values, lags, *, fixed_effects=True):
    """Regress on lags and dummies, row by row."""
    x, y = [], []
    for topic, series in enumerate(values):
        for t in range(lags, len(series)):
            dummies = np.eye(len(values))[topic] if fixed_effects else [1.0]
            row = np.concatenate([*(series[t - lag] for lag in range(1, lags + 1)), dummies])
            if not np.isnan([*row, *series[t]]).any():
                x.append(row)
                y.append(series[t])
    x, y = np.array(x), np.array(y)
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ beta
    groups = values.shape[2]
    lag_matrices = [beta[lag * groups : (lag + 1) * groups].T for lag in range(lags)]
    used = np.linalg.matrix_rank(x)
    return np.array(lag_matrices), left.T @ left / (len(x) - used), beta[lags * groups :], left


@settings(max_examples=30)
@given(st.integers(1, 3), st.booleans(), st.integers(0, 1000))
def test_fit_equals_dummy_regression(lags, fixed_effects, seed):
    values = simulated(seed=seed)
    values[0, 20, 1] = np.nan
    found = fit(panel_of(values, lags, fixed_effects=fixed_effects))
    coefficients, covariance, constants, left = literal(values, lags, fixed_effects=fixed_effects)
    np.testing.assert_allclose(found.coefficients, coefficients, atol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-9)
    np.testing.assert_allclose(found.intercepts, constants, atol=1e-8)
    np.testing.assert_allclose(found.residuals, left, atol=1e-8)


def test_fixed_effects_are_demeaning():
    values = simulated()
    shifted = values + rng("shift").normal(size=(3, 1, 3))
    np.testing.assert_allclose(fit(panel_of(values, 2)).coefficients, fit(panel_of(shifted, 2)).coefficients, atol=1e-9)


def test_one_topic_equals_statsmodels():
    values = simulated(topics=1, times=200, lags=3)
    ours, theirs = fit(panel_of(values, 3)), VAR(values[0]).fit(3)
    np.testing.assert_allclose(ours.coefficients, theirs.coefs, atol=1e-8)
    np.testing.assert_allclose(ours.covariance, theirs.sigma_u, atol=1e-8)
    np.testing.assert_allclose(ours.intercepts[0], theirs.intercept, atol=1e-8)
    np.testing.assert_allclose(
        responses_to_deviation(ours.coefficients, ours.covariance, 15, "orthogonalised"),
        theirs.irf(15).orth_irfs,
        atol=1e-8,
    )
    assert abs(ours.largest_root - 1 / np.abs(theirs.roots).min()) < 1e-8


@pytest.mark.parametrize("fixed_effects", [False, True])
def test_stacked_topics_equal_statsmodels(fixed_effects):
    values = simulated(topics=4, lags=2)
    dummies = np.repeat(np.eye(4)[:, 1:], 60, axis=0) if fixed_effects else None
    theirs = VAR(values.reshape(-1, 3), exog=dummies).fit(2)
    ours = fit(panel_of(values, 2, stacked=True, fixed_effects=fixed_effects))
    np.testing.assert_allclose(ours.coefficients, theirs.coefs, atol=1e-8)
    np.testing.assert_allclose(ours.covariance, theirs.sigma_u, atol=1e-8)
    np.testing.assert_allclose(
        responses_to_deviation(ours.coefficients, ours.covariance, 15, "orthogonalised"),
        theirs.irf(15).orth_irfs,
        atol=1e-8,
    )


def test_borders_matter():
    values = simulated(topics=6, times=25)
    panel, stacked = fit(panel_of(values, 2)), fit(panel_of(values, 2, stacked=True))
    assert len(stacked.residuals) - len(panel.residuals) == 5 * 2
    assert np.abs(panel.coefficients - stacked.coefficients).max() > 1e-3


@pytest.mark.parametrize("fixed_effects", [False, True])
def test_drawn_topics_are_topics_repeated(fixed_effects):
    values, weights = simulated(topics=4), np.array([[2.0, 0.0, 1.0, 3.0]])
    repeated = values[[0, 0, 2, 3, 3, 3]]
    wanted = literal(repeated, 2, fixed_effects=fixed_effects)[0]
    products = drawn(moments(panel_of(values, 2)), weights, fixed_effects=fixed_effects)[0]
    beta = np.linalg.solve(products[3:, 3:], products[3:, :3])
    np.testing.assert_allclose(beta.reshape(2, 3, 3).transpose(0, 2, 1), wanted, atol=1e-9)


def test_a_constant_group_is_named():
    values = simulated()
    values[:, :, 1] = 2.0
    with pytest.raises(InputError, match="attention of press never changes"):
        fit(panel_of(values, 1), ("left", "press", "right"))


def test_a_group_that_others_add_up_to():
    values = simulated()
    values[:, :, 2] = values[:, :, 0] + values[:, :, 1]
    with pytest.raises(InputError, match="combinations"):
        fit(panel_of(values, 1))


def test_total_is_what_all_topics_drawn_once_are():
    found = moments(panel_of(simulated(), 2))
    np.testing.assert_array_equal(
        total(found, fixed_effects=True), drawn(found, np.ones((3, 3)), fixed_effects=True)[1]
    )
