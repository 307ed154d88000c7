"""Lists themselves: a foreign model's alone, what users took themselves, and what chance would show them."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hemicycle.evaluation.topk import NONE, Filter, entries
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import Scores


def history_lists(
    graph: InteractionGraph, users: NDArray[np.integer], k: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return k items of each user's own, drawn without replacement; shorter where she has fewer.

    Drawn to the length of a list so that measures which depend on it, such as calibration, compare like with like.
    """
    rows, items = entries(graph, users)
    order = np.lexsort((rng.random(len(rows)), rows))
    counts = np.bincount(rows, minlength=len(users))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.full((len(users), k), NONE, np.int32)
    kept = place < k
    out[rows[order][kept], place[kept]] = items[order][kept]
    return out


def random_lists(
    mask: Sequence[InteractionGraph], users: NDArray[np.integer], k: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return k items of each user drawn without replacement from all that are not hers, nor herself.

    With t_1 < t_2 < ... what is taken, the item of rank r among the others is r + |{j : t_j - j <= r}| (j from 0).
    """
    chosen = Filter(tuple(mask))
    rows, items = chosen.entries(np.asarray(users))
    keys = np.unique(rows * np.int64(chosen.n_items) + items)
    bounds = np.searchsorted(keys, np.arange(len(users) + 1) * np.int64(chosen.n_items))
    out = np.full((len(users), k), NONE, np.int32)
    for row, (low, high) in enumerate(itertools.pairwise(bounds)):
        taken = keys[low:high] - row * np.int64(chosen.n_items)
        free = chosen.n_items - len(taken)
        ranks = rng.choice(free, min(k, free), replace=False)
        out[row, : len(ranks)] = ranks + np.searchsorted(taken - np.arange(len(taken)), ranks, side="right")
    return out


def listed_only(scores: Scores) -> Scores:
    """Return scores in which everything that is not positive is -inf.

    Of a model that is known by its lists, which score 1 / rank and all else 0, nothing may be made up behind them.
    """

    def score(users: NDArray[np.integer]) -> NDArray[np.floating]:
        values = scores(users)
        return np.where(values > 0, values, -np.inf)

    return score
