"""On which side users and items of a data set stand, and the labels that tell an attitude direction."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.data.schema import Dataset, with_role
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.entities import holds_numbers
from hemicycle.studies.probing import column, kind_of
from hemicycle.transforms.attributes import (
    SIGNS,
    Attributes,
    Codes,
    audience_position,
    audience_side,
    numbered,
    signs,
)
from hemicycle.transforms.base import TransformConfig


def direction_label(dataset: Dataset, label: str) -> str:
    """The label that is meant: the one that is named, or the first numeric one; empty when there is none."""
    users = dataset.users
    return label or next((name for name in with_role(users, "label") if kind_of(users, name) == "number"), "")


def label_values(dataset: Dataset, label: str) -> NDArray[np.float64]:
    """Users' label as numbers, shape (n_users,); of classes the two most frequent become -1 and 1, others NaN.

    Of two numbers, which are classes, too, the higher becomes 1.
    """
    name = direction_label(dataset, label)
    values = column(dataset.users, name)
    if kind_of(dataset.users, name) == "number":
        return values.astype(np.float64)
    counts = pd.Series(values).value_counts(sort=False).sort_index()
    frequent = counts if holds_numbers(dataset.users, name) else counts.sort_values(ascending=False, kind="stable")
    return pd.Series(values).map(dict(zip(frequent.index[:2], (-1.0, 1.0), strict=False))).to_numpy(np.float64)


def side_column(dataset: Dataset, side: str) -> str:
    """The users' column that tells sides: the one that is named, the first group or the first numeric label."""
    return side or next(iter(with_role(dataset.users, "group")), "") or direction_label(dataset, "")


def attributes_of(dataset: Dataset, graph: InteractionGraph, config: TransformConfig) -> Attributes:
    """Return the sides of users and items, and the items' categories.

    An item's side is its own where its table has the column of users' sides (or a group whose values are sides);
    the other user's in a graph between users; else its audience's.
    """
    name = side_column(dataset, config.side)
    own_group = _item_group(dataset, graph)
    if not name:
        unknown = Attributes.unknown(graph.n_users, graph.n_items)
        return unknown if own_group is None else replace(unknown, **_categories(own_group))
    found = _by_sign if kind_of(dataset.users, name) == "number" else _by_group
    sides, users, items = found(dataset, graph, name, config.margin)
    categories = {"item_category": items, "categories": sides} if own_group is None else _categories(own_group)
    return Attributes(users, items, sides=sides, **categories)


def category_counts(dataset: Dataset, side: str) -> dict[str, int]:
    """Items of each category; -1 where that depends on who takes them."""
    name = side_column(dataset, side)
    own = next(iter(with_role(dataset.items, "group")), "") if dataset.items is not None else ""
    if own and dataset.items is not None:
        return {str(k): int(n) for k, n in dataset.items[own].to_pandas().dropna().value_counts().items()}
    if not name:
        return {}
    if kind_of(dataset.users, name) == "number":
        return dict.fromkeys(SIGNS, -1)
    return dict.fromkeys(sorted(dataset.users[name].to_pandas().dropna().astype(str).unique()), -1)


Sides = tuple[tuple[str, ...], Codes, Codes]
"""Names of sides, sides of users, sides of items."""


def _by_sign(dataset: Dataset, graph: InteractionGraph, name: str, margin: float) -> Sides:
    positions = column(dataset.users, name).astype(np.float64)
    users = signs(positions)
    if graph.social:
        return SIGNS, users, users
    own = _own(dataset, name)
    if own is not None and own.dtype.kind in "fiu":
        return SIGNS, users, signs(own.astype(np.float64))
    return SIGNS, users, signs(audience_position(graph, positions), margin * float(np.nanstd(positions)))


def _by_group(dataset: Dataset, graph: InteractionGraph, name: str, margin: float) -> Sides:
    values = dataset.users[name].to_pandas()
    sides = tuple(sorted(values.dropna().astype(str).unique()))
    users = numbered(_texts(values), sides)
    if graph.social:
        return sides, users, users
    own = _own(dataset, name)
    group = own if own is not None else _item_group(dataset, graph)
    items = None if group is None else numbered(_texts(pd.Series(group)), sides)
    if items is not None and (items >= 0).any():
        return sides, users, items
    return sides, users, audience_side(graph, users, margin)


def _own(dataset: Dataset, name: str) -> NDArray[Any] | None:
    """The items' own column of a name."""
    return None if dataset.items is None or name not in dataset.items.column_names else column(dataset.items, name)


def _item_group(dataset: Dataset, graph: InteractionGraph) -> NDArray[Any] | None:
    """The items' own group, if they have one."""
    if graph.social or dataset.items is None:
        return None
    name = next(iter(with_role(dataset.items, "group")), "")
    return column(dataset.items, name) if name else None


def _categories(group: NDArray[Any]) -> dict[str, Any]:
    texts = _texts(pd.Series(group))
    names = tuple(sorted(set(texts) - {None}))
    return {"item_category": numbered(texts, names), "categories": names}


def _texts(values: pd.Series) -> NDArray[Any]:
    """Values as texts, None where missing."""
    return np.array([None if pd.isna(value) else str(value) for value in values], object)
