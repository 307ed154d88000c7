"""Moments of predictors and labels, fold by fold: all that ridge regressions on any union of folds need.

One pass over the rows gives, for every fold, X'X, X'Y and the sums of squares of Y. Labels are centred by the means
of groups in a training set, and these differ from one training set to the next; the moments of centred labels follow
from sums over cells, the rows of one fold and one group, without another pass.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.probes.base import Task

Array = NDArray[np.float64]
_BLOCK = 1 << 18
"""Labels that are centred at once."""
_CONSTANT = 1e-10
"""Share of its variance below which a predictor counts as constant in a training set."""


@dataclass(frozen=True, eq=False)
class Products:
    """Labels centred for a training set, fold by fold: X'r (folds, d, t), sums of r and of r^2 (folds, t)."""

    cross: Array
    sums: Array
    squares: Array


class Cells:
    """Rows sorted by fold and within folds by group, cut into cells of one fold and one group."""

    def __init__(self, folds: NDArray[np.integer], groups: NDArray[np.integer]) -> None:
        count, many = int(folds.max()) + 1, int(groups.max()) + 1
        codes = folds.astype(np.int64) * many + groups
        self.order = np.argsort(codes, kind="stable")
        found, self.starts, self.sizes = np.unique(codes[self.order], return_index=True, return_counts=True)
        self.fold, self.group = found // many, found % many
        self.groups = many
        self.ends = np.searchsorted(folds[self.order], np.arange(count + 1))
        self.bounds = np.searchsorted(self.fold, np.arange(count + 1))

    @property
    def folds(self) -> list[slice]:
        """Sorted rows of each fold."""
        return [slice(a, b) for a, b in zip(self.ends[:-1], self.ends[1:], strict=True)]

    def cells(self, fold: int) -> slice:
        """Cells of a fold."""
        return slice(self.bounds[fold], self.bounds[fold + 1])

    def rows(self, fold: int) -> NDArray[np.int64]:
        """Rows of a fold in the order given."""
        return np.asarray(self.order[self.ends[fold] : self.ends[fold + 1]])

    def sums(self, values: NDArray[np.floating], order: NDArray[np.int64] | None = None) -> Array:
        """Sums of values (n, t) over the rows of each cell, shape (cells, t); ``order``: where sorted rows lie."""
        n, columns = len(self.order), self.order if order is None else order
        indicator = sp.csr_array((np.ones(n), columns, [*self.starts, n]), shape=(len(self.starts), n))
        return np.asarray(indicator @ values)

    def by_group(self, of_cells: Array, train: NDArray[np.bool_]) -> Array:
        """Sums over the chosen cells of each group, shape (groups, ...)."""
        if self.groups == 1:
            return np.asarray(of_cells[train].sum(axis=0, keepdims=True))
        chosen = np.flatnonzero(train)
        shape = (self.groups, len(train))
        return np.asarray(sp.csr_array((np.ones(len(chosen)), (self.group[chosen], chosen)), shape=shape) @ of_cells)


class Predictors:
    """The predictors of a task with each fold's moments, and bases of training sets made from them."""

    def __init__(self, task: Task) -> None:
        self.cells = Cells(task.folds, task.centre)
        self.weights = [task.weights(share) for share in task.shares]
        x = _standardised(task.blocks, self.cells)
        self.x = [x[fold] for fold in self.cells.folds]
        self.sizes = np.diff(self.cells.ends)
        self.of_cells = self.cells.sums(x, np.arange(len(x)))
        self.sums = np.stack([self.of_cells[self.cells.cells(k)].sum(axis=0) for k in range(len(self.x))])
        self.squares = np.stack([np.einsum("ij,ij->j", part, part) for part in self.x])
        wide = self.x[0].shape[1] > len(task.folds)
        self.grams = None if wide else np.stack([part.T @ part for part in self.x])
        self._bases: dict[tuple[tuple[int, ...], int], tuple[Array, Array, Array]] = {}

    def training(self, held: tuple[int, ...]) -> list[int]:
        """Folds of the training set when some are held out."""
        return [k for k in range(len(self.x)) if k not in held]

    def size(self, held: tuple[int, ...]) -> int:
        """Number of training rows when some folds are held out."""
        return int(self.sizes[self.training(held)].sum())

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

    def gram(self, fold: int, means: Array, to_basis: Array) -> Array:
        """P'P of a fold's rows in a basis, shape (r, r)."""
        if self.grams is None:
            p = (self.x[fold] - means) @ to_basis
            return np.asarray(p.T @ p)
        mixed = np.outer(self.sums[fold], means)
        gram = self.grams[fold] - mixed - mixed.T + self.sizes[fold] * np.outer(means, means)
        return np.asarray(to_basis.T @ gram @ to_basis)


def _standardised(blocks: tuple[NDArray[np.floating], ...], cells: Cells) -> Array:
    """Sorted rows as float64, columns with mean 0 and variance 1 over all folds.

    Shift and scale cancel in every fit; they only keep the moments well-conditioned.
    """
    width = sum(block.shape[1] for block in blocks)
    means = np.concatenate([block.mean(axis=0, dtype=np.float64) for block in blocks])
    x, squares = np.empty((len(cells.order), width)), np.zeros(width)
    for k, fold in enumerate(cells.folds):
        part = x[fold]
        np.concatenate([block[cells.rows(k)] for block in blocks], axis=1, out=part)
        part -= means
        squares += np.einsum("ij,ij->j", part, part)
    x *= 1 / np.sqrt(np.where(squares > 0, squares / len(x), 1))
    return x


class Labels:
    """The moments of columns of labels, from which those of centred labels follow."""

    def __init__(self, labels: NDArray[np.floating], predictors: Predictors) -> None:
        cells = predictors.cells
        self.predictors = predictors
        everything = np.ones(len(cells.sizes), bool)
        sums = cells.sums(labels)
        means = cells.by_group(sums, everything) / self._counts(everything)[:, None].clip(1)
        self.shift = means.astype(np.float32).astype(np.float64)  # any would do; no label may show in its last bits
        self.sums = sums - cells.sizes[:, None] * self.shift[cells.group]
        found = [self._moments(labels, k) for k in range(len(predictors.x))]
        self.cross, self.squares = (np.stack(part) for part in zip(*found, strict=True))

    def _moments(self, labels: NDArray[np.floating], fold: int) -> tuple[Array, Array]:
        """X'y and sums of y^2 of a fold's labels around the shift, in blocks that stay in a processor's cache."""
        x, cells = self.predictors.x[fold], self.predictors.cells
        rows, group = cells.rows(fold), np.repeat(cells.group, cells.sizes)[cells.folds[fold]]
        cross, squares = np.zeros((x.shape[1], labels.shape[1])), np.zeros(labels.shape[1])
        step = max(256, _BLOCK // labels.shape[1])
        for start in range(0, len(rows), step):
            block = slice(start, start + step)
            y = labels[rows[block]] - (self.shift if cells.groups == 1 else self.shift[group[block]])
            squares += np.einsum("ij,ij->j", y, y)
            cross += x[block].T @ y
        return cross, squares

    def _counts(self, train: NDArray[np.bool_]) -> Array:
        cells = self.predictors.cells
        return np.bincount(cells.group[train], cells.sizes[train], cells.groups).astype(np.float64)

    def offsets(self, held: tuple[int, ...]) -> Array:
        """Means of groups in a training set, shape (groups, t); that of all rows for a group unseen there."""
        cells = self.predictors.cells
        train = ~np.isin(cells.fold, held)
        counts, sums = self._counts(train)[:, None], cells.by_group(self.sums, train)
        overall = (sums + counts * self.shift).sum(axis=0) / counts.sum()
        return np.asarray(np.where(counts > 0, sums / counts.clip(1) + self.shift, overall))

    def products(self, held: tuple[int, ...]) -> Products:
        """Return what fits need of the labels minus the offsets of a training set."""
        cells, x = self.predictors.cells, self.predictors.of_cells
        means = (self.offsets(held) - self.shift)[cells.group]
        sizes = cells.sizes[:, None]
        cross = [part - x[c].T @ means[c] for part, c in self._by_fold(self.cross)]
        sums = [(self.sums - sizes * means)[c].sum(axis=0) for _, c in self._by_fold(self.cross)]
        change = means * (sizes * means - 2 * self.sums)
        squares = [part + change[c].sum(axis=0) for part, c in self._by_fold(self.squares)]
        return Products(np.stack(cross), np.stack(sums), np.maximum(np.stack(squares), 0))

    def _by_fold(self, values: Array) -> list[tuple[Array, slice]]:
        return [(part, self.predictors.cells.cells(k)) for k, part in enumerate(values)]
