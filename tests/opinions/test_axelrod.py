"""Axelrod's model: contract, literal reference, absorbing states, and regions by features and traits."""

import numpy as np
from contracts.opinion_contract import OpinionContract, sources_of
from hypothesis import given
from hypothesis import strategies as st
from opinions.reference_axelrod import axelrod_step
from opinions.societies import bound
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from hemicycle.opinions.axelrod import Axelrod
from hemicycle.opinions.base import Sources

Config = Axelrod.Config


class TestThreeTraits(OpinionContract):
    config = Config(traits=3)
    dims = (2, 8)
    equivariant = False
    tolerance = 0

    def start(self, rng, n, dims):
        return rng.choice([-1.0, 0.0, 1.0], (n, dims))

    def agreed(self, n, dims):
        return np.zeros((n, dims))

    def reference(self, opinions, innate, sources, key):
        return axelrod_step(opinions, sources, key)


@given(st.integers(1, 12), st.integers(0, 2**64 - 1), st.integers(2, 6), st.integers(2, 4))
def test_the_kernel_equals_the_reference(n, key, features, traits):
    rng = np.random.default_rng(key)
    x = rng.integers(0, traits, (n, features)).astype(float)
    sources = sources_of((rng.random((n, n)) < 0.6) * rng.random((n, n)), x)
    model = bound(Config(traits=traits), n)
    np.testing.assert_array_equal(model.step(x, x, sources, key), axelrod_step(x, sources, key))


def lattice(side, copies):
    """``copies`` square territories without wrapping; neighbours share an edge."""
    place = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate(
        [np.stack([a.ravel(), b.ravel()], 1) for a, b in ((place[:, 1:], place[:, :-1]), (place[1:], place[:-1]))]
    )
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = (pairs[None] + side * side * np.arange(copies)[:, None, None]).reshape(-1, 2)
    n = side * side * copies
    table = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return Sources(table.indptr.astype(np.int64), table.indices.astype(np.int32), None, np.zeros((n, 1)))


def edges(sources):
    return np.repeat(np.arange(sources.n_users), np.diff(sources.indptr)), sources.indices


def is_stable(x, sources):
    """Neighbours share all traits or none."""
    same = (x[edges(sources)[0]] == x[edges(sources)[1]]).sum(axis=1)
    return bool(np.isin(same, [0, x.shape[1]]).all())


def regions(x, sources):
    """Number of connected sets of users with one culture."""
    rows, columns = edges(sources)
    same = (x[rows] == x[columns]).all(axis=1)
    table = csr_array((np.ones(same.sum()), (rows[same], columns[same])), shape=(len(x), len(x)))
    return connected_components(table, directed=False)[0]


def stable(features, traits, side=6, copies=20):
    """Mean number of stable regions of a territory."""
    sources = lattice(side, copies)
    rng, n = np.random.default_rng(features * 100 + traits), sources.n_users
    x = np.array(Axelrod(Config(traits=traits)).states)[rng.integers(0, traits, (n, features))].astype(np.float32)
    model = bound(Config(traits=traits), n)
    for key in range(200_000):
        x = model.step(x, x, sources.at(x), key)
        if key % 100 == 0 and is_stable(x, sources):
            return regions(x, sources) / copies
    raise AssertionError("not stable")


def test_more_traits_leave_more_regions_and_more_features_fewer():
    few, some, many = (stable(3, traits) for traits in (3, 8, 16))
    assert few < some < many
    assert stable(5, 16) < many
    assert stable(8, 3) == 1


def test_those_who_share_nothing_never_meet():
    x = np.array([[-1.0, -1.0], [1.0, 1.0]])
    sources = sources_of(np.array([[0.0, 1.0], [1.0, 0.0]]), x)
    after = x
    for key in range(50):
        after = bound(Config(traits=2), 2).step(after, x, sources.at(after), key)
    np.testing.assert_array_equal(after, x)


def test_traits_lie_evenly_within_the_bounds():
    assert Axelrod(Config(traits=3)).states == (-1.0, 0.0, 1.0)
    model = Axelrod(Config(traits=3))
    np.testing.assert_array_equal(model.started(np.array([[-0.6, 0.4]])), [[-1.0, 0.0]])


def test_one_feature_and_opinions_that_are_no_traits_are_problems():
    model = Axelrod(Config(traits=3))
    assert "two features" in model.start_problems(np.zeros((4, 1)), (-1.0, 1.0))[0].what
    assert "4 of 4 users" in model.start_problems(np.linspace(0, 1, 8).reshape(4, 2), (-1.0, 1.0))[0].what
    assert model.start_problems(np.zeros((4, 2)), (-1.0, 1.0)) == []
