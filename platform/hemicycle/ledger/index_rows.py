"""Rows of the index: what manifests, records, plans and tables of a store say, and which of them cannot be read."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa

from hemicycle.core.disclosure import check_release
from hemicycle.core.errors import DisclosureError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import DONE, Folder, StorageError

PLAN, ABOUT, RECORDS, MANIFEST, FAILED = "plan.json", "study.json", "records.json", "manifest.json", "failed.json"
"""Files of a store, as :mod:`~hemicycle.studies.run`, ``engine``, ``executor`` and ``population`` write them. They are
named again here because importing those takes seconds, and a question should not."""
MEDIATORS = "mediator"
"""Kind of steps whose models serve a simulation and belong to no population."""
STRETCH, EVALUATION = "rung", "evaluate"
"""Kinds of steps of a search: a stretch of a trial's training, and what is measured after its last."""
OPTIONS = ("recommender", "train", "transform")
"""Parts of a record's configuration that become columns."""
_TEXT, _WHOLE = pa.string(), pa.int64()
STEPS = pa.schema(
    [
        *((name, _TEXT) for name in ("kind", "fingerprint", "title", "state")),
        ("seconds", pa.float64()),
        ("finished", _TEXT),
        *((name, _WHOLE) for name in ("threads", "workers", "version")),
        *((name, _TEXT) for name in ("hemicycle", "commit", "inputs", "error", "stamp")),
    ]
)
MODELS = pa.schema(
    [
        *((name, _TEXT) for name in ("id", "name", "study", "kind", "family")),
        ("seed", _WHOLE),
        *((name, _TEXT) for name in ("status", "parent")),
        ("best_epoch", _WHOLE),
        ("epochs", pa.list_(_WHOLE)),
        ("layers", pa.list_(_TEXT)),
        *((name, _TEXT) for name in ("config", "folder", "step")),
        ("last", pa.bool_()),
    ]
)
PLANS = pa.schema([(name, _TEXT) for name in ("study", "kind", "fingerprint", "title")])
STUDIES = pa.schema([(name, _TEXT) for name in ("study", "name", "config", "hemicycle", "commit", "stamp")])
TABLES = pa.schema(
    [
        ("study", _TEXT),
        ("table", _TEXT),
        ("rows", _WHOLE),
        ("columns", pa.binary()),
        ("withheld", _TEXT),
        ("stamp", _TEXT),
    ]
)
PROBLEMS = pa.schema([(name, _TEXT) for name in ("place", "file", "error")])
SCHEMAS = {
    "models": MODELS,
    "steps": STEPS,
    "studies": STUDIES,
    "plans": PLANS,
    "tables": TABLES,
    "problems": PROBLEMS,
}
"""Tables of the index."""

T = TypeVar("T")
Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Rows that were read from one folder, by table."""

    place: str
    of: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})

    def attempt(self, file: str, read: Callable[[], T], default: T) -> T:
        """Return what ``read`` returns; a file that cannot be read becomes a row of ``problems``."""
        try:
            return read()
        except (StorageError, KeyError, TypeError, ValueError, AttributeError) as error:
            text = str(error) if isinstance(error, StorageError) else f"{type(error).__name__}: {error}"
            self.of["problems"].append({"place": self.place, "file": file, "error": text})
            return default


def step_rows(folder: Folder, kind: str, files: Mapping[str, str]) -> Rows:
    """Read one step: its row, its models, its problems.

    Args:
        folder: of the step.
        kind: of the step.
        files: stamps of those of its files that tell how far it is.
    """
    rows = Rows(f"steps/{kind}/{folder.name}")
    known = {"kind": kind, "fingerprint": folder.name, "stamp": stamp_of(files)}
    about: Row = {"state": "unfinished"}
    if DONE in files:
        about = rows.attempt(MANIFEST, lambda: _finished(folder.read_json(MANIFEST)), {"state": "damaged"})
        if RECORDS in files and kind != MEDIATORS:
            rows.of["models"] += rows.attempt(RECORDS, lambda: _models(folder.read_json(RECORDS), known), [])
    elif FAILED in files:
        about = rows.attempt(FAILED, lambda: _failed(folder.read_json(FAILED)), {"state": "failed"})
    rows.of["steps"].append(about | known)
    return rows


def stamp_of(files: Mapping[str, str]) -> str:
    """One text that changes whenever one of these files does."""
    return ";".join(f"{name} {files[name]}" for name in sorted(files))


def _finished(manifest: Row) -> Row:
    texts = {name: str(manifest[name]) for name in ("title", "finished", "hemicycle")}
    counts = {name: int(manifest[name]) for name in ("threads", "workers", "version")}
    commit = manifest.get("commit")
    inputs = {str(name): str(step) for name, step in dict(manifest["inputs"]).items()}
    more = {"commit": commit and str(commit), "inputs": json.dumps(inputs, sort_keys=True)}
    return texts | counts | more | {"seconds": float(manifest["seconds"]), "state": "finished"}


def _failed(told: Row) -> Row:
    return {"title": str(told["title"]), "error": str(told["error"]).partition("\n")[0], "state": "failed"}


def _models(records: list[Row], step: Row) -> list[Row]:
    found = []
    for record in map(ModelRecord.from_json, records):
        row: Row = {name: str(getattr(record, name)) for name in ("id", "name", "family", "status", "parent", "folder")}
        row |= {"seed": int(record.seed), "best_epoch": int(record.best_epoch)}
        row |= {"epochs": [int(epoch) for epoch in record.epochs], "layers": [str(name) for name in record.layers]}
        config = json.dumps(dict(record.config), sort_keys=True)
        found.append(row | {"kind": step["kind"], "step": step["fingerprint"], "config": config})
    return found


def study_rows(folder: Folder, files: Mapping[str, str]) -> Rows:
    """Read one study: its row, the steps that it wants, its tables, its problems."""
    rows = Rows(f"studies/{folder.name}")
    row: Row = {"study": folder.name, "stamp": stamp_of(files)}
    nothing: tuple[Row, list[Row]] = ({}, [])
    named, plan = rows.attempt(PLAN, lambda: _plan(folder.read_json(PLAN), folder.name), nothing)
    rows.of["plans"] += plan
    if ABOUT in files:
        unknown: Row = {}
        row |= rows.attempt(ABOUT, lambda: _versions(folder.read_json(ABOUT)), unknown)
    rows.of["studies"].append(row | named)
    for file in sorted(files):
        if file.startswith("tables/") and file.endswith(".parquet"):
            about = {"study": folder.name, "stamp": files[file], "table": file[len("tables/") : -len(".parquet")]}
            rows.of["tables"] += rows.attempt(file, partial(_table, folder, about), [])
    return rows


def _plan(plan: Row, study: str) -> tuple[Row, list[Row]]:
    steps = [
        {name: str(s[name]) for name in ("kind", "fingerprint", "title")} | {"study": study} for s in plan["steps"]
    ]
    return {"name": str(plan["name"]), "config": json.dumps(dict(plan["config"]), sort_keys=True)}, steps


def _versions(about: Row) -> Row:
    source = about.get("provenance", {})
    return {name: source.get(name) and str(source[name]) for name in ("hemicycle", "commit")}


def _table(folder: Folder, about: Row) -> list[Row]:
    """Read a table whole, so that one that is damaged anywhere is known."""
    name = about["table"]
    table = (folder / "tables").read_table(name)
    try:
        check_release(name, table)
    except DisclosureError as error:
        why = error.problems[0].what
    else:
        why = ""
    columns = table.schema.remove_metadata().serialize().to_pybytes()
    return [about | {"rows": table.num_rows, "columns": columns, "withheld": why}]


# -- configurations as columns -----------------------------------------------------------------------------------------


def dotted(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested plain values by dotted key; lists of mappings by number, other lists as they are."""
    if isinstance(value, Mapping):
        parts: Iterable[tuple[object, Any]] = value.items()
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        parts = enumerate(value)
    else:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in parts:
        found |= dotted(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def with_options(models: pa.Table) -> pa.Table:
    """Add the parts ``OPTIONS`` of each configuration, each as one column of named fields."""
    configs = [json.loads(text) for text in models["config"].to_pylist()]
    for part in OPTIONS:
        values = [dotted(config.get(part) or {}) for config in configs]
        fields = _fields(values)
        if fields:
            models = models.append_column(part, pa.StructArray.from_arrays(list(fields.values()), list(fields)))
    return models


def _fields(rows: list[dict[str, Any]]) -> dict[str, pa.Array]:
    """One array a key; SQL does not tell upper from lower case, so that of two such keys the first has the name."""
    names: dict[str, str] = {}
    for name in sorted({name for row in rows for name in row}):
        names.setdefault(name.lower(), name)
    return {name: _array([row.get(name) for row in rows]) for name in names.values() if name}


def _array(values: list[Any]) -> pa.Array:
    """An array of one type; values of several become JSON."""
    try:
        made = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        made = pa.array([None if value is None else json.dumps(value) for value in values])
    return made.cast(pa.string()) if pa.types.is_null(made.type) else made
