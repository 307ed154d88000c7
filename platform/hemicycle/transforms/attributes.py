"""On which side users and items stand, and what kinds of items there are: what a fairer list is measured by.

A side is a group that users and items share (parties), or the sign of a position. Items without a side of their own
have that of their audience in the training graph.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.storage import Folder
from hemicycle.evaluation.beyond import UNKNOWN, AudiencePosition, AudienceSide
from hemicycle.graphs.interaction import InteractionGraph

SIGNS = ("below zero", "above zero")
"""Sides of a position."""
__all__ = ["SIGNS", "UNKNOWN", "Attributes", "audience_position", "audience_side", "numbered", "signs"]
_CODES = ("user_side", "item_side", "item_category")
_FILE = "attributes.json"

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Attributes:
    """Codes of users and items; they are as sensitive as the labels that they are made from.

    Args:
        user_side: shape (n_users,), numbers of ``sides`` or ``UNKNOWN``.
        item_side: shape (n_items,), likewise.
        item_category: shape (n_items,), numbers of ``categories`` or ``UNKNOWN``.
        sides: names, e.g. of parties.
        categories: names of kinds of items, e.g. of outlets; the sides where items have no group of their own.
    """

    user_side: Codes
    item_side: Codes
    item_category: Codes
    sides: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @classmethod
    def unknown(cls, n_users: int, n_items: int) -> "Attributes":
        """Attributes of a data set that says nothing about sides."""
        nothing = np.full(n_items, UNKNOWN, np.int32)
        return cls(np.full(n_users, UNKNOWN, np.int32), nothing, nothing)

    def across(self, users: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which items stand on another side than each user, both known, shape (len(users), n_items)."""
        own = self.user_side[users][:, None]
        return np.asarray((own != UNKNOWN) & (self.item_side != UNKNOWN) & (self.item_side != own))

    def write(self, folder: Folder) -> None:
        """Write the codes and their names."""
        for name in _CODES:
            folder.write_array(name, getattr(self, name))
        folder.write_json(_FILE, {"sides": self.sides, "categories": self.categories})

    @classmethod
    def read(cls, folder: Folder) -> "Attributes":
        """Read what :meth:`write` wrote."""
        names = folder.read_json(_FILE)
        codes = {name: folder.read_array(name) for name in _CODES}
        return cls(**codes, sides=tuple(names["sides"]), categories=tuple(names["categories"]))


def numbered(values: NDArray[Any], names: tuple[str, ...]) -> Codes:
    """Number texts by their place in ``names``, shape (n,); others and missing ones are ``UNKNOWN``."""
    found = pd.Index(names, dtype=object).get_indexer(pd.Index(values, dtype=object))
    return np.asarray(found, np.int32)


def signs(positions: NDArray[np.floating], margin: float = 0.0) -> Codes:
    """Number positions by their sign: 0 below zero, 1 above, shape (n,).

    ``UNKNOWN`` where missing, at zero, and nearer to it than ``margin``.
    """
    known = np.isfinite(positions) & (positions != 0) & ~(np.abs(positions) < margin)
    return np.where(known, (np.nan_to_num(positions) > 0).astype(np.int32), UNKNOWN).astype(np.int32)


def audience_position(graph: InteractionGraph, positions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean position of each item's users, shape (n_items,); NaN where none is known.

    Args:
        graph: who took what.
        positions: of users, shape (n_users,), NaN where missing.
    """
    found = AudiencePosition.of(graph, positions)
    nothing = np.full(graph.n_items, np.nan)
    return np.asarray(np.divide(found.sums, found.counts, out=nothing, where=found.counts > 0))


def audience_side(graph: InteractionGraph, side: Codes, margin: float = 0.0) -> Codes:
    """Side that is most over-represented among each item's users, shape (n_items,).

    That is the largest difference between a side's share of the item's users and its share of all interactions: a
    plain majority would give every item to the larger party, a ratio the widely liked ones to the smallest.

    Args:
        graph: who took what.
        side: of users, shape (n_users,).
        margin: an item whose largest difference is less belongs to no side (``UNKNOWN``): everyone takes it. So does
            one without users of a known side.
    """
    counts = AudienceSide.of(graph, side).counts
    totals = counts.sum(1, keepdims=True)
    excess = counts / np.maximum(totals, 1) - counts.sum(0) / max(1, counts.sum())
    clear = (totals[:, 0] > 0) & (excess.max(1) >= margin)
    return np.where(clear, excess.argmax(1), UNKNOWN).astype(np.int32)
