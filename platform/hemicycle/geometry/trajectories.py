"""Maps of one representation at many checkpoints, turned alike, so that one can watch politics appear.

Two kinds of axes:

``pca``         the first two principal components, turned by Procrustes rotation onto a reference. No label has a part
                in them: what separates there stands out by itself.
``supervised``  x is the label as the vectors tell it, for users who were held out of the least-squares fit; y is the
                first principal component of what the label leaves over. Before there is anything to read, x
                is nearly constant: a fit of the very users that are shown would separate them out of noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.geometry.projection import Mapped, pca_map, point_rows
from hemicycle.probes.base import Row
from hemicycle.probes.folds import FoldPlan, make_folds
from hemicycle.probes.target import encode

Array = NDArray[np.float64]
Axes = Literal["pca", "supervised"]
TRAJECTORY = (
    *("record_id", "layer", "epoch", "axes", "entity_name", "group", "attribute", "value", "x", "y", "n"),
    *("residual", "residual_reference", "r2"),
)
"""Columns of the table of trajectories: one row a public entity or a cell of at least K others, at each checkpoint."""
_TEXT = {"record_id", "layer", "axes", "entity_name", "group", "attribute"}
TRAJECTORY_SCHEMA = pa.schema(
    [(c, pa.string() if c in _TEXT else pa.int64() if c in {"epoch", "n"} else pa.float64()) for c in TRAJECTORY]
)
"""Arrow schema of the table of trajectories."""
_RIDGE = 0.1
_LEAST = 15


@dataclass(frozen=True, eq=False)
class Aligned:
    """Points turned onto others.

    Args:
        points: shape (n, 2), centred, of unit root mean square distance from the centre.
        residual: share of the others' squares that turning, mirroring and scaling leave over, 0 to 1.
    """

    points: Array
    residual: float


def align(points: Array, reference: Array) -> Aligned:
    """Turn and mirror points so that they lie as near as possible to others (Gower, Psychometrika 1975).

    Args:
        points: shape (n, 2).
        reference: shape (n, 2); rows with NaN there have no say in the rotation.
    """
    moved = _unit(points, np.ones(len(points), bool))
    known = np.asarray(np.isfinite(reference).all(axis=1))
    if known.sum() < 3:
        return Aligned(moved, float("nan"))
    target = _unit(reference, known)[known] / np.sqrt(known.sum())
    part = _unit(moved, known)[known] / np.sqrt(known.sum())
    left, singular, right = np.linalg.svd(part.T @ target)
    return Aligned(moved @ (left @ right), float(np.clip(1 - singular.sum() ** 2, 0, 1)))


def _unit(points: Array, rows: NDArray[np.bool_]) -> Array:
    centred = points - points[rows].mean(axis=0)
    spread = np.sqrt((centred[rows] ** 2).sum(axis=1).mean())
    return np.asarray(centred / spread if spread > 0 else centred)


def supervised_plane(
    vectors: NDArray[np.floating], values: NDArray[np.floating], groups: Mapping[str, NDArray[Any]], seed: int = 0
) -> tuple[Array, float]:
    """Return the label as held-out users' vectors tell it and the first component of the rest, (n, 2), and the R2 of x.

    Users without the label are placed by the fit of all others. Folds are cut by group where the label is constant
    within one.

    Args:
        vectors: shape (n, d).
        values: the label, shape (n,); NaN where missing.
        groups: column -> categories, shape (n,).
        seed: keys the folds.

    Raises:
        InputError: too few known labels, or a constant one.
    """
    known = np.isfinite(values)
    if known.sum() < _LEAST or np.ptp(values[known]) == 0:
        raise InputError(
            f"{int(known.sum())} users with the label, of {len(np.unique(values[known]))} values",
            where="trajectory",
            remedy=f"choose a label that varies and that at least {_LEAST} users have",
        )
    x = np.asarray(vectors, np.float64)
    codes = {name: encode(column[known])[0] for name, column in groups.items()}
    folds = make_folds(values[known], codes, FoldPlan(5, seed)).assignment
    told, baseline = np.empty(len(x)), np.empty(int(known.sum()))
    slope, intercept = _fit(x[known], values[known])
    told[~known] = x[~known] @ slope + intercept
    rows = np.flatnonzero(known)
    for fold in range(5):
        train, held = rows[folds != fold], rows[folds == fold]
        b, c = _fit(x[train], values[train])
        told[held], baseline[folds == fold] = x[held] @ b + c, values[train].mean()
    error, spread = ((values - told)[known] ** 2).sum(), ((values[known] - baseline) ** 2).sum()
    return np.column_stack([told, _rest(x, slope)]), float(1 - error / spread)


def _fit(x: Array, values: Array) -> tuple[Array, float]:
    """Least squares on standardised columns with a light ridge, which n near d needs; slope (d,) and intercept."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / np.where(deviation > 0, deviation, 1)
    gram = z.T @ z + _RIDGE * len(z) / 100 * np.eye(z.shape[1])
    slope = np.linalg.solve(gram, z.T @ (values - values.mean())) / np.where(deviation > 0, deviation, 1)
    return slope, float(values.mean() - mean @ slope)


def _rest(x: Array, slope: Array) -> Array:
    """First principal component of what the fitted label leaves over, uncorrelated with it, of unit spread, (n,)."""
    centred = x - x.mean(axis=0)
    told = centred @ slope
    square = told @ told
    rest = centred - np.outer(told, told @ centred) / square if square > 0 else centred
    return pca_map(rest, np.full(len(x), np.nan))[:, 0]


@dataclass(frozen=True, eq=False)
class Course:
    """Checkpoints of one record and what is known about their rows.

    Args:
        checkpoints: epoch -> vectors, each (n, d).
        best: the epoch onto which the others are turned.
        about: the label that colours and orients, groups, names; row by row only for public entities.
        groups: columns by which folds may have to be cut.
        reference: points common to all models, shape (n, 2), onto which the best checkpoint is turned; None: none.
    """

    checkpoints: Mapping[int, NDArray[np.floating]]
    best: int
    about: Mapped
    groups: Mapping[str, NDArray[Any]]
    reference: Array | None = None


def trajectory(course: Course, axes: Axes, seed: int = 0) -> list[Row]:
    """Return rows of all checkpoints: ``TRAJECTORY`` without ``record_id`` and ``layer``.

    ``residual`` is against the best checkpoint, ``residual_reference`` against the common reference, by the free
    rotation of both kinds of axes; ``r2`` is the held-out R2 of x, NaN for ``pca``.

    Raises:
        InputError: there is no best checkpoint, vectors hold NaN, or the label cannot orient.
    """
    if course.best not in course.checkpoints:
        raise InputError(f"no checkpoint of epoch {course.best}", "trajectory", "give the best one, too")
    made = {epoch: _plane(vectors, course, axes, seed) for epoch, vectors in course.checkpoints.items()}
    best = made[course.best][0]
    if axes == "pca" and course.reference is not None:
        best = align(best, course.reference).points
    rows = []
    for epoch, (points, r2) in sorted(made.items()):
        onto = align(points, best)
        common = float("nan") if course.reference is None else align(points, course.reference).residual
        shown = onto.points if axes == "pca" else points * (1, _agreement(points[:, 1], best[:, 1]))
        given = {"epoch": epoch, "axes": axes, "residual": onto.residual, "residual_reference": common, "r2": r2}
        rows += [{**given, **row} for row in point_rows(shown, course.about)]
    return rows


def _plane(vectors: NDArray[np.floating], course: Course, axes: Axes, seed: int) -> tuple[Array, float]:
    if axes == "supervised":
        return supervised_plane(vectors, course.about.values, course.groups, seed)
    return pca_map(vectors, course.about.values), float("nan")


def _agreement(y: Array, reference: Array) -> float:
    return -1.0 if y @ reference < 0 else 1.0


def trajectory_table(rows: list[Row]) -> pa.Table:
    """Return rows of trajectories as one table with the columns ``TRAJECTORY``."""
    return pa.Table.from_pylist(rows, TRAJECTORY_SCHEMA)
