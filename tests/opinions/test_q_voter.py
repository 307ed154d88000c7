"""The q-voter model: contract, literal reference, the voter model at q = 1, and the exit probability at q = 2."""

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_q_voter import q_voter_step
from opinions.societies import bound, complete, shares, until_agreed
from pydantic import ValidationError
from scipy.stats import binom

from hemicycle.opinions.q_voter import QVoter
from hemicycle.opinions.voter import Voter

Config = QVoter.Config


class Asking(OpinionContract):
    equivariant = False
    tolerance = 0

    def start(self, rng, n, dims):
        return rng.choice([-1.0, 1.0], (n, dims))

    def agreed(self, n, dims):
        return np.ones((n, dims))

    def reference(self, opinions, innate, sources, key):
        return q_voter_step(self.model(), opinions, sources, key)


class TestTwo(Asking):
    config = Config()


class TestDifferent(Asking):
    config = Config(q=3, repetition=False, flip=0.2)


class TestSynchronous(Asking):
    config = Config(q=3, repetition=False, flip="unit", schedule="synchronous")


class TestIndependent(Asking):
    config = Config(independence="small", flip=0.1)
    isolated_stay = False
    consensus_stays = False


@given(
    st.integers(1, 10),
    st.integers(0, 2**64 - 1),
    st.sampled_from(["random", "synchronous"]),
    st.booleans(),
    st.integers(1, 4),
)
def test_the_kernel_equals_the_reference(n, key, schedule, repetition, q):
    rng = np.random.default_rng(key)
    x = rng.choice([-1.0, 1.0], (n, 2))
    outlets = rng.choice([-1.0, 1.0], (n + 2, 2))
    sources = sources_of((rng.random((n, n + 2)) < 0.6) * rng.random((n, n + 2)), outlets).at(x)
    model = bound(Config(schedule=schedule, repetition=repetition, q=q, flip=0.4, independence=0.2), n)
    np.testing.assert_array_equal(model.step(x, x, sources, key), q_voter_step(model, x, sources, key))


@pytest.mark.parametrize("repetition", [True, False])
@pytest.mark.parametrize("schedule", ["random", "synchronous"])
def test_asking_one_is_the_voter_model(repetition, schedule):
    x = np.random.default_rng(0).choice([-1.0, 1.0], (60, 3))
    asking, voter = (
        bound(Config(q=1, repetition=repetition, schedule=schedule), 60),
        bound(Voter.Config(schedule=schedule), 60),
    )
    for key in range(5):
        after = asking.step(x, x, complete(60).at(x), key)
        np.testing.assert_array_equal(after, voter.step(x, x, complete(60).at(x), key))
        x = after


@pytest.mark.parametrize(("n", "k"), [(10, 5), (20, 9), (20, 8)])
def test_the_exit_probability_of_two_on_the_complete_graph_is_binomial(n, k):
    """Up with k (N - k) k / (N (N - 1)^2), down with k (N - k)^2 / ...: a gambler's ruin with odds (N - k) / k."""
    copies = 3000
    ends, _ = until_agreed(Config(), complete(n, copies), shares(n, copies, k), n)
    expected = binom(n - 1, 0.5).cdf(k - 1)
    assert (ends == 1).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / copies))


def test_the_binomial_is_the_ruin_of_a_gambler():
    n = 12
    odds = [(n - j) / j for j in range(1, n)]
    sums = np.cumsum([1.0, *np.cumprod(odds)])
    np.testing.assert_allclose(sums / sums[-1], binom(n - 1, 0.5).cdf(np.arange(n)))


def test_a_divided_panel_flips():
    x = np.array([[-1.0], [1.0], [-1.0]])
    sources = sources_of(np.array([[0, 1.0, 1.0], [0, 0, 0], [0, 0, 0]]), x)
    always = bound(Config(repetition=False, flip=1.0, schedule="synchronous"), 3)
    never = bound(Config(repetition=False, schedule="synchronous"), 3)
    np.testing.assert_array_equal(always.step(x, x, sources, 0), [[1.0], [1.0], [-1.0]])
    np.testing.assert_array_equal(never.step(x, x, sources, 0), x)


def test_more_than_two_states_are_refused():
    with pytest.raises(ValidationError, match="states"):
        Config(states=(-1.0, 0.0, 1.0))
