import numpy as np
import pytest
from agenda import reference_hawkes as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.events_file import Events
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, Exponentials, PowerLaw, kernel_of
from hemicycle.agenda.hawkes.likelihood import sums
from hemicycle.core.seeding import rng

PAIRS = ((1.0, 2.0, 0.5), (0.7, 1.5, 3.0), (1.2, 0.4, 2.5))
KERNELS = {
    "shared": (Exponential(decay=1.3), lambda i, j: [1.3]),
    "source": (Exponential(decay=(0.5, 2.0, 1.0), per="source"), lambda i, j: [(0.5, 2.0, 1.0)[j]]),
    "pair": (Exponential(decay=PAIRS, per="pair"), lambda i, j: [PAIRS[i][j]]),
    "sum": (Exponentials(decays=(0.4, 2.0)), lambda i, j: [0.4, 2.0]),
}


def some_events(n=60, seed=0, n_sources=3, horizon=30.0, exogenous=()):
    draw = rng("some events", seed)
    times = np.sort(draw.uniform(0, horizon, n))
    marks = np.concatenate([np.repeat(np.arange(n_sources), 2), draw.integers(0, n_sources, n - 2 * n_sources)])
    return Events(times, draw.permutation(marks), tuple("abc"[:n_sources]), horizon, exogenous=exogenous)


def some_theta(design, kernel, seed=0):
    return rng("some theta", seed).uniform(0.1, 0.6, (len(design.counts), design.n_columns(kernel)))


def terms_of(theta, rates_of, n_sources, first=1, kinds=1):
    blocks = theta[:, first:].reshape(len(theta), kinds, n_sources)
    every = []
    for k in range(kinds):
        kernels = [[reference.exponential(rates_of(i, j)[k]) for j in range(n_sources)] for i in range(len(theta))]
        every.append((blocks[:, k], kernels))
    return every


@pytest.mark.parametrize("name", KERNELS)
def test_log_likelihood_is_that_of_the_definition(name):
    events = some_events()
    options, rates_of = KERNELS[name]
    design, kernel = Design(events), kernel_of(options, 3, 30.0)
    theta = some_theta(design, kernel)
    terms = terms_of(theta, rates_of, 3, kinds=kernel.n_columns)
    value = sums(design, kernel, theta).value
    for i in range(3):
        wanted = reference.log_likelihood(events, lambda i, _: theta[i, 0], terms, i)
        assert value[i] == pytest.approx(wanted, rel=1e-10)


def test_power_law_is_a_sum_of_exponentials_to_the_documented_accuracy():
    events = some_events()
    for c, eta in ((0.3, 0.4), (2.0, 1.5), (0.05, 3.5)):
        kernel = kernel_of(PowerLaw(offset=c, exponent=eta), 3, 30.0)
        delays = np.geomspace(1e-4, 30.0, 200)
        found = (kernel.mix[:, 0] * kernel.rates) @ np.exp(-np.outer(kernel.rates, delays))
        assert np.allclose(found, reference.power_law(c, eta)[0](delays), rtol=1e-3)
        design = Design(events)
        theta = some_theta(design, kernel)
        terms = [(theta[:, 1:], [[reference.power_law(c, eta)] * 3] * 3)]
        wanted = reference.log_likelihood(events, lambda i, _, theta=theta: theta[i, 0], terms, 1)
        assert sums(design, kernel, theta).value[1] == pytest.approx(wanted, abs=0.02)


def test_exogenous_sources_act_but_are_not_explained():
    events = some_events(exogenous=("b",))
    design, kernel = Design(events), kernel_of(Exponential(decay=1.3), 3, 30.0)
    theta = some_theta(design, kernel)
    assert theta.shape == (2, 4)
    full = np.insert(theta, 1, 0.0, axis=0)
    wanted = reference.log_likelihood(events, lambda i, _: full[i, 0], terms_of(full, lambda *_: [1.3], 3), 2)
    assert sums(design, kernel, theta).value[1] == pytest.approx(wanted, rel=1e-10)


def test_pieces_of_the_baseline_repeat():
    events, profile = some_events(), Baseline(width=3.0, cycle=6.0)
    design, kernel = Design(events, profile), kernel_of(Exponential(decay=1.3), 3, 30.0)
    theta = some_theta(design, kernel)

    def rate(i, t):
        return theta[i, int(t // 3) % 2]

    wanted = reference.log_likelihood(events, rate, terms_of(theta, lambda *_: [1.3], 3, first=2), 0, steps=300)
    assert sums(design, kernel, theta).value[0] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", KERNELS)
def test_windows_add_up_to_the_whole(name):
    events, kernel = some_events(), kernel_of(KERNELS[name][0], 3, 30.0)
    theta = some_theta(Design(events), kernel)
    parts = [sums(Design(events, window=w), kernel, theta) for w in ((0.0, 11.0), (11.0, 30.0))]
    whole = sums(Design(events), kernel, theta)
    assert np.allclose(parts[0].value + parts[1].value, whole.value)
    assert np.allclose(parts[0].score + parts[1].score, whole.score)


def test_stretches_do_not_show(monkeypatch):
    events = some_events(n=4000, horizon=2000.0)
    for options in (Exponential(decay=1.3), KERNELS["pair"][0], PowerLaw()):
        kernel = kernel_of(options, 3, 2000.0)
        theta = some_theta(Design(events), kernel)
        one = sums(Design(events), kernel, theta)
        with monkeypatch.context() as patch:
            patch.setattr("hemicycle.agenda.hawkes.features._STRETCH_BYTES", 1)
            many = sums(Design(events), kernel, theta)
        assert np.allclose(one.value, many.value)
        assert np.allclose(one.shape_gram, many.shape_gram)


@pytest.mark.parametrize("options", [*(pair[0] for pair in KERNELS.values()), PowerLaw(offset=0.5, exponent=1.2)])
def test_gradients_are_those_of_finite_differences(options):
    design = Design(some_events(exogenous=("c",)))
    kernel = kernel_of(options, 3, 30.0)
    theta = some_theta(design, kernel)
    at, step = sums(design, kernel, theta), 1e-5
    for column in range(theta.shape[1]):
        shift = np.eye(theta.shape[1])[column] * step
        up, down = (sums(design, kernel, theta + sign * shift).value for sign in (1, -1))
        assert np.allclose((up - down) / (2 * step), at.score[:, column], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [KERNELS["shared"][0], KERNELS["source"][0], PowerLaw(offset=0.5, exponent=1.2)])
def test_gradients_to_the_shape_are_those_of_finite_differences(options):
    from hemicycle.agenda.hawkes.kernels import with_parameters

    design = Design(some_events(), window=(4.0, 28.0))
    kernel = kernel_of(options, 3, 30.0)
    theta, step = some_theta(design, kernel), 1e-5
    score = sums(design, kernel, theta).shape_score
    for k in range(kernel.parameters.size):
        shift = (np.arange(kernel.parameters.size) == k).reshape(kernel.parameters.shape) * step
        moved = [kernel_of(with_parameters(options, kernel.parameters + s * shift), 3, 30.0) for s in (1, -1)]
        up, down = (sums(design, other, theta).value for other in moved)
        assert np.allclose((up - down) / (2 * step), score[:, k], rtol=1e-4, atol=1e-4)


def test_gradients_to_the_decay_of_a_pair():
    design, options = Design(some_events()), KERNELS["pair"][0]
    theta = some_theta(design, kernel_of(options, 3, 30.0))
    score = sums(design, kernel_of(options, 3, 30.0), theta).shape_score
    for i in range(3):
        for j in range(3):
            decays = np.array(PAIRS)
            values = []
            for sign in (1, -1):
                decays[i, j] = PAIRS[i][j] * np.exp(sign * 1e-5)
                values.append(sums(design, kernel_of(options.replace(decay=decays.tolist()), 3, 30.0), theta).value)
            assert np.allclose((values[0] - values[1])[i] / 2e-5, score[i, j], rtol=1e-4, atol=1e-4)


def test_information_is_the_hessian_of_theta():
    design, kernel = Design(some_events()), kernel_of(Exponential(decay=1.3), 3, 30.0)
    theta, step = some_theta(design, kernel), 1e-5
    gram = sums(design, kernel, theta).gram
    for column in range(4):
        shift = np.eye(4)[column] * step
        up, down = (sums(design, kernel, theta + sign * shift).score for sign in (1, -1))
        assert np.allclose((down - up) / (2 * step), gram[:, :, column], rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.sampled_from(sorted(KERNELS)), st.floats(-50, 50))
def test_shifting_time_changes_nothing(seed, name, shift):
    events, kernel = some_events(seed=seed), kernel_of(KERNELS[name][0], 3, 30.0)
    theta = some_theta(Design(events), kernel, seed)
    later = Events(events.times + shift, events.marks, events.sources, 30.0 + shift, shift)
    assert np.allclose(sums(Design(events), kernel, theta).value, sums(Design(later), kernel, theta).value)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.permutations(range(3)))
def test_sources_may_be_called_anything(seed, order):
    events, kernel = some_events(seed=seed), kernel_of(Exponential(decay=1.3), 3, 30.0)
    theta = some_theta(Design(events), kernel, seed)
    order = np.array(order)
    names = tuple(np.array(events.sources)[order])
    other = Events(events.times, np.argsort(order)[events.marks], names, 30.0)
    moved = np.column_stack([theta[order, 0], theta[order][:, 1 + order]])
    assert np.allclose(sums(Design(events), kernel, theta).value[order], sums(Design(other), kernel, moved).value)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.floats(0.01, 100))
def test_the_unit_of_time_shifts_the_log_likelihood_by_its_logarithm(seed, scale):
    events = some_events(seed=seed)
    kernel = kernel_of(Exponential(decay=1.3), 3, 30.0)
    theta = some_theta(Design(events), kernel, seed)
    other = Events(events.times * scale, events.marks, events.sources, 30.0 * scale)
    moved = np.column_stack([theta[:, 0] / scale, theta[:, 1:]])
    found = sums(Design(other), kernel_of(Exponential(decay=1.3 / scale), 3, 30.0), moved).value
    assert np.allclose(found, sums(Design(events), kernel, theta).value - events.counts * np.log(scale))
