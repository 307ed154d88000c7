"""What a store holds: its studies, how far they are, where every result comes from, and what may leave."""

from typing import Any

import pyarrow as pa

from hemicycle.core.disclosure import check_release, is_public
from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.data.schema import Dataset
from hemicycle.studies.engine import FAILED
from hemicycle.studies.run import PLAN

REPORT = "report.html"
STATUS = ["study", "steps", "finished", "failed", "missing", "report"]


def studies(store: Folder) -> list[Folder]:
    """Folders of all studies, by name."""
    root = store / "studies"
    return [root / name for name in root.names() if (root / name).exists(PLAN)]


def status(store: Folder) -> list[dict[str, Any]]:
    """One row a study with the columns ``STATUS``."""
    return [_status(folder, store) for folder in studies(store)]


def _status(folder: Folder, store: Folder) -> dict[str, Any]:
    try:
        wanted = folder.read_json(PLAN)["steps"]
    except (StorageError, KeyError, TypeError):
        empty = dict.fromkeys(("steps", "finished", "failed", "missing"), 0)
        return {"study": folder.name, **empty, "report": "damaged: run its configuration again"}
    steps = [store / "steps" / s["kind"] / s["fingerprint"] for s in wanted]
    done = [step.done for step in steps]
    failed = sum(step.exists(FAILED) for step, finished in zip(steps, done, strict=True) if not finished)
    return {
        "study": folder.name,
        "steps": len(steps),
        "finished": sum(done),
        "failed": failed,
        "missing": len(steps) - sum(done) - failed,
        "report": f"{folder.uri}/{REPORT}" if folder.exists(REPORT) else "",
    }


def find_study(name: str, store: Folder) -> Folder:
    """Return the folder of a study: its folder's name, or its short name when that is unique.

    Raises:
        InputError: there is none, or there are several.
    """
    found = [f for f in studies(store) if f.name == name] or [
        f for f in studies(store) if f.name.rpartition("-")[0] == name
    ]
    if len(found) != 1:
        known = ", ".join(f.name for f in found or studies(store)) or "none yet"
        what = f"several studies are called {name!r}" if found else f"there is no study {name!r} in {store.uri}"
        raise InputError(what, remedy=f"studies: {known}")
    return found[0]


def show(run_id: str, store: Folder) -> dict[str, Any]:
    """Return the provenance of one run: a step's fingerprint (its beginning is enough) or a model's name.

    Raises:
        InputError: nothing, or more than one thing, is called that.
    """
    steps = store / "steps"
    wanted = {run_id} | {
        row.id
        for folder in studies(store)
        if (folder / "tables").exists("records.parquet")
        for row in (folder / "tables").read_table("records").to_pandas().itertuples()
        if row.name == run_id
    }
    found = [
        steps / kind / name
        for kind in steps.names()
        for name in (steps / kind).names()
        if any(name.startswith(start) for start in wanted)
    ]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} runs are called {run_id!r}",
            remedy="give more of the fingerprint; `hemicycle population list STUDY` names models",
        )
    folder = found[0]
    name = "manifest.json" if folder.done else FAILED
    return {"folder": folder.uri, "finished": folder.done, **(folder.read_json(name) if folder.exists(name) else {})}


def table(study: str, name: str, store: Folder) -> pa.Table:
    """Return a table of a study, or ``users``, ``items`` or a relation of its data, for another program.

    Raises:
        DisclosureError: it holds sensitive values of people who are not public, row by row.
        InputError: there is no such table.
    """
    folder = find_study(study, store)
    tables = folder / "tables"
    known = [file.removesuffix(".parquet") for file in tables.names()]
    data = _data_folder(folder, store)
    of_data = [file.removesuffix(".parquet") for file in data.names() if file.endswith(".parquet")]
    if name not in known + of_data:
        raise InputError(f"the study has no table {name!r}", remedy=f"tables: {', '.join(known + of_data)}")
    found = (tables if name in known else data).read_table(name)
    if name.startswith("relation-") and not is_public(found):
        remedy = f"export results instead: {', '.join(known)}"
        raise DisclosureError(f"table {name!r} says row by row what users did who are not public", remedy=remedy)
    check_release(name, found)
    return found


def public_data(study: str, store: Folder) -> Dataset:
    """Return the data of a study whose users are public.

    Raises:
        DisclosureError: they are not.
    """
    dataset = Dataset.read(_data_folder(find_study(study, store), store))
    if not dataset.public:
        raise DisclosureError(
            f"the graph of {dataset.name!r} says what users did who are not public", remedy="export results instead"
        )
    return dataset


def _data_folder(study: Folder, store: Folder) -> Folder:
    found = next(step for step in study.read_json(PLAN)["steps"] if step["kind"] == "data")
    return store / "steps" / "data" / str(found["fingerprint"])
