"""Maps of a representation in two dimensions, and vectors for models that have none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError
from hemicycle.core.map_cells import map_cells
from hemicycle.core.seeding import rng
from hemicycle.probes.base import Row
from hemicycle.probes.target import encode

Array = NDArray[np.float64]
MAP = (
    *("record_id", "name_of_model", "family", "seed", "status", "layer", "epoch", "entity_name", "group"),
    *("value", "x", "y", "n", "attribute"),
)
"""Columns of the map table: one row a public entity, or one row a cell of at least ``disclosure.K`` others."""
_KINDS = {"seed": pa.int64(), "epoch": pa.int64(), "n": pa.int64()} | dict.fromkeys(("value", "x", "y"), pa.float64())
MAP_SCHEMA = pa.schema([(column, _KINDS.get(column, pa.string())) for column in MAP])
"""Arrow schema of the map table."""
_NEGLIGIBLE = 1e-6
_DENSE = 1 << 20


@dataclass(frozen=True, eq=False)
class Mapped:
    """What is known about the rows of a map.

    Args:
        attribute: name of the label.
        values: the label as numbers, shape (n,); NaN where missing.
        groups: categories, shape (n,), or None.
        names: shape (n,); shown for public entities only.
        public: True when rows may be shown one by one.
    """

    attribute: str
    values: NDArray[np.floating]
    groups: NDArray[Any] | None = None
    names: NDArray[Any] | None = None
    public: bool = False


def pca_map(vectors: NDArray[np.floating], values: NDArray[np.floating], *, rotate: bool = False) -> Array:
    """Return the first two principal components, shape (n, 2), scaled by one common factor to unit spread in x.

    Supervised is only the sign of x: it correlates positively with ``values``. With ``rotate`` also the angle in
    the plane: x is then the direction of the least-squares fit of ``values``, and the map must not be read as
    evidence that the label stands out by itself. Vectors with one dimension get y = 0.

    Args:
        vectors: shape (n, d).
        values: shape (n,); NaN where missing.
        rotate: turn the plane towards the label.
    """
    if not np.isfinite(vectors).all():
        raise InputError("vectors hold NaN or infinity", where="map", remedy="train with a smaller step")
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :2]
    points = np.zeros((len(vectors), 2))
    points[:, : axes.shape[1]] = centred @ (axes * _signs(axes))
    points = points @ _turn(points, values) if rotate else points * (_side(points[:, 0], values), 1.0)
    spread = points[:, 0].std()
    return points / spread if spread > 0 else points


def _signs(axes: Array) -> Array:
    """Sign that makes the largest entry of each column positive, shape (columns,)."""
    return np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)


def _side(x: Array, values: NDArray[np.floating]) -> float:
    known = np.isfinite(values)
    agreement = x[known] @ (values[known] - values[known].mean()) if known.any() else 0.0
    return -1.0 if agreement < 0 else 1.0


def _turn(points: Array, values: NDArray[np.floating]) -> Array:
    """Rotation (2, 2) whose first axis is the direction in which the label rises."""
    known = np.isfinite(values)
    if known.sum() < 3:
        return np.eye(2)
    p = points[known] - points[known].mean(axis=0)
    slope = np.linalg.lstsq(p, values[known] - values[known].mean(), rcond=None)[0]
    length = np.hypot(*slope)
    cos, sin = slope / length if length > 0 else (1.0, 0.0)
    return np.array([[cos, -sin], [sin, cos]])


def map_points(
    vectors: NDArray[np.floating], about: Mapped, record: Mapping[str, Any], *, rotate: bool = False
) -> list[Row]:
    """Return the rows of a map: public entities one by one, others as hexagonal cells.

    Cells of fewer than ``K`` = 10 users are left out, and where the total would give them away the smallest others
    too (:func:`hemicycle.core.disclosure.hidden_cells`). A cell has its centre's coordinates, its mean label (NaN
    below ``K`` labelled users) and its most frequent group ("" below ``K`` users whose group is known).

    Args:
        vectors: shape (n, d).
        about: label, groups and names of the same n rows.
        record: ``record_id``, ``name``, ``family``, ``seed``, ``status``, ``layer``, ``epoch``.
        rotate: see :func:`pca_map`.
    """
    points = pca_map(vectors, about.values, rotate=rotate)
    given = {column: record["name" if column == "name_of_model" else column] for column in MAP[:7]}
    return [{**given, **row} for row in point_rows(points, about)]


def point_rows(points: Array, about: Mapped) -> list[Row]:
    """Return what may be shown of points, shape (n, 2): entities or cells, as :func:`map_points` says."""
    rows = _entities(points, about) if about.public else _cells(points, about)
    return [{**row, "attribute": about.attribute} for row in rows]


def map_table(rows: list[Row]) -> pa.Table:
    """Return rows of maps as one table with the columns ``MAP``."""
    return pa.Table.from_pylist(rows, MAP_SCHEMA)


def _entities(points: Array, about: Mapped) -> list[Row]:
    names = [""] * len(points) if about.names is None else [str(name) for name in about.names]
    groups = [""] * len(points) if about.groups is None else [str(group) for group in about.groups]
    return [
        {"entity_name": name, "group": group, "value": float(value), "x": float(x), "y": float(y), "n": 1}
        for name, group, value, (x, y) in zip(names, groups, about.values, points, strict=True)
    ]


def _cells(points: Array, about: Mapped) -> list[Row]:
    found = map_cells(points)
    return [
        {"entity_name": "", "x": float(x), "y": float(y), **_summary(about, found.cell == c)}
        for c, (x, y) in enumerate(found.centres)
        if found.shown[c]
    ]


def _summary(about: Mapped, members: NDArray[np.bool_]) -> Row:
    values = about.values[members]
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) >= K else float("nan")
    return {"value": mean, "n": int(members.sum()), "group": _most_frequent(about.groups, members)}


def _most_frequent(groups: NDArray[Any] | None, members: NDArray[np.bool_]) -> str:
    codes, levels = (np.array([]), 0) if groups is None else encode(groups[members])
    if groups is None or not levels or (codes >= 0).sum() < K:
        return ""
    return str(groups[members][codes == np.bincount(codes[codes >= 0]).argmax()][0])


# -- models without vectors ------------------------------------------------------------------------------------------


def vectors_from_scores(scores: NDArray[np.floating] | sp.sparray, rank: int, seed: int = 0) -> Array:
    """Return vectors of users from what a model recommends to them: U S of the truncated SVD, shape (n, rank).

    For models without vectors and for foreign recommendation lists: the probe then reads what the model shows,
    not how it computes. Components below 1e-6 of the first are 0; fewer than ``rank`` possible ones are filled
    up with 0, so that every model of a population has the same shape.

    Args:
        scores: users x items, dense score rows or a sparse matrix of lists (:func:`lists_matrix`).
        rank: number of columns.
        seed: keys ARPACK's start vector.
    """
    values = scores.data if isinstance(scores, sp.sparray) else scores
    if not np.isfinite(values).all():
        raise InputError("scores hold NaN or infinity", where="scores", remedy="mask items with a low finite score")
    matrix = scores.astype(np.float64)
    left, singular, right = _svd(matrix, min(rank, *matrix.shape), seed)
    order = np.argsort(-singular, kind="stable")[:rank]
    left, singular, right = left[:, order], singular[order], right[order]
    solid = singular > _NEGLIGIBLE * max(float(singular.max(initial=0.0)), 1e-300)
    out = np.zeros((matrix.shape[0], rank))
    out[:, : len(order)] = left * np.where(solid, singular, 0) * _signs(right.T)
    return out


def _svd(matrix: Any, rank: int, seed: int) -> tuple[Array, Array, Array]:
    if matrix.shape[0] * matrix.shape[1] <= _DENSE or rank == min(matrix.shape):
        dense = matrix.toarray() if isinstance(matrix, sp.sparray) else matrix
        left, singular, right = np.linalg.svd(dense, full_matrices=False)
    else:
        start = rng("vectors-from-scores", seed).standard_normal(min(matrix.shape))
        left, singular, right = svds(matrix, k=rank, v0=start)
    return left, singular, right


def lists_matrix(
    users: NDArray[np.integer], items: NDArray[np.integer], ranks: NDArray[np.integer], shape: tuple[int, int]
) -> sp.csr_array:
    """Return recommendation lists as a matrix users x items with the weight 1 / log2(1 + rank), rank 1 first."""
    if len(ranks) and int(ranks.min()) < 1:
        raise InputError("a rank below 1", where="lists", remedy="number recommendations 1, 2, ...")
    return sp.csr_array((1 / np.log2(1.0 + ranks), (users, items)), shape=shape)
