"""The noisy voter model: contract, literal reference, and Kirman's stationary distribution."""

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_noisy_voter import noisy_voter_step
from opinions.societies import bound, complete, shares
from pydantic import ValidationError
from scipy.stats import betabinom

from hemicycle.core.errors import InputError
from hemicycle.opinions.base import People
from hemicycle.opinions.catalogue import OPINION
from hemicycle.opinions.noisy_voter import NoisyVoter

Config = NoisyVoter.Config


class Noisy(OpinionContract):
    equivariant = False
    isolated_stay = False
    consensus_stays = False
    keeps_hull = False
    tolerance = 0

    def start(self, rng, n, dims):
        return rng.choice([-1.0, 1.0], (n, dims))

    def agreed(self, n, dims):
        return np.ones((n, dims))

    def reference(self, opinions, innate, sources, key):
        return noisy_voter_step(self.model(), opinions, sources, key)


class TestRandom(Noisy):
    config = Config(noise=0.3)


class TestSynchronous(Noisy):
    config = Config(noise=0.3, schedule="synchronous")


class TestPerUser(Noisy):
    config = Config(noise="unit", states=(-1.0, 0.0, 1.0))


@given(st.integers(1, 10), st.integers(0, 2**64 - 1), st.sampled_from(["random", "synchronous"]), st.floats(0, 1))
def test_the_kernel_equals_the_reference(n, key, schedule, noise):
    rng = np.random.default_rng(key)
    x = rng.choice([-1.0, 0.0, 1.0], (n, 2))
    sources = sources_of((rng.random((n, n + 2)) < 0.4) * rng.random((n, n + 2)), rng.uniform(-1, 1, (n + 2, 2)))
    model = bound(Config(schedule=schedule, noise=noise, states=(-1.0, 0.0, 1.0)), n)
    np.testing.assert_array_equal(model.step(x, x, sources.at(x), key), noisy_voter_step(model, x, sources, key))


@pytest.mark.parametrize("noise", [0.02, 0.095, 0.3])
def test_the_long_run_is_beta_binomial_on_the_complete_graph(noise):
    """Between the camps below a (N - 1) / (2 (1 - a)) = 1, at which all shares are equally probable, and above it."""
    n, copies = 20, 1500
    sources, opinions = complete(n, copies), shares(n, copies, n // 2)
    model = bound(Config(noise=noise), n * copies)
    for key in range(150):
        opinions = model.step(opinions, opinions, sources.at(opinions), key)
    found = np.bincount((opinions.reshape(copies, n) > 0).sum(axis=1), minlength=n + 1) / copies
    alpha = noise * (n - 1) / (2 * (1 - noise))
    expected = betabinom(n, alpha, alpha).pmf(np.arange(n + 1))
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(expected.max() / copies))
    assert (copies * (found - expected) ** 2 / expected).sum() < 50  # chi-squared, 20 degrees of freedom: p < .0003


def test_without_noise_it_is_the_voter_model():
    x = np.random.default_rng(0).choice([-1.0, 1.0], (50, 2))
    noisy, voter = (bound(OPINION.validate(c), 50) for c in ({"opinion": "noisy_voter", "noise": 0.0}, "voter"))
    for key in range(5):
        after = noisy.step(x, x, complete(50).at(x), key)
        np.testing.assert_array_equal(after, voter.step(x, x, complete(50).at(x), key))


def test_opinions_that_are_no_states_are_a_problem_and_can_be_put_right():
    model, x = NoisyVoter(Config()), np.array([[-1.0], [0.2], [0.0]])
    (problem,) = model.start_problems(x, (-1.0, 1.0))
    assert "2 of 3 users" in problem.what
    np.testing.assert_array_equal(model.started(x), [[-1.0], [1.0], [1.0]])
    assert model.start_problems(model.started(x), (-1.0, 1.0)) == []
    assert "outside the bounds [0, 1]" in model.start_problems(model.started(x), (0.0, 1.0))[0].what


@pytest.mark.parametrize(
    ("states", "said"), [((1.0, -1.0), "ascending"), ((1.0,), "at least 2"), ((0.0, 0.0), "distinct")]
)
def test_bad_states_are_refused(states, said):
    with pytest.raises(ValidationError, match=said):
        Config(states=states)


def test_noise_by_group_must_lie_in_its_range():
    model = NoisyVoter(Config(noise="rate"))
    with pytest.raises(InputError, match="outside"):
        model.bound(People(2, columns={"rate": np.array([0.5, 1.5])}))
