"""Metrics of distributions against literal loops, closed forms and hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hemicycle.simulations.metrics_distribution import (
    GROUPS,
    alignment,
    bimodality,
    cluster_sizes,
    consensus,
    drawn_pairs,
    effective_clusters,
    esteban_ray,
    extremity,
    extremity_growth,
    flache_macy,
    leading_share,
    major_clusters,
    mean,
    one_sidedness,
    peaks,
    spread,
    topic_correlation,
    variance,
)
from hemicycle.simulations.situation import Situation

SEEDS = st.integers(0, 1000)


def drawn(seed, n=15, dims=1):
    return np.random.default_rng(seed).uniform(-1, 1, (n, dims)).astype(np.float32)


def column(*values):
    return np.array(values, float)[:, None]


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_moments_equal_the_literal_ones(seed, dims):
    x = drawn(seed, dims=dims).astype(float)
    n = len(x)
    assert mean(x) == pytest.approx(sum(map(sum, x)) / n / dims)
    assert variance(x) == pytest.approx(sum(np.var(x[:, d]) for d in range(dims)))
    assert extremity(x, 0.25) == pytest.approx(sum(sum((row - 0.25) ** 2) ** 0.5 for row in x) / n)
    assert spread(x) == pytest.approx(max(max(x[:, d]) - min(x[:, d]) for d in range(dims)))
    values = np.linalg.eigvals(np.atleast_2d(np.cov(x.T)))
    assert leading_share(x) == pytest.approx(max(values) / sum(values))


def test_growth_of_extremity_is_against_the_start():
    assert extremity_growth(column(-1, 1), column(-0.5, 0)) == pytest.approx(0.75)
    assert extremity_growth(column(0, 0.4), column(0, 1), middle=0.5) == pytest.approx(-0.2)


def test_one_sidedness_counts_sides():
    assert one_sidedness(np.array([0.1, 2.0, 0.4])) == one_sidedness(np.array([-0.1, -2.0])) == 1
    assert one_sidedness(np.array([-0.1, 2.0, 0.0, 0.0])) == 0
    assert one_sidedness(np.array([-1.0, 1.0, 1.0, 0.0])) == 0.25
    assert np.isnan(one_sidedness(np.empty(0)))


def test_consensus_is_within_a_hundredth_of_the_bounds():
    assert consensus(column(0.5, 0.509), (0, 1)) == 1
    assert consensus(column(0.5, 0.515), (0, 1)) == 0
    assert consensus(column(0.5, 0.515), (-1, 1)) == 1
    assert [consensus(column(5, x), None) for x in (5.009, 5.02)] == [1, 0]
    assert consensus(np.array([[0, 0], [0, 0.5]]), (-1, 1)) == 0, "every dimension counts"


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 4))
def test_correlations_equal_numpys(seed, dims):
    x = drawn(seed, dims=dims)
    wanted = np.corrcoef(x.T)[np.triu_indices(dims, 1)]
    assert topic_correlation(x) == pytest.approx(wanted.mean(), abs=1e-6)
    assert alignment(x) == pytest.approx(np.abs(wanted).mean(), abs=1e-6)


def test_correlation_keeps_its_sign_and_needs_two_that_vary():
    x = drawn(1)
    assert topic_correlation(np.hstack([x, -x])) == pytest.approx(-1)
    assert alignment(np.hstack([x, -x])) == pytest.approx(1)
    for lacking in (x, np.hstack([x, np.ones_like(x)])):
        assert np.isnan(topic_correlation(lacking))
        assert np.isnan(alignment(lacking))


def test_major_clusters_have_a_twentieth_of_the_users():
    assert major_clusters(np.array([55, 40, 5])) == 3
    assert major_clusters(np.array([56, 40, 4])) == 2


def test_leading_share_of_known_covariances():
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    assert leading_share(square) == pytest.approx(0.5)
    assert leading_share(square * [3, 1]) == pytest.approx(0.9)
    assert np.isnan(leading_share(np.ones((5, 2))))


@pytest.mark.parametrize("seed", range(3))
def test_bimodality_is_sarles_with_bias_corrected_moments(seed):
    x = np.random.default_rng(seed).gamma(2.0, size=15)
    g, k, n = stats.skew(x, bias=False), stats.kurtosis(x, bias=False), 15
    assert bimodality(x) == pytest.approx((g**2 + 1) / (k + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def test_bimodality_of_known_distributions():
    ranks = (np.arange(20000) + 0.5) / 20000
    assert bimodality(ranks) == pytest.approx(5 / 9, abs=1e-3)
    assert bimodality(stats.norm.ppf(ranks)) == pytest.approx(1 / 3, abs=1e-2)
    assert bimodality(np.sign(ranks - 0.5)) == pytest.approx(1, abs=1e-3)
    assert np.isnan(bimodality(np.array([0.0, 0.5, 1.0])))
    assert np.isnan(bimodality(np.full(9, 0.3)))
    assert np.isnan(bimodality(np.empty(0)))


# -- polarization of all pairs -----------------------------------------------------------------------------------------


def literal_esteban_ray(x, span, alpha):
    """Groups and all pairs of them, one by one."""
    counts = [0] * GROUPS
    for value in x:
        counts[min(int((value + span / 2) / span * GROUPS), GROUPS - 1)] += 1
    shares, places = [c / len(x) for c in counts], [g / (GROUPS - 1) for g in range(GROUPS)]
    pairs = ((i, j) for i in range(GROUPS) for j in range(GROUPS))
    total = sum(shares[i] ** (1 + alpha) * shares[j] * abs(places[i] - places[j]) for i, j in pairs)
    return total / (2 * 0.5 ** (1 + alpha) * 0.5)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 1.0, 1.6]))
def test_esteban_ray_equals_the_literal_one(seed, alpha):
    x = drawn(seed)[:, 0].astype(float)
    assert esteban_ray(x, 2.0, alpha) == pytest.approx(literal_esteban_ray(x, 2.0, alpha))


def test_esteban_ray_is_greatest_for_two_halves_at_the_ends():
    halves = np.repeat([-1.0, 1.0], 10)
    assert esteban_ray(halves, 2.0) == pytest.approx(1)
    assert esteban_ray(np.full(20, 0.2), 2.0) == 0
    assert 0 < esteban_ray(np.linspace(-1, 1, 20), 2.0) < 0.1
    three = np.repeat([-1.0, 0.01, 1.0], [9, 2, 9])
    assert 0 < esteban_ray(three, 2.0) < 1
    assert np.isnan(esteban_ray(halves, 0.0))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 3))
def test_flache_macy_equals_the_variance_over_all_pairs(seed, dims):
    x = drawn(seed, dims=dims).astype(float)
    distances = [np.abs(x[i] - x[j]).mean() for i in range(len(x)) for j in range(len(x)) if i != j]
    assert flache_macy(x) == pytest.approx(np.var(distances))


def test_flache_macy_of_few_users_by_hand():
    assert flache_macy(column(0, 0, 1)) == pytest.approx(2 / 9)  # distances 0, 1, 1
    assert flache_macy(column(-1, 1)) == 0  # one distance
    assert flache_macy(column(0.3, 0.3, 0.3)) == pytest.approx(0, abs=1e-15)
    assert flache_macy(np.repeat(column(-1, 1), 5000, axis=0)) == pytest.approx(1, abs=1e-3)
    assert np.isnan(flache_macy(column(1)))


def test_flache_macy_over_drawn_pairs_is_near_the_one_over_all():
    x = drawn(1, n=3000, dims=2)
    rows, others = np.triu_indices(3000, 1)
    everyone = np.abs(x[rows] - x[others]).mean(axis=1).var()
    assert flache_macy(x, seed=4) == pytest.approx(everyone, rel=0.02)
    assert flache_macy(x, seed=4) == flache_macy(x, seed=4) != flache_macy(x, seed=5)


def test_drawn_pairs_are_of_two_and_of_all():
    first, second = drawn_pairs(4, 4000, 7)
    assert (first != second).all()
    counts = np.bincount(first * 4 + second, minlength=16).reshape(4, 4)
    assert (counts.diagonal() == 0).all()
    assert counts[~np.eye(4, dtype=bool)] == pytest.approx(4000 / 12, rel=0.3)


# -- clusters and peaks ------------------------------------------------------------------------------------------------


def literal_clusters(x, near):
    """Union of all pairs that are near, until nothing changes."""
    label = list(range(len(x)))
    for _ in x:
        for i in range(len(x)):
            for j in range(len(x)):
                if abs(x[i, 0] - x[j, 0]) <= near:
                    label[i] = label[j] = min(label[i], label[j])
    return sorted(np.unique(label, return_counts=True)[1].tolist(), reverse=True)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.02, 0.1, 0.3]))
def test_clusters_in_one_dimension_are_chains_of_near_users(seed, near):
    x = drawn(seed).astype(float)
    assert cluster_sizes(x, near).tolist() == literal_clusters(x, near)


def test_clusters_in_several_dimensions():
    corners = np.array([[0.0, 0.0], [0.0, 0.5], [0.5, 0.0]])
    x = np.concatenate([corners[[0]] + np.zeros((5, 1)), corners[[1]] + np.zeros((3, 1)), corners[[2]]])
    assert cluster_sizes(x, 0.02).tolist() == [5, 3, 1]
    line = np.linspace(0, 1, 101)[:, None] * np.ones(2)
    assert cluster_sizes(line, 0.02).tolist() == [101]
    assert cluster_sizes(x, 0.0).tolist() == [5, 3, 1]
    wide = np.random.default_rng(0).normal(size=(20, 12))
    assert cluster_sizes(wide, 1e-9).tolist() == [1] * 20


def test_effective_number_of_clusters():
    assert effective_clusters(np.array([10, 10])) == pytest.approx(2)
    assert effective_clusters(np.array([98, 1, 1])) == pytest.approx(1 / 0.9606)


def test_peaks_of_known_densities():
    ranks = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    assert peaks(ranks) == 1
    assert peaks(np.concatenate([ranks - 3, ranks + 3])) == 2
    assert peaks(np.concatenate([ranks - 8, ranks, ranks + 8])) == 3
    assert peaks(np.repeat([-1.0, 1.0], 500)) == 2
    assert peaks(np.repeat([-1.0, 0.0, 1.0], [50, 2000, 1000])) == 2  # the smallest is a fortieth of the highest
    assert np.isnan(peaks(np.zeros(10)))
    assert np.isnan(peaks(np.arange(3.0)))


def test_peaks_of_a_flat_sample_do_not_count_its_ripples():
    assert peaks(np.random.default_rng(0).uniform(-1, 1, 5000)) == 1


# -- axes of a situation -----------------------------------------------------------------------------------------------


def test_shape_in_several_dimensions_is_that_along_the_leading_axis():
    rng = np.random.default_rng(5)
    line = np.sign(rng.normal(size=(500, 1))) * 0.5 + 0.05 * rng.normal(size=(500, 1))
    turned = Situation(line @ np.array([[0.6, 0.8]]) + 1e-6 * rng.normal(size=(500, 2)), None)
    assert bimodality(turned.leading) == pytest.approx(bimodality(line[:, 0]), abs=1e-4)
    np.testing.assert_allclose(turned.axis, [0.6, 0.8], atol=1e-5)
    assert turned.span == pytest.approx(2 * 2**0.5)
    assert (turned.sides(turned.opinions) == (line[:, 0] > 0)).all()


def test_axis_and_sides_in_one_dimension_are_the_opinions():
    situation = Situation(column(0.25, 0.5, 1.0), None, bounds=(0.0, 1.0))
    assert situation.leading.tolist() == [-0.25, 0.0, 0.5]
    assert situation.sides(situation.opinions).tolist() == [0, -1, 1]
    assert (situation.span, situation.width, situation.middle) == (1.0, 1.0, 0.5)
    unbounded = Situation(column(-1, 3), None, bounds=None)
    assert (unbounded.span, unbounded.width, unbounded.middle) == (6.0, 4.0, 0.0)
