import numpy as np
import pytest

from hemicycle.agenda.leads.cross_correlation import Shifted, by_cluster, circular, cross_correlations, drawn


@pytest.fixture
def whitened():
    found = np.random.default_rng(0).normal(size=(3, 25, 2))
    found[1, :3] = np.nan
    found[2, 11, 1] = np.nan
    return found


def literal(u, lag, a, b):
    """Sum over topics and days of u_a(t) u_b(t + lag), over the root of the squares' sums."""
    u = np.nan_to_num(u)
    total = sum(
        u[topic, day, a] * u[topic, day + lag, b]
        for topic in range(u.shape[0])
        for day in range(u.shape[1])
        if 0 <= day + lag < u.shape[1]
    )
    return total / np.sqrt((u[:, :, a] ** 2).sum() * (u[:, :, b] ** 2).sum())


def test_correlations_at_lags_of_both_signs(whitened):
    lags = np.array([-4, 0, 1, 3])
    found = cross_correlations(whitened, lags)
    for i, lag in enumerate(lags):
        for a, b in np.ndindex(2, 2):
            assert found[i, a, b] == pytest.approx(literal(whitened, lag, a, b), abs=1e-12)
    assert found[1, 0, 0] == pytest.approx(1)


def test_circular_sums_are_those_of_rolled_series(whitened):
    u, found = np.nan_to_num(whitened), circular(whitened)
    for topic, shift in [(0, 0), (1, 7), (2, 24)]:
        expected = (u[topic, :, 0] * np.roll(u[topic, :, 1], -shift)).sum()
        assert found[topic, shift, 0, 1] == pytest.approx(expected, abs=1e-12)


def test_shifted_adds_topics_that_are_shifted_apart(whitened):
    u = np.nan_to_num(whitened)
    norm = np.sqrt((u[:, :, 0] ** 2).sum() * (u[:, :, 1] ** 2).sum())
    days = [2, 30, 9]
    expected = sum((np.roll(u[i, :, 0], d) * u[i, :, 1]).sum() for i, d in enumerate(days))
    assert Shifted(whitened)(np.array([days]))[0, 0, 1] == pytest.approx(abs(expected) / norm, abs=1e-12)


def test_clusters_add_up_and_are_drawn(whitened):
    labels = np.repeat(np.arange(3)[:, None], 25, 1)
    found = drawn(by_cluster(whitened, 2, labels), np.array([[1.0, 1, 1], [2, 0, 1]]))
    for a, b in np.ndindex(2, 2):
        assert found[0, a, b] == pytest.approx(literal(whitened, 2, a, b), abs=1e-12)
        assert found[1, a, b] == pytest.approx(literal(whitened[[0, 0, 2]], 2, a, b), abs=1e-12)


def test_blocks_of_days_add_up_too(whitened):
    labels = np.repeat((np.arange(25) // 10)[None], 3, 0)
    found = drawn(by_cluster(whitened, 4, labels), np.ones((1, 3)))
    assert found[0, 0, 1] == pytest.approx(literal(whitened, 4, 0, 1), abs=1e-12)
