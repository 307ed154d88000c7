"""Full ranking: every item is scored for every user, what she already took is masked, the best k are compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import Scores

Mask = InteractionGraph | Sequence[InteractionGraph]
NONE = -1
"""Stands in a list of recommendations where no unmasked item is left."""
_SCORES_AT_ONCE = 1 << 24
_ROWS_AT_ONCE = 512
_BLOCK = 64


@dataclass(frozen=True)
class Ranking:
    """How well held-out items were ranked.

    Args:
        metrics: means over users (recall, ndcg, precision, map) and properties of all lists (coverage, gini), each
            named with its cut-off, such as ``ndcg@20``.
        users: users with held-out items, shape (n,).
        per_user: values behind the means, each of shape (n,).
    """

    metrics: dict[str, float]
    users: NDArray[np.integer]
    per_user: dict[str, NDArray[np.float64]]

    @property
    def n(self) -> int:
        """Number of users."""
        return len(self.users)

    def interval(
        self, metric: str, rng: np.random.Generator, draws: int = 1000, level: float = 0.95
    ) -> tuple[float, float]:
        """Return the percentile bootstrap interval of a mean over users (Efron, Annals of Statistics 1979)."""
        values = self.per_user[metric]
        means = [values[rng.integers(self.n, size=self.n)].mean() for _ in range(draws)]
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def top_k(scores: Scores, mask: Mask, users: NDArray[np.integer], k: int) -> NDArray[np.int32]:
    """Return each user's k best items that are not hers in any graph of ``mask``, nor herself, best first.

    Exact in single precision; of two equal scores the item of the smaller number comes first. Scores that are not
    finite never enter a list, which then ends in ``NONE``.

    Returns:
        Items, shape (len(users), k).
    """
    graphs = [mask] if isinstance(mask, InteractionGraph) else list(mask)
    out = np.full((len(users), k), NONE, np.int32)
    for rows in _batches(len(users), graphs[0].n_items):
        values = np.array(scores(users[rows]), np.float32)
        values[~np.isfinite(values)] = -np.inf
        for graph in graphs:
            values[_entries(graph, users[rows])] = -np.inf
        if graphs[0].social:
            values[np.arange(len(values)), users[rows]] = -np.inf
        best = _best(values, k)
        out[rows, : best.shape[1]] = best
    return out


def evaluate(
    scores: Scores, mask: Mask, held_out: InteractionGraph, k: int = 20, users: NDArray[np.integer] | None = None
) -> Ranking:
    """Rank all items for users with held-out items and compare.

    recall = hits / |H|; precision = hits / k; ndcg = sum over hits of 1/log2(rank + 1) over its ideal value with
    min(|H|, k) hits (Jarvelin and Kekalainen, TOIS 2002); map = mean over min(|H|, k) of the precision at each hit;
    coverage = share of all items in any list; gini = inequality of how often items are listed, 0 when all alike.

    Args:
        scores: users -> scores.
        mask: what users already took: the training graph, for a test also the validation graph.
        held_out: what they took next.
        k: length of the lists.
        users: only these; by default all. Those without held-out items are left out.
    """
    everyone = np.arange(held_out.n_users) if users is None else np.asarray(users)
    users = everyone[held_out.degrees[everyone] > 0]
    lists = top_k(scores, mask, users, k)
    per_user = _per_user(_hits(lists, users, held_out), held_out.degrees[users])
    metrics = {name: float(values.mean()) if len(users) else 0.0 for name, values in per_user.items()}
    metrics |= _of_all_lists(lists, held_out.n_items)
    named = {f"{name}@{k}": values for name, values in per_user.items()}
    return Ranking({f"{name}@{k}": value for name, value in metrics.items()}, users, named)


def sample_users(graph: InteractionGraph, limit: int) -> NDArray[np.int64]:
    """Users with edges, at most ``limit`` of them, always the same."""
    users = np.flatnonzero(graph.degrees)
    if len(users) <= limit:
        return users
    return np.sort(rng("ranked users").choice(users, limit, replace=False))


def _batches(n: int, n_items: int) -> Iterator[slice]:
    size = int(np.clip(_SCORES_AT_ONCE // n_items, 1, _ROWS_AT_ONCE))
    return (slice(start, start + size) for start in range(0, n, size))


def _entries(graph: InteractionGraph, users: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Positions (row of the batch, item) of what users took."""
    counts = graph.degrees[users]
    starts = np.repeat(graph.indptr[users] - np.cumsum(counts) + counts, counts)
    return np.repeat(np.arange(len(users)), counts), graph.indices[starts + np.arange(len(starts))]


def _best(values: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Return the k best columns of each row, best first, ``NONE`` for -inf.

    The k blocks of items with the largest maxima hold the k largest items: every item elsewhere comes after the
    maximum of each of them.
    """
    n, m = values.shape
    blocks = -(-m // _BLOCK)
    if blocks <= 2 * k:
        found = _largest(torch.from_numpy(values), min(k, m))
    else:
        padded = torch.full((n, blocks * _BLOCK), -np.inf)
        padded[:, :m] = torch.from_numpy(values)
        chosen = _largest(padded.view(n, blocks, _BLOCK).amax(2), k).sort(1).values
        columns = (chosen[:, :, None] * _BLOCK + torch.arange(_BLOCK)).view(n, -1)
        found = columns.gather(1, _largest(padded.gather(1, columns), k))
    items = found.numpy().astype(np.int32)
    items[np.take_along_axis(values, np.minimum(items, m - 1), 1) == -np.inf] = NONE
    return items


def _largest(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return the columns of the k largest values of each row, equal ones in ascending order of their column.

    A float's bits, read as an integer, sort as the float does once negative ones are mirrored; with the column in
    the low half of a 64-bit key no two keys are equal.
    """
    bits = (values + 0.0).view(torch.int32)
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    columns = torch.arange(values.shape[1] - 1, -1, -1)
    return torch.topk((ordered.long() << 32) | columns, k, dim=1).indices


def _hits(lists: NDArray[np.int32], users: NDArray[np.integer], held_out: InteractionGraph) -> NDArray[np.bool_]:
    """Tell which listed items were held out, shape of ``lists``."""
    keys = held_out.rows() * np.int64(held_out.n_items) + held_out.indices
    wanted = users[:, None] * np.int64(held_out.n_items) + lists
    if not len(keys):
        return np.zeros(lists.shape, bool)
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    hits: NDArray[np.bool_] = (keys[found] == wanted) & (lists != NONE)
    return hits


def _per_user(hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    k = hits.shape[1]
    ranks = np.arange(1, k + 1)
    gains = 1 / np.log2(ranks + 1)
    possible = np.minimum(relevant, k)
    found = hits.sum(1)
    at_hits = np.cumsum(hits, 1) / ranks * hits
    return {
        "recall": found / relevant,
        "ndcg": hits @ gains / np.cumsum(gains)[possible - 1],
        "precision": found / k,
        "map": at_hits.sum(1) / possible,
    }


def _of_all_lists(lists: NDArray[np.int32], n_items: int) -> dict[str, float]:
    counts = np.sort(np.bincount(lists[lists != NONE], minlength=n_items))
    total = counts.sum()
    ranks = np.arange(1, n_items + 1)
    gini = float((2 * ranks - n_items - 1) @ counts / (n_items * total)) if total else 0.0
    return {"coverage": float((counts > 0).mean()), "gini": gini}
