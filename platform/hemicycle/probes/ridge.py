"""Ridge regression probe in closed form: all penalties, labels and permuted controls at once.

For a training set with standardised predictors X (n, d) and centred labels y,

    b(a) = (X'X + a n I)^-1 X'y = V (L + a n)^-1 V'X'y,    X'X = V L V',

so that one eigendecomposition serves every penalty a and every column of labels (Hoerl & Kennard, Technometrics
1970). X'X comes from the folds' Gram matrices by addition; when d > n, V and L come from the singular values of X.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.probes.base import ProbeConfig, ProbeResult, Statistic, Task
from hemicycle.probes.target import is_numeric

Array = NDArray[np.float64]
_CONSTANT = 1e-10
"""Share of its variance below which a predictor counts as constant in a training set."""


class RidgeConfig(ProbeConfig):
    """Options of the ridge probe."""

    probe: str = "ridge"
    penalties: tuple[float, ...] = tuple(float(f"{10**e:.3g}") for e in np.linspace(3, -6, 13))
    """Penalties relative to the number of training rows, strongest first; nested folds choose, ties go to the first."""


class Ridge:
    """Linear regression of a numeric label; its score is the out-of-fold R2."""

    Config: ClassVar[type[RidgeConfig]] = RidgeConfig
    score_name: ClassVar[str] = "r2"
    stratified: ClassVar[bool] = False

    def __init__(self, config: RidgeConfig) -> None:
        self.config = config

    def read(self, values: NDArray[Any]) -> Array:
        """Return the label as float64.

        Raises:
            InputError: categories, infinite values, or one value only.
        """
        if not is_numeric(values):
            raise InputError("the label holds categories", where="ridge", remedy="use the logistic probe")
        labels = values.astype(np.float64)
        if not np.isfinite(labels).all():
            raise InputError("the label holds infinite values", where="ridge", remedy="leave missing labels empty")
        if len(labels) == 0 or np.ptp(labels) == 0:
            raise InputError("the label has no two different values", where="ridge", remedy="probe another label")
        return labels

    def fit(self, task: Task) -> ProbeResult:
        """Predict each column of labels out of fold; shapes as in :class:`Task`."""
        predictors = Predictors(task)
        count = len(predictors.rows)
        losses = self._losses(task, predictors, count)
        out = [np.empty(task.labels.shape), np.empty(task.labels.shape), np.empty((count, task.labels.shape[1]))]
        for k, rows in enumerate(predictors.rows):
            offset = centre(task, (k,))
            share, penalty = np.divmod(losses[:, :, k].reshape(-1, losses.shape[-1]).argmin(0), losses.shape[1])
            out[2][k] = np.array(self.config.penalties)[penalty]
            out[1][rows] = offset[rows]
            out[0][rows] = offset[rows] + predictors.predict(
                k, predictors.products(task.labels - offset), share, out[2][k]
            )
        return ProbeResult(*out)

    def _losses(self, task: Task, predictors: "Predictors", count: int) -> Array:
        """Squared errors of nested folds, shape (shares, penalties, outer folds, t).

        The fit without folds j and k judges penalties on j for the outer fold k, and on k for the outer fold j.
        """
        penalties = np.array(self.config.penalties)
        losses = np.zeros((len(task.shares), len(penalties), count, task.labels.shape[1]))
        for pair in combinations(range(count), 2):
            products = predictors.products(task.labels - centre(task, pair))
            for s in range(len(task.shares)):
                for judged, outer in (pair, pair[::-1]):
                    losses[s, :, outer] += predictors.squared_errors(pair, judged, products, (s, penalties))
        return losses

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """R2 = 1 - sum (y - prediction)^2 / sum (y - training fold's mean)^2."""
        return r2(labels - result.predictions[:, column], labels - result.baseline[:, column])

    def errors(self, labels: NDArray[Any], result: ProbeResult) -> Array:
        """Squared errors, shape (n,)."""
        return np.asarray((labels - result.predictions[:, 0]) ** 2)


def r2(residuals: Array, around_mean: Array) -> Statistic:
    """R2 of residuals (n,) against deviations (n,) from what is predicted without any predictor."""

    def combine(sums: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sums[..., 1] > 0, 1 - sums[..., 0] / sums[..., 1], np.nan)

    return Statistic(np.stack([residuals**2, around_mean**2], axis=1), combine)


def centre(task: Task, held: tuple[int, ...]) -> Array:
    """Mean of each row's group over the training rows, shape (n, t); of all where the group is unseen there."""
    train = ~np.isin(task.folds, held)
    n = len(train)
    members = sp.csr_array((np.ones(n), (task.centre, np.arange(n))), shape=(int(task.centre.max()) + 1, n))
    counts, sums = members @ train.astype(float), members @ np.where(train[:, None], task.labels, 0.0)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], sums.sum(0) / train.sum())
    return np.asarray(means[task.centre])


@dataclass(frozen=True, eq=False)
class Products:
    """Residuals r (n, t) fold by fold: X'r (folds, d, t), sums of r and of r^2 (folds, t)."""

    cross: Array
    sums: Array
    squares: Array


class Predictors:
    """The predictors of a task with each fold's moments, and bases of training sets made from them."""

    def __init__(self, task: Task) -> None:
        x = np.concatenate([block.astype(np.float64) for block in task.blocks], axis=1)
        x -= x.mean(axis=0)  # shift and scale cancel in every fit; they only keep the moments well-conditioned
        deviations = x.std(axis=0)
        x /= np.where(deviations > 0, deviations, 1)
        self.weights = [task.weights(share) for share in task.shares]
        self.rows = [np.flatnonzero(task.folds == k) for k in range(int(task.folds.max()) + 1)]
        self.x = [x[rows] for rows in self.rows]
        self.sums = np.stack([part.sum(axis=0) for part in self.x])
        self.squares = np.stack([(part**2).sum(axis=0) for part in self.x])
        self.grams = None if x.shape[1] > x.shape[0] else np.stack([part.T @ part for part in self.x])
        self._bases: dict[tuple[tuple[int, ...], int], tuple[Array, Array, Array]] = {}

    def products(self, residual: Array) -> Products:
        """Return what fits need of residuals, shape (n, t), that are centred in the training set."""
        parts = [residual[rows] for rows in self.rows]
        cross = [x.T @ part for x, part in zip(self.x, parts, strict=True)]
        return Products(
            np.stack(cross), np.stack([r.sum(axis=0) for r in parts]), np.stack([(r**2).sum(axis=0) for r in parts])
        )

    def training(self, held: tuple[int, ...]) -> list[int]:
        """Folds of the training set when some are held out."""
        return [k for k in range(len(self.rows)) if k not in held]

    def size(self, held: tuple[int, ...]) -> int:
        """Number of training rows when some folds are held out."""
        return sum(len(self.rows[k]) for k in self.training(held))

    def basis(self, held: tuple[int, ...], share: int) -> tuple[Array, Array, Array]:
        """Means (d,), map to the eigenbasis of the training set (d, r), and eigenvalues (r,)."""
        if (held, share) not in self._bases:
            kept = {key: basis for key, basis in self._bases.items() if key[0] == held}
            self._bases = {**kept, (held, share): self._basis(held, share)}
        return self._bases[held, share]

    def _basis(self, held: tuple[int, ...], share: int) -> tuple[Array, Array, Array]:
        train, n = self.training(held), self.size(held)
        means = self.sums[train].sum(axis=0) / n
        variances = self.squares[train].sum(axis=0) / n - means**2
        varies = variances > _CONSTANT
        scales = np.where(varies, self.weights[share] / np.sqrt(np.where(varies, variances, 1)), 0)
        if self.grams is None:
            x = np.concatenate([self.x[k] for k in train])
            _, singular, right = np.linalg.svd((x - means) * scales, full_matrices=False)
            return means, scales[:, None] * right.T, singular**2
        gram = self.grams[train].sum(axis=0) - n * np.outer(means, means)
        values, vectors = np.linalg.eigh(gram * np.outer(scales, scales))
        return means, scales[:, None] * vectors, np.maximum(values, 0)

    def _gram(self, fold: int, means: Array, to_basis: Array) -> Array:
        """P'P of a fold's rows in a basis, shape (r, r)."""
        if self.grams is None:
            p = (self.x[fold] - means) @ to_basis
            return np.asarray(p.T @ p)
        mixed = np.outer(self.sums[fold], means)
        gram = self.grams[fold] - mixed - mixed.T + len(self.rows[fold]) * np.outer(means, means)
        return np.asarray(to_basis.T @ gram @ to_basis)

    def squared_errors(
        self, held: tuple[int, ...], judged: int, products: Products, candidate: tuple[int, Array]
    ) -> Array:
        """Sum of squared errors on fold ``judged`` of a fit without ``held``, shape (penalties, t)."""
        share, penalties = candidate
        means, to_basis, values = self.basis(held, share)
        shrunk = 1 / (values + penalties[:, None] * self.size(held))
        b = shrunk[:, :, None] * (to_basis.T @ products.cross[self.training(held)].sum(axis=0))
        p_y = to_basis.T @ (products.cross[judged] - np.outer(means, products.sums[judged]))
        fitted = (b * (self._gram(judged, means, to_basis) @ b)).sum(axis=1)
        return np.asarray(products.squares[judged] - 2 * (b * p_y).sum(axis=1) + fitted)

    def predict(self, fold: int, products: Products, share: NDArray[np.integer], penalties: Array) -> Array:
        """Predictions for a fold by the fit without it, shape (rows, t); share and penalty by column, (t,)."""
        predictions = np.empty((len(self.rows[fold]), len(share)))
        cross = products.cross[self.training((fold,))].sum(axis=0)
        for s in np.unique(share):
            means, to_basis, values = self.basis((fold,), int(s))
            columns = share == s
            b = to_basis.T @ cross[:, columns] / (values[:, None] + penalties[columns] * self.size((fold,)))
            predictions[:, columns] = (self.x[fold] - means) @ (to_basis @ b)
        return predictions
