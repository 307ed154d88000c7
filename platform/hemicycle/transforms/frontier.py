"""What a transform buys and what it costs: cross-cutting share and diversity of lists, in aggregates only."""

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, hidden_cells
from hemicycle.evaluation import beyond
from hemicycle.evaluation.topk import NONE
from hemicycle.transforms.attributes import UNKNOWN, Attributes


def clear_crossing_share(attributes: Attributes, users: NDArray[np.integer], lists: NDArray[np.int32]) -> float:
    """Mean over users of the share of their lists that stands on another side than they do.

    Other than in :func:`hemicycle.evaluation.beyond.cross_cutting_share`, items without a side count as not
    cross-cutting: constraints on exposure are about the whole list. Users without a side or a list are left out.

    Args:
        attributes: sides.
        users: whose lists, shape (n,).
        lists: items, ``NONE`` where a list ends, shape (n, k).

    Returns:
        NaN for fewer users than may be shown (``core.disclosure.K``).
    """
    own = attributes.user_side[users]
    side = attributes.item_side[np.maximum(lists, 0)]
    side = np.where(side == UNKNOWN, own[:, None], side)
    across = beyond.cross_cutting_share(own, np.where(lists == NONE, UNKNOWN, side))
    return float(np.nanmean(across)) if np.isfinite(across).sum() >= K else float("nan")


def diversity(vectors: NDArray[np.floating], lists: NDArray[np.int32]) -> float:
    """Mean over users of the intra-list diversity; NaN where no list has two items that are known."""
    found = beyond.diversity(lists, vectors)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def shown_count(count: int, total: int, *, public: bool) -> float:
    """A number of people out of ``total``, or NaN where it, or its complement, is too small to be shown."""
    both = np.array([count, total - count], np.float64)
    hidden = hidden_cells(both, [np.arange(2)])
    return float("nan") if not public and hidden.any() else float(count)
