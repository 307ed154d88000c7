"""Metrics against literal loops over users and edges."""

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hemicycle.simulations.metrics import (
    METRICS,
    bimodality,
    disagreement,
    extremity,
    mean,
    measure,
    neighbour_correlation,
    variance,
)


def state(seed, n=12, dims=1, *, weighted=True):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n, n)) < 0.4) * (rng.integers(1, 4, (n, n)) if weighted else 1)
    np.fill_diagonal(dense, 0)
    dense[0], dense[1, 0] = 0, 1
    opinions = rng.uniform(-1, 1, (n, dims))
    return opinions, sources_of(dense, opinions), dense


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_metrics_equal_the_literal_ones(seed, dims):
    x, network, dense = state(seed, dims=dims)
    n = len(x)
    edges = [(i, j, dense[i, j]) for i in range(n) for j in range(n) if dense[i, j]]
    squared = sum(w * sum((x[i] - x[j]) ** 2) for i, j, w in edges) / sum(w for *_, w in edges)
    assert disagreement(x, network) == pytest.approx(squared)
    assert variance(x, network) == pytest.approx(sum(np.var(x[:, d]) for d in range(dims)))
    assert mean(x, network) == pytest.approx(sum(map(sum, x)) / n / dims)
    assert extremity(x, network) == pytest.approx(sum(sum(row**2) ** 0.5 for row in x) / n)
    heard = [(x[i], sum(dense[i, j] * x[j] for j in range(n)) / dense[i].sum()) for i in range(n) if dense[i].any()]
    own, others = (np.array(side) - np.mean(side, axis=0) for side in zip(*heard, strict=True))
    literal = (own * others).sum() / np.sqrt((own**2).sum() * (others**2).sum())
    assert neighbour_correlation(x, network) == pytest.approx(literal)


def test_neighbour_correlation_in_one_dimension_is_pearsons():
    x, network, dense = state(3, weighted=False)
    heard = dense.sum(1) > 0
    expected = stats.pearsonr(x[heard, 0], (dense @ x)[heard, 0] / dense.sum(1)[heard]).statistic
    assert neighbour_correlation(x, network) == pytest.approx(expected)


def test_disagreement_is_the_laplacian_form_on_an_undirected_graph():
    rng = np.random.default_rng(2)
    upper = np.triu(rng.random((10, 10)) < 0.5, 1)
    dense = (upper | upper.T).astype(float)
    x = rng.random((10, 1))
    laplacian = np.diag(dense.sum(1)) - dense
    assert disagreement(x, sources_of(dense, x)) == pytest.approx((2 * x.T @ laplacian @ x).item() / dense.sum())


@pytest.mark.parametrize("seed", range(3))
def test_bimodality_is_sarles_with_bias_corrected_moments(seed):
    x = np.random.default_rng(seed).gamma(2.0, size=(15, 1))
    g, k, n = stats.skew(x[:, 0], bias=False), stats.kurtosis(x[:, 0], bias=False), 15
    expected = (g**2 + 1) / (k + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))
    assert bimodality(x, None) == pytest.approx(expected)


def test_bimodality_of_known_distributions():
    ranks = (np.arange(20000) + 0.5) / 20000
    assert bimodality(ranks[:, None], None) == pytest.approx(5 / 9, abs=1e-3)
    assert bimodality(stats.norm.ppf(ranks)[:, None], None) == pytest.approx(1 / 3, abs=1e-2)
    assert bimodality(np.sign(ranks - 0.5)[:, None], None) == pytest.approx(1, abs=1e-3)


def test_bimodality_in_several_dimensions_is_that_of_the_leading_axis():
    rng = np.random.default_rng(5)
    line = np.sign(rng.normal(size=(500, 1))) + 0.05 * rng.normal(size=(500, 1))
    turned = line @ np.array([[0.6, 0.8]]) + 1e-6 * rng.normal(size=(500, 2))
    assert bimodality(turned, None) == pytest.approx(bimodality(line, None), abs=1e-4)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_consensus_has_no_shape_and_no_disagreement(kind):
    _, network, _ = state(1)
    x = np.full((12, 1), 0.3, kind)
    values = measure(x, network)
    assert np.isnan(values["bimodality"])
    assert np.isnan(values["neighbour_correlation"])
    assert values["disagreement"] == 0
    assert values["variance"] < 1e-14
    assert values["mean"] == pytest.approx(0.3)


def test_bimodality_needs_four_users():
    assert np.isnan(bimodality(np.array([[0.0], [0.5], [1.0]]), None))


def test_measure_moves_the_network_to_the_opinions():
    x, network, _ = state(4)
    y = -x[::-1]
    values = measure(y, network)
    assert list(values) == list(METRICS)
    assert values["disagreement"] == pytest.approx(disagreement(y, network.at(y)))
    assert values["disagreement"] != pytest.approx(disagreement(x, network))
