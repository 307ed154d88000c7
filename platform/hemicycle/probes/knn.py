"""Nearest-neighbours probe: what like-minded vectors say, of numbers or classes, without any shape assumed.

A row's prediction is the mean label of its K nearest rows in the training folds (Fix & Hodges 1951; Cover & Hart, IEEE
Transactions on Information Theory 1967); for classes p_c = (n_c + s_c) / (K + 1) with the shares s_c of the training
folds as one pseudo-neighbour. K is chosen on nested folds among ``neighbours`` and all training rows together, which is
no reading at all. Distances are computed once, block by block: each row's nearest in every fold, merged for every
training set, serve all values of K, all labels and all their permuted copies.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.probes.base import ProbeConfig, ProbeResult, Task
from hemicycle.probes.kinds import Array, Classes, Numbers, group_means, joined, members_of, shares_of

_AT_ONCE = 1 << 24
"""Distances, or labels of neighbours, that are held at once."""
_DIRECTED = 4
"""Columns from which on a block has a direction; fewer (a degree, say) keep their lengths under ``cosine``."""
Floats = NDArray[np.float32]
Ints = NDArray[np.integer]


class KNNConfig(ProbeConfig):
    """Options of the nearest-neighbours probe of numbers."""

    probe: str = "knn"
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between standardised vectors; with ``cosine`` their lengths do not count."""
    neighbours: tuple[int, ...] = Field((5, 10, 20, 50, 100), min_length=1)
    """Numbers of neighbours, among which nested folds choose."""


class KNNClassesConfig(KNNConfig):
    """Options of the nearest-neighbours probe of classes."""

    probe: str = "knn_classes"


class Voting(Protocol):
    """How neighbours' labels become a prediction, for one kind of label."""

    def values(self, held: tuple[int, ...]) -> Floats:
        """What is averaged when some folds are held out, shape (n, m)."""

    def said(self, sums: Array, counts: Ints, held: tuple[int, ...], rows: Ints) -> Array:
        """Predictions (rows, counts + 1, t, ...) by sums (rows, counts, m) over neighbours; the last is none's."""

    def losses(self, said: Array, rows: Ints) -> Array:
        """Sum of losses over rows, shape (counts + 1, t)."""

    def baseline(self, fold: int) -> Array:
        """What the other folds say without neighbours, for the rows of a fold."""


class NumberVoting:
    """Means of deviations from (group) means; squared errors."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._means: dict[tuple[int, ...], Array] = {}

    def _around(self, held: tuple[int, ...]) -> Array:
        if held not in self._means:
            self._means[held] = group_means(self.task, held)
        return self._means[held]

    def values(self, held: tuple[int, ...]) -> Floats:
        """Deviations, shape (n, t)."""
        return np.asarray(self.task.labels - self._around(held), np.float32)

    def said(self, sums: Array, counts: Ints, held: tuple[int, ...], rows: Ints) -> Array:
        """Group means with the neighbours' mean deviation."""
        around = self._around(held)[rows][:, None]
        return np.concatenate([around + sums / counts[:, None], around], axis=1)

    def losses(self, said: Array, rows: Ints) -> Array:
        """Squared errors."""
        return np.asarray(((said - self.task.labels[rows][:, None]) ** 2).sum(axis=0))

    def baseline(self, fold: int) -> Array:
        """Group means."""
        return np.asarray(self._around((fold,))[self.task.folds == fold])


class ClassVoting:
    """Shares of classes among neighbours; surprise in nats."""

    def __init__(self, task: Task) -> None:
        self.task, self.members = task, members_of(task.labels)
        self._flat = self.members.reshape(len(self.members), -1).astype(np.float32)

    def values(self, held: tuple[int, ...]) -> Floats:
        """Unit vectors of the classes, shape (n, t * classes)."""
        del held
        return self._flat

    def said(self, sums: Array, counts: Ints, held: tuple[int, ...], rows: Ints) -> Array:
        """Probabilities."""
        prior = shares_of(self.members, ~np.isin(self.task.folds, held))
        votes = sums.reshape(*sums.shape[:2], *prior.shape)
        alone = np.broadcast_to(prior, (len(rows), 1, *prior.shape))
        return np.concatenate([(votes + prior) / (counts[:, None, None] + 1), alone], axis=1)

    def losses(self, said: Array, rows: Ints) -> Array:
        """Surprise at the true class."""
        true = (said * self.members[rows][:, None]).sum(axis=-1)
        return np.asarray(-np.log(np.maximum(true, 1e-12)).sum(axis=0))

    def baseline(self, fold: int) -> Array:
        """Shares of the classes."""
        test = self.task.folds == fold
        prior = shares_of(self.members, ~test)
        return np.asarray(np.broadcast_to(prior, (int(test.sum()), *prior.shape)))


class KNN(Numbers):
    """Mean of the neighbours' numbers; its score is the out-of-fold R2."""

    Config: ClassVar[type[ProbeConfig]] = KNNConfig

    def __init__(self, config: KNNConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Predict each column of labels out of fold; ``penalties`` are the numbers of neighbours."""
        return read_by_neighbours(task, NumberVoting(task), self.config)


class KNNClasses(Classes):
    """Vote of the neighbours; its score is balanced accuracy."""

    Config: ClassVar[type[ProbeConfig]] = KNNClassesConfig

    def __init__(self, config: KNNConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Predict class probabilities out of fold, (n, t, classes); ``penalties`` are the numbers of neighbours."""
        return read_by_neighbours(task, ClassVoting(task), self.config)


def read_by_neighbours(task: Task, voting: Voting, config: KNNConfig) -> ProbeResult:
    """Predict the folds of a task by the nearest rows of the others; see the module."""
    sizes = np.bincount(task.folds)
    fewest = len(task.folds) - int(np.sort(sizes)[-2:].sum())
    counts = np.array(sorted({min(count, fewest) for count in config.neighbours}))
    spaces = _spaces(task, config.metric)
    found = [_Found(task, voting, counts) for _ in spaces]
    for share, space in zip(found, spaces, strict=True):
        for fold, rows, near in _nearest(space, task.folds, int(counts[-1]), share.width):
            share.take(fold, rows, near)
    out, base = (np.full(found[0].said.shape[:1] + found[0].said.shape[2:], np.nan) for _ in range(2))
    chosen = np.full((len(sizes), task.labels.shape[1]), np.nan)
    for k in task.predicted:
        rows = np.flatnonzero(task.folds == k)
        best = np.concatenate([share.losses[k] for share in found]).argmin(axis=0)
        which, count = np.divmod(best, len(counts) + 1)
        base[rows] = voting.baseline(k)
        out[rows] = np.stack([found[s].said[rows, c, t] for t, (s, c) in enumerate(zip(which, count, strict=True))], 1)
        chosen[k] = np.append(counts, len(task.folds) - sizes[k])[count]
    return ProbeResult(out if joined(task).any() else base, base, chosen)


class _Found:
    """Predictions by every number of neighbours and their losses on nested folds, in one space."""

    def __init__(self, task: Task, voting: Voting, counts: Ints) -> None:
        self.task, self.voting, self.counts = task, voting, counts
        everything = task.predicted[:1]
        self.width = voting.values(everything).shape[1]
        shape = voting.said(np.zeros((0, len(counts), self.width)), counts, everything, np.zeros(0, int)).shape[1:]
        self.said = np.full((len(task.labels), *shape), np.nan, np.float32)
        self.losses = np.zeros((int(task.folds.max()) + 1, len(counts) + 1, task.labels.shape[1]))

    def take(self, fold: int, rows: Ints, near: Ints) -> None:
        """Use the ranked neighbours of rows of one fold: to predict them, and to judge for the other folds."""
        if fold in self.task.predicted:
            self.said[rows] = self._said((fold,), rows, near)
        for outer in self.task.predicted:
            if outer != fold:
                self.losses[outer] += self.voting.losses(self._said((fold, outer), rows, near), rows)

    def _said(self, held: tuple[int, ...], rows: Ints, near: Ints) -> Array:
        chosen = near
        if len(held) > 1:
            away = np.argsort(self.task.folds[near] == held[1], axis=1, kind="stable")
            chosen = np.take_along_axis(near, away, axis=1)
        values = self.voting.values(held)[chosen[:, : self.counts[-1]]]
        sums = np.add.reduceat(values, np.append(0, self.counts[:-1]), axis=1).cumsum(axis=1, dtype=np.float64)
        return self.voting.said(sums, self.counts, held, rows)


def _spaces(task: Task, metric: str) -> list[Floats]:
    """Vectors between which distances are taken, one array (n, d) for each share of the blocks."""
    ends = np.cumsum([block.shape[1] for block in task.blocks])
    parts = np.split(joined(task), ends[:-1], axis=1)
    if metric == "cosine":
        parts = [_unit(part) if part.shape[1] >= _DIRECTED else part for part in parts]
    if len(parts) > 1:
        parts = [part / max(np.sqrt((part**2).sum(axis=1).mean()), 1e-12) for part in parts]
    return [(np.concatenate(parts, axis=1) * task.weights(share)).astype(np.float32) for share in task.shares]


def _unit(x: Array) -> Array:
    lengths = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return np.asarray(x / np.where(lengths > 0, lengths, 1))


def _nearest(x: Floats, folds: Ints, count: int, width: int) -> Iterator[tuple[int, Ints, Ints]]:
    """Yield fold, some of its rows, and for each the nearest in every other fold, ranked, (rows, neighbours)."""
    squares = np.einsum("nd,nd->n", x, x)
    of_fold = [np.flatnonzero(folds == k) for k in range(int(folds.max()) + 1)]
    step = max(1, _AT_ONCE // max(len(x), count * width))
    for fold, members in enumerate(of_fold):
        for rows in np.split(members, range(step, len(members), step)):
            parts = [_of_fold(x, squares, rows, others, count) for f, others in enumerate(of_fold) if f != fold]
            near, distances = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
            ranked = np.argsort(distances, axis=1, kind="stable")
            yield fold, rows, np.take_along_axis(near, ranked, axis=1)


def _of_fold(x: Floats, squares: Floats, rows: Ints, others: Ints, count: int) -> tuple[Ints, Floats]:
    """The nearest of one fold's rows and their squared distances, up to what is the same for all, in any order."""
    distances = squares[others] - 2 * (x[rows] @ x[others].T)
    if count >= len(others):
        return np.broadcast_to(others, distances.shape), distances
    best = np.argpartition(distances, count - 1, axis=1)[:, :count]
    return others[best], np.take_along_axis(distances, best, axis=1)
