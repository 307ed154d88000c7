"""What would be recommended without an attitude axis: lists before and after, and what leaves and comes in.

If item i leaves a list and item j comes in, then s_i >= s_j and s_i - p_i <= s_j - p_j for their parts p along the
axis, so p_i >= p_j: what leaves owes more to the axis than what comes in, for every user and without exception.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.evaluation.beyond import UNKNOWN, cross_cutting_share, known_mean
from hemicycle.evaluation.topk import NONE, Mask, top_k
from hemicycle.explanation.shares import Axis, Vectors
from hemicycle.recommenders.scoring import DotScores

Lists = NDArray[np.int32]
Codes = NDArray[np.integer]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Removal:
    """Lists with an axis and without it.

    Args:
        users: whose lists, shape (n,).
        before: items, ``NONE`` where a list ends, shape (n, k).
        after: the same without the axis.
    """

    users: NDArray[np.integer]
    before: Lists
    after: Lists

    @property
    def leaving(self) -> NDArray[np.bool_]:
        """Places before whose item is not listed after, shape (n, k)."""
        return _absent(self.before, self.after)

    @property
    def entering(self) -> NDArray[np.bool_]:
        """Places after whose item was not listed before, shape (n, k)."""
        return _absent(self.after, self.before)

    @property
    def changed(self) -> Floats:
        """Whether each list has other items, shape (n,)."""
        return np.asarray(self.leaving.any(1), np.float64)

    @property
    def replaced(self) -> Floats:
        """Share of each list that is replaced, shape (n,); NaN for an empty one."""
        return known_mean(np.where(self.before == NONE, np.nan, self.leaving))


def _absent(lists: Lists, others: Lists) -> NDArray[np.bool_]:
    """Tell which listed items are not in the user's other list, shape (n, k)."""
    found = (lists[:, :, None] == others[:, None, :]).any(2)
    return np.asarray(~found & (lists != NONE))


def remove(scores: DotScores, axis: Axis, mask: Mask, users: NDArray[np.integer], before: Lists) -> Removal:
    """Return what is listed when the scores lose their part along an axis, beside the given lists."""
    return Removal(users, before, top_k(axis.removed(scores), mask, users, before.shape[1]))


def parts_of_moves(removal: Removal, vectors: Vectors, axis: Axis) -> tuple[Floats, Floats]:
    """Return <u, P v> of what leaves and of what comes in, NaN elsewhere, shape (n, k) each."""
    moves = ((removal.before, removal.leaving), (removal.after, removal.entering))
    gone, come = (np.where(moved, vectors.along(axis, removal.users, lists), np.nan) for lists, moved in moves)
    return gone, come


def crossing(removal: Removal, user_side: Codes, item_side: Codes) -> tuple[Floats, Floats]:
    """Return the share of each list that stands on another side than its user, before and after, shape (n,) each."""
    own = user_side[removal.users]
    before, after = (_sides(lists, item_side) for lists in (removal.before, removal.after))
    return cross_cutting_share(own, before), cross_cutting_share(own, after)


def flows(removal: Removal, item_side: Codes, n_sides: int) -> Floats:
    """Share of each list that passes from a side to a side, shape (n, n_sides + 1, n_sides + 1).

    Row s, column t: places of side s that are given to items of side t; the diagonal holds what stays, and what is
    replaced within a side. Of those that leave, each is replaced by those that come in, to equal parts. The last row
    and column are items without a known side.
    """
    shape = (len(removal.users), n_sides + 1)
    stays = _counts(removal.before, ~removal.leaving & (removal.before != NONE), item_side, shape)
    gone = _counts(removal.before, removal.leaving, item_side, shape)
    come = _counts(removal.after, removal.entering, item_side, shape)
    found = gone[:, :, None] * come[:, None, :] / np.maximum(come.sum(1), 1)[:, None, None]
    found[:, np.arange(shape[1]), np.arange(shape[1])] += stays
    length = (removal.before != NONE).sum(1)
    return np.asarray(found / np.maximum(length, 1)[:, None, None])


def _counts(lists: Lists, chosen: NDArray[np.bool_], item_side: Codes, shape: tuple[int, int]) -> Floats:
    """Chosen items of each list by side, those without one last."""
    rows, places = np.nonzero(chosen)
    sides = item_side[lists[rows, places]].astype(np.int64)
    keys = rows * shape[1] + np.where(sides == UNKNOWN, shape[1] - 1, sides)
    return np.bincount(keys, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _sides(lists: Lists, item_side: Codes) -> NDArray[np.integer]:
    return np.asarray(np.where(lists == NONE, UNKNOWN, item_side[np.maximum(lists, 0)]))
