import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_biased_assimilation import step
from scipy.special import logit

from hemicycle.opinions.base import People
from hemicycle.opinions.biased_assimilation import BiasedAssimilation
from hemicycle.opinions.friedkin_johnsen import FriedkinJohnsen
from hemicycle.opinions.phases import two_islands

UNIT = (0.0, 1.0)


class TestBiased(OpinionContract):
    config = BiasedAssimilation.Config()
    keeps_hull = False

    def agreed(self, n, dims):
        return np.zeros((n, dims))

    def reference(self, opinions, innate, sources, key):
        return step(self.model(), opinions, sources)


class TestPerUser(TestBiased):
    config = BiasedAssimilation.Config(bias={"left": 0.5, "right": 2.0}, self_weight="unit")


def islands(bias, own, other, begin=0.7, steps=80):
    """Final opinions of two islands of 20 users, each with ``own`` links at home and ``other`` across."""
    size = 20
    ring = np.arange(size)
    dense = np.zeros((2 * size, 2 * size))
    for k in range(1, own + 1):
        dense[ring, (ring + k) % size] = dense[size + ring, size + (ring + k) % size] = 1
    for k in range(other):
        dense[ring, size + (ring + k) % size] = dense[size + ring, (ring + k) % size] = 1
    x = np.where(np.arange(2 * size) < size, begin, 1 - begin)[:, None]
    model = BiasedAssimilation(BiasedAssimilation.Config(bias=bias)).bound(People(len(x), bounds=UNIT))
    sources = sources_of(dense, x)
    for key in range(steps):
        x = model.step(x, x, sources.at(x), key)
    return x[:size, 0], x[size:, 0]


@pytest.mark.parametrize(("bias", "outcome"), [(0.3, 0.5), (0.6, None), (0.8, None), (1.0, 1.0), (1.5, 1.0)])
def test_islands_agree_disagree_or_polarize_as_the_theorem_says(bias, outcome):
    """Homophily 4: consensus up to a bias of 2 / 5, polarization from 1 on.

    Consensus at the middle is a saddle: in the long run rounding errors would lead everyone to the same extreme.
    """
    expected = two_islands(bias, 4.0)
    assert expected == outcome or 0.5 < expected < 1
    first, second = islands(bias, own=8, other=2)
    np.testing.assert_allclose(first, expected, atol=1e-3)
    np.testing.assert_allclose(second, 1 - expected, atol=1e-3)


def test_without_bias_it_is_degroot_with_the_own_opinion():
    rng = np.random.default_rng(2)
    dense, x = rng.integers(0, 5, (9, 9)), rng.uniform(-1, 1, (9, 2))
    biased = BiasedAssimilation(BiasedAssimilation.Config(bias=0.0)).step(x, x, sources_of(dense, x), 0)
    degroot = FriedkinJohnsen(FriedkinJohnsen.Config(susceptibility=1.0))
    np.testing.assert_allclose(biased, degroot.step(x, x, sources_of(dense + np.eye(9), x), 0), atol=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.5, 3.0])
def test_the_middle_and_the_extremes_are_fixed_points(bias):
    model = BiasedAssimilation(BiasedAssimilation.Config(bias=bias))
    for opinion in (-1.0, 0.0, 1.0):
        x = np.full((5, 1), opinion)
        np.testing.assert_array_equal(model.step(x, x, sources_of(np.ones((5, 5)), x), 0), x)


@given(st.floats(0.01, 0.99), st.floats(0, 3), st.floats(0.02, 0.98))
def test_without_own_weight_log_odds_add_up(x, bias, said):
    """The log-odds after a step are bias times one's own plus those of what the sources say."""
    opinions, sources = np.array([[x]]), sources_of(np.array([[0.0, 1.0]]), np.array([[x], [said]]))
    model = BiasedAssimilation(BiasedAssimilation.Config(bias=bias, self_weight=0.0)).bound(People(1, bounds=UNIT))
    after = model.step(opinions, opinions, sources, 0)
    np.testing.assert_allclose(logit(after), bias * logit(x) + logit(said), atol=1e-6)


def test_bounds_are_mapped():
    x, dense = np.array([[0.1], [0.8], [0.6]]), np.ones((3, 3))
    unit = BiasedAssimilation(BiasedAssimilation.Config(bias=1.3)).bound(People(3, bounds=UNIT))
    wide = BiasedAssimilation(BiasedAssimilation.Config(bias=1.3)).bound(People(3, bounds=(-5, 15)))
    after = wide.step(20 * x - 5, x, sources_of(dense, 20 * x - 5), 0)
    np.testing.assert_allclose(after, 20 * unit.step(x, x, sources_of(dense, x), 0) - 5, atol=1e-12)


def test_an_extremist_without_weight_of_its_own_stays_when_all_disagree():
    x = np.array([[1.0], [0.0]])
    model = BiasedAssimilation(BiasedAssimilation.Config(self_weight=0.0)).bound(People(2, bounds=UNIT))
    np.testing.assert_array_equal(model.step(x, x, sources_of(np.array([[0, 1], [1, 0]]), x), 0), x)


def test_problems_of_the_start():
    model = BiasedAssimilation(BiasedAssimilation.Config())
    (missing,) = model.start_problems(np.zeros((2, 1)), None)
    (outside,) = model.start_problems(np.array([[0.5], [-0.5]]), UNIT)
    assert missing.where == outside.where == "bounds"
    assert outside.what.startswith("1 users")
    assert model.start_problems(np.zeros((2, 1)), UNIT) == []
