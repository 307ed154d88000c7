"""Minimum description length: how many bits of a label a reader of the vectors saves, learning included.

In the online code (Rissanen 1984; Voita & Titov, EMNLP 2020) labels are sent block by block, coded by a reader that
was fitted on the blocks before it, the first by the prior. A representation that gives its label away only to a reader
with much data pays for it. Here each fold's labels are coded so, by readers of growing parts of the other folds, and
every part counts with the share of rows that it would code:

    L_i = - sum_b w_b log p_b(y_i),   w_b = (t_(b+1) - t_b) / n,   w_0 = t_1 / n for the prior p_0,

the length that row i has on average over the orders in which its fold comes last. So no row is coded by a reader that
saw its group, and all rows count alike. Parts double: within the first of the other folds, then by whole folds. What
penalty and what variance a reader has comes from how the reader before it foretold the rows in between. Numbers have a
Gaussian code around ridge regression, classes that of a logistic one; both priors know the training folds' (group)
means or shares. The score is the number of bits saved per row: 0 for vectors that say nothing, below 0 for a code that
is longer than the prior's.

The mean logarithm of several codes is again of their form. Predictions of classes are the geometric means of the
probabilities, (n, t, classes). Those of numbers are the mean code's means, (n, t), and ``baseline`` holds both codes,
(n, t, 6): mean m, precision v and constant c of the prior's, then of the readers', v (y - m)^2 / 2 + c each.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import log_softmax

from hemicycle.core.seeding import rng
from hemicycle.probes.base import ProbeConfig, ProbeResult, Statistic, Task
from hemicycle.probes.kinds import Array, Classes, Numbers, group_means, joined, members_of, shares_of

_STOP = {"maxiter": 200, "maxfun": 400, "gtol": 1e-6, "ftol": 1e-9, "maxcor": 10}
_HALVES = 7
"""Times that the first part is halved at most."""
_TINY = 1e-12
Ints = NDArray[np.integer]


class MDLConfig(ProbeConfig):
    """Options of the code of numbers."""

    probe: str = "mdl"
    penalties: tuple[float, ...] = Field((10.0, 1.0, 0.1, 0.01, 1e-3), min_length=1)
    """Penalties relative to the number of training rows, strongest first."""
    first: int = Field(16, ge=4)
    """Rows at least on which the first reader is fitted; those before are coded by the prior."""


class MDLClassesConfig(MDLConfig):
    """Options of the code of classes."""

    probe: str = "mdl_classes"
    penalties: tuple[float, ...] = Field((1.0, 0.1, 0.01), min_length=1)
    """Penalties relative to the number of training rows, strongest first."""


class MDL(Numbers):
    """Gaussian online code of a numeric label; its score is the number of bits saved per row."""

    Config: ClassVar[type[ProbeConfig]] = MDLConfig
    score_name: ClassVar[str] = "bits_saved"

    def __init__(self, config: MDLConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Code each column of labels by readers of the other folds; see the module for the shapes."""
        return _online(task, self.config, _GaussianCode)

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """Bits saved per row against the Gaussian prior."""
        prior, code = np.split(result.baseline[:, column], 2, axis=1)
        said = result.predictions[:, column]
        own = code if np.array_equal(said, code[:, 0]) else _around(said, labels)
        return _saved(_length(labels, prior) - _length(labels, own))


class MDLClasses(Classes):
    """Online code of a categorical label; its score is the number of bits saved per row."""

    Config: ClassVar[type[ProbeConfig]] = MDLClassesConfig
    score_name: ClassVar[str] = "bits_saved"

    def __init__(self, config: MDLConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Code each column of labels by readers of the other folds; see the module for the shapes."""
        return _online(task, self.config, _ClassCode)

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """Bits saved per row against the classes' shares."""
        p, prior = (
            np.maximum(a[np.arange(len(labels)), column, labels], _TINY) for a in (result.predictions, result.baseline)
        )
        return _saved(np.log(p / prior))


def _around(means: Array, labels: Array) -> Array:
    """Code (n, 3) around another reader's means, such as a control's, with the variance of their errors."""
    variance = max(float(((labels - means) ** 2).mean()), _TINY)
    constant = np.log(2 * np.pi * variance) / 2
    return np.stack(np.broadcast_arrays(means, 1 / variance, constant), axis=-1)


def _length(labels: Array, code: Array) -> Array:
    """Length in nats of numbers (n,) in a code (n, 3)."""
    mean, precision, constant = code.T
    return np.asarray(precision * (labels - mean) ** 2 / 2 + constant)


def _saved(nats: Array) -> Statistic:
    return Statistic(
        np.stack([nats / np.log(2), np.ones(len(nats))], axis=1), lambda sums: np.asarray(sums[..., 0] / sums[..., 1])
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows from which a reader learns, those that come next, and the share of rows that it codes."""

    train: Ints
    following: Ints
    weight: float


def _parts(task: Task, fold: int, config: MDLConfig) -> list[_Part]:
    """Growing parts of the folds other than ``fold``; the first is only there to judge."""
    n, count = len(task.folds), int(task.folds.max()) + 1
    others = [np.flatnonzero(task.folds == (fold + step) % count) for step in range(1, count)]
    drawn = [rng("mdl-order", config.seed, len(rows)).permutation(rows) for rows in others]
    order, first = np.concatenate(drawn), len(drawn[0])
    halves = [first >> h for h in range(_HALVES, 0, -1) if first >> h >= config.first // 2]
    ends = np.cumsum([len(rows) for rows in drawn])
    wholes = [int(ends[f - 1]) for f in range(1, count) if f == count - 1 or not f & (f - 1)]
    sizes = [*halves, *wholes, n]
    return [
        _Part(order[:size], order[size:following], (following - size) / n if number else 0.0)
        for number, (size, following) in enumerate(pairwise(sizes))
    ]


def _online(task: Task, config: MDLConfig, kind: "type[_GaussianCode | _ClassCode]") -> ProbeResult:
    x, t = joined(task), task.labels.shape[1]
    spaces = [x * task.weights(share) for share in task.shares]
    out, base = (np.zeros(0) for _ in range(2))
    penalties = np.full((int(task.folds.max()) + 1, t), np.nan)
    for k in task.predicted:
        code = kind(task, k, config.penalties)
        chosen = _write(code, _parts(task, k, config), spaces) if x.any() else np.zeros(t, np.int64)
        said, known = code.result()
        if not out.size:
            out, base = (np.full((len(x), *part.shape[1:]), np.nan) for part in (said, known))
        out[code.test], base[code.test] = said, known
        penalties[k] = np.array(config.penalties)[chosen % len(config.penalties)]
    return ProbeResult(out, base, penalties)


def _write(code: "_GaussianCode | _ClassCode", parts: list[_Part], spaces: list[Array]) -> Ints:
    """Let a reader of every part but the first code its share; return the last one's candidate by column, (t,)."""
    chosen: Ints | None = None
    for part in parts:
        following = len(part.following)
        rows = np.concatenate([part.following, code.test])
        said = np.concatenate([code.read(number, x, part.train, rows) for number, x in enumerate(spaces)])
        if chosen is not None:
            code.add(part.weight, said[chosen, following:, np.arange(len(chosen))])
        chosen = code.choose(said[:, :following], part.following) if following else chosen
    if chosen is None:
        raise ValueError("fewer than two parts")
    return chosen


class _GaussianCode:
    """Gaussians around ridge predictions, of one fold's rows.

    ``read`` gives deviations from the prior's means, shape (penalties, rows, t).
    """

    def __init__(self, task: Task, fold: int, penalties: tuple[float, ...]) -> None:
        self.test, self._penalties = np.flatnonzero(task.folds == fold), np.array(penalties)
        means = group_means(task, (fold,))
        self._y, self._means = task.labels - means, means[self.test]
        self._prior = np.maximum(self._y[task.folds != fold].var(axis=0), _TINY)
        self._variance, self._weight = self._prior, 1.0
        self._sums = np.zeros((3, *self._means.shape))

    @property
    def prior(self) -> Array:
        """The code without vectors, shape (rows, t, 3)."""
        constant = np.log(2 * np.pi * self._prior) / 2
        return np.stack(np.broadcast_arrays(self._means, 1 / self._prior, constant), axis=-1)

    def read(self, number: int, x: Array, train: Ints, rows: Ints) -> Array:
        """Ridge regression of ``train`` with every penalty."""
        del number
        left, singular, right = _svd(x[train])
        cross = left.T @ self._y[train]
        shrink = singular / (singular**2 + self._penalties[:, None] * len(train))
        return np.asarray((x[rows] @ right.T) @ (shrink[:, :, None] * cross))

    def choose(self, said: Array, rows: Ints) -> Ints:
        """Choose the candidate with the least squared error; it tells the next reader's variance.

        sqrt(m) rows with the prior's variance are added to the m rows that were foretold: relatives among them make
        errors look smaller than a stranger's.
        """
        errors = ((said - self._y[rows]) ** 2).sum(axis=1)
        extra = np.sqrt(len(rows))
        self._variance = (errors.min(axis=0) + extra * self._prior) / (len(rows) + extra)
        return np.asarray(errors.argmin(axis=0))

    def add(self, weight: float, said: Array) -> None:
        """Let a reader, deviations (t, rows), code its share."""
        mean, precision = said.T, 1 / self._variance
        constant = precision * mean**2 / 2 + np.log(2 * np.pi * self._variance) / 2
        self._sums += weight * np.stack(np.broadcast_arrays(precision, precision * mean, constant))
        self._weight -= weight

    def found(self) -> Array:
        """The whole code, what no reader coded by the prior, shape (rows, t, 3)."""
        prior = self.prior
        precision = self._sums[0] + self._weight * prior[..., 1]
        mean = self._sums[1] / precision
        constant = self._sums[2] + self._weight * prior[..., 2] - precision * mean**2 / 2
        return np.stack([self._means + mean, precision, constant], axis=-1)

    def result(self) -> tuple[Array, Array]:
        """Predictions and baseline."""
        found = self.found()
        return found[..., 0], np.concatenate([self.prior, found], axis=-1)


class _ClassCode:
    """Probabilities of logistic readers, of one fold's rows.

    ``read`` gives logarithms of probabilities, shape (penalties, rows, t, classes). A reader of m rows counts its
    classes' prior shares as so many further rows as there are classes, so that nothing is impossible to it.
    """

    def __init__(self, task: Task, fold: int, penalties: tuple[float, ...]) -> None:
        self.test, self._penalties = np.flatnonzero(task.folds == fold), np.array(penalties)
        self._members = members_of(task.labels)
        self._shares = np.maximum(shares_of(self._members, task.folds != fold), _TINY)
        self._weight = 1.0
        self._sums = np.zeros((len(self.test), *self._shares.shape))
        self._started: dict[int, Array] = {}

    @property
    def prior(self) -> Array:
        """The classes' shares in the other folds, shape (rows, t, classes)."""
        return np.broadcast_to(self._shares, self._sums.shape)

    def read(self, number: int, x: Array, train: Ints, rows: Ints) -> Array:
        """Logistic regressions of ``train`` with every penalty, beginning where the reader before it ended."""
        z = np.column_stack([x, np.ones(len(x))])
        classes = self._shares.shape[1]
        shape = (z.shape[1], len(self._penalties), len(self._shares), 1 if classes == 2 else classes)
        start = self._started.get(number, np.zeros(shape))
        given = (z[train], self._members[train], np.log(self._shares), self._penalties)
        found = minimize(_objective, start.ravel(), given, method="L-BFGS-B", jac=True, options=_STOP).x.reshape(shape)
        self._started[number] = found
        p = np.exp(np.moveaxis(_log_p(z[rows], found, np.log(self._shares)), 1, 0))
        return np.asarray(np.log((len(train) * p + classes * self._shares) / (len(train) + classes)))

    def choose(self, said: Array, rows: Ints) -> Ints:
        """Choose the candidate with the shortest code."""
        return np.asarray((said * self._members[rows]).sum(axis=(1, 3)).argmax(axis=0))

    def add(self, weight: float, said: Array) -> None:
        """Let a reader, logarithms (t, rows, classes), code its share."""
        self._sums += weight * np.moveaxis(said, 0, 1)
        self._weight -= weight

    def found(self) -> Array:
        """The whole code, what no reader coded by the prior, shape (rows, t, classes)."""
        return np.exp(self._sums + self._weight * np.log(self._shares))

    def result(self) -> tuple[Array, Array]:
        """Predictions and baseline."""
        return self.found(), self.prior


def _svd(x: Array) -> tuple[Array, Array, Array]:
    """Thin singular value decomposition, by way of the Gram matrix where rows abound."""
    if len(x) <= 2 * x.shape[1]:
        left, singular, right = np.linalg.svd(x, full_matrices=False)
        return left, singular, right
    values, vectors = np.linalg.eigh(x.T @ x)
    singular = np.sqrt(np.maximum(values, 0))
    return x @ (vectors / np.where(singular > 1e-6, singular, np.inf)), singular, vectors.T


def _log_p(z: Array, w: Array, prior: Array) -> Array:
    """Logarithms of probabilities, shape (rows, penalties, t, classes); of two classes only the second has weights."""
    logits = np.tensordot(z, w, 1)
    if w.shape[-1] == 1:
        rise = logits[..., 0] + (prior[:, 1] - prior[:, 0])
        return -np.logaddexp(0, np.stack([rise, -rise], axis=-1))
    return np.asarray(log_softmax(logits + prior, axis=-1))


def _objective(flat: Array, z: Array, members: Array, prior: Array, penalties: Array) -> tuple[float, Array]:
    """Value and gradient of all penalised mean surprises, - mean log p(y) + a / 2 |w|^2, added up."""
    w = flat.reshape(z.shape[1], len(penalties), len(prior), -1)
    log_p = _log_p(z, w, prior)
    shrunk = w * penalties[:, None, None]
    loss = -(log_p * members[:, None]).sum() / len(z) + (shrunk * w).sum() / 2
    excess = (np.exp(log_p) - members[:, None])[..., -w.shape[-1] :]
    gradient = np.tensordot(z.T, excess, 1) / len(z) + shrunk
    return float(loss), gradient.ravel()
