"""Cross-correlation of prewhitened series, pooled over topics."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def cross_correlations(whitened: Floats, lags: Whole) -> Floats:
    """Return r_ab(l) = sum over topics and days of u_a(t) u_b(t + l), over sqrt(sum u_a^2 sum u_b^2).

    Pairs of days stay within a topic; missing days add nothing.

    Args:
        whitened: innovations, shape (topics, times, groups); NaN: missing.
        lags: days by which b comes after a; negative ones: before.

    Returns:
        Shape (lags, groups, groups), [l, a, b].
    """
    return np.stack([terms.sum((0, 1)) for terms in (_terms(whitened, int(lag)) for lag in lags)]) / _norm(whitened)


def _terms(whitened: Floats, lag: int) -> Floats:
    """Products u_a(t) u_b(t + l), kept at the follower's day t + l, shape (topics, times, groups, groups)."""
    u = np.nan_to_num(whitened)
    earlier = np.zeros_like(u)
    if lag >= 0:
        earlier[:, lag:] = u[:, : u.shape[1] - lag]
    else:
        earlier[:, :lag] = u[:, -lag:]
    return np.asarray(earlier[:, :, :, None] * u[:, :, None])


def _norm(whitened: Floats) -> Floats:
    squares = np.nansum(whitened**2, (0, 1))
    return np.maximum(np.sqrt(np.outer(squares, squares)), np.finfo(float).tiny)


def by_cluster(whitened: Floats, lag: int, labels: Whole) -> tuple[Floats, Floats]:
    """Return sums of products at a lag, and of squares, of each cluster.

    Args:
        whitened: shape (topics, times, groups).
        lag: days by which the follower comes later; products belong to its day.
        labels: cluster of each topic and day, shape (topics, times).

    Returns:
        Shapes (clusters, groups, groups) and (clusters, groups).
    """
    number, groups = int(labels.max()) + 1, whitened.shape[2]
    products, squares = np.zeros((number, groups, groups)), np.zeros((number, groups))
    np.add.at(products, labels.ravel(), _terms(whitened, lag).reshape(-1, groups, groups))
    np.add.at(squares, labels.ravel(), np.nan_to_num(whitened**2).reshape(-1, groups))
    return products, squares


def drawn(parts: tuple[Floats, Floats], weights: Floats) -> Floats:
    """Return the correlations of bootstrap replications from the sums of :func:`by_cluster`.

    Args:
        parts: sums by cluster.
        weights: how often each cluster is drawn, shape (replications, clusters).

    Returns:
        Shape (replications, groups, groups).
    """
    products, squares = (np.tensordot(weights, part, 1) for part in parts)
    norm = np.sqrt(squares[:, :, None] * squares[:, None])
    return np.asarray(products / np.maximum(norm, np.finfo(float).tiny))


def circular(whitened: Floats) -> Floats:
    """Return sums of products of each topic at every circular lag, shape (topics, times, groups, groups).

    [i, s, a, b] holds the sum over t of u_a(t) u_b((t + s) mod times), by the fast Fourier transform.
    """
    spectrum = np.fft.rfft(np.nan_to_num(whitened), axis=1)
    products = spectrum.conj()[:, :, :, None] * spectrum[:, :, None]
    return np.fft.irfft(products, whitened.shape[1], axis=1)


class Shifted:
    """Cross-correlations where each topic's leader is shifted by so many days round the circle.

    Args:
        whitened: shape (topics, times, groups).
    """

    def __init__(self, whitened: Floats) -> None:
        self._sums, self._norm = circular(whitened), _norm(whitened)

    def __call__(self, shifts: Whole) -> Floats:
        """Return |r| for shifts of shape (n, topics), shape (n, groups, groups)."""
        times = self._sums.shape[1]
        total = np.zeros((len(shifts), *self._norm.shape))
        for topic, days in enumerate(shifts.T):
            total += self._sums[topic, days % times]
        return np.abs(total) / self._norm
