"""Full ranking: every item is scored for every user, what she already took is masked, the best k are compared."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.evaluation.beyond import coverage, gini
from hemicycle.evaluation.intervals import DRAWS, Interval, mean_interval
from hemicycle.evaluation.topk import NONE, Filter, Mask, top_k
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import Scores

__all__ = ["NONE", "Filter", "Mask", "Ranking", "evaluate", "evaluate_lists", "paired_difference", "sample_users"]
__all__ += ["top_k"]


@dataclass(frozen=True)
class Ranking:
    """How well held-out items were ranked.

    Args:
        metrics: means over users (recall, ndcg, precision, map) and properties of all lists (coverage, gini), each
            named with its cut-off, such as ``ndcg@20``.
        users: users with held-out items, shape (n,).
        per_user: values behind the means, each of shape (n,).
        left_out: users who were asked for and have no held-out items.
    """

    metrics: dict[str, float]
    users: NDArray[np.integer]
    per_user: dict[str, NDArray[np.float64]]
    left_out: int = 0

    @property
    def n(self) -> int:
        """Number of users."""
        return len(self.users)

    def interval(self, metric: str, rng: np.random.Generator, draws: int = DRAWS) -> tuple[float, float]:
        """Return the 95 % percentile bootstrap interval of a mean over users; NaN without users."""
        found = mean_interval(self.per_user[metric], rng, draws)
        return found.low, found.high


def evaluate(
    scores: Scores, mask: Mask, held_out: InteractionGraph, k: int = 20, users: NDArray[np.integer] | None = None
) -> Ranking:
    """Rank all items for users with held-out items and compare; see :func:`evaluate_lists`.

    Args:
        scores: users -> scores.
        mask: what users already took: the training graph, for a test also the validation graph; with a
            :class:`Filter` of allowed items, held-out items that are not allowed do not count.
        held_out: what they took next.
        k: length of the lists.
        users: only these; by default all. Those without held-out items are left out and counted.
    """
    allowed = Filter.of(mask).allowed
    wanted = held_out if allowed is None else held_out.select(np.asarray(allowed, bool)[held_out.indices])
    everyone = np.arange(held_out.n_users) if users is None else np.asarray(users)
    users = everyone[wanted.degrees[everyone] > 0]
    found = evaluate_lists(top_k(scores, mask, users, k), users, wanted)
    return replace(found, left_out=len(everyone) - len(users))


def evaluate_lists(lists: NDArray[np.int32], users: NDArray[np.integer], held_out: InteractionGraph) -> Ranking:
    """Compare lists with held-out items.

    recall = hits / |H|; precision = hits / k; ndcg = sum over hits of 1/log2(rank + 1) over its ideal value with
    min(|H|, k) hits (Jarvelin and Kekalainen, TOIS 2002); map = mean over min(|H|, k) of the precision at each hit;
    coverage = share of all items in any list; gini = inequality of how often items are listed, 0 when all alike.

    Args:
        lists: items, best first, ``NONE`` where a list ends, shape (n, k).
        users: whose lists, shape (n,); those without held-out items are left out and counted.
        held_out: what they took.
    """
    kept = held_out.degrees[users] > 0
    lists, measured, k = lists[kept], users[kept], lists.shape[1]
    per_user = _per_user(_hits(lists, measured, held_out), held_out.degrees[measured])
    metrics = {name: float(values.mean()) if len(values) else 0.0 for name, values in per_user.items()}
    metrics |= {"coverage": coverage(lists, held_out.n_items), "gini": gini(lists, held_out.n_items)}
    named = {f"{name}@{k}": values for name, values in per_user.items()}
    return Ranking({f"{name}@{k}": v for name, v in metrics.items()}, measured, named, int((~kept).sum()))


def paired_difference(a: Ranking, b: Ranking, metric: str, rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """Return by how much a's mean exceeds b's, with its interval over the users that both have.

    The difference is taken user by user before users are drawn, so that what makes a user easy or hard for any model
    cancels (paired bootstrap; Sakai, SIGIR 2006).

    Raises:
        InputError: one of the two was not measured by this metric.
    """
    for ranking in (a, b):
        if metric not in ranking.per_user:
            raise InputError(f"no {metric!r} of every user", remedy=f"there are: {', '.join(ranking.per_user)}")
    _, of_a, of_b = np.intersect1d(a.users, b.users, assume_unique=True, return_indices=True)
    return mean_interval(a.per_user[metric][of_a] - b.per_user[metric][of_b], rng, draws)


def sample_users(graph: InteractionGraph, limit: int) -> NDArray[np.int64]:
    """Users with edges, at most ``limit`` of them, always the same."""
    users = np.flatnonzero(graph.degrees)
    if len(users) <= limit:
        return users
    return np.sort(rng("ranked users").choice(users, limit, replace=False))


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
