"""Metrics of what is shown against literal loops and hand-computed cases."""

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.simulations.metrics_exposure import (
    calibration,
    coverage,
    cross_cutting_share,
    exposure_distance,
    exposure_gini,
    homogenisation,
    kinds_of,
    list_diversity,
    proposal_gini,
    sample_of_users,
)
from hemicycle.simulations.sums import Seen

LISTS = np.array([[1, 2, 3], [0, 2, -1], [-1, -1, -1], [0, 1, 2]], np.int32)


def shown(seed, n=8, dims=1, n_sources=10):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n, n_sources)) < 0.4) * rng.integers(1, 4, (n, n_sources))
    dense[:, :n][np.eye(n, dtype=bool)] = 0
    dense[2] = 0
    dense[0, 1] = 1
    positions = rng.uniform(-1, 1, (n_sources, dims))
    return dense, positions, Seen.of(sources_of(dense, positions), positions[:n], np.eye(dims)[0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_distance_and_cross_cutting_share_equal_the_literal_ones(seed, dims):
    dense, x, seen = shown(seed, dims=dims)
    side = x[:, 0] > 0
    away, across = [], []
    for i, row in enumerate(dense):
        if row.any():
            away.append(sum(w * np.linalg.norm(x[i] - x[j]) for j, w in enumerate(row)) / row.sum())
            across.append(sum(w for j, w in enumerate(row) if side[i] != side[j]) / row.sum())
    assert exposure_distance(seen) == pytest.approx(np.mean(away))
    assert cross_cutting_share(seen) == pytest.approx(np.mean(across))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_exposure_gini_equals_the_mean_difference(seed):
    dense, positions, _ = shown(seed)
    totals = dense.sum(1, keepdims=True)
    seen = np.divide(dense, totals, out=np.zeros(dense.shape), where=totals > 0).sum(0)
    literal = sum(abs(a - b) for a in seen for b in seen) / (2 * len(seen) ** 2 * seen.mean())
    assert exposure_gini(sources_of(dense, positions)) == pytest.approx(literal)


def test_nobody_who_sees_anything_has_no_exposure():
    dense, positions = np.zeros((3, 3)), np.zeros((3, 1))
    nothing = sources_of(dense, positions)
    seen = Seen.of(nothing, positions, np.ones(1))
    assert np.isnan([exposure_distance(seen), cross_cutting_share(seen), exposure_gini(nothing)]).all()


def test_coverage_and_gini_of_proposals():
    assert coverage(LISTS, 5) == pytest.approx(4 / 5)
    counts = [2, 2, 3, 1, 0]
    literal = sum(abs(a - b) for a in counts for b in counts) / (2 * 5 * sum(counts))
    assert proposal_gini(LISTS, 5) == pytest.approx(literal)
    assert np.isnan(proposal_gini(LISTS[[2]], 5))
    assert coverage(LISTS[[2]], 5) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_list_diversity_equals_the_mean_over_pairs(seed, dims):
    x = np.random.default_rng(seed).uniform(-1, 1, (5, dims))
    literal = []
    for row in LISTS:
        known = [j for j in row if j >= 0]
        pairs = [np.linalg.norm(x[a] - x[b]) for i, a in enumerate(known) for b in known[:i]]
        literal += [np.mean(pairs)] if pairs else []
    assert list_diversity(LISTS, x) == pytest.approx(np.mean(literal))
    assert np.isnan(list_diversity(LISTS[[2]], x))
    assert np.isnan(list_diversity(LISTS[:, :1], x))


def test_calibration_is_steckss_divergence_in_nats():
    graph = InteractionGraph.from_edges([0, 0, 0, 0, 1], [1, 2, 3, 4, 0], 5, 5, social=True)
    kinds = np.array([0, 0, 0, 1, 4])
    lists = np.array([[1, 2], [0, 0]])
    p, q = np.array([0.5, 0.25, 0, 0, 0.25]), np.array([1.0, 0, 0, 0, 0])
    mixed = 0.99 * q + 0.01 * p
    by_hand = sum(a * np.log(a / b) for a, b in zip(p, mixed, strict=True) if a)
    assert calibration(lists[:1], np.array([0]), kinds, graph) == pytest.approx(by_hand)
    assert calibration(lists[1:], np.array([1]), kinds, graph) == pytest.approx(0)
    assert calibration(lists, np.array([0, 1]), kinds, graph) == pytest.approx(by_hand / 2)
    assert np.isnan(calibration(lists[1:], np.array([4]), kinds, graph))  # follows nobody


def test_kinds_divide_the_axis_evenly():
    assert kinds_of(np.array([-1, -0.61, -0.59, 0, 0.59, 0.61, 1]), 2.0).tolist() == [0, 0, 1, 2, 3, 4, 4]
    assert kinds_of(np.array([0.0, 0.0]), 0.0).tolist() == [0, 0]


def test_homogenisation_is_the_mean_jaccard_index_of_pairs():
    pairs = {(0, 1): 1 / 4, (0, 3): 2 / 4, (1, 3): 2 / 3}
    assert homogenisation(LISTS, pairs=60_000) == pytest.approx(np.mean(list(pairs.values())), abs=0.01)
    assert homogenisation(np.tile(LISTS[0], (5, 1))) == 1
    assert homogenisation(np.arange(10).reshape(5, 2)) == 0
    assert homogenisation(np.array([[1, 1], [1, 2]])) == pytest.approx(1 / 2)
    assert np.isnan(homogenisation(LISTS[[2, 2]]))
    assert np.isnan(homogenisation(LISTS[[0]]))


def test_averages_run_over_all_users_or_over_a_sample():
    assert sample_of_users(100, 1).tolist() == list(range(100))
    sample = sample_of_users(10**6, 1)
    assert len(sample) == 20_000
    assert (np.diff(sample) >= 0).all()
    assert sample.mean() == pytest.approx(5e5, rel=0.02)
    assert (sample != sample_of_users(10**6, 2)).any()
