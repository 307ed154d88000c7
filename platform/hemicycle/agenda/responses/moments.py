"""Least squares of vector autoregressions from sums of products, for many replications at once.

A window is an observation with its lags, newest first: q = (lags + 1) * groups numbers. All that least squares needs
are the windows' sums of products, centred by the constants' means (Frisch and Waugh, Econometrica 1933: fixed effects
are the same as demeaning).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.responses.panel import Panel

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the windows of each topic.

    Args:
        products: shape (topics, q, q).
        sums: shape (topics, q).
        counts: number of windows, shape (topics,).
    """

    products: Floats
    sums: Floats
    counts: Floats


def moments(panel: Panel) -> Moments:
    """Sum windows and their products by topic; values are taken off their mean first, which constants take up."""
    windows = panel.windows().reshape(len(panel.rows), -1)
    windows = windows - np.tile(panel.values.mean(0), panel.lags + 1)
    counts = np.bincount(panel.topic[panel.rows], minlength=panel.n_topics)
    parts = np.split(windows, np.cumsum(counts)[:-1])  # rows lie in the order of their topics
    products, sums = np.stack([own.T @ own for own in parts]), np.stack([own.sum(0) for own in parts])
    return Moments(products, sums, counts.astype(np.float64))


def total(found: Moments, *, fixed_effects: bool) -> Floats:
    """Return the centred products of all topics, shape (q, q).

    Args:
        found: sums by topic.
        fixed_effects: centre each topic by its own mean, or all by one.
    """
    return np.asarray(drawn(found, np.ones((1, len(found.counts))), fixed_effects=fixed_effects)[0])


def drawn(found: Moments, weights: Floats, *, fixed_effects: bool) -> Floats:
    """Return the centred products of topics drawn with weights.

    Topics are added one after the other, so that a replication does not depend on those computed beside it.

    Args:
        found: sums by topic.
        weights: how often each topic counts, shape (replications, topics).
        fixed_effects: centre each topic by its own mean, or all by one.

    Returns:
        Shape (replications, q, q).
    """
    parts = _within(found) if fixed_effects else found.products
    products = np.zeros((len(weights), *found.products.shape[1:]))
    for weight, part in zip(weights.T, parts, strict=True):
        products += weight[:, None, None] * part
    if fixed_effects:
        return products
    sums = np.zeros((len(weights), found.sums.shape[1]))
    for weight, part in zip(weights.T, found.sums, strict=True):
        sums += weight[:, None] * part
    counts = (weights * found.counts).sum(1)
    return np.asarray(products - sums[:, :, None] * sums[:, None, :] / counts[:, None, None])


def _within(found: Moments) -> Floats:
    counts = np.maximum(found.counts, 1)[:, None, None]
    return np.asarray(found.products - found.sums[:, :, None] * found.sums[:, None, :] / counts)


def solved(products: Floats, n_groups: int, freedom: Floats | float) -> tuple[Floats, Floats]:
    """Return lag matrices and residual covariances from centred products.

    Args:
        products: shape (..., q, q).
        n_groups: number of groups.
        freedom: rows less coefficients of an equation, shape (...).

    Returns:
        Lag matrices [lag - 1, response, impulse], shape (..., lags, groups, groups), and covariances, shape
        (..., groups, groups).

    Raises:
        numpy.linalg.LinAlgError: lags are combinations of one another.
    """
    xy = products[..., n_groups:, :n_groups]
    beta = np.linalg.solve(products[..., n_groups:, n_groups:], xy)
    left = products[..., :n_groups, :n_groups] - np.swapaxes(beta, -1, -2) @ xy
    left = (left + np.swapaxes(left, -1, -2)) / 2
    shape = (*beta.shape[:-2], -1, n_groups, n_groups)
    return np.swapaxes(beta.reshape(shape), -1, -2).copy(), left / np.asarray(freedom)[..., None, None]
