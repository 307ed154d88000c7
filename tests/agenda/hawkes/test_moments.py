import numpy as np
import pytest
from agenda import reference_hawkes as reference
from agenda.hawkes.test_likelihood import KERNELS, some_events
from agenda.hawkes_truths import PAIR, pair_of_sources, simulated

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, PowerLaw, kernel_of
from hemicycle.agenda.hawkes.moments import least_squares, moments
from hemicycle.core.errors import InputError


@pytest.mark.parametrize("name", ["shared", "source", "sum"])
def test_gram_is_the_integral_of_products(name):
    events = some_events(exogenous=("b",))
    options, rates_of = KERNELS[name]
    gram, right = moments(Design(events), kernel_of(options, 3, 30.0))
    kinds = len(rates_of(0, 0))
    assert gram.shape == (1 + 3 * kinds,) * 2
    assert right.shape == (2, 1 + 3 * kinds)
    columns = [(rates_of(0, j)[k], j) for k in range(kinds) for j in range(3)]
    for a, (rate_a, source_a) in enumerate(columns):
        for b, (rate_b, source_b) in enumerate(columns):
            wanted = reference.products(events, (rate_a, rate_b), (source_a, source_b))
            assert gram[1 + a, 1 + b] == pytest.approx(wanted, rel=1e-9)


def test_gram_and_moments_are_sums_over_the_features():
    """Of the likelihood; over the pieces of the baseline the integrals of products add up to those of the features."""
    events, profile = some_events(n=40), Baseline(width=3.0, cycle=6.0)
    design, kernel = Design(events, profile), kernel_of(PowerLaw(offset=0.5), 3, 30.0)
    gram, right = moments(design, kernel)
    stretch = next(design.stretches(kernel))
    for i in range(3):
        assert np.allclose(right[i], stretch.features[stretch.bounds[i] : stretch.bounds[i + 1]].sum(0))
    assert np.allclose(gram[0], gram[:, 0])
    assert np.allclose(gram[:2].sum(0)[2:], design.integrals(kernel)[0, 2:])
    assert np.allclose(np.diag(gram)[:2], 15.0)
    assert gram[0, 1] == 0.0


def test_influence_is_recovered():
    truth = pair_of_sources()
    fit = least_squares(Design(simulated(truth, 100_000, 1)), truth.kernel)
    error = np.sqrt(np.einsum("ipp->ip", fit.covariance))
    assert np.abs(fit.theta[:, 1:] - PAIR).max() < 0.03
    assert (np.abs(fit.theta[:, 1:] - PAIR) < 4 * error[:, 1:]).all()
    assert (fit.theta >= 0).all()


def test_inhibition_shows_only_where_it_may():
    events = some_events(n=300, horizon=300.0)
    free = least_squares(Design(events), Exponential(decay=2.0), nonnegative=False)
    bound = least_squares(Design(events), Exponential(decay=2.0))
    assert free.theta.min() < 0 <= bound.theta.min()
    gram, right = moments(Design(events), kernel_of(Exponential(decay=2.0), 3, 300.0))
    assert np.allclose(free.theta @ gram, right)
    slack = right - bound.theta @ gram
    assert np.allclose(slack * bound.theta, 0, atol=1e-6)
    assert slack.max() < 1e-6


def test_decays_of_pairs_are_refused():
    with pytest.raises(InputError, match="every pair has its own"):
        least_squares(Design(some_events()), KERNELS["pair"][0])
