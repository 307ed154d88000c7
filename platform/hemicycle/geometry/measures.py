"""Measures of similarity between representations, with the standard error of each over users, for all pairs at once.

See :mod:`hemicycle.geometry.similarity` for what they are; a stack is what :func:`stacked` returns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Measure = Literal["cka", "cka_debiased", "rsa", "procrustes"]
_COLUMNS = 1024
"""Columns of other models that are multiplied at once."""


def stacked(vectors: Sequence[NDArray[np.floating]]) -> Floats:
    """Return centred vectors of unit mean square norm side by side, shape (n, models, width), filled up with 0.

    Vectors wider than there are users are turned into their own principal axes first, which changes no measure.
    """
    narrow = [_narrow(part.astype(np.float64) - part.mean(axis=0, dtype=np.float64)) for part in vectors]
    n, width = len(vectors[0]), max(part.shape[1] for part in narrow)
    out = np.zeros((n, len(vectors), width), np.float32)
    for m, part in enumerate(narrow):
        norm = np.sqrt((part**2).sum() / n)
        if norm > 1e-12 * max(1.0, float(np.abs(vectors[m]).max())):
            out[:, m, : part.shape[1]] = part / norm
    return out


def _narrow(part: Array) -> Array:
    if part.shape[1] <= part.shape[0]:
        return part
    left, singular, _ = np.linalg.svd(part, full_matrices=False)
    return np.asarray(left * singular)


# -- CKA and Procrustes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Form:
    """A function F(X, Y) = sum_i x_i'W y_i of C = X'Y, compared as F(X, Y) / sqrt(F(X, X) F(Y, Y)).

    Args:
        measures: what it yields.
        total: F of matrices C, (b, d, d) -> (b,).
        weights: W of matrices C; up to ``power`` also the derivative of F.
        power: degree of F in users' weights.
    """

    measures: tuple[Measure, ...]
    total: Callable[[Floats], Array]
    weights: Callable[[Floats], Floats]
    power: int


def _polar(cross: Floats) -> Floats:
    """Best rotations Q = UV' of USV' (Schoenemann 1966), on the directions that have any weight, (b, d, d)."""
    left, singular, right = np.linalg.svd(cross)
    solid = singular > 1e-5 * np.maximum(singular[:, :1], 1e-30)
    return np.asarray((left * solid[:, None, :]) @ right, np.float32)


CKA = Form(
    ("cka", "cka_debiased"), lambda c: np.einsum("bij,bij->b", c, c, dtype=np.float64), lambda cross: cross, power=2
)
"""The squared Frobenius norm."""
NUCLEAR = Form(
    ("procrustes",), lambda c: np.linalg.svd(c, compute_uv=False).sum(axis=1, dtype=np.float64), _polar, power=1
)
"""The nuclear norm, of which the Procrustes distance is made."""


@dataclass(frozen=True, eq=False)
class Correction:
    """What makes a sum of squares ||X'Y||^2 of centred vectors n(n-3) times the unbiased HSIC (Song et al. 2012).

    With d_i = |x_i|^2, e_i = |y_i|^2: - n/(n-2) d'e + (sum d)(sum e) / ((n-1)(n-2)); nothing where ``on`` is False.
    """

    norms: Array
    on: bool

    def shares(self, a: int, others: slice) -> Array:
        """What it is for each user, shape (n, others), half of a pair's product at each of the two."""
        if not self.on:
            return np.zeros((1, 1))
        d, e, n = self.norms[:, [a]], self.norms[:, others], len(self.norms)
        return np.asarray((d * e.sum(axis=0) + e * d.sum()) / (2 * (n - 1) * (n - 2)) - n / (n - 2) * d * e)

    def total(self, a: int, others: slice) -> Array:
        """Its sum over users."""
        return np.asarray(self.shares(a, others).sum(axis=0))


def ratios(stack: Floats, form: Form, measures: Sequence[Measure], *, errors: bool = True) -> tuple[Array, Array]:
    """Return a form's ratios of all pairs and their standard errors, each (measures, m, m); errors 0 if not wanted.

    Args:
        stack: as from :func:`stacked`, shape (n, m, d).
        form: see :class:`Form`.
        measures: of the form.
        errors: whether they are wanted; the values alone cost less than half.
    """
    models, width = stack.shape[1:]
    norms = np.einsum("nmd,nmd->nm", stack, stack).astype(np.float64)
    corrections = [Correction(norms, measure == "cka_debiased") for measure in measures]
    own = _own(stack, form, corrections)
    scale = own.sum(axis=1)
    scale[~(scale > 0)] = np.nan
    same = np.where(np.isnan(scale)[:, None], np.nan, np.eye(models))
    found = np.stack([same, np.zeros_like(same)])
    step = max(1, _COLUMNS // width)
    for a, start in [(first, begin) for first in range(models) for begin in range(first + 1, models, step)]:
        others = slice(start, min(start + step, models))
        cross = _cross(stack, a, others)
        totals, rows = form.total(cross), _rows(stack, a, others, form.weights(cross)) if errors else None
        for k, correction in enumerate(corrections):
            norm = np.sqrt(scale[k, a] * scale[k, others])
            found[0, k, a, others] = (totals + correction.total(a, others)) / norm
            if rows is not None:
                relative = own[k][:, [a]] / scale[k, a] + own[k][:, others] / scale[k, others]
                effect = (rows + correction.shares(a, others)) / norm - found[0, k, a, others] / 2 * relative
                found[1, k, a, others] = form.power * np.sqrt((effect**2).sum(axis=0))
    found += np.triu(found, 1).swapaxes(-1, -2)
    return found[0], found[1]


def _own(stack: Floats, form: Form, corrections: Sequence[Correction]) -> Array:
    """What each user adds to F(X, X) of each model, shape (corrections, n, m)."""
    n, models, _ = stack.shape
    own = np.empty((len(corrections), n, models))
    for m in range(models):
        only = slice(m, m + 1)
        rows = _rows(stack, m, only, form.weights(_cross(stack, m, only)))
        for k, correction in enumerate(corrections):
            own[k, :, only] = rows + correction.shares(m, only)
    return own


def _cross(stack: Floats, a: int, others: slice) -> Floats:
    """X_a'X_b for some models b, shape (b, d, d)."""
    width = stack.shape[2]
    cross = stack[:, a].T @ _beside(stack, others)
    return np.ascontiguousarray(cross.reshape(width, -1, width).swapaxes(0, 1))


def _rows(stack: Floats, a: int, others: slice, weights: Floats) -> Array:
    """x_i'W y_i of each user and some models b, shape (n, b)."""
    n, _, width = stack.shape
    turned = stack[:, a] @ weights.swapaxes(0, 1).reshape(width, -1)
    turned *= _beside(stack, others)
    return np.asarray(turned.reshape(n, -1, width).sum(axis=2, dtype=np.float32).astype(np.float64))


def _beside(stack: Floats, others: slice) -> Floats:
    """Vectors of some models side by side, a view of shape (n, b * width)."""
    n, models, width = stack.shape
    first, last, _ = others.indices(models)
    return stack.reshape(n, models * width)[:, first * width : last * width]


def distance_ranks(stack: Floats) -> Floats:
    """Return standardised ranks of Euclidean distances between users, shape (n, m, n); NaN where all are equal."""
    return np.stack([_standard_ranks(stack[:, m]) for m in range(stack.shape[1])], axis=1)


def _standard_ranks(vectors: Floats) -> Floats:
    ranks = rankdata(pdist(vectors.astype(np.float64)))
    ranks -= ranks.mean()
    deviation = ranks.std()
    ranks = ranks / deviation if deviation > 0 else np.full_like(ranks, np.nan)
    return np.asarray(squareform(ranks.astype(np.float32), checks=False))


def rsa(ranks: Floats, *, errors: bool = True) -> tuple[Array, Array]:
    """Return Spearman's correlation of distances between users, and its standard error, each (m, m).

    A pair of users counts with the product of their weights, so that the interval is one over users, not over
    pairs. Ranks are taken as given.

    Args:
        ranks: from :func:`distance_ranks`, shape (n, m, n).
        errors: whether errors are wanted; else 0.
    """
    n, models, _ = ranks.shape
    pairs = n * (n - 1)
    value = np.zeros((models, models))
    for z in ranks:
        value += z @ z.T
    value = np.clip(value / pairs, -1, 1)
    squares = np.zeros_like(value)
    for z in ranks if errors else ():
        sums = (z @ z.T).astype(np.float64)
        own = np.diag(sums)
        squares += (2 * (sums - value * (own[:, None] + own) / 2) / pairs) ** 2
    return value, np.sqrt(squares)
