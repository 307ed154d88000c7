"""The majority rule: contract, literal reference, and the exit probability of groups of three."""

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_majority_rule import majority_rule_step
from opinions.societies import bound, complete, ring, shares, until_agreed
from pydantic import ValidationError
from scipy.stats import binom

from hemicycle.opinions.majority_rule import MajorityRule

Config = MajorityRule.Config


class Majority(OpinionContract):
    tolerance = 0

    def start(self, rng, n, dims):
        return rng.choice([-1.0, 1.0], (n, dims))

    def agreed(self, n, dims):
        return np.ones((n, dims))

    def reference(self, opinions, innate, sources, key):
        return majority_rule_step(self.model(), opinions, sources, key)


class TestThree(Majority):
    config = Config()
    equivariant = False


class TestFive(Majority):
    config = Config(size=5)
    equivariant = False


class TestSynchronous(Majority):
    config = Config(schedule="synchronous")


@given(
    st.integers(1, 12),
    st.integers(0, 2**64 - 1),
    st.sampled_from(["random", "synchronous"]),
    st.sampled_from([3, 5]),
)
def test_the_kernel_equals_the_reference(n, key, schedule, size):
    rng = np.random.default_rng(key)
    x = rng.choice([-1.0, 1.0], (n, 2))
    outlets = rng.choice([-1.0, 1.0], (n + 2, 2))
    sources = sources_of((rng.random((n, n + 2)) < 0.6) * rng.integers(1, 4, (n, n + 2)), outlets).at(x)
    model = bound(Config(schedule=schedule, size=size), n)
    np.testing.assert_array_equal(model.step(x, x, sources, key), majority_rule_step(model, x, sources, key))


@pytest.mark.parametrize(("n", "k"), [(9, 4), (20, 10), (20, 8)])
def test_the_exit_probability_of_three_on_the_complete_graph_is_binomial(n, k):
    """Krapivsky and Redner (2003): a sum of binomial coefficients of N - 3."""
    copies = 3000
    ends, _ = until_agreed(Config(), complete(n, copies), shares(n, copies, k), n)
    expected = binom(n - 3, 0.5).cdf(k - 2)
    assert (ends == 1).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / copies))


def test_all_of_a_group_take_its_majority():
    x = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0]])
    after = bound(Config(), 3).step(x, x, complete(3).at(x), 0)
    np.testing.assert_array_equal(after, np.tile([1.0, -1.0], (3, 1)))


def test_looking_around_smooths_a_ring_and_a_tie_leaves_it():
    x = np.array([1.0, 1, 1, -1, 1, 1, 1, 1])[:, None]
    around = bound(Config(schedule="synchronous"), 8)
    np.testing.assert_array_equal(around.step(x, x, ring(8).at(x), 0), np.ones((8, 1)))
    tied = sources_of(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0], [-1.0]]))
    np.testing.assert_array_equal(around.step(tied.positions, tied.positions, tied, 0), tied.positions)


def test_an_even_group_is_refused():
    with pytest.raises(ValidationError, match="odd size"):
        Config(size=4)
