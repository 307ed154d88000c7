"""Compiled sums against literal loops."""

import numba
import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemicycle.opinions.base import Sources
from hemicycle.opinions.kernels import confident_mean, squared_differences, weighted_mean


@st.composite
def states(draw):
    """A weighted exposure to users and possibly others, with and without weights, and opinions."""
    n, extra, dims = draw(st.integers(1, 7)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    dense = draw(hnp.arrays(np.float64, (n, n + extra), elements=st.sampled_from([0, 0, 0.25, 1, 2])))
    numbers = st.floats(-1, 1, width=32)
    positions = draw(hnp.arrays(np.float64, (n + extra, dims), elements=numbers))
    sources = sources_of(dense, positions)
    if draw(st.booleans()):
        sources = Sources(sources.indptr, sources.indices, None, positions)
    return sources, positions[:n]


def entries(sources, i):
    """(source, weight) of user i, one by one."""
    for e in range(sources.indptr[i], sources.indptr[i + 1]):
        yield int(sources.indices[e]), 1.0 if sources.weights is None else float(sources.weights[e])


def literal_mean(sources, own, i):
    total = sum(w for _, w in entries(sources, i))
    return sum(w * sources.positions[j] for j, w in entries(sources, i)) / total if total else own[i]


def literal_confident_mean(sources, own, i, confidence):
    close = [(sources.positions[j], w) for j, w in entries(sources, i)]
    close = [(x, w) for x, w in close if np.sqrt(((x - own[i]) ** 2).sum()) <= confidence]
    return (own[i] + sum(w * x for x, w in close)) / (1 + sum(w for _, w in close))


@settings(max_examples=60, deadline=None)
@given(states())
def test_weighted_mean_equals_the_literal_one(state):
    sources, own = state
    means, totals = weighted_mean(sources, own)
    np.testing.assert_allclose(means, [literal_mean(sources, own, i) for i in range(len(own))], atol=1e-12)
    np.testing.assert_allclose(totals, sources.totals)


@settings(max_examples=60, deadline=None)
@given(states(), st.sampled_from([0.3, 0.7, 1.1]))
def test_confident_mean_equals_the_literal_one(state, confidence):
    sources, own = state
    expected = [literal_confident_mean(sources, own, i, confidence) for i in range(len(own))]
    np.testing.assert_allclose(confident_mean(sources, own, confidence), expected, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(states())
def test_squared_differences_equal_the_literal_ones(state):
    sources, own = state
    literal = [
        sum(w * ((sources.positions[j] - x) ** 2).sum() for j, w in entries(sources, i)) for i, x in enumerate(own)
    ]
    np.testing.assert_allclose(squared_differences(sources, own), literal, atol=1e-12)


def test_a_source_at_exactly_the_confidence_counts():
    sources = sources_of(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0], [0.25]]))
    np.testing.assert_array_equal(confident_mean(sources, sources.positions, 0.25), [[0.125], [0.25]])
    np.testing.assert_array_equal(confident_mean(sources, sources.positions, 0.2499), sources.positions)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only on this machine")
def test_results_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(1)
    dense = (rng.random((700, 700)) < 0.5) * rng.random((700, 700))
    own = rng.random((700, 2)).astype(np.float32)
    sources = sources_of(dense, own)

    def results():
        return [weighted_mean(sources, own)[0], confident_mean(sources, own, 0.3), squared_differences(sources, own)]

    assert len(sources.indices) > 2e5, "small work gets one thread in any case"
    many = results()
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = results()
    finally:
        numba.set_num_threads(threads)
    assert numba.get_num_threads() == threads
    for a, b in zip(many, one, strict=True):
        np.testing.assert_array_equal(a, b)
