"""Questions to a store in SQL: DuckDB in memory over the index and the tables of all studies.

A question reads and never writes: one SELECT, no files, no network, no extensions. It sees what may leave the store
row by row and nothing else (:func:`hemicycle.core.disclosure.check_release`), whatever is asked.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.ledger.index_rows import SCHEMAS
from hemicycle.ledger.library import RENAMED, Library, called

ABOUT = {
    "models": "one row a model and study; fields such as recommender.dim and train.epochs",
    "steps": "one row a step: how long it took, by which version",
    "studies": "one row a study, with its configuration",
    "plans": "which steps a study wants",
    "tables": "which tables studies have, and which are withheld",
    "problems": "what could not be read",
    "metrics": "ranking of withheld interactions; record_id is a model's id",
    "probes": "what was read out of models; one row a score and control",
    "simulations": "what happened to opinions; one row a step, arm and metric",
}
EXAMPLE = (
    "SELECT models.family, recommender.dim, avg(value) AS ndcg FROM metrics JOIN models "
    "ON id = record_id AND models.study = metrics.study WHERE split = 'test' AND metric LIKE 'ndcg@%' "
    "GROUP BY ALL ORDER BY ndcg DESC"
)


# -- asking ------------------------------------------------------------------------------------------------------------


def ask(library: Library, sql: str) -> pa.Table:
    """Answer one SELECT.

    Tables are read when the question names them. DuckDB computes with one thread, so that sums do not depend on the
    machine.

    Raises:
        InputError: it is no single SELECT, or names something that is not there or may not be shown.
    """
    with _connection(library, sql) as connection:
        try:
            _check_select(connection, sql)
            relation = connection.sql(sql)
            return relation.to_arrow_table()
        except duckdb.Error as error:
            raise _explained(error, library, sql) from error


def _connection(library: Library, sql: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for name, schema in library.schemas.items():
        connection.register(name, _known_types(library.table(name) if _named(name, sql) else schema.empty_table()))
    for setting in ("enable_external_access=false", "python_enable_replacements=false", "lock_configuration=true"):
        connection.execute(f"SET {setting}")
    return connection


def _known_types(table: pa.Table) -> pa.Table:
    """Columns without any value are text: DuckDB would call them integers."""
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def _check_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        what = f"a question is one SELECT; this is {', '.join(kinds) or 'empty'}"
        raise InputError(what, remedy=f"for example: {EXAMPLE}")


# -- mistakes ----------------------------------------------------------------------------------------------------------


def _explained(error: duckdb.Error, library: Library, sql: str) -> InputError:
    """Say what is wrong with a question, and what the nearest name is."""
    text = str(error).strip()
    for pattern, explain in _MISTAKES.items():
        found = re.search(pattern, text)
        if found:
            return explain(found[1], library, sql)
    if isinstance(error, duckdb.PermissionException):
        remedy = f"ask about the tables: {', '.join(library.schemas)}"
        return InputError("a question cannot read or write files", remedy=remedy)
    return InputError(text, "the question", f"for example: {EXAMPLE}")


def _no_table(name: str, library: Library, sql: str) -> InputError:
    del sql
    if (low := name.lower()) in RENAMED:
        return InputError(f"the table {name} is called {RENAMED[low]} in questions", remedy=f"ask {RENAMED[low]}")
    hidden = next((of for known, of in library.withheld.items() if known.lower() == low), None)
    if hidden:
        what = f"the table {name} of {', '.join(study for study, _ in hidden)} is withheld: {hidden[0][1]}"
        return DisclosureError(what, remedy="ask about tables of aggregates; `tables` says what is withheld and why")
    return InputError(f"there is no table {name!r}{_near(name, library.schemas)}", remedy=_listed(library.schemas))


def _no_column(name: str, library: Library, sql: str) -> InputError:
    named = [t for t in library.schemas if _named(t, sql)]
    columns = {t: library.schemas[t].names + list(_inner(library.schemas[t])) for t in named}
    near = _near(name, {column for of in columns.values() for column in of})
    known = "; ".join(f"{t} has {', '.join(library.schemas[t].names)}" for t in named)
    return InputError(f"there is no column {name!r}{near}", remedy=known or _listed(library.schemas))


def _no_field(name: str, library: Library, sql: str) -> InputError:
    del sql
    fields = list(_inner(library.schemas["models"]))
    near = _near(name, [f.partition(".")[2] for f in fields])
    return InputError(f"there is no field {name!r}{near}", remedy=f"models has {', '.join(fields)}")


_MISTAKES: Mapping[str, Callable[[str, Library, str], InputError]] = {
    r"Table with name (.+?) does not exist": _no_table,
    r'Referenced (?:column|table) "(.+?)" not found': _no_column,
    r'does not have a column named "(.+?)"': _no_column,
    r'Could not find key "(.+?)" in struct': _no_field,
}


def _inner(schema: pa.Schema) -> list[str]:
    """Fields of columns that have some, such as ``recommender.dim``."""
    return [f"{c.name}.{inner.name}" for c in schema if pa.types.is_struct(c.type) for inner in c.type.fields]


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _listed(schemas: Iterable[str]) -> str:
    return f"tables: {', '.join(schemas)}"


# -- what there is -----------------------------------------------------------------------------------------------------


def overview(library: Library) -> list[tuple[str, str, str]]:
    """Name, number of rows and columns of every table that questions may be about."""
    counts = _counts(library)
    return [(name, str(counts[name]), ", ".join(_columns(schema))) for name, schema in library.schemas.items()]


def _counts(library: Library) -> dict[str, int]:
    counts = {name: library.table(name).num_rows for name in SCHEMAS}
    tables = library.index["tables"]
    for row in tables.filter(pc.equal(tables["withheld"], "")).select(["table", "rows"]).to_pylist():
        counts[called(row["table"])] = counts.get(called(row["table"]), 0) + row["rows"]
    return counts


def _columns(schema: pa.Schema) -> list[str]:
    inner = _inner(schema)
    return [c.name for c in schema if not pa.types.is_struct(c.type)] + inner


def notes(library: Library, sql: str = "") -> list[str]:
    """What people should know beside an answer: what is withheld of the tables asked about, what could not be read.

    Args:
        library: that was asked.
        sql: the question; empty for everything.
    """
    asked = [name for name in sorted(library.withheld) if not sql or _named(name, sql)]
    found = [_withheld(name, library.withheld[name]) for name in asked]
    found += [f"not read: {text}" for text in sorted(library.unread)]
    problems = library.index["problems"].num_rows
    if problems:
        found.append(f"{problems} files of the store cannot be read; they are in the table problems")
    if library.index.unsaved:
        found.append(f"the index could not be kept, every question reads the store anew: {library.index.unsaved}")
    return found


def _withheld(name: str, of: list[tuple[str, str]]) -> str:
    """One sentence on a table that may not be shown, with the studies and why."""
    why = "; ".join(dict.fromkeys(why for _, why in of))
    return f"withheld: {name} of {', '.join(study for study, _ in of)}: {why}"


def _named(name: str, sql: str) -> bool:
    """Whether a question names a table."""
    return re.search(rf"\b{re.escape(name)}\b", sql, re.IGNORECASE) is not None
