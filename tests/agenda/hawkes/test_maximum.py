import numpy as np
import pytest
from agenda.hawkes_truths import pair_of_sources, random_truth, simulated

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, kernel_of
from hemicycle.agenda.hawkes.maximum import _vertex, maximised, start
from hemicycle.agenda.hawkes.newton import climbed


def test_a_start_explains_as_many_events_as_there_are():
    design = Design(simulated(pair_of_sources(), 1000, 0))
    kernel = kernel_of(Exponential(), 2, design.events.horizon)
    theta = start(design, kernel)
    assert np.allclose((theta * design.integrals(kernel)).sum(1), design.counts)
    assert (theta > 0).all()


def test_parabolas_have_their_largest_value_at_the_vertex():
    def values(at, apart):
        return [-((x - at) ** 2) for x in (-apart, 0.0, apart)]

    assert _vertex(values(0.05, 0.1), 0.1) == pytest.approx(0.05)
    assert _vertex(values(-0.15, 0.1), 0.1) == pytest.approx(-0.15)
    assert _vertex(values(9.0, 0.1), 0.1) == pytest.approx(0.2)
    assert _vertex([0.0, 0.0, 1.0], 0.1) == pytest.approx(0.2)
    assert _vertex([1.0, 0.0, 0.0], 0.1) == pytest.approx(-0.2)


@pytest.mark.parametrize("few", [1, 10_000])
def test_a_decay_of_many_coefficients_maximises_the_likelihood_of_free_ones(few, monkeypatch):
    monkeypatch.setattr("hemicycle.agenda.hawkes.maximum.FEW", few)
    truth = random_truth(8, 0, decay=3.0)
    design = Design(simulated(truth, 8000, 0))
    fit = maximised(design, Exponential(decay=2.0))
    assert fit.converged

    def free(factor):
        return climbed(design, Exponential(decay=fit.kernel.decay * factor, estimate=False), fit.theta + 1e-3)

    values = [free(factor).unbounded.sum() for factor in (0.93, 1.0, 1.07)]
    assert values[1] == max(values)
    theta = free(1.0).theta
    assert np.abs(theta - fit.theta).max() < 1e-2
    plain = climbed(design, Exponential(decay=3.0), fit.theta + 1e-3)
    assert fit.kernel.decay < plain.kernel.decay


@pytest.mark.slow
def test_many_coefficients_do_not_pull_the_decay():
    truth = random_truth(10, 0, decay=2.0)
    z = []
    for seed in range(20):
        fit = maximised(Design(simulated(truth, 50_000, seed)), Exponential(decay=2.0))
        z.append(np.log(fit.kernel.decay / 2.0) / np.sqrt(fit.shape_covariance[0, 0]))
    assert abs(np.mean(z)) < 0.7
    assert np.std(z) < 1.5
