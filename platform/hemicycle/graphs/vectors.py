"""Vectors that an encoder of texts or images made, from a column of lists of numbers or from a file of its own."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.data.assembly import Entity
from hemicycle.data.columns import ids_of, locate
from hemicycle.data.pseudonyms import load_key, pseudonymise
from hemicycle.data.schema import is_public


def vectors_of(column: pa.ChunkedArray, where: str) -> NDArray[np.float32]:
    """Return a column of lists of numbers as a matrix; rows of missing lists are NaN.

    Args:
        column: lists of numbers, all of one length.
        where: file or key path and column, for messages.

    Returns:
        Shape (n_rows, length).

    Raises:
        InputError: the column holds no lists of numbers, their lengths differ, or a number is missing or infinite;
            with counts.
    """
    kind = column.type
    if not _is_list(kind) or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InputError(
            f"holds {kind}, not lists of numbers", where, "one cell holds all numbers of a node, as a list"
        )
    lengths = pc.list_value_length(column).to_numpy()
    known = ~np.isnan(np.asarray(lengths, np.float64))
    sizes, counts = np.unique(np.asarray(lengths[known], np.int64), return_counts=True)
    if len(sizes) != 1 or not sizes[0]:
        raise InputError(*_ragged(sizes, counts), where, "give all nodes vectors of the same length")
    flat = pc.list_flatten(column).cast(pa.float32()).to_numpy().reshape(-1, int(sizes[0]))
    bad = int((~np.isfinite(flat)).any(axis=1).sum())
    if bad:
        raise InputError(f"{bad} of {len(flat)} vectors hold NaN, infinity or nothing", where, "drop or repair them")
    out = np.full((len(column), flat.shape[1]), np.nan, np.float32)
    out[known] = flat
    return out


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _ragged(sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[str]:
    if not len(sizes):
        return ("every vector is missing",)
    usual = int(counts.sum() - counts.max())
    return (f"vectors of {len(sizes)} different lengths, {usual} unlike most" if sizes.any() else "vectors are empty",)


def file_vectors(path: str, columns: tuple[str, str], nodes: pa.Table, entity: Entity) -> NDArray[np.float32]:
    """Return the vectors of a parquet file in the order of the nodes; NaN where a node has none.

    Args:
        path: found like any data file.
        columns: names of the columns with raw ids and with vectors.
        nodes: table of the nodes; when they are not public, the file may hold raw ids or pseudonyms.
        entity: what the nodes are.

    Raises:
        InputError: there is no such file or column, no id is known, ids stand twice, or vectors cannot be used.
    """
    file = locate(path)
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError("not a parquet file", str(file), "write it with DataFrame.to_parquet") from error
    for name in columns:
        if name not in names:
            raise InputError(f"there is no column {name!r}; there are: {', '.join(names)}", str(file), "say what it is")
    table = pq.read_table(file, columns=list(columns))
    rows = _rows(table[columns[0]], nodes, entity, f"{file} column {columns[0]!r}")
    vectors = vectors_of(table[columns[1]], f"{file} column {columns[1]!r}")
    out = np.full((nodes.num_rows, vectors.shape[1]), np.nan, np.float32)
    out[rows[rows >= 0]] = vectors[rows >= 0]
    return out


def _rows(raw: pa.ChunkedArray, nodes: pa.Table, entity: Entity, where: str) -> NDArray[np.int64]:
    """Row of the node of each id; -1 where the data do not know it."""
    ids = ids_of(raw)
    position = {name: row for row, name in enumerate(nodes["id"].to_pylist())}
    shown = ids.values
    if not is_public(nodes) and not any(name in position for name in shown):
        shown = pseudonymise(shown, entity, load_key()).to_pylist()
    found = np.append([position.get(name, -1) for name in shown], -1).astype(np.int64)[ids.codes]
    if (found < 0).all():
        remedy = "ids are compared as text: check their form, the column and which data the file belongs to"
        raise InputError(f"none of its {len(ids.values)} ids is one of the {nodes.num_rows} {entity}", where, remedy)
    twice = np.bincount(found[found >= 0]) > 1
    if twice.any():
        raise InputError(f"{int(twice.sum())} ids stand more than once", where, "keep one row for each")
    return found
