"""Deffuant's model: contract, literal reference, conservation, and clusters by confidence."""

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_deffuant import deffuant_step
from opinions.societies import bound, complete

from hemicycle.core.errors import InputError
from hemicycle.opinions.base import People
from hemicycle.opinions.catalogue import OPINION
from hemicycle.opinions.deffuant import Deffuant

Config = Deffuant.Config


class Pairwise(OpinionContract):
    equivariant = False
    precision = None

    def reference(self, opinions, innate, sources, key):
        return deffuant_step(self.model(), opinions, sources, key)


class TestBoth(Pairwise):
    config = Config(confidence=1.0, pairs_per_step=60)


class TestListener(Pairwise):
    config = Config(confidence=1.5, mobility=0.3, moves="listener")


class TestPerUser(Pairwise):
    config = Config(confidence={"left": 0.6, "other": 1.5}, mobility="unit", pairs_per_step=60)


class TestDrawn(Pairwise):
    config = Config(confidence={"draw": "uniform", "low": 0.5, "high": 2.0}, pairs_per_step=60)


@given(st.integers(2, 12), st.integers(0, 2**64 - 1), st.floats(0.01, 2), st.floats(0.01, 1), st.integers(1, 3))
def test_the_kernel_equals_the_reference(n, key, confidence, mobility, dims):
    rng = np.random.default_rng(key)
    outlets = rng.uniform(-1, 1, (3, dims))
    x = rng.uniform(-1, 1, (n, dims))
    sources = sources_of((rng.random((n, n + 3)) < 0.5) * rng.random((n, n + 3)), np.concatenate([x, outlets]))
    model = bound(Config(confidence=confidence, mobility=mobility), n)
    expected = deffuant_step(model, x, sources, key)
    np.testing.assert_allclose(model.step(x, x, sources, key), expected, atol=1e-12)


def test_mean_is_conserved():
    x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    sources, model = complete(500), bound(Config(confidence=0.5, mobility=0.3), 500)
    after = x
    for key in range(50):
        after = model.step(after, x, sources.at(after), key)
    assert np.abs(after - x).max() > 0.3
    np.testing.assert_allclose(after.mean(axis=0), x.mean(axis=0), atol=1e-12)


def ended(x, confidence, steps=2000):
    """Opinions on the complete graph when nothing happens any more."""
    n = len(x)
    sources, model = complete(n), bound(Config(confidence=confidence, pairs_per_step=10 * n), n)
    for key in range(steps):
        before, x = x, model.step(x, x, sources.at(x), key)
        if np.abs(x - before).max() < 1e-9:
            break
    return np.sort(x[:, 0])


def sizes(x):
    """Sizes of clusters, from left to right."""
    ends = np.flatnonzero(np.diff(x) > 1e-4)
    return np.diff(np.concatenate([[-1], ends, [len(x) - 1]]))


@pytest.mark.parametrize(
    ("confidence", "found"),
    [
        (0.6, [500]),
        (0.3, [500]),
        (0.22, [301, 199]),
        (0.13, [161, 159, 2, 2, 176]),
        (0.1, [85, 127, 1, 2, 127, 2, 1, 2, 1, 1, 1, 150]),
    ],
)
def test_clusters_by_confidence_minor_ones_among_them(confidence, found):
    """About 1 / (2 eps) large clusters, and some users between and beyond them whom nobody reaches any more."""
    assert sizes(ended(np.random.default_rng(1).uniform(0, 1, (500, 1)), confidence)).tolist() == found


def test_zealots_are_met_and_stay():
    n, fixed = 50, np.arange(50) < 5
    x = np.where(fixed, 1.0, 0.5)[:, None]
    model = OPINION.build(Config(confidence=1.0)).bound(People(n, fixed=fixed))
    after = x
    for key in range(300):
        after = model.step(after, x, complete(n).at(after), key)
    np.testing.assert_array_equal(after[fixed], 1.0)
    np.testing.assert_allclose(after, 1.0, atol=1e-3)


def test_the_listener_alone_moves():
    x = np.array([[0.0], [1.0]])
    sources = sources_of(np.array([[0.0, 1.0], [0.0, 0.0]]), x)
    one, two = (
        bound(Config(confidence=1.0, mobility=0.25, moves=m, pairs_per_step=1), 2) for m in ("listener", "both")
    )
    key = next(key for key in range(20) if (one.step(x, x, sources, key) != x).any())
    np.testing.assert_array_equal(one.step(x, x, sources, key), [[0.25], [1.0]])
    np.testing.assert_array_equal(two.step(x, x, sources, key), [[0.25], [0.75]])


def test_each_has_an_own_confidence():
    x = np.array([[0.0], [1.0]])
    sources = sources_of(np.array([[0.0, 1.0], [1.0, 0.0]]), x)
    people = People(2, columns={"wide": np.array([1.0, 0.9])})
    after = OPINION.build(Config(confidence="wide", pairs_per_step=1)).bound(people).step(x, x, sources, 1)
    np.testing.assert_array_equal(after, [[0.5], [1.0]])


def test_a_confidence_beyond_the_range_is_a_problem():
    assert "exceeds the range 1 " in Deffuant(Config(confidence=1.5)).problems(1.0)[0].what
    assert "confidence 9 " in Deffuant(Config(confidence={"a": 9.0, "other": 0.2})).problems(1.0)[0].what
    assert Deffuant(Config(confidence=1.0)).problems(1.0) == []
    with pytest.raises(InputError, match="does not know its users"):
        Deffuant(Config(confidence="wide")).step(np.zeros((2, 1)), np.zeros((2, 1)), complete(2), 0)
