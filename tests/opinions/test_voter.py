"""The voter model: contract, literal reference, exit probability, and time to consensus."""

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_voter import voter_step
from opinions.societies import bound, complete, ring, shares, until_agreed

from hemicycle.opinions.voter import Voter

Config = Voter.Config


class Copying(OpinionContract):
    equivariant = False
    tolerance = 0

    def reference(self, opinions, innate, sources, key):
        return voter_step(self.model(), opinions, sources, key)


class TestRandom(Copying):
    config = Config()


class TestSynchronous(Copying):
    config = Config(schedule="synchronous")


@given(st.integers(1, 12), st.integers(0, 2**64 - 1), st.sampled_from(["random", "synchronous"]))
def test_the_kernel_equals_the_reference(n, key, schedule):
    rng = np.random.default_rng(key)
    x = rng.uniform(-1, 1, (n, 2))
    sources = sources_of((rng.random((n, n + 2)) < 0.4) * rng.random((n, n + 2)), rng.uniform(-1, 1, (n + 2, 2)))
    model = bound(Config(schedule=schedule), n)
    np.testing.assert_array_equal(model.step(x, x, sources.at(x), key), voter_step(model, x, sources, key))


@pytest.mark.parametrize("graph", [complete, ring])
@pytest.mark.parametrize("k", [6, 15])
def test_the_exit_probability_is_the_initial_share_on_regular_graphs(graph, k):
    n, copies = 20, 1000
    ends, _ = until_agreed(Config(), graph(n, copies), shares(n, copies, k), n)
    share = k / n
    assert (ends == 1).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / copies))


def exact_sweeps(n, k):
    """Mean updates until n users of whom k hold a state agree, in sweeps: the chain's equations, solved."""
    states = np.arange(1, n)
    leaves = 2 * states * (n - states) / (n * (n - 1))
    table = np.diag(leaves) - np.diag(leaves[:-1] / 2, 1) - np.diag(leaves[1:] / 2, -1)
    return np.linalg.solve(table, np.ones(n - 1))[k - 1] / n


def test_the_known_time_to_consensus_is_the_limit_of_the_exact_one():
    for p in (0.1, 0.5):
        known = -(1 - p) * np.log(1 - p) - p * np.log(p)
        assert exact_sweeps(1000, int(1000 * p)) / 1000 == pytest.approx(known, rel=0.01)


@pytest.mark.parametrize("k", [10, 50])
def test_time_to_consensus_on_the_complete_graph(k):
    n, copies = 100, 150
    _, steps = until_agreed(Config(), complete(n, copies), shares(n, copies, k), n)
    p = k / n
    known = -(1 - p) * np.log(1 - p) - p * np.log(p)
    assert steps.mean() == pytest.approx(n * known, abs=4 * steps.std() / np.sqrt(copies))
    assert steps.mean() == pytest.approx(exact_sweeps(n, k), abs=4 * steps.std() / np.sqrt(copies))


def test_a_source_that_never_moves_wins():
    x = np.zeros((10, 1))
    sources = sources_of(np.concatenate([np.ones((10, 10)) - np.eye(10), np.ones((10, 1))], axis=1), np.ones((11, 1)))
    model, after = bound(Config(), 10), x
    for key in range(500):
        after = model.step(after, x, sources.at(after), key)
    np.testing.assert_array_equal(after, 1)
