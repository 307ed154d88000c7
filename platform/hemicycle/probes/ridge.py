"""Ridge regression probe in closed form: all penalties, labels and permuted controls at once.

For a training set with standardised predictors X (n, d) and centred labels y,

    b(a) = (X'X + a n I)^-1 X'y = V (L + a n)^-1 V'X'y,    X'X = V L V',

so that one eigendecomposition serves every penalty a and every column of labels (Hoerl & Kennard, Technometrics
1970). X'X comes from the folds' Gram matrices by addition; when d > n, V and L come from the singular values of X.
Errors on a held-out fold are quadratic in b, so that they too come from moments, without predictions.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.probes.base import ProbeConfig, ProbeResult, Statistic, Task
from hemicycle.probes.moments import Labels, Predictors, Products
from hemicycle.probes.target import is_numeric

Array = NDArray[np.float64]


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
    scores_copies: ClassVar[bool] = True

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
        labels = Labels(task.labels, Predictors(task))
        losses = self._losses(task, labels)
        losses[1:] *= 1 + task.margin / len(task.labels)
        out = _Output(task)
        for k in task.predicted:
            share, penalty = np.divmod(losses[:, :, k].reshape(-1, losses.shape[-1]).argmin(0), losses.shape[1])
            out.penalties[k] = np.array(self.config.penalties)[penalty]
            out.fill(k, labels, share)
        return ProbeResult(out.predictions, out.baseline, out.penalties, out.scores)

    def _losses(self, task: Task, labels: Labels) -> Array:
        """Squared errors of nested folds, shape (shares, penalties, outer folds, t).

        The fit without folds j and k judges penalties on j for the outer fold k, and on k for the outer fold j.
        """
        penalties, predictors = np.array(self.config.penalties), labels.predictors
        losses = np.zeros((len(task.shares), len(penalties), len(predictors.x), task.labels.shape[1]))
        for pair in task.pairs:
            products = labels.products(pair)
            judgements = [(judged, outer) for judged, outer in (pair, pair[::-1]) if outer in task.predicted]
            for s, (judged, outer) in product(range(len(task.shares)), judgements):
                fit = _Fit(products, predictors.basis(pair, s), predictors.size(pair), predictors.training(pair))
                b = fit.coefficients(penalties[:, None, None])
                losses[s, :, outer] += fit.squared_errors(judged, b, predictors)
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
class _Fit:
    """Regressions on the folds ``train`` in their eigenbasis; penalties are free."""

    products: Products
    basis: tuple[Array, Array, Array]
    size: int
    train: list[int]

    def coefficients(self, penalties: Array) -> Array:
        """Coefficients in the basis, shape (..., r, t), of penalties that broadcast to this shape."""
        _, to_basis, values = self.basis
        return np.asarray(
            to_basis.T @ self.products.cross[self.train].sum(axis=0) / (values[:, None] + penalties * self.size)
        )

    def squared_errors(self, judged: int, b: Array, predictors: Predictors) -> Array:
        """Sums of squared errors on a fold by coefficients (..., r, t), shape (..., t)."""
        means, to_basis, _ = self.basis
        p_y = to_basis.T @ (self.products.cross[judged] - np.outer(means, self.products.sums[judged]))
        fitted = (b * (predictors.gram(judged, means, to_basis) @ b)).sum(axis=-2)
        return np.asarray(self.products.squares[judged] - 2 * (b * p_y).sum(axis=-2) + fitted)


class _Output:
    """What is known of each column after each outer fold."""

    def __init__(self, task: Task) -> None:
        count, columns = int(task.folds.max()) + 1, task.labels.shape[1]
        self.groups = task.centre
        self.predictions = np.full((len(task.labels), task.shown), np.nan)
        self.baseline = self.predictions.copy()
        self.penalties = np.full((count, columns), np.nan)
        self._errors, self._deviations = np.zeros(columns), np.zeros(columns)

    def fill(self, k: int, labels: Labels, share: NDArray[np.integer]) -> None:
        """Predict fold k by the fit without it; the share of weights is given by column, (t,)."""
        predictors, products, shown = labels.predictors, labels.products((k,)), self.predictions.shape[1]
        rows = predictors.cells.rows(k)
        self.baseline[rows] = labels.offsets((k,))[:, :shown][self.groups[rows]]
        for s in np.unique(share):
            fit = _Fit(products, predictors.basis((k,), int(s)), predictors.size((k,)), predictors.training((k,)))
            b, columns = fit.coefficients(self.penalties[k]), share == s
            self._errors[columns] += fit.squared_errors(k, b, predictors)[columns]
            seen = np.flatnonzero(columns[:shown])
            means, to_basis, _ = fit.basis
            self.predictions[np.ix_(rows, seen)] = (predictors.x[k] - means) @ (to_basis @ b[:, seen])
        self.predictions[rows] += self.baseline[rows]
        self._deviations += products.squares[k]

    @property
    def scores(self) -> Array:
        """Out-of-fold R2 of each column, (t,)."""
        defined = self._deviations > 0
        return np.where(defined, 1 - self._errors / np.where(defined, self._deviations, 1), np.nan)
