"""Ridge regression on few points, scored on points that it was not fitted to, in closed form.

Weighted ridge with a free intercept on the first k standardised coordinates. The error of a held-out point follows
from the fit to all by the hat matrix H, e_i / (1 - h_ii), and of a held-out group from its block, (I - H_gg)^-1 e_g
(Hastie, Tibshirani and Friedman 2009, *The Elements of Statistical Learning*, 7.10.1); coordinates are
standardised with all points, the ridge stays as it is.

Shapes: coordinates (n, K), values (n, m), weights (n,).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Candidate:
    """Numbers of dimensions and ridge (in units of the total weight, which is 1)."""

    dims: int
    ridge: float


@dataclass(frozen=True, eq=False)
class Points:
    """Points to be fitted.

    Args:
        coordinates: shape (n, K).
        weights: shape (n,), positive.
        groups: group of each, integers of shape (n,): what is held out together; None: every point alone.
    """

    coordinates: Array
    weights: Array
    groups: Index | None = None

    def rows(self, keep: NDArray[np.bool_]) -> "Points":
        """Return some of them."""
        groups = None if self.groups is None else self.groups[keep]
        return Points(self.coordinates[keep], self.weights[keep], groups)

    @property
    def folds(self) -> list[Index]:
        """Rows that are held out together."""
        if self.groups is None:
            return [np.array([row]) for row in range(len(self.weights))]
        return [np.flatnonzero(self.groups == group) for group in np.unique(self.groups)]


@dataclass(frozen=True, eq=False)
class Linear:
    """Fitted maps, one a column of values: intercepts (m,), slopes (m, k)."""

    intercepts: Array
    slopes: Array

    def predict(self, coordinates: Array) -> Array:
        """Return values, shape (rows, m)."""
        return self.intercepts + coordinates[:, : self.slopes.shape[1]] @ self.slopes.T


def fit(points: Points, values: Array, candidate: Candidate) -> Linear:
    """Fit all columns with the same dimensions and ridge."""
    weights, centre, spread = _standard(points)
    x = ((points.coordinates - centre) / spread)[:, : candidate.dims]
    means = weights @ values
    cross = x.T @ (weights[:, None] * x) + candidate.ridge * np.eye(candidate.dims)
    slopes = np.linalg.solve(cross, x.T @ (weights[:, None] * (values - means))).T / spread[: candidate.dims]
    return Linear(means - slopes @ centre[: candidate.dims], slopes)


def held_out_errors(points: Points, values: Array, candidates: Sequence[Candidate]) -> Iterator[Array]:
    """Yield the errors of held-out points for each candidate, shape (n, m)."""
    weights, centre, spread = _standard(points)
    x, means = (points.coordinates - centre) / spread, weights @ values
    folds = None if points.groups is None else points.folds
    known: tuple[int, Array, Array] = (0, x, x)
    for candidate in candidates:
        if candidate.dims != known[0]:
            part = x[:, : candidate.dims]
            squares, axes = np.linalg.eigh(part.T @ (weights[:, None] * part))
            known = (candidate.dims, part @ axes, squares)
        turned, shrunk = known[1], known[1] / (known[2] + candidate.ridge)
        errors = values - means - shrunk @ (turned.T @ (weights[:, None] * values))
        if folds is None:
            yield errors / (1 - weights * (1 + (shrunk * turned).sum(axis=1)))[:, None]
        else:
            yield _by_group(errors, folds, _Hat(shrunk, turned, weights))


@dataclass(frozen=True, eq=False)
class _Hat:
    """The hat matrix, H_ij = w_j (1 + x_i (X'WX + R)^-1 x_j)."""

    shrunk: Array
    turned: Array
    weights: Array

    def block(self, rows: Index) -> Array:
        return (1 + self.shrunk[rows] @ self.turned[rows].T) * self.weights[rows]


def _by_group(errors: Array, folds: Sequence[Index], hat: _Hat) -> Array:
    out = np.empty_like(errors)
    for rows in folds:
        out[rows] = np.linalg.solve(np.eye(len(rows)) - hat.block(rows), errors[rows])
    return out


def choose(points: Points, values: Array, candidates: Sequence[Candidate], *, sparing: bool = True) -> Index:
    """Return the candidate of each column of values by its held-out errors, shape (m,).

    Args:
        points: what is fitted.
        values: shape (n, m).
        candidates: in order of their dimensions.
        sparing: take the fewest dimensions whose mean squared error is at most one standard error above the least, and
            the best ridge for them (Breiman et al. 1984, *Classification and Regression Trees*, 3.4.3); else the least.
    """
    means, deviations = np.empty((2, len(candidates), values.shape[1]))
    for row, errors in enumerate(held_out_errors(points, values, candidates)):
        squares = np.square(errors)
        means[row] = squares.mean(axis=0)
        deviations[row] = squares.std(axis=0)
    best = np.asarray(means.argmin(axis=0))
    if not sparing:
        return best
    columns, dims = np.arange(values.shape[1]), np.array([candidate.dims for candidate in candidates])
    limit = means[best, columns] + deviations[best, columns] / np.sqrt(len(values))
    fewest = np.where(means <= limit, dims[:, None], dims.max() + 1).min(axis=0)
    return np.asarray(np.where(dims[:, None] == fewest, means, np.inf).argmin(axis=0))


def nested_predictions(
    points: Points, values: Array, candidates: Sequence[Candidate], *, sparing: bool = True
) -> Array:
    """Return each point's prediction by a map whose candidate, too, was chosen without it, shape (n, m)."""
    out = np.empty_like(values)
    for rows in points.folds:
        rest = np.ones(len(values), bool)
        rest[rows] = False
        others = points.rows(rest)
        chosen = choose(others, values[rest], candidates, sparing=sparing)
        for candidate in np.unique(chosen):
            columns = np.flatnonzero(chosen == candidate)
            model = fit(others, values[np.ix_(rest, columns)], candidates[candidate])
            out[np.ix_(rows, columns)] = model.predict(points.coordinates[rows])
    return out


def r_squared(values: Array, predictions: Array) -> Array:
    """Return 1 - SSE / SST of each column, around the mean of all values, shape (m,)."""
    total = np.square(values - values.mean(axis=0)).sum(axis=0)
    return np.asarray(1 - np.square(values - predictions).sum(axis=0) / total)


def _standard(points: Points) -> tuple[Array, Array, Array]:
    """Weights that sum to 1, and mean and spread of every coordinate."""
    weights = points.weights / points.weights.sum()
    centre = weights @ points.coordinates
    spread = np.sqrt(weights @ np.square(points.coordinates - centre))
    return weights, centre, np.where(spread > 0, spread, 1.0)
