"""The one door through which data leave: reports, exports, logs and trackers pass here.

Three rules. (1) No row-level value of a column tagged sensitive leaves unless the table's rows are public entities.
(2) No cell of an aggregate under ``K`` people leaves, nor may it be recovered from totals. (3) Trackers and logs
receive scalars and short strings only, never one value a person.

The tags stand in the parquet schema (:mod:`hemicycle.data.schema` writes them) and travel with every copy.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import DisclosureError, InputError

ROLE, SENSITIVE, PUBLIC = b"hemicycle.role", b"hemicycle.sensitive", b"hemicycle.public"
K = 10
"""Smallest number of people that a published cell may describe."""

_USER_KEYS = frozenset({"user", "user_id"})
_MAX_TEXT, _MAX_LIST, _MAX_KEYS = 200, 32, 200
_PERSONAL_KEY = re.compile(r"\d{3,}|[0-9a-f]{32}|(.*[_/.\- ])?users?[_/.\-: ]?\d+", re.IGNORECASE)
_PLAIN = (bool, int, str, type(None))

# -- row by row ------------------------------------------------------------------------------------------------------


def is_public(table: pa.Table) -> bool:
    """True when the rows are public entities; a table that does not say so is not."""
    return bool((table.schema.metadata or {}).get(PUBLIC) == b"true")


def sensitive_columns(table: pa.Table) -> list[str]:
    """Names of the columns tagged sensitive."""
    return [f.name for f in table.schema if (f.metadata or {}).get(SENSITIVE) == b"true"]


def check_release(name: str, table: pa.Table) -> None:
    """Raise when a table may not leave row by row.

    A table with a column ``user`` or ``user_id`` that carries no tag at all (it was rebuilt on the way and lost them)
    counts as sensitive throughout.

    Raises:
        DisclosureError: names the table and the columns, never a value.
    """
    if is_public(table):
        return
    sensitive = sensitive_columns(table)
    if sensitive:
        raise DisclosureError(
            f"table {name!r} holds sensitive values of people who are not public: {', '.join(sensitive)}",
            remedy=f"leave these columns out, or publish aggregates of at least {K} people",
        )
    keys = _USER_KEYS.intersection(table.column_names)
    if keys and PUBLIC not in (table.schema.metadata or {}):
        raise DisclosureError(
            f"table {name!r} has rows of single users (column {min(keys)}) and does not say what is sensitive",
            remedy="keep the tags of the table it came from (data.schema.tag), or publish aggregates",
        )


def releasable(table: pa.Table, name: str = "table") -> pa.Table:
    """Return the table when it may leave row by row; see :func:`check_release`."""
    check_release(name, table)
    return table


def without_sensitive(table: pa.Table) -> pa.Table:
    """Return the table without the columns that may not leave row by row."""
    return table if is_public(table) else table.drop_columns(sensitive_columns(table))


# -- aggregates ------------------------------------------------------------------------------------------------------


def suppress_small_cells(cells: pd.DataFrame, by: Sequence[str], count: str = "count", k: int = K) -> pd.DataFrame:
    """Hide every cell of 1 to k - 1 people, and as many others as protect it.

    Primary suppression hides small cells; complementary suppression hides further ones, smallest first, until along
    every dimension the hidden cells of a line add up to at least k and no hidden cell follows by linear arithmetic
    from the shown ones and the line totals (Hundepool et al. 2012, *Statistical Disclosure Control*, ch. 4). Totals
    under k count as unpublished. Empty cells are shown unless they are needed to protect another.

    Args:
        cells: one row a cell.
        by: columns that define the cells; with two or more, combinations that are missing are added as empty cells.
        count: column with the number of people.
        k: smallest number of people shown.

    Returns:
        The cells with every column except ``by`` missing where a cell is hidden.

    Raises:
        InputError: a column is missing or the counts are no counts.
    """
    _check_cells(cells, by, count)
    full = _cross(cells, by, count)
    hidden = hidden_cells(full[count].to_numpy(np.float64), _lines(full, by), k)
    for column in full.columns.difference(list(by)):
        full[column] = full[column].where(~hidden)
    return full


def hidden_cells(counts: NDArray[np.float64], lines: Sequence[NDArray[np.intp]], k: int = K) -> NDArray[np.bool_]:
    """Return which cells to hide, shape (n_cells,); ``lines`` are the index sets whose totals are published."""
    hidden = (counts > 0) & (counts < k)
    known = [line for line in lines if len(line) > 1 and counts[line].sum() >= k]
    while (cell := _next_complement(counts, hidden, known, k)) is not None:
        hidden[cell] = True
    return hidden


def recoverable(hidden: NDArray[np.bool_], lines: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Return the hidden cells whose value the line totals and the shown cells determine.

    A cell is determined when every vector that leaves all totals unchanged is zero there.
    """
    cells = np.flatnonzero(hidden)
    rows = [np.isin(cells, line) for line in lines]
    if not rows or not cells.size:
        return cells[:0]
    _, values, vectors = np.linalg.svd(np.array(rows, np.float64))
    null = vectors[int((values > 1e-9).sum()) :]
    return np.asarray(cells[np.abs(null).sum(0) < 1e-9])


def _check_cells(cells: pd.DataFrame, by: Sequence[str], count: str) -> None:
    missing = [name for name in (*by, count) if name not in cells.columns]
    if missing or not by:
        raise InputError(f"the cells have no column {', '.join(missing) or 'to group by'}")
    counts = cells[count].to_numpy(np.float64)
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise InputError("counts of people are finite and not negative", where=f"column {count}")


def _cross(cells: pd.DataFrame, by: Sequence[str], count: str) -> pd.DataFrame:
    if len(by) < 2:
        return cells.copy()
    levels = [cells[name].unique() for name in by]
    frame = pd.MultiIndex.from_product(levels, names=list(by)).to_frame(index=False)
    full = frame.merge(cells, how="left", on=list(by))
    full[count] = full[count].fillna(0).astype(cells[count].dtype)
    return full[list(cells.columns)]


def _lines(cells: pd.DataFrame, by: Sequence[str]) -> list[NDArray[np.intp]]:
    """Index sets of the cells that share all dimensions but one, for each dimension."""
    if len(by) == 1:
        return [np.arange(len(cells))]
    lines: list[NDArray[np.intp]] = []
    for dimension in by:
        others = [name for name in by if name != dimension]
        groups = cells.groupby(others, dropna=False, observed=True, sort=False).ngroup().to_numpy()
        lines += [np.flatnonzero(groups == group) for group in range(groups.max(initial=-1) + 1)]
    return lines


def _next_complement(
    counts: NDArray[np.float64], hidden: NDArray[np.bool_], lines: Sequence[NDArray[np.intp]], k: int
) -> int | None:
    """Return the next cell to hide, or None when what is hidden is protected."""
    for line in lines:
        inside = line[hidden[line]]
        if inside.size and (inside.size == 1 or counts[inside].sum() < k):
            cell = _smallest(counts, line[~hidden[line]])
            if cell is not None:
                return cell
    exposed = recoverable(hidden, lines)
    if not exposed.size:
        return None
    crossing = [line for line in lines if np.isin(exposed, line).any()]
    near = np.unique(np.concatenate(crossing))
    cell = _smallest(counts, near[~hidden[near]])
    return _smallest(counts, np.flatnonzero(~hidden)) if cell is None else cell


def _smallest(counts: NDArray[np.float64], cells: NDArray[np.intp]) -> int | None:
    """Return the smallest cell, an empty one only when there is no other."""
    if not cells.size:
        return None
    return int(min(cells, key=lambda cell: (counts[cell] == 0, counts[cell], cell)))


# -- trackers and logs -----------------------------------------------------------------------------------------------


def scrub(payload: Mapping[str, Any], name: str = "payload") -> dict[str, Any]:
    """Return what a tracker or a log may be told: nested scalars and short strings.

    Numbers that are not finite are left out.

    Raises:
        DisclosureError: a value is an array, a table, a long list or a long text, or keys look like one a person.
    """
    _check_keys(payload, name)
    plain = {str(key): _plain(value, f"{name}.{key}") for key, value in payload.items()}
    return {key: value for key, value in plain.items() if not _is_infinite(value)}


def _check_keys(payload: Mapping[str, Any], name: str) -> None:
    personal = sum(bool(_PERSONAL_KEY.fullmatch(str(key))) for key in payload)
    if personal or len(payload) > _MAX_KEYS:
        raise DisclosureError(
            f"{name} has {len(payload)} keys, {personal} of which look like one a person",
            remedy=f"send aggregates under names of what they measure, at most {_MAX_KEYS}",
        )


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return scrub(value, name)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, list | tuple) and len(value) <= _MAX_LIST:
        items = [_plain(item, name) for item in value]
        return [item for item in items if not _is_infinite(item)]
    if isinstance(value, float) or (isinstance(value, _PLAIN) and len(str(value)) <= _MAX_TEXT):
        return value
    raise DisclosureError(
        f"{name} is a {type(value).__name__} that may hold one value a person",
        remedy=f"send a scalar, a text of at most {_MAX_TEXT} characters or a list of at most {_MAX_LIST}",
    )


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
