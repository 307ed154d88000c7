"""The index of a store: its models, steps, studies and tables as a few parquet files, made from the store at any time.

The index is a copy and nothing else: deleting ``STORE/index`` loses nothing. A refresh lists the folders of steps and
studies with the times of the files that close them, reads those that are new or changed, and writes the whole index
as a folder of its own, whose name begins with the time and which its DONE closes. Nobody ever appends to a file, so
that two refreshes at once cannot spoil each other: readers take the latest closed folder, and what one refresh missed
the next one reads. Results themselves stay in the tables of the studies; the index knows where they are, what columns
they have and which of them may not be shown.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from hemicycle.core.errors import InputError
from hemicycle.core.storage import DONE, Folder, StorageError
from hemicycle.ledger.index_rows import (
    ABOUT,
    EVALUATION,
    FAILED,
    MANIFEST,
    MODELS,
    PLAN,
    RECORDS,
    SCHEMAS,
    STRETCH,
    Rows,
    stamp_of,
    step_rows,
    study_rows,
    with_options,
)
from hemicycle.studies.listing import stamps
from hemicycle.studies.marker import check_store

INDEX, LAYOUT = "index", "v1"
"""Folder below a store, and the folder in it that changes when columns do."""
KEPT = 2
"""Latest copies that stay: somebody may be reading the one before the last."""
READERS = 16
"""Requests at the same time to an object store."""
_OF_STEP, _OF_STUDY = (DONE, FAILED, RECORDS, MANIFEST), (PLAN, ABOUT, "tables/")

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Index:
    """What a store holds.

    Args:
        store: its root.
        tables: those of ``index_rows.SCHEMAS``, by name; ``models`` with columns for its options.
        read: folders that had to be read for it; 0 when it was there.
        unsaved: why it could not be kept; empty when it was.
    """

    store: Folder
    tables: Mapping[str, pa.Table]
    read: int = 0
    unsaved: str = ""

    def __getitem__(self, name: str) -> pa.Table:
        return self.tables[name]


Store = Folder | str | os.PathLike[str] | None
"""A store: opened, a path or a URI; None for the usual one."""


def open_store(path: Store = None) -> Folder:
    """Return the store: ``path``, else ``$HEMICYCLE_STORE``, else ``hemicycle-store`` in the current folder."""
    if isinstance(path, Folder):
        return path
    return Folder.at(path or os.environ.get("HEMICYCLE_STORE") or "hemicycle-store")


def refresh(store: Folder, *, rebuild: bool = False) -> Index:
    """Return the index of a store as it is now, and keep it there.

    Args:
        store: root of the store.
        rebuild: read every folder, whether it changed or not.

    Raises:
        InputError: the folder is no store; nothing is written to it.
        StorageError: it cannot be listed.
    """
    kinds = _check(store)
    old = None if rebuild else _latest(store)
    steps = {f"{kind}/{name}": files for kind in kinds for name, files in _steps(store, kind)}
    listed = stamps(store / "studies", _OF_STUDY)
    studies = {name: files for name, files in listed.items() if PLAN in files}
    before = _stamps_of(old)
    changed = [key for key, files in steps.items() if before.get(f"steps/{key}") != stamp_of(files)]
    altered = [key for key, files in studies.items() if before.get(f"studies/{key}") != stamp_of(files)]
    gone = before.keys() - {f"steps/{key}" for key in steps} - {f"studies/{key}" for key in studies}
    if old is not None and not (changed or altered or gone):
        return Index(store, old)
    found = [*each(store, partial(_read_step, store, steps), changed)]
    found += each(store, lambda name: study_rows(store / "studies" / name, studies[name]), altered)
    stale = gone | {f"steps/{key}" for key in changed} | {f"studies/{key}" for key in altered}
    tables = _joined(_merged(old, found, stale))
    return Index(store, tables, len(found), _keep(store, tables))


def _check(store: Folder) -> list[str]:
    """Return the kinds of steps in a store."""
    check_store(store)
    if not set(store.names()) & {"steps", "studies"}:
        remedy = "name a store with --store PATH or $HEMICYCLE_STORE, or run a study first"
        raise InputError(f"there is no study in {store.uri}", remedy=remedy)
    return (store / "steps").names()


def _steps(store: Folder, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    yield from stamps(store / "steps" / kind, _OF_STEP).items()


def _read_step(store: Folder, steps: Mapping[str, Mapping[str, str]], key: str) -> Rows:
    kind, _, name = key.partition("/")
    return step_rows(store / "steps" / kind / name, kind, steps[key])


def each(store: Folder, read: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """Apply a function to folders, many at a time where each is a request."""
    if store.local is not None:
        return [read(item) for item in items]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, items))


# -- what is known already ---------------------------------------------------------------------------------------------


def _stamps_of(tables: Mapping[str, pa.Table] | None) -> dict[str, str]:
    """Place -> stamp, of everything that was read before."""
    if tables is None:
        return {}
    steps, studies = tables["steps"], tables["studies"]
    keys = pc.binary_join_element_wise("steps", steps["kind"], steps["fingerprint"], "/").to_pylist()
    keys += pc.binary_join_element_wise("studies", studies["study"], "/").to_pylist()
    return dict(zip(keys, steps["stamp"].to_pylist() + studies["stamp"].to_pylist(), strict=True))


def _merged(old: Mapping[str, pa.Table] | None, found: Iterable[Rows], stale: Iterable[str]) -> dict[str, pa.Table]:
    """What was known of places that did not change, and what was read now."""
    new: dict[str, list[dict[str, object]]] = {name: [] for name in SCHEMAS}
    for rows in found:
        for name, of in rows.of.items():
            new[name] += of
    left = pa.array(sorted(stale), pa.string())
    made = {name: pa.Table.from_pylist(new[name], schema) for name, schema in SCHEMAS.items()}
    if old is None:
        return made
    return {name: pa.concat_tables([_without(name, old[name], left), table]) for name, table in made.items()}


def _without(name: str, table: pa.Table, places: pa.Array) -> pa.Table:
    """Leave out the rows that were read from some places."""
    table = table.select(SCHEMAS[name].names)
    if name == "problems":
        place = table["place"]
    elif name in {"steps", "models"}:
        of = table["fingerprint" if name == "steps" else "step"]
        place = pc.binary_join_element_wise("steps", table["kind"], of, "/")
    else:
        place = pc.binary_join_element_wise("studies", table["study"], "/")
    return table.filter(pc.invert(pc.is_in(place, places)))


def _joined(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Sort, and give every model a row for each study that wants it, under the name that the study gives it."""
    wanted = _wanted(tables["plans"], set(tables["models"]["step"].to_pylist()))
    ends = _ends(tables["steps"])
    models = {row["id"]: row for row in tables["models"].to_pylist()}
    rows = [
        row | {"study": study, "name": _named(row, title), "last": row["kind"] != STRETCH or row["step"] in ends}
        for row in models.values()
        for study, title in wanted.get(row["step"], [("", "")])
    ]
    made = pa.Table.from_pylist(sorted(rows, key=itemgetter("study", "name", "id")), MODELS)
    keys = {"steps": ["kind", "fingerprint"], "studies": ["study"], "tables": ["study", "table"]}
    keys |= {"plans": ["study", "kind", "title"], "problems": ["place", "file"]}
    ordered = {n: tables[n].sort_by([(key, "ascending") for key in by]) for n, by in keys.items()}
    return {"models": with_options(made), **ordered}


def _wanted(plans: pa.Table, makers: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Step -> studies that want it and their titles for it, of the steps that make models."""
    found: dict[str, list[tuple[str, str]]] = {}
    columns = (plans[name].to_pylist() for name in ("fingerprint", "study", "title"))
    for step, study, title in zip(*columns, strict=True):
        if step in makers:
            found.setdefault(step, []).append((study, title))
    return found


def _ends(steps: pa.Table) -> set[str]:
    """Steps after which a trial was evaluated: stretches before them are no models of their own."""
    evaluations = steps.filter(pc.equal(steps["kind"], EVALUATION))["inputs"].to_pylist()
    return {str(json.loads(inputs).get("model")) for inputs in evaluations if inputs}


def _named(row: Mapping[str, object], title: str) -> str:
    """The name of a record in a study: its step's title without the verb."""
    name = title.rpartition(" ")[2]
    return f"{name}-untrained" if name and row["status"] == "untrained" else name


# -- copies ------------------------------------------------------------------------------------------------------------


def _latest(store: Folder) -> dict[str, pa.Table] | None:
    """Read the latest copy that is whole; None where there is none, or where it was removed meanwhile."""
    root = store / INDEX / LAYOUT
    for name in reversed(root.names()):
        if (root / name).done:
            try:
                return {table: (root / name).read_table(table) for table in SCHEMAS}
            except StorageError:
                continue
    return None


def _keep(store: Folder, tables: Mapping[str, pa.Table]) -> str:
    """Write a copy and remove those that nobody needs; return why it could not be written."""
    root = store / INDEX / LAYOUT
    folder = root / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    try:
        for name, table in tables.items():
            folder.write_table(name, table)
        folder.finish()
        for name in root.names()[:-KEPT]:
            (root / name).delete()
    except (StorageError, InputError) as error:
        return str(error)
    return ""
