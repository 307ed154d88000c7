"""How well a model orders what people were really shown: AUC, MRR and NDCG of each impression.

As in MIND (Wu et al., ACL 2020): each impression is a set of shown items of which some were clicked; its measures are
averaged over impressions. Items of equal score are dealt with exactly: AUC counts such a pair one half, and rank
measures are their mean over all orders of the tied items (McSherry and Najork, ECIR 2008), so that constant scores
give what chance gives.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.recommenders.scoring import DotScores, Scores

METRICS = ("auc", "mrr", "ndcg@5", "ndcg@10")
_PAIRS_AT_ONCE = 1 << 18
_USERS_AT_ONCE = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Impressions:
    """Shown items, those of one impression next to each other.

    Args:
        users: who saw it, of every row, shape (n,).
        items: what was shown, shape (n,).
        clicked: whether it was clicked, shape (n,).
        times: when, in seconds, shape (n,).
        indptr: rows of impression j are indptr[j] ... indptr[j + 1] - 1, shape (n_impressions + 1,).
        left_out: impressions that were dropped because they have no click, or nothing but clicks.
    """

    users: NDArray[np.integer]
    items: NDArray[np.integer]
    clicked: NDArray[np.bool_]
    times: Floats
    indptr: NDArray[np.int64]
    left_out: int = 0

    @classmethod
    def of(cls, numbers: NDArray[np.integer], *columns: NDArray[np.generic]) -> "Impressions":
        """Group rows in any order by the number of their impression.

        Args:
            numbers: of the impression, shape (n,).
            *columns: users, items, clicked and times, each of shape (n,).
        """
        order = np.argsort(numbers, kind="stable")
        users, items, clicked, times = (np.asarray(column)[order] for column in columns)
        starts = np.flatnonzero(np.diff(numbers[order], prepend=numbers[order][:1] - 1))
        indptr = np.append(starts, len(order)).astype(np.int64)
        return cls(users, items, clicked.astype(bool), times.astype(np.float64), indptr)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def owners(self) -> NDArray[np.integer]:
        """User of each impression, shape (n_impressions,)."""
        return self.users[self.indptr[:-1]]

    @property
    def of_row(self) -> NDArray[np.int64]:
        """Impression of every row, shape (n,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def select(self, keep: NDArray[np.bool_]) -> "Impressions":
        """Keep whole impressions, ``keep`` of shape (n_impressions,)."""
        sizes = np.diff(self.indptr)
        rows = np.repeat(keep, sizes)
        indptr = np.concatenate([[0], np.cumsum(sizes[keep])]).astype(np.int64)
        users, items, clicked = self.users[rows], self.items[rows], self.clicked[rows]
        return Impressions(users, items, clicked, self.times[rows], indptr, self.left_out)

    def any_of(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which impressions have any of some rows, shape (n_impressions,)."""
        return np.asarray(np.bincount(self.of_row[rows], minlength=len(self)) > 0)

    def comparable(self) -> "Impressions":
        """Leave out, and count, impressions in which nothing can be compared: no click, or nothing but clicks."""
        keep = self.any_of(self.clicked) & self.any_of(~self.clicked)
        return replace(self.select(keep), left_out=self.left_out + int((~keep).sum()))


def impression_metrics(shown: Impressions, scores: NDArray[np.floating]) -> dict[str, Floats]:
    """Return AUC, MRR, NDCG@5 and NDCG@10 of every impression, each of shape (n_impressions,).

    AUC = (sum of the clicked items' ranks from below - c (c + 1) / 2) / (c s), with c clicked and s other items;
    MRR = mean of 1/rank over clicked items; NDCG@k = sum over clicked items among the first k of 1/log2(rank + 1), over
    its value when clicked items come first.

    Args:
        shown: impressions, each with a click and something else.
        scores: of each row, shape (n,); what is not a number comes last.

    Raises:
        InputError: an impression has no click, or nothing but clicks.
    """
    sizes = np.diff(shown.indptr)
    clicks = np.bincount(shown.of_row[shown.clicked], minlength=len(shown))
    if ((clicks == 0) | (clicks == sizes)).any():
        raise InputError("an impression needs a click and something else", remedy="take Impressions.comparable()")
    owners, before, through = _tied_ranks(shown, scores)
    common = (before + 1 + through) / 2
    from_below = np.bincount(owners, sizes[owners] + 1 - common, len(shown))
    found = {"auc": (from_below - clicks * (clicks + 1) / 2) / (clicks * (sizes - clicks))}
    most = int(sizes.max(initial=1))
    ranks = np.arange(1, most + 1)
    found["mrr"] = _expected(1 / ranks, owners, (before, through), len(shown)) / clicks
    for k in (5, 10):
        gains = np.where(ranks <= k, 1 / np.log2(ranks + 1), 0.0)
        best = np.cumsum(gains)[clicks - 1]
        found[f"ndcg@{k}"] = _expected(gains, owners, (before, through), len(shown)) / best
    return found


def _tied_ranks(
    shown: Impressions, scores: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of every clicked row its impression, how many rows of it score higher, and how many as high or higher."""
    values = np.where(np.isnan(scores), -np.inf, scores)
    order = np.lexsort((-values, shown.of_row))
    owner, sorted_values = shown.of_row[order], values[order]
    place = np.arange(len(order)) - shown.indptr[owner]
    new = np.ones(len(order), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (sorted_values[1:] != sorted_values[:-1])
    group = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    before = place[first][group]
    through = before + np.diff(np.append(first, len(order)))[group]
    clicked = shown.clicked[order]
    return owner[clicked], before[clicked], through[clicked]


def _expected(
    gains: Floats, owners: NDArray[np.int64], ranks: tuple[NDArray[np.int64], NDArray[np.int64]], n: int
) -> Floats:
    """Sum over clicked rows of the mean gain of the ranks that they share with what they tie with, shape (n,)."""
    before, through = ranks
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    return np.asarray(np.bincount(owners, (sums[through] - sums[before]) / (through - before), n), np.float64)


# -- scores of pairs -------------------------------------------------------------------------------------------------


def pair_scores(scores: Scores, users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.floating]:
    """Return the scores of single pairs, shape (n,): rows of vectors where there are any, else user by user.

    Args:
        scores: a model's.
        users: shape (n,).
        items: shape (n,).
    """
    out = np.empty(len(users), np.float64)
    if isinstance(scores, DotScores):
        for start in range(0, len(users), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            out[part] = _dots(scores, users[part], items[part])
        return out
    order = np.argsort(users, kind="stable")
    distinct, starts = np.unique(users[order], return_index=True)
    bounds = np.append(starts, len(users))
    for start in range(0, len(distinct), _USERS_AT_ONCE):
        stop = min(start + _USERS_AT_ONCE, len(distinct))
        rows = order[bounds[start] : bounds[stop]]
        values = scores(distinct[start:stop])
        out[rows] = values[np.searchsorted(distinct[start:stop], users[rows]), items[rows]]
    return out


def _dots(scores: DotScores, users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.floating]:
    device = scores.users.device
    left, right = (torch.as_tensor(np.asarray(rows, np.int64), device=device) for rows in (users, items))
    found = (scores.users[left] * scores.items[right]).sum(1)
    if scores.bias is not None:
        found = found + scores.bias[right]
    return np.asarray(found.detach().cpu().numpy())
