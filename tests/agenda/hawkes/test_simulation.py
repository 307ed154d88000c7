import numpy as np
import pytest
from agenda.hawkes_truths import PAIR, pair_of_sources, simulated
from scipy import stats

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.kernels import Exponential, Exponentials, PowerLaw
from hemicycle.agenda.hawkes.simulation import HawkesTruth, branching_ratio, expected_rates, simulate_hawkes
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng


def test_rates_are_those_of_the_long_run():
    truth = pair_of_sources()
    events = simulated(truth, 100_000, 0)
    wanted = np.linalg.solve(np.eye(2) - PAIR, truth.baseline)
    assert np.allclose(expected_rates(truth), wanted)
    assert np.allclose(events.counts / events.horizon, wanted, rtol=0.03)
    assert events.sources == ("s0", "s1")


def test_the_key_decides():
    one, again, other = (simulated(pair_of_sources(), 500, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.times, again.times)
    assert np.array_equal(one.marks, again.marks)
    assert not np.array_equal(one.times, other.times)


@pytest.mark.parametrize(
    ("kernel", "distribution"),
    [
        (Exponential(decay=3.0), stats.expon(scale=1 / 3).cdf),
        (Exponential(decay=((9.0, 3.0), (9.0, 9.0)), per="pair"), stats.expon(scale=1 / 3).cdf),
        (Exponential(decay=(9.0, 3.0), per="source"), stats.expon(scale=1 / 3).cdf),
        (PowerLaw(offset=0.2, exponent=1.5), stats.lomax(1.5, scale=0.2).cdf),
    ],
)
def test_delays_of_children_have_the_kernel_as_distribution(kernel, distribution):
    """Source 1 speaks so rarely that each child of it is the nearest event after it."""
    truth = HawkesTruth(np.array([0.0, 1e-4]), np.array([[0.0, 0.9], [0.0, 0.0]]), kernel)
    events = simulate_hawkes(truth, 2e7, rng("delays"))
    parents, children = (events.times[events.marks == k] for k in (1, 0))
    delays = children - parents[np.searchsorted(parents, children) - 1]
    assert stats.kstest(delays, distribution).statistic < 0.04
    assert len(children) / len(parents) == pytest.approx(0.9, abs=0.08)


def test_exponentials_have_their_own_branching():
    parts = np.array([[[0.0, 0.3], [0.0, 0.0]], [[0.0, 0.6], [0.0, 0.0]]])
    truth = HawkesTruth(np.array([0.0, 1e-4]), parts, Exponentials(decays=(0.1, 10.0)))
    events = simulate_hawkes(truth, 2e7, rng("delays"))
    parents, children = (events.times[events.marks == k] for k in (1, 0))
    delays = children - parents[np.searchsorted(parents, children) - 1]
    assert len(children) / len(parents) == pytest.approx(0.9, abs=0.08)
    assert (delays > 1.0).mean() == pytest.approx((0.3 * np.exp(-0.1) + 0.6 * np.exp(-10)) / 0.9, abs=0.05)


def test_baselines_follow_their_profile():
    truth = HawkesTruth(np.array([[1.0, 3.0]]), np.zeros((1, 1)), Exponential(), Baseline(width=12, cycle=24))
    events = simulate_hawkes(truth, 24 * 500.0, rng("profile"))
    night = (events.times % 24 < 12).mean()
    assert night == pytest.approx(0.25, abs=0.02)
    with pytest.raises(InputError, match="3 rates for 2 pieces"):
        simulate_hawkes(HawkesTruth(np.ones((1, 3)), np.zeros((1, 1)), Exponential(), truth.profile), 48.0, rng("x"))


def test_exogenous_sources_stay_exogenous():
    truth = pair_of_sources(exogenous=(1,))
    with pytest.raises(InputError, match="exogenous source is influenced"):
        simulated(truth, 100, 0)
    fine = HawkesTruth(truth.baseline, np.array([[0.3, 0.2], [0.0, 0.0]]), truth.kernel, exogenous=(1,))
    assert simulated(fine, 100, 0).exogenous == ("s1",)


def test_what_cannot_be_simulated_says_why():
    def of(baseline, branching):
        return HawkesTruth(np.array(baseline), np.array(branching), Exponential())

    with pytest.raises(InputError, match=r"radius\) is 1\.250.*[\s\S]*multiply the matrix by 0\.72"):
        simulate_hawkes(of([1.0, 1.0], [[1.25, 0.0], [0.0, 0.5]]), 10.0, rng("x"))
    with pytest.raises(InputError, match="shape"):
        simulate_hawkes(of([1.0, 1.0], [[0.5]]), 10.0, rng("x"))
    with pytest.raises(InputError, match="negative"):
        simulate_hawkes(of([1.0], [[-0.5]]), 10.0, rng("x"))
    with pytest.raises(InputError, match="events are expected"):
        simulate_hawkes(of([1.0], [[0.5]]), 1e12, rng("x"))
    assert branching_ratio(np.array([[0.0, 4.0], [1.0, 0.0]])) == pytest.approx(2.0)
