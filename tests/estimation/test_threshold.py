"""The likelihood along all confidences against refitting at each of them."""

import numpy as np
import pytest
from estimation import planted_waves
from estimation.planted_waves import mechanism

from hemicycle.estimation import threshold
from hemicycle.estimation.explore import hull_quantile
from hemicycle.estimation.moments import Observation, moments_of, solve
from hemicycle.estimation.panel import panel_of


@pytest.fixture(scope="module")
def panel():
    measured, graph, _ = planted_waves.waves("bounded_confidence", np.random.default_rng(0), n=60, n_waves=3)
    measured[:, :2] = np.round(measured[:, :2] * 8) / 8  # ties of distances, exact in binary
    measured[4, 1] = np.nan
    return panel_of(measured, [graph], None, 0, anchored=False)


@pytest.mark.parametrize("drift", [True, False])
def test_the_curve_is_that_of_refitting_at_every_distance(panel, drift):
    folds = np.arange(panel.n_pools) % 3
    curve = threshold.curve_of(threshold.crossings(panel, folds, drift=drift))
    first = 2 * drift
    model, observed = mechanism("bounded_confidence"), Observation(drift=drift)
    assert (np.diff(curve.confidences[1:]) > 0).all()
    assert len(curve.confidences) > 12
    held = [np.inf] * 3
    best = [np.nan] * 3
    for confidence, loss, slope in zip(curve.confidences[1:], curve.losses[1:], curve.slopes[1:], strict=True):
        moments = moments_of(model, panel, confidence + 1e-9, observed)
        coefficients, wanted = solve(moments.total, first, positive=True)
        assert loss == pytest.approx(wanted, rel=1e-9)
        assert slope == pytest.approx(coefficients[-1], abs=1e-9)
        for fold in range(3):
            own = solve(moments.pools[folds != fold].sum(axis=0), first, positive=True)[1]
            if own < held[fold] - 1e-12:
                held[fold], best[fold] = own, confidence
    assert np.allclose(curve.fold_best, best)
    assert curve.losses[0] == pytest.approx(solve(moments_of(mechanism("none"), panel, 0.0, observed).total)[1])


def test_the_simulated_quantile_is_that_of_brownian_motion_where_jumps_are_small():
    measured, graph, _ = planted_waves.waves(
        "bounded_confidence", np.random.default_rng(1), n=1500, noise=0.05, per_user=25
    )
    panel = panel_of(measured, [graph], None, 0)
    edges = threshold.crossings(panel, np.arange(panel.n_pools) % 2, drift=True)
    curve = threshold.curve_of(edges)
    found = threshold.critical_value(edges, curve, 0.9, 400, 0)
    assert 0.6 * hull_quantile(0.9) < found < 1.25 * hull_quantile(0.9)
    assert found == threshold.critical_value(edges, curve, 0.9, 400, 0)
    assert found < threshold.critical_value(edges, curve, 0.99, 400, 0)


def test_the_hull_of_a_threshold_holds_the_truth_at_its_quantile():
    """Two-sided random walks with drift, their maximum at the estimate; the truth is at 0."""
    rng = np.random.default_rng(0)
    steps = rng.normal(-0.005, 0.1, (2, 2000, 1500))  # twice the log-likelihood: variance 0.01 a step, drift half of it
    sides = 2 * np.maximum(np.cumsum(steps, axis=2).max(axis=2), 0.0)
    missed = np.abs(sides[0] - sides[1]) > hull_quantile(0.9)
    assert missed.mean() == pytest.approx(0.1, abs=0.02)


def test_users_who_see_nobody_leave_one_value():
    measured, graph, _ = planted_waves.waves("none", np.random.default_rng(1), n=50)
    graph = graph.select(graph.rows() > 9)
    panel = panel_of(measured, [graph], None, 0)
    lonely = panel.among(graph.degrees == 0)
    edges = threshold.crossings(lonely, np.arange(panel.n_pools) % 2, drift=False)
    assert len(edges.distances) == 0
    assert len(threshold.curve_of(edges).losses) == 1
