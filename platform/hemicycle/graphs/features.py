"""What is known of users and items, as the vectors that content-aware recommenders read."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset
from hemicycle.graphs.interaction import Features


class NodeFeatures(Options):
    """Vectors of one kind of node, put together from columns of its table."""

    vectors: str = ""
    """Column of lists of numbers: vectors that any encoder of texts or images made."""
    columns: tuple[str, ...] = ()
    """Columns of numbers, standardised."""


class FeatureConfig(Options):
    """Vectors of users and of items."""

    users: NodeFeatures | None = None
    """From the users' table."""
    items: NodeFeatures | None = None
    """From the items' table."""


def features(dataset: Dataset, config: FeatureConfig) -> Features:
    """Return the vectors that a configuration asks for.

    Raises:
        InputError: a column is missing, or does not hold what it should.
    """
    users = None if config.users is None else _node_features(dataset.users, config.users, "features.users")
    if config.items is None:
        return Features(users, None)
    if dataset.items is None:
        raise InputError("the data has no items", "features.items", "describe the users alone: features.users")
    return Features(users, _node_features(dataset.items, config.items, "features.items"))


def _node_features(table: pa.Table, config: NodeFeatures, where: str) -> NDArray[np.float32]:
    blocks: list[NDArray[Any]] = []
    for name in [*([config.vectors] if config.vectors else []), *config.columns]:
        if name not in table.column_names:
            raise InputError(f"there is no column {name!r}", where, f"there are: {', '.join(table.column_names)}")
    if config.vectors:
        blocks.append(np.array(table[config.vectors].to_pylist(), np.float32))
    for name in config.columns:
        values = table[name].to_numpy().astype(np.float64)
        spread = np.nanstd(values) or 1.0
        blocks.append(np.nan_to_num((values - np.nanmean(values)) / spread)[:, None])
    if not blocks:
        raise InputError("no column is named", where, "give vectors or columns")
    return np.concatenate(blocks, 1).astype(np.float32)
