"""Errors of measurement: their estimate from three waves, and what correcting for them does."""

import numpy as np
import pytest
from estimation import planted_waves
from estimation.planted_waves import coverage, mechanism

from hemicycle.core.errors import InputError
from hemicycle.estimation.explore import Settings
from hemicycle.estimation.fit import fit
from hemicycle.estimation.measurement import error_variance
from hemicycle.estimation.moments import Observation, moments_of, solve
from hemicycle.estimation.panel import panel_of


def panel(name, error, seed=0, n=1500, n_waves=3):
    measured, graph, innate = planted_waves.waves(name, np.random.default_rng(seed), n=n, n_waves=n_waves, error=error)
    return panel_of(measured, [graph], innate, seed)


@pytest.mark.parametrize(("name", "error"), [("none", 0.1), ("assimilation", 0.1), ("regression", 0.05)])
def test_the_error_is_found_from_three_waves(name, error):
    found, without = error_variance(panel(name, error), 0.9)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(error, rel=0.25)
    assert np.allclose(without, found.value**2, atol=0.002)


def test_no_error_is_found_where_there_is_none():
    assert error_variance(panel("assimilation", 0.0), 0.9)[0].value < 0.04


def test_two_waves_cannot_tell():
    with pytest.raises(InputError, match="two waves cannot tell"):
        error_variance(panel("none", 0.1, n=100, n_waves=2), 0.9)


@pytest.mark.parametrize(
    ("name", "truth", "fitted"),
    [("none", 0.0, "regression"), ("none", 0.0, "assimilation"), ("assimilation", 0.3, "assimilation")],
)
def test_errors_bias_naive_estimates_and_correcting_removes_that(name, truth, fitted):
    own = panel(name, 0.15, n=3000)
    naive, corrected = (
        next(
            value
            for value in fit(mechanism(fitted), own, Settings(Observation(error=error))).values
            if "drift" not in value.name
        )
        for error in (0.0, 0.15)
    )
    assert not naive.low <= truth <= naive.high
    assert abs(corrected.value - truth) < 0.3 * abs(naive.value - truth)
    assert "jackknife" in corrected.method


def test_a_mechanism_that_is_not_linear_is_corrected_too():
    rng = np.random.default_rng(0)
    measured, graph, _ = planted_waves.waves("distance_decay", rng, n=3000)
    blurred = measured + rng.normal(0, 0.08, measured.shape)
    clean, naive, corrected = (
        solve(moments_of(mechanism("distance_decay"), panel_of(own, [graph], None, 0), 0.4, observed).total)[0][-1]
        for own, observed in (
            (measured, Observation()),
            (blurred, Observation()),
            (blurred, Observation(error=0.08)),
        )
    )
    assert abs(naive - clean) > 0.05
    assert abs(corrected - clean) < 0.5 * abs(naive - clean)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["none", "regression", "assimilation", "anchored"])
def test_corrected_intervals_cover(name):
    found = coverage(name, 200, n=500, n_waves=3, error=0.05, observed={"error": 0.05})
    assert all(0.845 <= share <= 0.955 for share in found.values()), found
