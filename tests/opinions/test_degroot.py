import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given, settings
from hypothesis import strategies as st
from opinions.reference_averaging import degroot

from hemicycle.opinions.degroot import DeGroot, consensus


class Literal(OpinionContract):
    def reference(self, opinions, innate, sources, key):
        return degroot(opinions, sources, self.model().values("self_weight"))


class TestPlain(Literal):
    config = DeGroot.Config()


class TestSelfWeightOfAColumn(Literal):
    config = DeGroot.Config(self_weight="unit")


class TestSelfWeightByGroup(Literal):
    config = DeGroot.Config(self_weight={"left": 0.9, "other": 0.1})


def ring_and_chords(seed, n=24):
    """A connected graph that is not bipartite, with weights."""
    rng = np.random.default_rng(seed)
    upper = np.triu((rng.random((n, n)) < 0.2) * rng.integers(1, 4, (n, n)), 1).astype(float)
    upper[np.arange(n - 1), np.arange(1, n)] = 1
    upper[0, 2] = 1
    return upper + upper.T


def walk(dense, x, steps, self_weight=0.0):
    model, sources = DeGroot(DeGroot.Config(self_weight=self_weight)), sources_of(dense, x)
    for _ in range(steps):
        x = model.step(x, x, sources.at(x), 0)
    return x


@pytest.mark.parametrize("self_weight", [0.0, 0.3])
@settings(max_examples=6)  # of many steps each
@given(seed=st.integers(0, 1000))
def test_consensus_is_the_mean_weighted_by_degree(self_weight, seed):
    dense, x = ring_and_chords(seed), np.random.default_rng(seed).uniform(-1, 1, (24, 2))
    agreed = consensus(sources_of(dense, x), x)
    np.testing.assert_allclose(agreed, dense.sum(1) @ x / dense.sum(), atol=1e-12)
    np.testing.assert_allclose(walk(dense, x, 1500, self_weight), np.tile(agreed, (24, 1)), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_opinions_near_consensus_at_the_rate_of_the_second_eigenvalue(seed):
    dense = ring_and_chords(seed)
    moduli = np.sort(np.abs(np.linalg.eigvals(dense / dense.sum(1, keepdims=True))))[::-1]
    x = np.random.default_rng(seed).uniform(-1, 1, (24, 1))
    agreed = consensus(sources_of(dense, x), x)
    far, farther = (np.abs(walk(dense, x, steps) - agreed).max() for steps in (60, 80))
    assert (farther / far) ** (1 / 20) == pytest.approx(moduli[1], abs=0.01)


def test_users_on_two_sides_swap_for_ever_unless_they_weigh_themselves():
    pair, x = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0], [1.0]])
    np.testing.assert_array_equal(walk(pair, x, 7), -x)
    np.testing.assert_allclose(walk(pair, x, 60, self_weight=0.5), 0, atol=1e-12)
