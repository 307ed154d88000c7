"""Which part of a score runs along an attitude axis: exact for every recommender that scores by a dot product.

With a projection P the score splits into s = <u, P v> + <u, (I - P) v> + b. The first term is the part along the axis;
over <u, v> it is the axis' share. Parts of several axes that share nothing, the remainder and the bias add up to the
score, whatever the axes are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.evaluation.topk import NONE
from hemicycle.recommenders.scoring import DotScores

REMAINDER = "remainder"
_USERS_AT_ONCE = 1024
_TOLERANCE = 1e-6
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Axis:
    """A projection P = L R' of rank r, orthogonal where L = R.

    Args:
        name: of the attitude.
        left: L, shape (d, r).
        right: R, shape (d, r), with R' L = I.
    """

    name: str
    left: Floats
    right: Floats

    @classmethod
    def along(cls, name: str, direction: NDArray[np.floating]) -> "Axis":
        """Return the orthogonal projection on a direction (d,), or on the span of several, shape (d, r).

        Raises:
            InputError: a direction is zero, not finite, or lies in the span of the others.
        """
        basis = np.asarray(direction, np.float64)
        basis = basis[:, None] if basis.ndim == 1 else basis
        size = np.linalg.norm(basis, axis=0)
        if not np.isfinite(size).all() or not (size > 0).all():
            raise InputError(f"the direction of {name} is zero or not finite", remedy="learn it from other labels")
        unit, upper = np.linalg.qr(basis / size)
        if np.abs(np.diag(upper)).min() < _TOLERANCE:
            raise InputError(f"the directions of {name} lie in each other's span", remedy="give fewer of them")
        return cls(name, unit, unit)

    @classmethod
    def projecting(cls, name: str, matrix: NDArray[np.floating]) -> "Axis":
        """Return any projection, oblique ones too, from its matrix (d, d), such as what an eraser takes away.

        Raises:
            InputError: the matrix is not idempotent, or projects nothing.
        """
        p = np.asarray(matrix, np.float64)
        scale = np.abs(p).max(initial=0.0)
        if not scale or np.abs(p @ p - p).max() > _TOLERANCE * max(1.0, scale**2):
            raise InputError(
                f"the matrix of {name} is no projection: its square differs from it, or it is zero",
                remedy="of an eraser x -> E x give I - E",
            )
        u, values, vt = np.linalg.svd(p)
        rank = int((values > 0.5).sum())  # a projection's singular values are 0 or at least 1
        return cls(name, u[:, :rank] * values[:rank], vt[:rank].T)

    @property
    def rank(self) -> int:
        """Dimensions of what is projected on."""
        return int(self.left.shape[1])

    def removed(self, found: DotScores) -> DotScores:
        """Return the scores without the part along the axis: <u, (I - P) v> + b, in the precision of the scores."""
        items = found.items.double()
        left, right = (items.new_tensor(np.asarray(part)) for part in (self.left, self.right))
        return replace(found, items=(items - (items @ right) @ left.T).to(found.items))


def in_order(axes: Sequence[Axis]) -> list[Axis]:
    """Return orthogonal axes that share nothing: each is what it adds to the span of those before it.

    So that an order is a claim, as in a sequential analysis of variance; an axis that adds nothing is left out.

    Raises:
        InputError: an axis is an oblique projection.
    """
    kept: list[Axis] = []
    for axis in axes:
        if axis.left is not axis.right and not np.allclose(axis.left, axis.right, atol=_TOLERANCE):
            raise InputError(f"the axis {axis.name} is oblique", remedy="put orthogonal projections in an order")
        rest = axis.left
        for before in kept:
            rest = rest - before.left @ (before.left.T @ rest)
        basis, values, _ = np.linalg.svd(rest, full_matrices=False)
        rank = int((values > _TOLERANCE).sum())
        if rank:
            kept.append(Axis(axis.name, basis[:, :rank], basis[:, :rank]))
    return kept


# -- parts of scores -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors whose dot products score, in double precision.

    Args:
        users: shape (n_users, d).
        items: shape (n_items, d).
        bias: shape (n_items,), 0 where there is none.
    """

    users: Floats
    items: Floats
    bias: Floats

    @classmethod
    def of(cls, found: DotScores) -> "Vectors":
        """Return the vectors of scores."""
        users, items = (x.detach().cpu().double().numpy() for x in (found.users, found.items))
        bias = np.zeros(len(items)) if found.bias is None else found.bias.detach().cpu().double().numpy()
        return cls(users, items, bias)

    def centred(self) -> "Vectors":
        """Return vectors whose products are leads: how far a user's score of an item exceeds her mean score."""
        return Vectors(self.users, self.items - self.items.mean(0), self.bias - self.bias.mean())

    def products(self, users: NDArray[np.integer], lists: NDArray[np.integer]) -> Floats:
        """Return <u, v> of each user and item of her list, NaN where a list has ended, shape (n, k)."""
        found = np.empty(lists.shape)
        for rows in _batches(len(users)):
            found[rows] = np.einsum("nd,nkd->nk", self.users[users[rows]], self.items[lists[rows]])
        return np.where(lists == NONE, np.nan, found)

    def along(self, axis: Axis, users: NDArray[np.integer], lists: NDArray[np.integer]) -> Floats:
        """Return <u, P v> of each user and item of her list, NaN where a list has ended, shape (n, k)."""
        own, theirs = self.users[users] @ axis.left, self.items @ axis.right
        found = np.empty(lists.shape)
        for rows in _batches(len(users)):
            found[rows] = np.einsum("nr,nkr->nk", own[rows], theirs[lists[rows]])
        return np.where(lists == NONE, np.nan, found)


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, start + _USERS_AT_ONCE) for start in range(0, n, _USERS_AT_ONCE))


@dataclass(frozen=True, eq=False)
class Parts:
    """Scores of lists, taken apart; the parts and the bias add up to the score.

    Args:
        parts: axis -> <u, P v>, and the remainder; shape (n, k) each.
        bias: shape (n, k).
    """

    parts: Mapping[str, Floats]
    bias: Floats

    @property
    def product(self) -> Floats:
        """<u, v>, shape (n, k)."""
        return np.asarray(sum(self.parts.values()))

    @property
    def score(self) -> Floats:
        """<u, v> + b, shape (n, k)."""
        return self.product + self.bias

    def share(self, name: str) -> Floats:
        """One part over <u, v>, shape (n, k); NaN where that is 0."""
        whole = self.product
        return np.asarray(np.divide(self.parts[name], whole, out=np.full(whole.shape, np.nan), where=whole != 0))


def take_apart(vectors: Vectors, axes: Sequence[Axis], users: NDArray[np.integer], lists: NDArray[np.integer]) -> Parts:
    """Return the parts of the scores of users' lists.

    Args:
        vectors: what scores.
        axes: with different names; :func:`in_order` makes any axes share nothing.
        users: shape (n,).
        lists: items, ``NONE`` where a list ends, shape (n, k).

    Raises:
        InputError: axes have the same name, or vectors of another length.
    """
    names = [axis.name for axis in axes]
    if len({*names, REMAINDER}) <= len(names):
        raise InputError(f"axes {', '.join(names)} need different names, and none {REMAINDER!r}")
    for axis in axes:
        if len(axis.left) != vectors.users.shape[1]:
            raise InputError(f"the axis {axis.name} has {len(axis.left)} dimensions, vectors {vectors.users.shape[1]}")
    found = {axis.name: vectors.along(axis, users, lists) for axis in axes}
    rest = vectors.products(users, lists) - sum(found.values())
    bias = np.where(lists == NONE, np.nan, vectors.bias[lists])
    return Parts({**found, REMAINDER: rest}, bias)
