"""From raw ids to the tables of a data set: order, pseudonyms and tags, the same for every source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.data.pseudonyms import load_key, pseudonymise
from hemicycle.data.schema import Role, tag

Entity = Literal["users", "items"]


@dataclass(frozen=True)
class Column:
    """Values of a column, one a node, and its role."""

    values: pa.Array
    role: Role


def node_table(ids: Sequence[str], columns: Mapping[str, Column], entity: Entity, *, public: bool) -> pa.Table:
    """Return the tagged table of users or items.

    When they are not public, ids become pseudonyms, and names and free texts are left out. The order of the rows is
    the caller's and was fixed by the raw ids, so it does not depend on the key.

    Args:
        ids: raw ids in order, shape (n,).
        columns: each of n values.
        entity: whose table it is.
        public: whether the entities may be shown one by one.
    """
    shown = {name: column for name, column in columns.items() if public or column.role not in ("name", "text")}
    first = pa.array(ids, pa.string()) if public else pseudonymise(ids, entity, load_key())
    table = pa.table({"id": first, **{name: column.values for name, column in shown.items()}})
    return tag(table, {"id": "id", **{name: column.role for name, column in shown.items()}}, public=public)


def edge_table(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    weight: NDArray[np.float64] | None = None,
    time: NDArray[np.float64] | None = None,
) -> pa.Table:
    """Return the table of a relation; all arguments have shape (n_edges,)."""
    columns: dict[str, NDArray[np.generic]] = {"user": users.astype(np.int32), "item": items.astype(np.int32)}
    if weight is not None:
        columns["weight"] = weight.astype(np.float32)
    if time is not None:
        columns["time"] = time.astype(np.float64)
    return pa.table(columns)
