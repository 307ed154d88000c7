import numba
import numpy as np
import pytest

from hemicycle.agenda.responses.bootstrap import (
    Replications,
    joined,
    replications,
    residual_pool,
    topic_weights,
)
from hemicycle.agenda.responses.bootstrap_kernels import LANES
from hemicycle.agenda.responses.impulse import responses_to_deviation
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.agenda.responses.panel_var import fit
from hemicycle.agenda.responses.roots import largest_roots
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, keyed_uniform, rng

BANDS = ("residual", "topics")


def simulated(topics=6, times=40, groups=2, seed=0, coefficients=None):
    random = rng("bootstrap", seed)
    coefficients = np.array([[[0.4, 0.2], [0.0, 0.5]]]) if coefficients is None else coefficients
    values = random.normal(size=(topics, times, groups))
    for t in range(len(coefficients), times):
        for lag, matrix in enumerate(coefficients):
            values[:, t] += values[:, t - 1 - lag] @ matrix.T
    return values + random.normal(size=(topics, 1, groups))


def with_gaps(values):
    values = values.copy()
    values[1, 12, 0] = values[2, :9] = values[4, 20:23, 1] = np.nan
    return values


def literal_replication(var, number, key):
    """Simulate every run time by time with resampled residuals, and fit what comes out."""
    panel, lags = var.panel, var.panel.lags
    values = panel.values.copy()
    row_of = dict(zip(panel.rows.tolist(), range(len(panel.rows)), strict=True))
    for run, (start, stop) in enumerate(zip(panel.bounds[:-1], panel.bounds[1:], strict=True)):
        of_series = np.flatnonzero(panel.row_series == panel.series[run])
        residuals = var.residuals[of_series] - var.residuals[of_series].mean(0)
        for t in range(start + lags, stop):
            assert t in row_of
            number_drawn = keyed_uniform(key_of("agenda residuals drawn", key), np.array([number]), panel.time[[t]])
            drawn = residuals[int(number_drawn[0, 0] * len(residuals))]
            past = sum(var.coefficients[lag] @ values[t - 1 - lag] for lag in range(lags))
            values[t] = var.intercepts[panel.effect[t]] + past + drawn
    return fit(type(panel)(**{**vars(panel), "values": values}))


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("fixed_effects", [False, True])
@pytest.mark.parametrize("lags", [1, 3])
def test_residual_replications_equal_the_literal_loop(stacked, fixed_effects, lags):
    values = with_gaps(simulated())
    var = fit(panel_of(values, lags, stacked=stacked, fixed_effects=fixed_effects))
    found = replications(var, "residual", 5, 3, 5)
    for place, number in enumerate((3, 4)):
        wanted = literal_replication(var, number, 5)
        np.testing.assert_allclose(found.coefficients[place], wanted.coefficients, atol=1e-9)
        np.testing.assert_allclose(found.covariance[place], wanted.covariance, atol=1e-9)


@pytest.mark.parametrize("fixed_effects", [False, True])
def test_topic_replications_equal_fits_of_drawn_topics(fixed_effects):
    values = with_gaps(simulated())
    var = fit(panel_of(values, 2, fixed_effects=fixed_effects))
    found = replications(var, "topics", 5, 0, 3)
    weights = topic_weights(np.ones(6, bool), 5, (0, 3)).astype(int)
    for place in range(3):
        wanted = fit(panel_of(np.repeat(values, weights[place], axis=0), 2, fixed_effects=fixed_effects))
        np.testing.assert_allclose(found.coefficients[place], wanted.coefficients, atol=1e-9)
        np.testing.assert_allclose(found.covariance[place], wanted.covariance, atol=1e-9)


@pytest.mark.parametrize("bands", BANDS)
def test_any_split_and_any_number_of_threads_give_the_same(bands):
    var = fit(panel_of(simulated(), 1))
    whole = replications(var, bands, 7, 0, LANES + 9)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        parts = [replications(var, bands, 7, *span) for span in ((20, LANES + 9), (0, 3), (3, 20))]
    finally:
        numba.set_num_threads(threads)
    again = joined(parts)
    for name in ("coefficients", "covariance", "corrected"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))


@pytest.mark.parametrize("bands", BANDS)
def test_replications_are_corrected_where_the_estimate_is(bands):
    panel = panel_of(simulated(), 1)
    plain, corrected = (replications(fit(panel, corrected=how), bands, 1, 0, 50) for how in (False, True))
    own = np.diagonal(corrected.coefficients[:, 0] - plain.coefficients[:, 0], axis1=1, axis2=2)
    assert own.mean() > 0.01


@pytest.mark.parametrize("bands", BANDS)
def test_keys_and_numbers_give_different_replications(bands):
    var = fit(panel_of(simulated(), 1))
    one, other = replications(var, bands, 1, 0, 2), replications(var, bands, 2, 0, 2)
    assert np.abs(one.coefficients - other.coefficients).max() > 1e-4
    assert np.abs(one.coefficients[0] - one.coefficients[1]).max() > 1e-4


def test_times_draw_alike_in_all_topics():
    values = np.repeat(simulated(topics=1), 3, axis=0) + np.array([0.0, 1.0, 2.0])[:, None, None]
    var = fit(panel_of(values, 1))
    alone = fit(panel_of(values[:1], 1))
    np.testing.assert_allclose(
        replications(var, "residual", 3, 0, 4).coefficients,
        replications(alone, "residual", 3, 0, 4).coefficients,
        atol=1e-9,
    )


def test_residuals_are_drawn_from_their_own_topic():
    values = simulated(topics=2)
    values[1] *= 100
    var = fit(panel_of(values, 1))
    residuals, first, size, _ = residual_pool(var)
    assert first.tolist() == [0, 39]
    assert size.tolist() == [39, 39]
    np.testing.assert_allclose(residuals[:39].mean(0), 0, atol=1e-12)
    assert residuals[39:].std() > 50 * residuals[:39].std()


def test_stacked_topics_share_their_residuals():
    var = fit(panel_of(simulated(topics=2), 1, stacked=True))
    _, first, size, _ = residual_pool(var)
    assert first.tolist() == [0]
    assert size.tolist() == [79]


def test_topics_without_rows_are_never_drawn():
    weights = topic_weights(np.array([True, False, True]), 1, (0, 50))
    assert not weights[:, 1].any()
    np.testing.assert_array_equal(weights.sum(1), 2)


def test_few_topics_cannot_be_drawn():
    with pytest.raises(InputError, match="at least 5 topics with attention, there are 2"):
        replications(fit(panel_of(simulated(topics=2), 1)), "topics", 1, 0, 10)


def test_no_replication():
    var = fit(panel_of(simulated(), 1))
    assert len(replications(var, "residual", 1, 4, 4)) == 0


def test_explosive_replications_are_corrected_and_counted():
    walk = rng("walk").normal(size=(1, 25, 2)).cumsum(1)
    found = replications(fit(panel_of(walk, 2)), "residual", 1, 0, 200)
    assert 0 < found.corrected.sum() < 200
    assert largest_roots(found.coefficients).max() < 1
    np.testing.assert_allclose(largest_roots(found.coefficients[found.corrected]), 0.99, atol=1e-9)


def test_joining_refuses_gaps():
    parts = [Replications(first, np.zeros((2, 1, 2, 2)), np.zeros((2, 2, 2)), np.zeros(2, bool)) for first in (0, 3)]
    with pytest.raises(ValueError, match="2 to 3 are missing"):
        joined(parts)


@pytest.mark.slow
@pytest.mark.parametrize("bands", BANDS)
def test_bands_cover_the_truth_at_their_rate(bands):
    coefficients = np.array([[[0.4, 0.2], [0.0, 0.5]]])
    truth = responses_to_deviation(coefficients, np.eye(2), 3, "orthogonalised")
    covered = []
    for seed in range(200):
        var = fit(panel_of(simulated(topics=30, times=60, seed=seed), 1), corrected=True)
        drawn = replications(var, bands, seed, 0, 200)
        paths = responses_to_deviation(drawn.coefficients, drawn.covariance, 3, "orthogonalised")
        low, high = np.quantile(paths, [0.05, 0.95], axis=0)
        covered.append(((low <= truth) & (truth <= high))[1:3])
    rate = np.mean(covered, axis=0)
    assert np.abs(rate.mean() - 0.9) < 0.04
    assert rate.min() > 0.8


@pytest.mark.slow
def test_a_planted_autoregression_is_recovered():
    coefficients = rng("planted").normal(size=(2, 3, 3)) * 0.15
    found = fit(panel_of(simulated(topics=20, times=500, groups=3, coefficients=coefficients), 2))
    np.testing.assert_allclose(found.coefficients, coefficients, atol=0.04)
