"""Rows of an attention table, wide or long, before they stand on a grid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import moment, unknown
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.columns import ID, NUMBER, TEXT, Ids, TableFile, blank_to_null, ids_of, in_order, locate
from hemicycle.data.columns import numbers as as_numbers
from hemicycle.data.columns import seconds as as_seconds

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Cells:
    """One number for a time, topic and group each.

    Args:
        times: seconds since 1970 (UTC), shape (n,).
        topic: position in ``topics``, shape (n,).
        group: position in ``groups``, shape (n,).
        values: shares or counts, NaN where the file has nothing, shape (n,).
        topics: ids.
        groups: names.
    """

    times: NDArray[np.int64]
    topic: NDArray[np.int64]
    group: NDArray[np.int64]
    values: NDArray[np.float64]
    topics: tuple[str, ...]
    groups: tuple[str, ...]

    def at(self, kept: NDArray[np.bool_]) -> "Cells":
        """Return some of the rows."""
        times, topic, group, values = self.times[kept], self.topic[kept], self.group[kept], self.values[kept]
        return Cells(times, topic, group, values, self.topics, self.groups)


def read_cells(config: AttentionConfig) -> Cells:
    """Read the rows of the groups and the period that are asked for.

    Raises:
        InputError: every problem of the file, with lines and columns.
    """
    file = TableFile(locate(config.file), config.separator)
    cells = _wide(file, config) if config.form == "wide" else _long(file, config)
    kept = within(config, cells.times)
    return cells if kept is None else cells.at(kept)


def within(config: AttentionConfig, times: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which rows lie between ``first`` and ``last``; None: all.

    Raises:
        InputError: none does.
    """
    first, last = moment(config.first, "first"), moment(config.last, "last", end=True)
    if first is None and last is None:
        return None
    stamps = times.astype("datetime64[s]")
    kept = np.ones(len(times), bool)
    if first is not None:
        kept &= stamps >= first
    if last is not None:
        kept &= stamps <= last
    if not kept.any():
        raise InputError(
            f"no row lies between first and last: the file goes from {stamps.min()} to {stamps.max()}",
            where=config.file,
            remedy="correct first and last",
        )
    return kept


# -- two shapes --------------------------------------------------------------------------------------------------------


def _wide(file: TableFile, config: AttentionConfig) -> Cells:
    columns = config.columns
    raise_problems(file.missing({"columns.time": columns.time, "columns.topic": columns.topic}))
    others = [name for name in file.names if name not in (columns.time, columns.topic)]
    chosen = group_names(config, others)
    raise_problems(file.missing({f"groups.{name}": name for name in chosen}))
    table = rows_of(file, {columns.time: TEXT, columns.topic: ID, **dict.fromkeys(chosen, NUMBER)})
    topic = ids_of(table[columns.topic])
    times, problems = read_times(file, config, table[columns.time])
    problems += no_id(file, columns.topic, topic)
    values = np.empty((len(times), len(chosen)))
    for place, name in enumerate(chosen):
        values[:, place], found = _values(file, config, name, table[name])
        problems += found
    raise_problems(problems)
    topics = in_order(topic.values)
    names = tuple(dict.fromkeys(chosen.values()))
    of_column = np.array([names.index(name) for name in chosen.values()])
    where = topic.at({value: row for row, value in enumerate(topics)})
    spread = (np.repeat(times, len(chosen)), np.repeat(where, len(chosen)), np.tile(of_column, len(times)))
    return Cells(*spread, values.ravel(), tuple(topics), names)


def _long(file: TableFile, config: AttentionConfig) -> Cells:
    columns = config.columns
    wanted = {"time": columns.time, "topic": columns.topic, "group": columns.group, "value": config.value}
    raise_problems(file.missing({f"columns.{key}": name for key, name in wanted.items()}))
    table = rows_of(file, {columns.time: TEXT, columns.topic: ID, columns.group: ID, config.value: NUMBER})
    topic, group = ids_of(table[columns.topic]), ids_of(table[columns.group])
    times, problems = read_times(file, config, table[columns.time])
    values, found = _values(file, config, config.value, table[config.value])
    problems += [*found, *no_id(file, columns.topic, topic), *no_id(file, columns.group, group)]
    raise_problems(problems)
    topics = in_order(topic.values)
    rows, names = group_rows(config, group)
    where = topic.at({value: row for row, value in enumerate(topics)})
    kept = rows >= 0
    return Cells(times[kept], where[kept], rows[kept], values[kept], tuple(topics), names)


def group_names(config: AttentionConfig, present: Sequence[str]) -> dict[str, str]:
    """Name in the file -> name, for the groups that are kept, in their order.

    Raises:
        InputError: an unknown group, or none.
    """
    given = config.groups
    chosen = dict(given) if isinstance(given, Mapping) else {name: name for name in given or present}
    raise_problems(unknown("group", list(chosen), present))
    if not chosen:
        raise InputError("there is no group", config.file, "a wide table has a column for each, beside time and topic")
    return chosen


def group_rows(config: AttentionConfig, group: Ids) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Position of each row's group (-1: not kept) and the groups' names."""
    chosen = group_names(config, in_order(group.values))
    names = tuple(dict.fromkeys(chosen.values()))
    return group.at({raw: names.index(name) for raw, name in chosen.items()}), names


# -- columns -----------------------------------------------------------------------------------------------------------


def rows_of(file: TableFile, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Read columns.

    Raises:
        InputError: there is no row.
    """
    table = file.read(kinds)
    if not table.num_rows:
        raise InputError("the file has no row", str(file.path), "give a table with rows")
    return table


def no_id(file: TableFile, column: str, ids: Ids) -> list[Problem]:
    """Return a problem of rows without an id."""
    return file.problem("are empty where a name is needed", column, ids.codes < 0, "remove or complete these rows")


def read_times(
    file: TableFile, config: AttentionConfig, column: pa.ChunkedArray
) -> tuple[NDArray[np.int64], list[Problem]]:
    """Times in seconds since 1970, and the problems of those that cannot be read."""
    name, given = config.columns.time, config.columns.time_format
    if given is not None and not pa.types.is_temporal(column.type):
        values, bad = _formatted(column, given)
        remedy = "correct columns.time_format, or these rows"
    else:
        values, bad = as_seconds(column)
        remedy = "write 2024-05-31 or 2024-05-31T12:00:00, or say how in columns.time_format"
    compact = np.isfinite(values) & (values % 1 == 0) & (values >= 17_000_101) & (values <= 21_001_231)
    compact = compact if given is None and not pa.types.is_temporal(column.type) else np.zeros_like(bad)
    problems = [
        *file.problem("are no dates", name, bad, remedy),
        *file.problem("are empty", name, ~bad & ~np.isfinite(values), "complete or remove these rows"),
        *file.problem("look like dates without hyphens", name, compact, "write columns.time_format: '%Y%m%d'"),
    ]
    return np.where(np.isfinite(values), np.floor(values), 0).astype(np.int64), problems


def _formatted(column: pa.ChunkedArray, how: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    text = pd.Series(blank_to_null(column.cast(TEXT)).to_pylist(), dtype=object)
    dates = pd.to_datetime(text, errors="coerce", format=how, utc=True)
    elapsed = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.asarray(elapsed, np.float64), np.asarray(dates.isna() & text.notna(), bool)


def _values(
    file: TableFile, config: AttentionConfig, name: str, column: pa.ChunkedArray
) -> tuple[NDArray[np.float64], list[Problem]]:
    values, bad = as_numbers(column)
    if config.counted:
        high, remedy = values > _LARGEST, "correct or remove these rows"
        return values, [*_wrong(file, name, (values, bad, high), remedy)]
    high, remedy = (
        values > 1 + config.tolerance,
        "give shares in [0, 1] (divide percentages by 100), or write 'values: counts'",
    )
    return np.minimum(values, 1), [*_wrong(file, name, (values, bad, high), remedy)]


def _wrong(
    file: TableFile,
    name: str,
    found: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]],
    remedy: str,
) -> Iterator[Problem]:
    values, bad, high = found
    yield from file.problem("are not numbers", name, bad, "correct them, or name the groups' columns in 'groups'")
    yield from file.problem("are negative", name, values < 0, "shares and counts are at least 0")
    yield from file.problem("are too large", name, high, remedy)
