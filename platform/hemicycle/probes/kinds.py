"""What readers of numbers and readers of classes have in common, whatever they read with."""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.probes.base import ProbeConfig, ProbeResult, Statistic, Task
from hemicycle.probes.logistic import Logistic, LogisticConfig
from hemicycle.probes.ridge import Ridge, RidgeConfig
from hemicycle.probes.target import encode, is_numeric

Array = NDArray[np.float64]
MOST_CLASSES = 50
"""Numeric labels with more values than this are no classes."""
_RIDGE, _LOGISTIC = Ridge(RidgeConfig()), Logistic(LogisticConfig())


class Numbers:
    """Base of readers of numbers; the score is the out-of-fold R2."""

    Config: ClassVar[type[ProbeConfig]]
    score_name: ClassVar[str] = "r2"
    stratified: ClassVar[bool] = False
    scores_copies: ClassVar[bool] = False

    def read(self, values: NDArray[Any]) -> Array:
        """Return the label as float64.

        Raises:
            InputError: categories, infinite values, or one value only.
        """
        where = str(self.Config.model_fields["probe"].default)
        if not is_numeric(values):
            raise InputError("the label holds categories", where=where, remedy="use a probe of classes, e.g. logistic")
        labels = values.astype(np.float64)
        if not np.isfinite(labels).all():
            raise InputError("the label holds infinite values", where=where, remedy="leave missing labels empty")
        if len(labels) == 0 or np.ptp(labels) == 0:
            raise InputError("the label has no two different values", where=where, remedy="probe another label")
        return labels

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """R2 = 1 - sum (y - prediction)^2 / sum (y - training folds' mean)^2."""
        return _RIDGE.score(labels, result, column)

    def errors(self, labels: NDArray[Any], result: ProbeResult) -> Array:
        """Squared errors, shape (n,)."""
        return _RIDGE.errors(labels, result)


class Classes:
    """Base of readers of classes; the score is balanced accuracy, 1 / classes by chance."""

    Config: ClassVar[type[ProbeConfig]]
    score_name: ClassVar[str] = "balanced_accuracy"
    stratified: ClassVar[bool] = True
    scores_copies: ClassVar[bool] = False

    def read(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return class codes.

        Raises:
            InputError: a continuous label, or one class only.
        """
        where = str(self.Config.model_fields["probe"].default)
        if is_numeric(values) and len(np.unique(values)) > MOST_CLASSES:
            what = f"a label with more than {MOST_CLASSES} numeric values is not a class"
            raise InputError(what, where=where, remedy="use a probe of numbers, e.g. ridge")
        codes, classes = encode(values)
        if classes < 2:
            raise InputError("the label has no two classes", where=where, remedy="probe another label")
        return codes

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """Balanced accuracy of the class whose probability exceeds its share of the training folds the most."""
        return _LOGISTIC.score(labels, result, column)

    def errors(self, labels: NDArray[Any], result: ProbeResult) -> Array:
        """Brier errors, shape (n,)."""
        return _LOGISTIC.errors(labels, result)


def members_of(labels: NDArray[Any]) -> Array:
    """Class codes (n, t) as unit vectors, shape (n, t, classes)."""
    return np.asarray(np.eye(int(labels.max()) + 1)[labels])


def shares_of(members: Array, train: NDArray[np.bool_]) -> Array:
    """Share of each class among the training rows, shape (t, classes)."""
    return np.asarray(members[train].mean(axis=0))


def group_means(task: Task, held: tuple[int, ...]) -> Array:
    """Mean label of each row's group over the rows outside some folds, shape (n, t); of all where it has none there."""
    train = ~np.isin(task.folds, held)
    total = task.labels[train].mean(axis=0)
    if task.centre.max() == 0:
        return np.asarray(np.broadcast_to(total, task.labels.shape))
    n = len(train)
    members = sp.csr_array((np.ones(n), (task.centre, np.arange(n))), shape=(int(task.centre.max()) + 1, n))
    counts, sums = members @ train.astype(float), members @ np.where(train[:, None], task.labels, 0.0)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], total)
    return np.asarray(means[task.centre])


def joined(task: Task) -> Array:
    """All blocks side by side, standardised over all rows (no label has a part in it), shape (n, d).

    Columns without variance are left at 0.
    """
    x = np.concatenate([block.astype(np.float64) for block in task.blocks], axis=1)
    x -= x.mean(axis=0)
    deviations = x.std(axis=0)
    largest = np.abs(x).max(axis=0, initial=0)
    return np.asarray(x / np.where(deviations > 1e-12 * np.maximum(largest, 1e-300), deviations, np.inf))
