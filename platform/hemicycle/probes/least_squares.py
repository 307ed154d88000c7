"""Least-squares classifier: classes as 0/1 columns read by ridge regression, in closed form.

It is a linear reader like the logistic one and usually decides alike, but every penalty, class and permuted control
comes out of one eigendecomposition, so that hundreds of models can be probed. For two classes it is Fisher's linear
discriminant up to its threshold (Hastie, Tibshirani & Friedman, 2009, The Elements of Statistical Learning, 4.3).
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from hemicycle.probes.base import ProbeResult, Task
from hemicycle.probes.logistic import Logistic, LogisticConfig
from hemicycle.probes.ridge import Ridge, RidgeConfig


class LeastSquaresConfig(LogisticConfig):
    """Options of the least-squares classifier."""

    probe: str = "least_squares"
    penalties: tuple[float, ...] = RidgeConfig().penalties
    """Penalties relative to the number of training rows, strongest first; nested folds choose, ties go to the first."""


class LeastSquares(Logistic):
    """Linear classifier of a categorical label; its score is balanced accuracy, 1 / classes by chance.

    It reads what the logistic probe reads, decides by the same rule and has the same (Brier) errors.
    """

    Config: ClassVar[type[LogisticConfig]] = LeastSquaresConfig

    def fit(self, task: Task) -> ProbeResult:
        """Predict class memberships out of fold, shape (n, t, classes); they sum to 1 but may leave [0, 1]."""
        members = np.eye(int(task.labels.max()) + 1)[task.labels]
        flat = replace(task, labels=members.reshape(len(members), -1), centre=np.zeros(len(members), np.int64))
        ridge = Ridge(RidgeConfig(penalties=self.config.penalties))
        found = ridge.fit(flat)
        shape = (-1, *members.shape[1:])
        return ProbeResult(
            found.predictions.reshape(shape),
            found.baseline.reshape(shape),
            found.penalties.reshape(shape)[:, :, 0],
        )
