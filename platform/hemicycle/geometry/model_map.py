"""A map of models: points whose distances are how unlike their representations are (multidimensional scaling)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError

Array = NDArray[np.float64]
_ITERATIONS, _STILL = 1000, 1e-9


@dataclass(frozen=True, eq=False)
class ModelMap:
    """Where models lie.

    Args:
        points: shape (m, 2), centred, on their principal axes.
        stress: Kruskal's stress 1: 0 perfect, .05 good, .2 poor (Kruskal, Psychometrika 1964).
    """

    points: Array
    stress: float


def angles(similarity: Array) -> Array:
    """Return arccos of similarities, shape (m, m): a metric (Williams et al., NeurIPS 2021); negative ones count as 0.

    Args:
        similarity: 1 on the diagonal, symmetric.
    """
    return np.arccos(np.clip((similarity + similarity.T) / 2, 0, 1))


def model_map(distances: Array) -> ModelMap:
    """Scale to two dimensions: SMACOF from the classical solution, so that the same input gives the same map.

    Classical scaling (Torgerson, Psychometrika 1952) starts; majorisation (de Leeuw, 1977) lowers the raw stress
    until it stands still.

    Args:
        distances: symmetric, 0 on the diagonal, shape (m, m).

    Raises:
        InputError: NaN, or fewer than two models.
    """
    if len(distances) < 2 or not np.isfinite(distances).all():
        raise InputError(
            f"{len(distances)} models, {int((~np.isfinite(distances)).sum())} distances unknown",
            where="model map",
            remedy="give at least two models whose vectors vary",
        )
    points = _classical(distances)
    before = np.inf
    for _ in range(_ITERATIONS):
        now = _raw(points, distances)
        if now == 0 or now > before * (1 - _STILL):
            break
        points, before = _guttman(points, distances), now
    total = (distances**2).sum() / 2
    return ModelMap(_principal(points), float(np.sqrt(_raw(points, distances) / total)) if total > 0 else 0.0)


def _classical(distances: Array) -> Array:
    square = distances**2
    gram = -(square - square.mean(axis=0) - square.mean(axis=1)[:, None] + square.mean()) / 2
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:2], vectors[:, ::-1][:, :2]
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def _between(points: Array) -> Array:
    return np.asarray(np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1)))


def _raw(points: Array, distances: Array) -> float:
    return float(((_between(points) - distances) ** 2).sum() / 2)


def _guttman(points: Array, distances: Array) -> Array:
    """One step of majorisation: B(Z) Z / m."""
    between = _between(points)
    b = -np.divide(distances, between, out=np.zeros_like(between), where=between > 0)
    b -= np.diag(b.sum(axis=1))
    return np.asarray(b @ points / len(points))


def _principal(points: Array) -> Array:
    """Turn points to their principal axes; on each the farthest point lies on the positive side."""
    centred = points - points.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    farthest = turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]
    out = np.zeros((len(points), 2))
    out[:, : turned.shape[1]] = turned * np.where(farthest < 0, -1, 1)
    return out
