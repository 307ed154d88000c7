"""Logistic probe: binary or multinomial, L2 penalty chosen on nested folds, all columns of labels at once.

For standardised predictors x (d,), classes c and coefficients w_c, b_c it minimises

    - 1/n sum_i log p_i(y_i) + s a / 2 sum_c |w_c|^2,    p(c) proportional to exp(w_c x + b_c),

with s = 2 for two classes and 1 otherwise, the objective of scikit-learn's LogisticRegression(C=1 / (a n)). A label
and its permuted copies are separate terms of one sum, minimised together by L-BFGS (Liu & Nocedal, Mathematical
Programming 1989): a step is one matrix product for all of them.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from hemicycle.core.errors import InputError
from hemicycle.probes.base import ProbeConfig, ProbeResult, Statistic, Task
from hemicycle.probes.target import encode, is_numeric

Array = NDArray[np.float64]
_MAX_CLASSES = 50
_STOP = {"maxiter": 2000, "maxfun": 4000, "gtol": 1e-7, "ftol": 1e-13, "maxcor": 20}


class LogisticConfig(ProbeConfig):
    """Options of the logistic probe."""

    probe: str = "logistic"
    penalties: tuple[float, ...] = (1.0, 0.1, 0.01, 1e-3, 1e-4)
    """Penalties relative to the number of training rows (scikit-learn's C is 1 / (penalty n)), strongest first."""


class Logistic:
    """Classifier of a categorical label; its score is balanced accuracy, 1 / classes by chance.

    Balanced accuracy is the mean of the classes' recalls, so that a majority class cannot pass for knowledge.
    """

    Config: ClassVar[type[LogisticConfig]] = LogisticConfig
    score_name: ClassVar[str] = "balanced_accuracy"
    stratified: ClassVar[bool] = True
    scores_copies: ClassVar[bool] = False

    def __init__(self, config: LogisticConfig) -> None:
        self.config = config

    def read(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return class codes.

        Raises:
            InputError: a continuous label, or one class only.
        """
        if is_numeric(values) and len(np.unique(values)) > _MAX_CLASSES:
            raise InputError(
                f"a label with more than {_MAX_CLASSES} numeric values is not a class",
                where="logistic",
                remedy="use the ridge probe",
            )
        codes, classes = encode(values)
        if classes < 2:
            raise InputError("the label has no two classes", where="logistic", remedy="probe another label")
        return codes

    def fit(self, task: Task) -> ProbeResult:
        """Predict class probabilities out of fold, shape (n, t, classes)."""
        x = np.concatenate([block.astype(np.float64) for block in task.blocks], axis=1)
        members = np.eye(int(task.labels.max()) + 1)[task.labels]
        candidates = [(task.weights(share), penalty) for share in task.shares for penalty in self.config.penalties]
        losses = _losses(x, task, members, candidates)
        losses[len(self.config.penalties) :] += task.margin / 2
        chosen = losses.argmin(axis=0)
        out, shares = np.full(members.shape, np.nan), np.full(members.shape, np.nan)
        penalties = np.full(chosen.shape, np.nan)
        for k in task.predicted:
            penalties[k] = np.array([penalty for _, penalty in candidates])[chosen[k]]
            test = task.folds == k
            shares[test] = members[~test].mean(axis=0)
            for choice in np.unique(chosen[k]):
                columns = chosen[k] == choice
                out[np.ix_(test, columns)] = _probabilities(x, members[:, columns], ~test, candidates[choice])[test]
        return ProbeResult(out, shares, penalties)

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """Balanced accuracy: mean over classes of the share of their members that are predicted as such.

        Predicted is the class whose probability exceeds its share of the training folds the most, the decision
        that maximises balanced accuracy; the largest probability alone would always name a majority class.
        """
        shares = result.baseline[:, column]
        lift = np.where(shares > 0, result.predictions[:, column] / np.where(shares > 0, shares, 1), 0)
        members = np.eye(lift.shape[1])[labels]
        hits = members * (lift.argmax(axis=1) == labels)[:, None]
        return Statistic(np.concatenate([hits, members], axis=1), _mean_recall)

    def errors(self, labels: NDArray[Any], result: ProbeResult) -> Array:
        """Brier errors, the squared distance of probabilities from the true class's unit vector, shape (n,)."""
        probabilities = result.predictions[:, 0]
        return np.asarray(((np.eye(probabilities.shape[1])[labels] - probabilities) ** 2).sum(axis=1))


def _mean_recall(sums: Array) -> Array:
    hits, members = np.split(sums, 2, axis=-1)
    present = members > 0
    recalls = np.where(present, hits / np.where(present, members, 1), 0)
    return np.asarray(recalls.sum(-1) / present.sum(-1))


def _losses(x: Array, task: Task, members: Array, candidates: list[tuple[Array, float]]) -> Array:
    """Log loss of nested folds, shape (candidates, outer folds, t); each fit judges for two outer folds."""
    folds = task.folds
    losses = np.zeros((len(candidates), int(folds.max()) + 1, members.shape[1]))
    for j, k in task.pairs:
        train = (folds != j) & (folds != k)
        for c, candidate in enumerate(candidates):
            p = (_probabilities(x, members, train, candidate) * members).sum(axis=2)
            surprise = -np.log(np.maximum(p, 1e-12))
            losses[c, k] += surprise[folds == j].sum(axis=0)
            losses[c, j] += surprise[folds == k].sum(axis=0)
    return losses


def _probabilities(x: Array, members: Array, train: NDArray[np.bool_], candidate: tuple[Array, float]) -> Array:
    """Class probabilities of all rows by a fit on ``train``, shape (n, t, classes); 0 for classes unseen there."""
    weights, penalty = candidate
    z = (x - x[train].mean(axis=0)) * weights / _scales(x[train])
    z = np.column_stack([z, np.ones(len(z))])
    unseen = np.where(members[train].any(axis=0), 0.0, -np.inf)
    start = np.zeros((z.shape[1], unseen.size))
    given = (z[train], members[train], unseen, penalty * (2 if members.shape[2] == 2 else 1))
    found = minimize(_objective, start.ravel(), given, method="L-BFGS-B", jac=True, options=_STOP)
    return np.asarray(softmax((z @ found.x.reshape(start.shape)).reshape(members.shape) + unseen, axis=2))


def _objective(flat: Array, z: Array, members: Array, unseen: Array, penalty: float) -> tuple[float, Array]:
    """Value and gradient of the sum of all columns' objectives; the last row of coefficients is not penalised."""
    w = flat.reshape(z.shape[1], -1)
    log_p = log_softmax((z @ w).reshape(members.shape) + unseen, axis=2)
    shrunk = np.concatenate([w[:-1], np.zeros((1, w.shape[1]))])
    loss = -log_p[members > 0].sum() / len(z) + penalty / 2 * (shrunk**2).sum()
    gradient = z.T @ (np.exp(log_p) - members).reshape(len(z), -1) / len(z) + penalty * shrunk
    return float(loss), gradient.ravel()


def _scales(x: Array) -> Array:
    deviations = x.std(axis=0)
    varies = deviations > 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
    return np.where(varies, deviations, np.inf)
