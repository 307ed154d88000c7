"""Compiled sums against literal loops."""

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from opinions.reference_averaging import near, seen

from hemicycle.opinions import kernels
from hemicycle.opinions.base import Sources
from hemicycle.opinions.kernels import confident_mean, weighted_mean


@st.composite
def states(draw):
    """A weighted exposure to users and possibly others, with and without weights, and opinions."""
    n, extra, dims = draw(st.integers(1, 7)), draw(st.integers(0, 2)), draw(st.sampled_from([1, 2, 5]))
    dense = draw(hnp.arrays(np.float64, (n, n + extra), elements=st.sampled_from([0, 0, 0.25, 1, 2])))
    numbers = st.floats(-1, 1, width=32)
    positions = draw(hnp.arrays(np.float64, (n + extra, dims), elements=numbers))
    sources = sources_of(dense, positions)
    if draw(st.booleans()):
        sources = Sources(sources.indptr, sources.indices, None, positions)
    return sources, positions[:n]


@settings(max_examples=60, deadline=None)
@given(states())
def test_weighted_mean_equals_the_literal_one(state):
    sources, own = state
    means, totals = weighted_mean(sources, own)
    np.testing.assert_allclose(means, [seen(sources, own, i) for i in range(len(own))], atol=1e-12)
    np.testing.assert_allclose(totals, sources.totals)


@settings(max_examples=60, deadline=None)
@given(states(), st.sampled_from([0.3, 0.7, 1.1]))
def test_confident_mean_equals_the_literal_one(state, confidence):
    sources, own = state
    expected = [near(sources.positions, sources, x, confidence, i) for i, x in enumerate(own)]
    np.testing.assert_allclose(confident_mean(sources, own, confidence), expected, atol=1e-12)


def test_a_source_at_exactly_the_confidence_counts():
    sources = sources_of(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0], [0.25]]))
    np.testing.assert_array_equal(confident_mean(sources, sources.positions, 0.25), [[0.125], [0.25]])
    np.testing.assert_array_equal(confident_mean(sources, sources.positions, 0.2499), sources.positions)


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_a_step_in_single_precision_is_the_rounded_one_in_double(dims):
    rng = np.random.default_rng(dims)
    own = rng.uniform(-1, 1, (60, dims)).astype(np.float32)
    exact = own.astype(np.float64)
    sources = sources_of((rng.random((60, 60)) < 0.3) * 1.0, own)
    for single, double in [
        (weighted_mean(sources, own)[0], weighted_mean(sources.at(exact), exact)[0]),
        (confident_mean(sources, own, 0.8), confident_mean(sources.at(exact), exact, 0.8)),
    ]:
        np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("dims", [3, 4])
def test_what_is_compiled_for_a_few_dimensions_does_as_what_is_for_any_number(dims, monkeypatch):
    rng = np.random.default_rng(dims)
    own = rng.uniform(-1, 1, (60, dims)).astype(np.float32)
    sources = sources_of((rng.random((60, 60)) < 0.3) * rng.random((60, 60)), own)
    few = weighted_mean(sources, own)[0], confident_mean(sources, own, 0.8)
    monkeypatch.setattr(kernels, "_MOST_UNROLLED", 0)
    any_number = weighted_mean(sources, own)[0], confident_mean(sources, own, 0.8)
    np.testing.assert_array_equal(few, any_number)


def test_parts_cover_users_whatever_their_sources():
    """One user sees a million, the first and last users nobody."""
    n = 1000
    counts = np.zeros(n, np.int64)
    counts[500], counts[300:400] = 1_000_000, 10
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.random.default_rng(0).integers(0, n, indptr[-1]).astype(np.int32)
    own = np.random.default_rng(1).random((n, 1))
    sources = Sources(indptr, indices, None, own)
    means, totals = weighted_mean(sources, own)
    np.testing.assert_array_equal(totals, counts)
    np.testing.assert_array_equal(means[counts == 0], own[counts == 0])
    np.testing.assert_allclose(means[500], own[indices[indptr[500] : indptr[501]]].mean(), atol=1e-12)
