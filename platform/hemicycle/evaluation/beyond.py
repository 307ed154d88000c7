"""What lists are like beside being right: coverage, novelty, diversity, calibration, popularity, ideology.

Lists are items of shape (n, k), ``NONE`` where a list ends. Unless said otherwise a function returns one value a user,
shape (n,), NaN where nothing is known, so that means have bootstrap intervals over users; compare each with the same
function on what users took themselves and on random lists (:mod:`hemicycle.evaluation.reference_lists`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hemicycle.evaluation.topk import NONE, entries
from hemicycle.graphs.interaction import InteractionGraph

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)

Lists = NDArray[np.int32]
Values = NDArray[np.float64]
UNKNOWN = -1
"""Category or side that is not known."""
_ROWS_AT_ONCE = 512


def known_mean(values: NDArray[np.floating]) -> Values:
    """Mean over each row's known values, shape (n,)."""
    known = np.isfinite(values)
    counts = known.sum(1)
    sums = np.where(known, values, 0.0).sum(1, dtype=np.float64)
    return _divided(sums, counts)


def _divided(sums: NDArray[np.number], counts: NDArray[np.number]) -> Values:
    """Quotient where the divisor is positive, NaN elsewhere, shape of ``sums``."""
    return np.asarray(np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=np.asarray(counts > 0)))


def _of_items(lists: Lists, values: NDArray[np.floating]) -> Values:
    """Look up a value of each listed item, NaN where a list has ended."""
    return np.asarray(np.where(lists == NONE, np.nan, values[np.maximum(lists, 0)]))


# -- all lists together ----------------------------------------------------------------------------------------------


def coverage(lists: Lists, n_items: int) -> float:
    """Share of all items that are in any list (Ge, Delgado-Battenfeld and Jannach, RecSys 2010)."""
    return len(np.unique(lists[lists != NONE])) / n_items if n_items else 0.0


def gini(lists: Lists, n_items: int) -> float:
    """Inequality of how often items are listed, 0 when all alike, near 1 when few items fill all lists.

    G = sum_i (2 i - n - 1) c_i / (n sum c) over ascending counts c (Fleder and Hosanagar, Management Science 2009).
    """
    counts = np.sort(np.bincount(lists[lists != NONE], minlength=n_items))
    total = counts.sum()
    ranks = np.arange(1, n_items + 1)
    return float((2 * ranks - n_items - 1) @ counts / (n_items * total)) if total else 0.0


# -- novelty and diversity -------------------------------------------------------------------------------------------


def novelty(lists: Lists, takers: NDArray[np.integer], n_users: int) -> Values:
    """Mean self-information -log2 p_i of listed items, in bits (Castells, Hurley and Vargas, 2015, section 26.3).

    Args:
        lists: recommendations.
        takers: users of each item in training, shape (n_items,); an item without any counts as taken by one.
        n_users: number of users, so that p_i = takers / n_users.
    """
    return known_mean(_of_items(lists, np.log2(n_users) - np.log2(np.maximum(takers, 1))))


def diversity(lists: Lists, vectors: NDArray[np.floating]) -> Values:
    """Mean of 1 - cosine over pairs of listed items (intra-list diversity; Ziegler et al., WWW 2005).

    With unit vectors v the cosines of all ordered pairs add up to |sum v|^2 - sum |v|^2. Items without a vector (zero
    or not finite) are left out, and lists of fewer than two others are NaN.

    Args:
        lists: recommendations.
        vectors: of items, shape (n_items, d).
    """
    lengths = np.linalg.norm(vectors, axis=1)
    known = np.isfinite(lengths) & (lengths > 0)
    unit = np.zeros((len(vectors) + 1, vectors.shape[1]))
    unit[:-1][known] = vectors[known] / lengths[known, None]
    out = np.empty(len(lists))
    for rows in _batches(len(lists)):
        items = lists[rows]  # NONE, that is -1, finds the zero vector at the end
        counts = ((items != NONE) & known[items]).sum(1)
        out[rows] = _distance(np.square(unit[items].sum(1)).sum(1), counts)
    return out


def co_consumption_diversity(lists: Lists, graph: InteractionGraph) -> Values:
    """Intra-list diversity where an item's vector is who took it: cos(i, j) = |U_i and U_j| / sqrt(|U_i| |U_j|).

    Args:
        lists: recommendations; items that nobody took are left out.
        graph: who took what.
    """
    takers = graph.item_degrees
    by_item = graph.rows()[np.argsort(graph.indices, kind="stable")]
    pointers = np.concatenate([[0], np.cumsum(takers)])
    squared = _squared_lengths(np.ascontiguousarray(lists), pointers, by_item, graph.n_users)
    counts = ((lists != NONE) & (takers[lists] > 0)).sum(1)
    return _distance(squared, counts)


@_compiled
def _squared_lengths(
    lists: Lists, pointers: NDArray[np.int64], users: NDArray[np.int32], n_users: int
) -> Values:  # pragma: no cover - compiled
    """Squared length of the sum of each list's unit vectors, item i's being who took it: users[pointers[i]:...]."""
    out = np.zeros(len(lists))
    total = np.zeros(n_users)
    for row in range(len(lists)):
        for clear in (False, True):
            for item in lists[row]:
                if item == NONE:
                    continue
                first, last = pointers[item], pointers[item + 1]
                for e in range(first, last):
                    if clear:
                        out[row] += total[users[e]] ** 2
                        total[users[e]] = 0.0
                    else:
                        total[users[e]] += 1 / np.sqrt(last - first)
    return out


def _distance(squared: Values, counts: NDArray[np.integer]) -> Values:
    """Mean distance of ``counts`` unit vectors whose sum has this squared length."""
    pairs = counts * (counts - 1)
    return 1 - _divided(squared - counts, pairs)


def _batches(n: int) -> list[slice]:
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, n, _ROWS_AT_ONCE)]


# -- calibration -----------------------------------------------------------------------------------------------------


def list_shares(lists: Lists, categories: NDArray[np.integer], n_categories: int) -> Values:
    """Share of each category in each list, shape (n, n_categories); NaN without an item of a known category."""
    rows, places = np.nonzero(lists != NONE)
    return _shares(rows, categories[lists[rows, places]], (len(lists), n_categories))


def history_shares(
    graph: InteractionGraph, users: NDArray[np.integer], categories: NDArray[np.integer], n_categories: int
) -> Values:
    """Share of each category in what each user took, shape (len(users), n_categories)."""
    rows, items = entries(graph, users)
    return _shares(rows, categories[items], (len(users), n_categories))


def _shares(rows: NDArray[np.integer], codes: NDArray[np.integer], shape: tuple[int, int]) -> Values:
    known = codes != UNKNOWN
    keys = rows[known] * np.int64(shape[1]) + codes[known]
    counts = np.bincount(keys, minlength=shape[0] * shape[1]).reshape(shape)
    return _divided(counts, np.broadcast_to(counts.sum(1, keepdims=True), shape))


def calibration(history: Values, listed: Values, alpha: float = 0.01) -> Values:
    """How far lists stray from what their users took: KL(p | (1 - alpha) q + alpha p), 0 when calibrated, in nats.

    Steck, RecSys 2018; alpha keeps it finite where a category of the history is in no list.

    Args:
        history: shares p of categories in what users took, shape (n, n_categories).
        listed: shares q in their lists.
        alpha: weight of p.
    """
    mixed = (1 - alpha) * listed + alpha * history
    some = np.where(history > 0, history, 1.0)
    terms = np.where(history > 0, history * np.log(some / np.where(history > 0, mixed, 1.0)), 0.0)
    unknown = ~np.isfinite(history).all(1) | ~np.isfinite(listed).all(1)
    return np.asarray(np.where(unknown, np.nan, terms.sum(1)))


# -- popularity ------------------------------------------------------------------------------------------------------


def mean_popularity(lists: Lists, takers: NDArray[np.integer]) -> Values:
    """Mean number of training users of listed items (Yin et al., VLDB 2012)."""
    return known_mean(_of_items(lists, takers.astype(np.float64)))


def popularity_lift(lists: Lists, users: NDArray[np.integer], graph: InteractionGraph) -> Values:
    """How much more popular what is listed is than what the user took, as a share of the latter.

    The difference of group average popularities (Abdollahpouri et al., RMSE workshop at RecSys 2019), user by user.
    """
    takers = graph.item_degrees.astype(np.float64)
    rows, items = entries(graph, users)
    counts = np.bincount(rows, minlength=len(users))
    sums = np.bincount(rows, takers[items], len(users))
    history = _divided(sums, counts)
    return mean_popularity(lists, graph.item_degrees) / history - 1


def long_tail_share(lists: Lists, takers: NDArray[np.integer], head: float = 0.8) -> Values:
    """Share of the list outside the short head: the most popular items that hold ``head`` of all interactions.

    Average percentage of long tail items (Abdollahpouri, Burke and Mobasher, RecSys 2017).
    """
    order = np.argsort(-takers, kind="stable")
    before = np.cumsum(takers[order]) - takers[order]
    tail = np.empty(len(takers))
    tail[order] = before >= head * takers.sum()
    return known_mean(_of_items(lists, tail))


# -- ideology --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class AudiencePosition:
    """Mean position of the training users of each item.

    Args:
        sums: of known positions, shape (n_items,).
        counts: users with a known position, shape (n_items,).
    """

    sums: Values
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, graph: InteractionGraph, positions: NDArray[np.floating]) -> "AudiencePosition":
        """Measure from users' positions, shape (n_users,), NaN where unknown."""
        of_edge = positions[graph.rows()]
        items = graph.indices[np.isfinite(of_edge)]
        counts = np.bincount(items, minlength=graph.n_items)
        sums = np.bincount(items, of_edge[np.isfinite(of_edge)], graph.n_items)
        return cls(sums.astype(np.float64), counts)

    def at(self, lists: Lists, own: NDArray[np.floating] | None = None) -> Values:
        """Position of each listed item, shape of ``lists``.

        Args:
            lists: items.
            own: positions of the lists' users, shape (n,), where they took these items themselves and are not to
                count among their audience.
        """
        sums, counts = _of_items(lists, self.sums), _of_items(lists, self.counts.astype(np.float64))
        if own is not None:
            known = np.isfinite(own)
            sums, counts = sums - np.where(known, own, 0.0)[:, None], counts - known[:, None]
        return _divided(sums, counts)


@dataclass(frozen=True, eq=False)
class AudienceSide:
    """Side that is most over-represented among the training users of each item.

    That is the largest excess of a side's share of the item's users over its share of all interactions: a plain
    majority would give every item to the larger party.

    Args:
        counts: users of each side, shape (n_items, n_sides).
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, graph: InteractionGraph, sides: NDArray[np.integer]) -> "AudienceSide":
        """Measure from users' sides, shape (n_users,), ``UNKNOWN`` where not known."""
        of_edge = sides[graph.rows()]
        n_sides = max(1, int(sides.max(initial=0)) + 1)
        known = of_edge != UNKNOWN
        keys = graph.indices[known] * np.int64(n_sides) + of_edge[known]
        return cls(np.bincount(keys, minlength=graph.n_items * n_sides).reshape(graph.n_items, n_sides))

    def at(self, lists: Lists, own: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Side of each listed item, shape of ``lists``; ``own`` as in :meth:`AudiencePosition.at`."""
        overall = self.counts.sum(0) / max(1, self.counts.sum())
        out = np.full(lists.shape, UNKNOWN, np.int64)
        for rows in _batches(len(lists)):
            counts = self.counts[np.maximum(lists[rows], 0)]
            if own is not None:
                counts = counts - (np.arange(len(overall)) == own[rows, None])[:, None, :]
            totals = counts.sum(2)
            excess = counts / np.maximum(totals, 1)[:, :, None] - overall
            out[rows] = np.where((lists[rows] != NONE) & (totals > 0), excess.argmax(2), UNKNOWN)
        return out


def ideological_distance(own: NDArray[np.floating], listed: NDArray[np.floating]) -> Values:
    """Mean |x_u - x_i| between a user and what is listed.

    Args:
        own: users' positions, shape (n,).
        listed: positions of listed items, shape (n, k), NaN where unknown.
    """
    return known_mean(np.abs(listed - own[:, None]))


def cross_cutting_share(own: NDArray[np.integer], listed: NDArray[np.integer]) -> Values:
    """Share of listed items of a known side that stand on another side than the user (Bakshy et al., Science 2015).

    Args:
        own: users' sides, shape (n,), ``UNKNOWN`` where not known.
        listed: sides of listed items, shape (n, k).
    """
    known = (listed != UNKNOWN) & (own != UNKNOWN)[:, None]
    return known_mean(np.where(known, listed != own[:, None], np.nan))
