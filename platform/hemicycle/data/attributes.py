"""Attribute tables of users or items: read, check and lay them on the order of the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.errors import Problem, raise_problems
from hemicycle.data.assembly import Column, Entity
from hemicycle.data.columns import ID, TEXT, Ids, TableFile, blank_to_null, ids_of, numbers
from hemicycle.data.schema import Role


@dataclass(frozen=True)
class RawAttributes:
    """An attribute table before it is joined.

    Args:
        file: where it stands.
        id_column: its column of ids.
        entity: whose attributes they are.
        ids: id of each row, all different.
        columns: one value a row.
    """

    file: TableFile
    id_column: str
    entity: Entity
    ids: Ids
    columns: dict[str, Column]


def read_attributes(file: TableFile, id_column: str, entity: Entity, roles: Mapping[str, Role]) -> RawAttributes:
    """Read an attribute table.

    Raises:
        InputError: empty or repeated ids, or values that should be numbers and are not, each with its lines.
    """
    table = file.read({**dict.fromkeys(roles, TEXT), id_column: ID})
    ids = ids_of(table[id_column])
    problems = _id_problems(file, id_column, entity, ids)
    columns: dict[str, Column] = {}
    for name, role in roles.items():
        raw = table[name].cast(TEXT) if name == id_column else table[name]
        values, found = _values(file, name, raw, role)
        columns[name] = Column(values, role)
        problems += found
    raise_problems(problems)
    return RawAttributes(file, id_column, entity, ids, columns)


def _id_problems(file: TableFile, column: str, entity: Entity, ids: Ids) -> list[Problem]:
    counts = np.bincount(ids.codes[ids.codes >= 0], minlength=len(ids.values) + 1)
    repeated = (ids.codes >= 0) & (counts[ids.codes] > 1)
    what = f"are ids of {int((counts > 1).sum())} {entity} that stand more than once"
    return [
        *file.problem("are empty where an id is needed", column, ids.codes < 0, "remove or complete these rows"),
        *file.problem(what, column, repeated, "keep one row for each"),
    ]


def _values(file: TableFile, name: str, raw: pa.ChunkedArray, role: Role) -> tuple[pa.Array, list[Problem]]:
    """Return numbers when every value is one, else text.

    When most values of a label or covariate are numbers, the others are mistakes.
    """
    if role in ("group", "text", "name"):
        return _one(blank_to_null(raw)), []
    values, bad = numbers(raw)
    if 2 * bad.sum() >= (~np.isnan(values)).sum() + bad.sum() and bad.any():
        return _one(blank_to_null(raw)), []
    remedy = "correct them, leave them empty where unknown, or give the column the role group"
    problems = [
        *file.problem("are not numbers, but most others are", name, bad, remedy),
        *file.problem("are infinite", name, np.isinf(values), "correct them or leave them empty where unknown"),
    ]
    return pa.array(values, mask=np.isnan(values)), problems


def numbers_or_text(raw: pa.ChunkedArray, role: Role) -> pa.Array:
    """Return numbers when every value is a finite one and the role allows it, else text; missing where blank."""
    values, bad = numbers(raw)
    if role in ("group", "text", "name") or bad.any() or np.isinf(values).any():
        return _one(blank_to_null(raw))
    return pa.array(values, mask=np.isnan(values))


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def attach(
    problems: list[Problem], order: Sequence[str], tables: Sequence[RawAttributes]
) -> tuple[dict[str, Column], list[str]]:
    """Lay attribute tables on the nodes' order.

    Args:
        problems: what is wrong is added here.
        order: ids of the nodes.
        tables: attribute tables of these nodes.

    Returns:
        The columns, missing where a node has no row, and notes on what was dropped.
    """
    position = {value: row for row, value in enumerate(order)}
    columns: dict[str, Column] = {}
    notes: list[str] = []
    for table in tables:
        rows, matched = _rows(table.ids.at(position), len(order))
        problems += [*_match_problems(table, matched), *_taken(table, columns)]
        notes += _notes(table, matched, len(order))
        indices = pa.array(rows, mask=rows < 0)
        for name, column in table.columns.items():
            columns[name] = Column(column.values.take(indices), column.role)
            if matched:
                problems += label_problems(table.file.path, name, columns[name])
    return columns, notes


def _rows(positions: NDArray[np.int64], n_nodes: int) -> tuple[NDArray[np.int64], int]:
    """Row of the table for each node (-1: none), and how many rows found their node."""
    rows = np.full(n_nodes, -1, np.int64)
    known = positions >= 0
    rows[positions[known]] = np.flatnonzero(known)
    return rows, int(known.sum())


def _match_problems(table: RawAttributes, matched: int) -> list[Problem]:
    if matched:
        return []
    where = f"{table.file.path} column {table.id_column!r}"
    what = f"none of its {len(table.ids.codes)} ids is an id of the edges' {table.entity}"
    return [Problem(what, where, "name the column whose ids the edge lists use (blanks and case count)")]


def _taken(table: RawAttributes, columns: Mapping[str, Column]) -> list[Problem]:
    both = sorted(columns.keys() & table.columns.keys())
    return [
        Problem(f"the column {name!r} was already read from another table", str(table.file.path), "rename one")
        for name in both
    ]


def _notes(table: RawAttributes, matched: int, n_nodes: int) -> list[str]:
    name = table.file.path.name
    dropped = len(table.ids.codes) - matched
    unknown = f"{name}: {dropped} rows dropped, their {table.entity} are in no edge list"
    without = f"{name}: {n_nodes - matched} of {n_nodes} {table.entity} have no row"
    return [*([unknown] if dropped else []), *([without] if matched < n_nodes else [])]


def label_problems(path: Path, name: str, column: Column) -> list[Problem]:
    """Return the problem of a label that does not tell the nodes apart, if it does not."""
    distinct = pc.count_distinct(column.values, mode="only_valid").as_py()
    if column.role != "label" or distinct > 1:
        return []
    what = "the label has one class only" if distinct else "the label has no value"
    what += " among the nodes of the graph"
    return [Problem(what, f"{path} column {name!r}", "choose a label with at least two classes or values")]
