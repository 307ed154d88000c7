"""Large files of records read piece by piece: CSV, TSV (also gzipped), JSON lines (also gzipped) and Parquet.

Only the wanted columns of one piece are in memory at a time. As everywhere, messages name file, line and column but
never a value.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.columns import TEXT, TableFile

_BLOCK = 1 << 24
_ROWS = 1 << 17
_SHOWN = 5
_JSON = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Args:
        table: the wanted columns that the file has.
        first: number of the first row, counted from 0.
    """

    table: pa.Table
    first: int


@dataclass(frozen=True)
class RecordFile:
    """A file of records, one a row or a line.

    Args:
        path: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` (each also ``.gz``) or ``.parquet``.
        separator: between the fields of a text file; None: a tab for ``.tsv`` and ``.txt``, else a comma.
        names: of the columns of a text file that has no line with their names.
    """

    path: Path
    separator: str | None = None
    names: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        """Whether its lines are JSON objects."""
        return any(suffix in _JSON for suffix in self.path.suffixes[-2:])

    @property
    def _table(self) -> TableFile:
        return TableFile(self.path, self.separator)

    def missing(self, wanted: Mapping[str, str]) -> list[Problem]:
        """Tell which columns are missing, as far as the head of the file tells; in JSON lines any may be absent."""
        if self.is_json or self.names:
            return []
        return self._table.missing(wanted)

    def has(self, column: str) -> bool:
        """Whether the column may be there."""
        return self.is_json or column in (self.names or self._table.names)

    def batches(self, columns: Iterable[str]) -> Iterator[Batch]:
        """Yield the file piece by piece; in JSON lines ``a.b`` means ``b`` of the object ``a``.

        Raises:
            InputError: the file is damaged, lines have too many or too few fields, or are no JSON objects.
        """
        first, wanted = 0, list(dict.fromkeys(columns))
        try:
            for table in self._pieces(wanted):
                yield Batch(table, first)
                first += table.num_rows
        except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
            raise InputError("the file is damaged or not in UTF-8", str(self.path), "export it again") from error

    def problem(self, what: str, column: str, rows: NDArray[np.intp], remedy: str) -> list[Problem]:
        """Return the problem of these rows (counted from 0 over the whole file), or none."""
        if not rows.size:
            return []
        return [Problem(f"{rows.size} values {what}", self._where(column, rows), remedy)]

    def _where(self, column: str, rows: NDArray[np.intp]) -> str:
        if self.is_json or self.names:
            kept = _filled_lines(self.path, rows[:_SHOWN])
            return f"{self.path}:{','.join(map(str, kept))} column {column!r}"
        return self._table.where(column, rows)

    def _pieces(self, columns: list[str]) -> Iterator[pa.Table]:
        if self.is_json:
            yield from _json_pieces(self.path, columns)
        elif self.path.suffix in (".parquet", ".pq"):
            for batch in pq.ParquetFile(self.path).iter_batches(_ROWS, columns=columns):
                yield pa.Table.from_batches([batch])
        else:
            yield from self._text_pieces(columns)

    def _text_pieces(self, columns: list[str]) -> Iterator[pa.Table]:
        ragged: list[int] = []

        def note(row: Any) -> str:
            ragged.append(row.actual_columns)
            return "skip"

        tabs = {".tsv", ".txt"} & set(self.path.suffixes[-2:])
        plain = bool(self.names)
        reader = pacsv.open_csv(
            self.path,
            pacsv.ReadOptions(block_size=_BLOCK, column_names=list(self.names) or None),
            pacsv.ParseOptions(
                delimiter=self.separator or ("\t" if tabs else ","),
                quote_char=False if plain else '"',
                newlines_in_values=not plain,
                invalid_row_handler=note,
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(columns, TEXT), include_columns=columns),
        )
        for batch in reader:
            if not ragged:
                yield pa.Table.from_batches([batch])
        if ragged:
            wanted = len(self.names or self._table.names)
            remedy = "check the separator and the quotes"
            raise InputError(f"{len(ragged)} lines do not have {wanted} fields", str(self.path), remedy)


def open_text(path: Path) -> IO[bytes]:
    """Open a file that may be gzipped."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _filled_lines(path: Path, rows: NDArray[np.intp]) -> list[int]:
    """Line numbers (from 1) of rows, blank lines counted as no row."""
    with open_text(path) as stream:
        lines = (number for number, line in enumerate(stream, 1) if line.strip())
        found = dict(enumerate(islice(lines, int(rows.max()) + 1)))
    return [found[int(row)] for row in rows]


# -- JSON lines ------------------------------------------------------------------------------------------------------


def _json_pieces(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    first = 0
    with open_text(path) as stream:
        while lines := stream.readlines(_BLOCK):
            filled = [line for line in lines if line.strip()]
            if filled:
                yield _parsed(filled, columns, path, first)
            first += len(filled)


def _parsed(lines: list[bytes], columns: list[str], path: Path, first: int) -> pa.Table:
    """Parse lines all at once or, where their values are of several kinds, one by one."""
    try:
        options = pajson.ReadOptions(block_size=_BLOCK * 4)
        table = pajson.read_json(pa.BufferReader(b"".join(_ended(lines))), read_options=options)
    except pa.ArrowInvalid:
        return _one_by_one(lines, columns, path, first)
    found = {name: _inside(table, name) for name in columns}
    return pa.table({name: column for name, column in found.items() if column is not None})


def _ended(lines: list[bytes]) -> Iterator[bytes]:
    return (line if line.endswith(b"\n") else line + b"\n" for line in lines)


def _inside(table: pa.Table, name: str) -> pa.ChunkedArray | None:
    if name in table.column_names:
        return table[name]
    outer, _, inner = name.partition(".")
    if not inner or outer not in table.column_names or not pa.types.is_struct(table.schema.field(outer).type):
        return None
    column = table[outer]
    parts = pa.chunked_array(column.chunks, column.type).flatten()
    return _inside(pa.table(parts, names=[field.name for field in column.type]), inner)


def _one_by_one(lines: list[bytes], columns: list[str], path: Path, first: int) -> pa.Table:
    records, bad = [], []
    for row, line in enumerate(lines):
        record = _object(line)
        records.append(record or {})
        if record is None:
            bad.append(first + row)
    if bad:
        where = _filled_lines(path, np.array(bad[:_SHOWN]))
        what = f"{len(bad)} lines are no JSON objects"
        raise_problems([Problem(what, f"{path}:{','.join(map(str, where))}", "one object a line, in UTF-8")])
    return pa.table({name: _uniform([_at(record, name) for record in records]) for name in columns})


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _at(record: Any, name: str) -> Any:
    if name in record:
        return record[name]
    outer, _, inner = name.partition(".")
    return _at(record[outer], inner) if inner and isinstance(record.get(outer), dict) else None


def _uniform(values: list[Any]) -> pa.Array:
    """Return lists of texts when there is a list among the values, else texts."""
    if any(isinstance(value, list) for value in values):
        lists = [None if v is None else [_text(x) for x in (v if isinstance(v, list) else [v])] for v in values]
        return pa.array(lists, pa.list_(TEXT))
    return pa.array([_text(value) for value in values], TEXT)


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value)
