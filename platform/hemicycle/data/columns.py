"""Columns of CSV, TSV and Parquet files, with the line of everything that is wrong.

Messages name file, line and column but never a value: a value may be a person's.
"""

import csv
import difflib
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem
from hemicycle.core.paths import candidates, find

ID = pa.dictionary(pa.int32(), pa.string())
NUMBER = pa.float64()
TEXT = pa.string()
_MISSING = pa.array(["", "na", "n/a", "nan", "null"])
_SHOWN = 5


def locate(path: str) -> Path:
    """Return a file's absolute path; where relative ones start is said in :mod:`hemicycle.core.paths`.

    Raises:
        InputError: there is no such file; the message lists the nearest names in the folder.
    """
    places = candidates(path)
    found = find(path)
    if found is not None:
        return found.absolute()
    raise InputError(
        f"there is no file {path!r}{_nearest_files(places)}",
        where=" or ".join(str(place.absolute()) for place in places),
        remedy="correct the path; relative ones start at the current folder, the configuration's, or $HEMICYCLE_DATA",
    )


def _nearest_files(places: Iterable[Path]) -> str:
    near: list[str] = []
    for place in places:
        names = [entry.name for entry in place.parent.iterdir()] if place.parent.is_dir() else []
        near += difflib.get_close_matches(place.name, names, n=3, cutoff=0.5)
    return f"; near names there: {', '.join(near)}" if near else ""


@dataclass(frozen=True)
class TableFile:
    """A file with named columns.

    Args:
        path: ``.csv``, ``.tsv``, ``.txt`` (each also ``.gz``) or ``.parquet``.
        separator: between the fields of a text file; None: a tab for ``.tsv`` and ``.txt``, else a comma.
    """

    path: Path
    separator: str | None = None

    @property
    def _parquet(self) -> bool:
        return self.path.suffix in (".parquet", ".pq")

    @property
    def _delimiter(self) -> str:
        tabs = {".tsv", ".txt"} & set(self.path.suffixes[-2:])
        return self.separator or ("\t" if tabs else ",")

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns.

        Raises:
            InputError: the file is not of the kind its name says.
        """
        try:
            if self._parquet:
                return [str(name) for name in pq.read_schema(self.path).names]
            return next((fields for _, fields in self._rows()), [])
        except (OSError, UnicodeDecodeError, EOFError, csv.Error, pa.ArrowException) as error:
            kind = "Parquet" if self._parquet else "text in UTF-8"
            raise InputError(f"the file is not {kind}", where=str(self.path), remedy="export it again") from error

    def missing(self, wanted: Mapping[str, str]) -> list[Problem]:
        """Tell which columns are missing; ``wanted`` maps the key that asks for a column to its name."""
        if not self.names:
            return [Problem("the file is empty", str(self.path), "it needs a first line with the columns' names")]
        return [self._missing(key, name) for key, name in wanted.items() if self.names.count(name) != 1]

    def _missing(self, key: str, name: str) -> Problem:
        if name in self.names:
            return Problem(f"the column {name!r} ({key}) stands twice", f"{self.path}:1", "rename one")
        near = difflib.get_close_matches(name, self.names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"it has: {', '.join(self.names[:20])}"
        return Problem(f"there is no column {name!r} ({key}); {hint}", f"{self.path}:1", f"correct {key}")

    def read(self, types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read columns as :data:`ID`, :data:`NUMBER` or :data:`TEXT`.

        A NUMBER column that holds something else comes as text: :meth:`numbers` tells where.

        Raises:
            InputError: lines have too many or too few fields, or the file is damaged.
        """
        try:
            if self._parquet:
                return pq.read_table(self.path, columns=list(types))
            return self._read_text(types)
        except (OSError, EOFError, pa.ArrowException) as error:
            raise InputError("the file is damaged or not in UTF-8", str(self.path), "export it again") from error

    def _read_text(self, types: Mapping[str, pa.DataType]) -> pa.Table:
        ragged: list[int] = []

        def note(row: Any) -> str:
            ragged.append(row.actual_columns)
            return "skip"

        parse = pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=note)
        try:
            options = pacsv.ConvertOptions(column_types=dict(types), include_columns=list(types))
            table = pacsv.read_csv(self.path, parse_options=parse, convert_options=options)
        except pa.ArrowInvalid:
            ragged.clear()
            as_text = {name: TEXT if kind == NUMBER else kind for name, kind in types.items()}
            options = pacsv.ConvertOptions(column_types=as_text, include_columns=list(types))
            table = pacsv.read_csv(self.path, parse_options=parse, convert_options=options)
        if ragged:
            raise InputError([self._ragged(len(ragged))])
        return table

    def _ragged(self, count: int) -> Problem:
        wanted = len(self.names)
        lines = islice((line for line, fields in self._rows() if len(fields) != wanted), _SHOWN)
        where = f"{self.path}:{','.join(map(str, lines))}"
        return Problem(f"{count} lines do not have {wanted} fields", where, "check the separator and the quotes")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row's first line number and its fields, the header included, blank lines left out."""
        with self._open() as stream:
            reader = csv.reader(stream, delimiter=self._delimiter)
            line = 1
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1

    def _open(self) -> IO[str]:
        if self.path.suffix == ".gz":
            return gzip.open(self.path, "rt", encoding="utf-8-sig", newline="")
        return self.path.open(encoding="utf-8-sig", newline="")

    # -- where something is wrong ----------------------------------------------------------------------------------

    def where(self, column: str, rows: NDArray[np.intp]) -> str:
        """Return ``file:lines column`` of the first of these rows (counted from 0)."""
        first = [int(row) for row in rows[:_SHOWN]]
        if self._parquet:
            return f"{self.path} rows {', '.join(str(row + 1) for row in first)} column {column!r}"
        lines = {row - 1: line for row, (line, _) in enumerate(islice(self._rows(), max(first) + 2))}
        return f"{self.path}:{','.join(str(lines[row]) for row in first)} column {column!r}"

    def problem(self, what: str, column: str, bad: NDArray[np.bool_], remedy: str) -> list[Problem]:
        """Return a problem of the rows where ``bad``, or none."""
        rows = np.flatnonzero(bad)
        if not rows.size:
            return []
        return [Problem(f"{rows.size} values {what}", self.where(column, rows), remedy)]


# -- values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ids:
    """A column of ids, each distinct one stored once.

    Args:
        codes: position in ``values`` of each row, shape (n_rows,); -1 where there is no id.
        values: distinct ids.
    """

    codes: NDArray[np.int64]
    values: list[str]

    def at(self, order: Mapping[str, int]) -> NDArray[np.int64]:
        """Return each row's position in an order; -1 where it is not in it."""
        positions = np.array([order.get(value, -1) for value in self.values] + [-1], np.int64)
        return np.asarray(positions[self.codes])


def ids_of(column: pa.ChunkedArray) -> Ids:
    """Encode a column of ids; surrounding blanks and the ``.0`` of whole numbers are removed."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    chunks = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
    codes = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    raw = chunks[0].dictionary if chunks else pa.array([], TEXT)
    clean = pc.replace_substring_regex(pc.utf8_trim_whitespace(raw), r"^(-?\d+)\.0+$", r"\1")
    distinct = clean.dictionary_encode()
    values = distinct.dictionary.to_pylist()
    final = np.append(distinct.indices.to_numpy(zero_copy_only=False).astype(np.int64), -1)
    final[:-1][np.array([values[code] == "" for code in final[:-1]], bool)] = -1
    return Ids(final[np.concatenate(codes).astype(np.int64)] if codes else np.empty(0, np.int64), values)


def in_order(values: Iterable[str]) -> list[str]:
    """Return distinct ids sorted: as numbers when all are whole numbers, else as text."""
    distinct = {value for value in values if value}
    if all(value.removeprefix("-").isascii() and value.removeprefix("-").isdigit() for value in distinct):
        return sorted(distinct, key=lambda value: (int(value), value))
    return sorted(distinct)


def blank_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Trim a text column; blanks, ``NA``, ``N/A``, ``NaN`` and ``null`` become missing."""
    text = pc.utf8_trim_whitespace(column.cast(TEXT))
    return pc.if_else(pc.is_in(pc.utf8_lower(text), value_set=_MISSING), None, text)


def numbers(column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column as float64, NaN where missing, and which rows hold something that is no number."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = blank_to_null(column)
        try:
            return _floats(text.cast(NUMBER)), np.zeros(len(column), bool)
        except pa.ArrowInvalid:
            series = pd.Series(text.to_pylist(), dtype=object)
            values = pd.to_numeric(series, errors="coerce").to_numpy(np.float64)
            return np.asarray(values), np.asarray(np.isnan(values) & series.notna().to_numpy(), bool)
    if pa.types.is_null(column.type) or pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    try:
        return _floats(column.cast(NUMBER)), np.zeros(len(column), bool)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), np.nan), np.ones(len(column), bool)


def seconds(column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return times in seconds (numbers as they are, ISO 8601 dates since 1970 UTC) and which rows are neither."""
    if pa.types.is_temporal(column.type):
        micro = column.cast(pa.timestamp("us", getattr(column.type, "tz", None))).cast(pa.int64())
        return _floats(micro.cast(NUMBER)) / 1e6, np.zeros(len(column), bool)
    values, bad = numbers(column)
    if not bad.any():
        return values, bad
    series = pd.Series(blank_to_null(column).to_pylist(), dtype=object)
    dates = pd.to_datetime(series, errors="coerce", format="ISO8601", utc=True)
    elapsed = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.asarray(elapsed, np.float64), np.asarray(dates.isna() & series.notna(), bool)


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.fill_null(np.nan).to_numpy(), np.float64)


def file_problems(paths: Sequence[str]) -> list[Problem]:
    """Return the problems of files that are not there."""
    found: list[Problem] = []
    for path in dict.fromkeys(paths):
        try:
            locate(path)
        except InputError as error:
            found += error.problems
    return found
