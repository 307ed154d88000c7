import numpy as np
import pytest

from hemicycle.agenda.responses.fixed_effects_bias import bias_corrected
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.agenda.responses.panel_var import fit
from hemicycle.core.seeding import rng

TRUTH = np.array([[[0.5, 0.2], [0.0, 0.6]]])


def simulated(topics, times, seed=0):
    random = rng("fixed effects", seed)
    values = random.normal(size=(topics, times + 50, 2))
    for t in range(1, times + 50):
        values[:, t] += values[:, t - 1] @ TRUTH[0].T
    return values[:, 50:] + random.normal(size=(topics, 1, 2))


def test_few_days_bias_least_squares_and_correction_takes_most_of_it_away():
    panel = panel_of(simulated(2000, 30), 1)
    plain, corrected = fit(panel), fit(panel, corrected=True)
    bias = np.abs(plain.coefficients - TRUTH).max()
    assert bias > 0.05
    assert np.abs(corrected.coefficients - TRUTH).max() < bias / 4
    assert corrected.corrected
    assert not plain.corrected


def test_a_single_autoregression_gets_its_known_correction():
    """Nickell (1981): the bias of a first-order autoregression is about -(1 + a) / T."""
    products = np.array([[[np.nan, np.nan], [np.nan, 5000 / (1 - 0.25)]]])
    found = bias_corrected(products, np.array([[[[0.5]]]]), np.ones((1, 1, 1)), np.array([50.0, 5000.0]))
    assert found.item() == pytest.approx(0.5 + 1.5 / 100, abs=4e-4)


def test_many_days_need_little_correction():
    panel = panel_of(simulated(3, 2000), 1)
    np.testing.assert_allclose(fit(panel).coefficients, fit(panel, corrected=True).coefficients, atol=2e-3)


def test_an_explosive_estimate_is_corrected_by_something_finite():
    walk = rng("walk").normal(size=(1, 40, 2)).cumsum(1) * np.linspace(1, 4, 40)[None, :, None]
    found = fit(panel_of(walk, 2), corrected=True)
    assert np.isfinite(found.coefficients).all()
