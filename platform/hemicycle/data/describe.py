"""What is in a data set, as a table of aggregates that may be shown to anybody."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, is_public, suppress_small_cells
from hemicycle.data.schema import Dataset, Relation, roles

Row = tuple[str, str, str, float]
_CLASSES = 20


def describe(dataset: Dataset) -> pd.DataFrame:
    """Return counts, degrees and distributions.

    Columns ``table``, ``column``, ``statistic``, ``value``. Of people who are not public no extreme value appears,
    no class under 10 and not its name.
    """
    found = [*_nodes("users", dataset.users)]
    if dataset.items is not None:
        found += _nodes("items", dataset.items)
    for name, relation in dataset.relations.items():
        found += _edges(dataset, name, relation)
    return pd.DataFrame(found, columns=["table", "column", "statistic", "value"])


def _nodes(name: str, table: pa.Table) -> Iterator[Row]:
    public = is_public(table)
    yield name, "", "count", float(table.num_rows)
    for column, role in roles(table).items():
        if role not in ("label", "group", "covariate"):
            continue
        values = table[column].to_pandas().dropna()
        if pd.api.types.is_numeric_dtype(values):
            yield from _distribution(name, column, values.to_numpy(np.float64), public=public)
        else:
            yield from _classes(name, column, values, public=public)


def _distribution(table: str, column: str, values: NDArray[np.float64], *, public: bool) -> Iterator[Row]:
    """Yield moments and quartiles; of fewer than K people who are not public nothing, and never their extremes."""
    enough = public or len(values) >= K
    yield table, column, "known", float(len(values)) if enough else np.nan
    if not enough or not len(values):
        return
    yield table, column, "mean", float(values.mean())
    yield table, column, "sd", float(values.std())
    quantiles = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "max": 1.0}
    for name, q in quantiles.items():
        if public or name not in ("min", "max"):
            yield table, column, name, float(np.quantile(values, q))


def _classes(table: str, column: str, values: "pd.Series[str]", *, public: bool) -> Iterator[Row]:
    """Yield the counts of the largest classes; classes of people who are not public are named only when large."""
    counts = values.value_counts().rename_axis("class").reset_index(name="count")
    counts = counts.sort_values(["count", "class"], ascending=[False, True])
    shown = (counts if public else suppress_small_cells(counts, ["class"])).dropna(subset="count")
    for value, count in zip(shown["class"][:_CLASSES], shown["count"][:_CLASSES], strict=True):
        yield table, column, f"count of {value}", float(count)
    rest = len(counts) - min(len(shown), _CLASSES)
    if rest:
        yield table, column, "further classes", float(rest)


def _edges(dataset: Dataset, name: str, relation: Relation) -> Iterator[Row]:
    n_items = dataset.users.num_rows if relation.social or dataset.items is None else dataset.items.num_rows
    yield name, "", "count", float(relation.table.num_rows)
    sides = (("user", dataset.users.num_rows, "degree"), ("item", n_items, "degree of items"))
    for column, size, title in sides:
        degrees = np.bincount(relation.table[column].to_numpy(), minlength=size).astype(np.float64)
        yield from _distribution(name, title, degrees, public=dataset.public)
