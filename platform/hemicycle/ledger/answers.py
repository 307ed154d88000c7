"""Answers to questions as text for people and as files for other programs."""

import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq


def cells(table: pa.Table) -> list[tuple[str, ...]]:
    """Rows as text: what is missing is empty, what has several parts is JSON."""
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def markdown(head: list[str], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown; bars and line ends inside cells are kept from breaking it."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def encode(table: pa.Table, chosen: str) -> bytes:
    """A table in a format: ``csv``, ``json`` (a list of rows), ``markdown`` or ``parquet``."""
    return _ENCODERS[chosen](table)


def _csv(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pacsv.write_csv(_flat(table), stream)
    return stream.getvalue()


def _flat(table: pa.Table) -> pa.Table:
    """Columns with parts as JSON, since CSV knows text and numbers only."""
    for place, column in enumerate(table.schema):
        if pa.types.is_nested(column.type):
            values = [None if v is None else _text(v) for v in table.column(place).to_pylist()]
            table = table.set_column(place, column.name, pa.array(values, pa.string()))
    return table


def _json(table: pa.Table) -> bytes:
    rows = [_strict(row) for row in table.to_pylist()]
    return json.dumps(rows, indent=1, default=str).encode() + b"\n"


def _strict(value: Any) -> Any:
    """Numbers that JSON does not know become null."""
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value


def _parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def _markdown(table: pa.Table) -> bytes:
    return markdown(table.column_names, cells(table)).encode()


_ENCODERS: dict[str, Callable[[pa.Table], bytes]] = {
    "csv": _csv,
    "json": _json,
    "markdown": _markdown,
    "parquet": _parquet,
}
