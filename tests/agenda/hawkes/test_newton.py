import numpy as np
import pytest
from agenda.hawkes.test_likelihood import some_events
from agenda.hawkes_truths import PAIR, pair_of_sources, random_truth, simulated
from scipy import optimize, stats

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.em import expectation_maximisation
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, Exponentials, PowerLaw, kernel_of
from hemicycle.agenda.hawkes.likelihood import sums
from hemicycle.agenda.hawkes.maximum import maximised
from hemicycle.agenda.hawkes.moments import least_squares
from hemicycle.agenda.hawkes.nonnegative import largest
from hemicycle.agenda.hawkes.simulation import HawkesTruth, simulate_hawkes
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng


def errors_of(fit):
    """Standard errors of theta, the shape's error included."""
    variance = np.einsum("ipp->ip", fit.covariance)
    if fit.shape_covariance.ndim == 2:
        variance = variance + np.einsum("ipq,qr,ipr->ip", fit.drift, fit.shape_covariance, fit.drift)
    return np.sqrt(variance)


@pytest.mark.parametrize("known", [True, False])
def test_the_maximum_is_that_of_a_general_optimizer(known):
    design = Design(simulated(pair_of_sources(), 3000, 2))
    options = Exponential(decay=2.0, estimate=not known)
    fit = maximised(design, options)
    horizon = design.events.horizon

    def loss(x):
        decay = 2.0 if known else float(np.exp(x[-1]))
        kernel = kernel_of(options.replace(decay=decay), 2, horizon)
        total = sums(design, kernel, x[:6].reshape(2, 3), order=1)
        return -total.value.sum(), -np.append(total.score.ravel(), total.shape_score.sum(0) if not known else [])

    free = [(None, None)] * (not known)
    start = np.append(np.full(6, 0.3), [0.5] * (not known))
    other = optimize.minimize(loss, start, jac=True, bounds=[(1e-9, None)] * 6 + free, method="L-BFGS-B")
    assert fit.value.sum() >= -other.fun - 1e-3
    assert np.allclose(fit.theta.ravel(), other.x[:6], atol=3e-3)
    assert fit.converged


def test_estimates_balance_their_own_likelihood():
    """At the maximum a coefficient's score is 0, or negative at the bound; expected and observed events agree."""
    design = Design(simulated(random_truth(4, 0, 2.0), 5000, 3))
    fit = maximised(design, Exponential(decay=2.0, estimate=False))
    kernel = kernel_of(fit.kernel, 4, design.events.horizon)
    score = sums(design, kernel, fit.theta).score
    scale = np.sqrt(np.einsum("ipp->ip", sums(design, kernel, fit.theta).gram))
    assert np.abs((score / scale)[fit.theta > 0]).max() < 0.05
    assert (score / scale)[fit.theta == 0].max(initial=-1) < 0.05
    assert np.allclose((fit.theta * design.integrals(kernel)).sum(1), design.counts, rtol=1e-3)


@pytest.mark.parametrize("known", [True, False])
def test_influence_is_recovered_within_its_errors(known):
    truth = pair_of_sources()
    events = simulated(truth, 50_000, 4)
    fit = maximised(Design(events), Exponential(decay=2.0 if known else 0.5, estimate=not known))
    theta = np.column_stack([truth.baseline, PAIR])
    z = (fit.theta - theta) / errors_of(fit)
    assert np.abs(z).max() < 3.5
    assert np.abs(z).mean() < 1.5
    assert np.abs(fit.theta - theta)[:, 1:].max() < 0.04
    assert fit.kernel.decay == pytest.approx(2.0, abs=4 * 2.0 * 0.05) or known


def test_a_start_from_the_first_tenth_ends_at_the_same_place(monkeypatch):
    design = Design(simulated(pair_of_sources(), 20_000, 5))
    cold = maximised(design, Exponential(decay=1.0))
    monkeypatch.setattr("hemicycle.agenda.hawkes.maximum._WARM", 1000)
    warm = maximised(design, Exponential(decay=1.0))
    assert np.allclose(cold.theta, warm.theta, atol=1e-4)
    assert cold.kernel.decay == pytest.approx(warm.kernel.decay, rel=1e-4)


def test_decays_of_sources_and_of_pairs_are_recovered():
    branching = np.array([[0.3, 0.3], [0.3, 0.3]])
    for per, decay in (("source", ((1.0, 4.0),)), ("pair", ((1.0, 4.0), (3.0, 0.5)))):
        kernel = Exponential(decay=decay, per=per)
        events = simulated(HawkesTruth(np.array([0.2, 0.2]), branching, kernel), 40_000, 6)
        fit = maximised(Design(events), Exponential(decay=1.5, per=per))
        error = np.sqrt(np.einsum("...ii->...i", fit.shape_covariance))
        z = (np.log(np.array(fit.kernel.decay)) - np.log(np.array(decay))) / error
        assert np.abs(z).max() < 3.5
        assert np.abs(fit.theta[:, 1:] - branching).max() < 0.12
        assert fit.converged


def test_a_power_law_is_recovered():
    kernel = PowerLaw(offset=0.5, exponent=1.5)
    events = simulated(pair_of_sources(kernel), 20_000, 7)
    fit = maximised(Design(events), PowerLaw(offset=1.0, exponent=1.0))
    error = np.sqrt(np.diag(fit.shape_covariance))
    found = np.log([fit.kernel.offset, fit.kernel.exponent])
    assert (np.abs(found - np.log([0.5, 1.5])) < 3.5 * error).all()
    assert np.abs(fit.theta[:, 1:] - PAIR).max() < 0.1
    assert fit.value.sum() > maximised(Design(events), Exponential()).value.sum() + 10


def test_weights_of_exponentials_and_pieces_of_the_baseline_are_recovered():
    parts = np.array([[[0.2, 0.0], [0.1, 0.0]], [[0.0, 0.4], [0.2, 0.2]]])
    kernel = Exponentials(decays=(0.5, 8.0))
    truth = HawkesTruth(np.array([[0.5, 1.0], [0.8, 0.2]]), parts, kernel, Baseline(width=6, cycle=12))
    events = simulate_hawkes(truth, 10_000.0, rng("pieces"))
    fit = maximised(Design(events, truth.profile), kernel)
    wanted = np.hstack([truth.baseline, parts.transpose(1, 0, 2).reshape(2, -1)])
    assert (np.abs(fit.theta - wanted) < 4 * errors_of(fit)).all()


@pytest.mark.parametrize("per", ["shared", "source", "pair"])
def test_expectation_maximisation_ends_at_the_same_place(per):
    design = Design(simulated(pair_of_sources(), 3000, 8))
    newton = maximised(design, Exponential(decay=1.0, per=per))
    em = expectation_maximisation(design, Exponential(decay=1.0, per=per), tolerance=1e-9)
    assert em.value.sum() == pytest.approx(newton.value.sum(), abs=0.5)
    assert np.abs(em.theta - newton.theta).max() < 0.03


def test_expectation_maximisation_never_falls_and_refuses_power_laws():
    design = Design(simulated(pair_of_sources(), 1000, 9))
    known = Exponential(decay=2.0, estimate=False)
    values = [expectation_maximisation(design, known, steps=n, tolerance=-1).value.sum() for n in (1, 2, 5, 20)]
    assert values == sorted(values)
    with pytest.raises(InputError, match="no closed form"):
        expectation_maximisation(design, PowerLaw())


def test_likelihood_is_better_than_least_squares():
    """Mean squared errors over replications; likelihood is efficient."""
    squared = np.zeros(2)
    for seed in range(10):
        truth = pair_of_sources()
        design = Design(simulated(truth, 3000, seed))
        for k, fit in enumerate((maximised(design, truth.kernel), least_squares(design, truth.kernel))):
            squared[k] += ((fit.theta[:, 1:] - PAIR) ** 2).sum()
    assert squared[0] < squared[1]


def test_sources_without_influence_have_none():
    events = some_events(n=2000, horizon=1000.0)
    fit = maximised(Design(events), Exponential(decay=2.0, estimate=False))
    assert (fit.theta[:, 1:] < 4 * errors_of(fit)[:, 1:]).all()
    assert (fit.theta == 0).any()


def test_the_quadratic_programme_is_solved():
    draw = rng("quadratic")
    for size in (1, 3, 8, 30):
        root = draw.normal(size=(2 * size, size))
        gram, score, at = root.T @ root, draw.normal(size=size) * 5, draw.uniform(0, 0.3, size)
        x = largest(gram, score, at)
        pull = score - gram @ (x - at)
        assert (x >= 0).all()
        assert np.abs(pull[x > 0]).max(initial=0) < 1e-6
        assert pull[x == 0].max(initial=0) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("n_sources", [2, 20])
def test_a_million_events(n_sources):
    for seed in range(3):
        truth = random_truth(n_sources, seed, decay=10.0)
        design = Design(simulated(truth, 1e6, seed))
        fit = maximised(design, truth.kernel)
        assert np.abs(fit.theta[:, 1:] - truth.branching).max() <= 0.02
        free = maximised(design, Exponential(decay=5.0))
        z = np.abs(free.theta[:, 1:] - truth.branching) / errors_of(free)[:, 1:]
        assert z.mean() <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_intervals_cover(known):
    """Of 95 %, over 200 replications; the true 0 of PAIR lies at its bound and is covered more often."""
    covered = np.zeros((200, 2, 3))
    truth = pair_of_sources()
    wanted = np.column_stack([truth.baseline, PAIR])
    for seed in range(200):
        fit = maximised(Design(simulated(truth, 3000, 1000 + seed)), Exponential(decay=2.0, estimate=not known))
        covered[seed] = np.abs(fit.theta - wanted) <= stats.norm.ppf(0.975) * errors_of(fit)
    rates = covered.mean(0)
    assert rates.min() > 0.90
    assert rates.mean() > 0.93
