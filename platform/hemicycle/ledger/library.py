"""Tables of a store that questions may be about: those of its index, and those of all its studies by name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
import pyarrow as pa

from hemicycle.core.disclosure import check_release
from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.ledger.index import Index, each, refresh
from hemicycle.ledger.index_rows import SCHEMAS

RENAMED = {"ranking_results": "metrics", "probe_results": "probes", "simulation_results": "simulations"}
"""Table of a study -> what it is called in questions."""
HIDDEN = ("stamp", "last", "columns")
"""Columns that only the index needs."""


@dataclass(frozen=True)
class Library:
    """Tables that questions may be about.

    Args:
        index: of the store.
        unread: problems met while tables were read for a question.
    """

    index: Index
    unread: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: Folder, *, rebuild: bool = False) -> "Library":
        """Bring the index of a store up to date and open it; errors are those of :func:`~.index.refresh`."""
        return cls(refresh(store, rebuild=rebuild))

    @cached_property
    def places(self) -> dict[str, list[tuple[str, str]]]:
        """Name in questions -> study and table, of everything that may be shown."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.index["tables"].select(["study", "table", "withheld"]).to_pylist():
            if not row["withheld"]:
                found.setdefault(called(row["table"]), []).append((row["study"], row["table"]))
        return found

    @cached_property
    def withheld(self) -> dict[str, list[tuple[str, str]]]:
        """Name in questions -> study and why, of what may not be shown."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.index["tables"].select(["study", "table", "withheld"]).to_pylist():
            if row["withheld"]:
                found.setdefault(called(row["table"]), []).append((row["study"], row["withheld"]))
        return found

    @cached_property
    def schemas(self) -> dict[str, pa.Schema]:
        """Name in questions -> columns, without reading a table."""
        columns: dict[str, list[pa.Schema]] = {}
        for row in self.index["tables"].select(["table", "columns", "withheld"]).to_pylist():
            if not row["withheld"]:
                columns.setdefault(called(row["table"]), []).append(pa.ipc.read_schema(pa.py_buffer(row["columns"])))
        results = {name: _together([_of_study(s.empty_table(), "") for s in of]) for name, of in columns.items()}
        found = {name: self.table(name).schema for name in SCHEMAS}
        return found | {name: results[name].schema for name in sorted(results)}

    def table(self, name: str) -> pa.Table:
        """Return a table by its name in questions; what cannot be read is left out and told in ``unread``."""
        if name in SCHEMAS:
            return _shown(name, self.index[name])
        return _together([t for t in each(self.index.store, self._read, self.places[name]) if t is not None])

    def of_study(self, name: str, study: str) -> pd.DataFrame:
        """Return a table of one study; empty where it is not there or may not be shown."""
        found = [self._read(place) for place in self.places.get(name, []) if place[0] == study]
        return found[0].to_pandas() if found and found[0] is not None else pd.DataFrame()

    def _read(self, place: tuple[str, str]) -> pa.Table | None:
        study, name = place
        try:
            table = (self.index.store / "studies" / study / "tables").read_table(name)
            check_release(name, table)
        except (StorageError, DisclosureError) as error:
            self.unread.append(str(error))
            return None
        return _of_study(table, study)


def called(table: str) -> str:
    """Name in questions of a table of studies; the index's own names stay the index's."""
    name = RENAMED.get(table, table)
    return f"study_{name}" if name in SCHEMAS else name


def _shown(name: str, table: pa.Table) -> pa.Table:
    """A table of the index as people see it."""
    if name == "models":
        table = table.filter(table["last"])
    return table.drop_columns([column for column in HIDDEN if column in table.column_names])


def _of_study(table: pa.Table, study: str) -> pa.Table:
    """Add the column ``study`` in front; a column that is empty everywhere counts as text."""
    kept = table.drop_columns(["study"]) if "study" in table.column_names else table
    return kept.add_column(0, "study", pa.array([study] * len(kept), pa.string())).replace_schema_metadata()


def _together(tables: list[pa.Table]) -> pa.Table:
    """One below the other; columns that some lack are empty there, columns of several types become text."""
    if not tables:
        return pa.table({"study": pa.array([], pa.string())})
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.concat_tables(_same_types(tables), promote_options="permissive")


def _same_types(tables: list[pa.Table]) -> list[pa.Table]:
    kinds: dict[str, set[str]] = {}
    for table in tables:
        for column in table.schema:
            kinds.setdefault(column.name, set()).add(str(column.type))
    several = {name for name, types in kinds.items() if len(types) > 1}
    return [_as_text(table, several) for table in tables]


def _as_text(table: pa.Table, columns: Iterable[str]) -> pa.Table:
    for name in columns:
        if name in table.column_names:
            place = table.column_names.index(name)
            values = pa.array([None if v is None else str(v) for v in table[name].to_pylist()], pa.string())
            table = table.set_column(place, name, values)
    return table
