"""Erasers: affine maps x -> x - t (x - m) P that take what a linear reader uses out of vectors.

P = L R has the rank of what is taken away, so that it is applied and stored as two thin factors. Each method is fitted
on the rows that it is given and on no others; what it does to further rows has to be measured there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder

Array = NDArray[np.float64]
Method = Literal["leace", "inlp", "mean", "random"]
RIDGE = 1e-2
"""Penalty of INLP's readers, relative to the mean variance of a column."""
_NOTHING = 1e-9
"""Singular value, relative to the largest, below which a direction of the covariance with labels is rounding."""
_SPENT = 1e-6
"""Length of a reader, relative to the first round's, below which nothing is left to read."""


class EraserOptions(Options):
    """Which eraser."""

    method: Method = "leace"
    """``leace``: least change that leaves no covariance with the labels. ``inlp``: directions of linear readers, one
    after the other. ``mean``: difference of class means, for numbers the covariance. ``random``: the control."""
    rounds: int = Field(8, ge=1)
    """Readers that ``inlp`` fits and takes away in turn."""
    rank: int = Field(1, ge=1)
    """Directions that ``random`` takes away: as many as the method that it is compared with."""
    seed: int = 0
    """Key of ``random``."""


@dataclass(frozen=True, eq=False)
class Eraser:
    """The map x -> x - t (x - mean) left right.

    Args:
        mean: shape (d,).
        left: shape (d, r).
        right: shape (r, d); right left = I, so that applying it twice at t = 1 changes nothing.
    """

    mean: Array
    left: Array
    right: Array

    @property
    def rank(self) -> int:
        """Number of directions that are taken away."""
        return int(self.left.shape[1])

    def apply(self, vectors: NDArray[np.floating], strength: float = 1.0) -> NDArray[np.floating]:
        """Return the altered vectors, shape (n, d) and type as given.

        Raises:
            InputError: vectors of another length than those on which it was fitted.
        """
        if vectors.ndim != 2 or vectors.shape[1] != len(self.mean):
            what = f"vectors of shape {vectors.shape} for an eraser of vectors of length {len(self.mean)}"
            raise InputError(what, "erase", "fit it on vectors of the same model and layer")
        if not strength or not self.rank:
            return vectors
        taken = ((vectors - self.mean) @ self.left) @ self.right
        return np.asarray(vectors - strength * taken, vectors.dtype)

    def write(self, folder: Folder) -> None:
        """Write its arrays."""
        for name in ("mean", "left", "right"):
            folder.write_array(name, getattr(self, name))

    @classmethod
    def read(cls, folder: Folder) -> "Eraser":
        """Read what :meth:`write` wrote."""
        return cls(*(np.array(folder.read_array(name)) for name in ("mean", "left", "right")))


def fit(vectors: NDArray[np.floating], labels: Array, options: EraserOptions) -> Eraser:
    """Fit an eraser on the rows whose labels are all known.

    Args:
        vectors: shape (n, d).
        labels: columns as :func:`label_columns` makes them, shape (n, k), NaN where missing.
        options: which eraser.

    Raises:
        InputError: vectors that are not finite, fewer than two labelled rows, a label that does not differ between
            them, more random directions than dimensions.
    """
    known = np.isfinite(labels).all(1)
    rows, z = np.asarray(vectors)[known], labels[known]
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(1).sum())
        raise InputError(f"{bad} of {len(rows)} vectors hold NaN or infinity", "erase", "train with a smaller step")
    if len(z) < 2 or (np.ptp(z, axis=0) == 0).any():
        what = f"a label does not differ between the {len(z)} rows of which all labels are known"
        raise InputError(what, "erase.labels", "name labels with several values that are known of the same users")
    x = rows.astype(np.float64)
    mean, z = x.mean(0), z - z.mean(0)
    found = METHODS[options.method](Moments.of(x - mean, z, _tolerance(rows)), options)
    return Eraser(mean, *found)


def _tolerance(rows: NDArray[np.floating]) -> float:
    """Singular value, relative to the largest, that is rounding in these vectors."""
    return float(rows.shape[1] * np.finfo(rows.dtype).eps)


@dataclass(frozen=True, eq=False)
class Moments:
    """What all methods need of centred vectors x and labels z.

    Args:
        covariance: x'x / n, shape (d, d).
        cross: x'z / n, shape (d, k).
        tolerance: singular value of x, relative to the largest, below which it counts as 0.
    """

    covariance: Array
    cross: Array
    tolerance: float

    @classmethod
    def of(cls, x: Array, z: Array, tolerance: float) -> "Moments":
        """Measure."""
        return cls(x.T @ x / len(x), x.T @ z / len(x), tolerance)


Factors = tuple[Array, Array]
"""L (d, r) and R (r, d)."""


def leace(moments: Moments, options: EraserOptions) -> Factors:
    """LEACE: of all affine maps without covariance with the labels the one that changes vectors least.

    With S = cov(x), W = (S^1/2)^+ and U an orthonormal basis of the columns of W cov(x, z), P = W U U' W^+, in every
    norm at once (Belrose et al., NeurIPS 2023, theorem 4.3). Several labels are taken away together.
    """
    del options
    values, axes = np.linalg.eigh(moments.covariance)
    scales = np.sqrt(np.maximum(values, 0))
    kept = scales > moments.tolerance * scales.max(initial=0)
    axes, scales = axes[:, kept], scales[kept]
    inside = _basis((axes.T @ moments.cross) / scales[:, None])
    return axes @ (inside / scales[:, None]), (inside.T * scales) @ axes.T


def mean_projection(moments: Moments, options: EraserOptions) -> Factors:
    """Orthogonal projection along the covariance with the labels: for two classes the difference of their means.

    It leaves no covariance either, but changes vectors more than LEACE (Belrose et al., section 4).
    """
    del options
    basis = _basis(moments.cross)
    return basis, basis.T


def inlp(moments: Moments, options: EraserOptions) -> Factors:
    """Iterated nullspace projection: fit a linear reader, take its directions away, fit the next on what is left.

    Ravfogel et al., ACL 2020, with ridge regressions of the labels (classes as columns of 0 and 1) as readers, which
    are closed forms of the two moments. It ends early once nothing can be read.
    """
    width = len(moments.covariance)
    penalty = RIDGE * np.trace(moments.covariance) / width * np.eye(width)
    basis, first = np.zeros((width, 0)), 0.0
    for _ in range(options.rounds):
        left = np.eye(width) - basis @ basis.T
        reader = left @ np.linalg.solve(left @ moments.covariance @ left + penalty, left @ moments.cross)
        first = first or float(np.linalg.norm(reader))
        if basis.shape[1] == width or np.linalg.norm(reader) <= _SPENT * first:
            break
        basis = np.linalg.qr(np.concatenate([basis, _basis(reader)], 1))[0]
    return basis, basis.T


def random(moments: Moments, options: EraserOptions) -> Factors:
    """Orthogonal projection along random directions, uniform and keyed by seed and shape, whatever the labels."""
    width = len(moments.covariance)
    if options.rank > width:
        what = f"{options.rank} random directions of vectors of length {width}"
        raise InputError(what, "erase.rank", f"take at most {width} away")
    drawn = rng("random eraser", options.seed, width, options.rank).normal(size=(width, options.rank))
    basis = np.linalg.qr(drawn)[0]
    return basis, basis.T


def _basis(columns: Array) -> Array:
    """Orthonormal basis of the space of columns, up to rounding; shape (d, r)."""
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, values > _NOTHING * max(values.max(initial=0), np.finfo(float).tiny)])


METHODS: dict[str, Callable[[Moments, EraserOptions], Factors]] = {
    "leace": leace,
    "inlp": inlp,
    "mean": mean_projection,
    "random": random,
}
"""Method -> its factors of P."""


def label_columns(labels: Sequence[NDArray[Any]]) -> Array:
    """Return labels as columns: numbers in standard deviations, classes as 0 and 1 for each; NaN where missing.

    Args:
        labels: each of shape (n,): numbers, or classes (None, NaN or "" where missing).

    Returns:
        Shape (n, k).
    """
    return np.concatenate([_columns(np.asarray(values)) for values in labels], 1)


def _columns(values: NDArray[Any]) -> Array:
    if values.dtype.kind in "fiu":
        numbers = values.astype(np.float64)
        known = numbers[np.isfinite(numbers)]
        spread = float(known.std()) if len(known) else 0.0
        return np.asarray((numbers / (spread or 1.0))[:, None])
    classes = [None if pd.isna(value) or value == "" else str(value) for value in values]
    found = pd.Categorical(classes)
    columns = np.eye(len(found.categories))[found.codes] if len(found.categories) else np.empty((len(values), 1))
    columns[found.codes < 0] = np.nan
    return columns
