"""What a store holds: its studies, how far they are, where every result comes from, and what may leave."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from hemicycle.core.config import Raw, validate
from hemicycle.core.disclosure import check_release, is_public
from hemicycle.core.errors import DisclosureError, InputError, Problem, raise_problems
from hemicycle.core.storage import Folder, StorageError
from hemicycle.data.schema import Dataset
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.engine import FAILED
from hemicycle.studies.intact import MANIFEST, PLAN, damage, damaged_steps, read_plan, step_folders
from hemicycle.studies.locks import Driver, read_driver

REPORT = "report.html"
_LISTED = 10
FOLLOWING = "interrupted: more steps follow from what is finished"
"""Said of a study whose plan grows with its results (probes of models, generations of a search) and was not ended."""
STATUS = ["study", "steps", "finished", "failed", "missing", "running", "left", "report"]


def studies(store: Folder) -> list[Folder]:
    """Folders of all studies, by name."""
    root = store / "studies"
    return [root / name for name in root.names() if (root / name).exists(PLAN)]


def status(store: Folder) -> list[dict[str, Any]]:
    """One row a study with the columns ``STATUS``: those with failures first, then those at work, then the rest.

    ``running`` names the live driver and how far it is, or one that died; ``left`` is in seconds, NaN when not known.
    """
    rows = [_status(folder, store) for folder in studies(store)]
    return sorted(rows, key=lambda row: (-row["failed"], not row["running"], -row["missing"], row["study"]))


def _status(folder: Folder, store: Folder) -> dict[str, Any]:
    driver = read_driver(folder)
    alive = driver is not None and driver.alive
    about = {"study": folder.name, "running": _running(driver), "left": math.nan}
    if driver is not None and alive and driver.left is not None:
        about["left"] = driver.left
    try:
        plan = read_plan(folder)
        steps = step_folders(plan, store)
    except InputError:
        empty = dict.fromkeys(("steps", "finished", "failed", "missing"), 0)
        return about | empty | {"report": "damaged: run its configuration again"}
    done = [step.done for step in steps]
    failed = sum(step.exists(FAILED) for step, finished in zip(steps, done, strict=True) if not finished)
    if not about["running"] and not plan.get("complete", True):
        about["running"] = FOLLOWING
    return about | {
        "steps": len(steps),
        "finished": sum(done),
        "failed": failed,
        "missing": len(steps) - sum(done) - failed,
        "report": f"{folder.uri}/{REPORT}" if folder.exists(REPORT) else "",
    }


def _running(driver: Driver | None) -> str:
    """Say who works on a study and how far it is; empty when nobody does."""
    if driver is None:
        return ""
    if not driver.alive:
        return f"died: {driver}"
    return f"{driver}, {driver.done} of {driver.total} steps"


def failures(study: Folder, store: Folder) -> list[dict[str, str]]:
    """Failed steps of a study: fingerprint, title, first line of the error, and what to do.

    Raises:
        InputError: the study's plan is damaged.
    """
    plan = read_plan(study)
    found = zip(plan["steps"], step_folders(plan, store), strict=True)
    return [_failure(row, step) for row, step in found if step.exists(FAILED) and not step.done]


def _failure(row: Mapping[str, Any], step: Folder) -> dict[str, str]:
    """Say what failed; the remedy is that of the error, if it has one."""
    try:
        text = str(step.read_json(FAILED)["error"])
    except (StorageError, KeyError, TypeError):
        text = f"the record of the failure is damaged: {step.uri}/{FAILED}"
    first, _, rest = text.partition("\n")
    remedy = rest.partition("->")[2].strip().partition("\n")[0] or f"hemicycle show {row['fingerprint'][:12]}"
    return {"step": row["fingerprint"], "title": str(row.get("title", "")), "error": first, "remedy": remedy}


def unfinished(study: Folder, store: Folder) -> list[str]:
    """Titles of a study's steps that are neither finished nor failed; for one that was interrupted as far as known."""
    plan = read_plan(study)
    found = zip(plan["steps"], step_folders(plan, store), strict=True)
    titles = [str(row.get("title", "")) for row, step in found if not step.done and not step.exists(FAILED)]
    return [*titles, *([] if plan.get("complete", True) else [FOLLOWING])]


def damaged(study: str, store: Folder) -> list[Problem]:
    """Finished steps of one study whose documents cannot be read, by title, with the remedy; reads all its steps.

    Raises:
        InputError: there is no such study, or its plan is damaged.
    """
    return damaged_steps(find_study(study, store), store)


def stored_config(study: Folder) -> StudyConfig:
    """Return the configuration with which a study was run last.

    Raises:
        InputError: the plan is damaged, or another version wrote a configuration that this one does not know.
    """
    config = validate(StudyConfig, Raw(read_plan(study)["config"], {(): f"{study.uri}/{PLAN}"}))
    if f"{config.name}-{config.fingerprint()[:8]}" != study.name:
        what = "this version of hemicycle reads the stored configuration in another way than the one that wrote it"
        raise InputError(what, f"{study.uri}/{PLAN}", "run the study's YAML file: hemicycle run CONFIG")
    return config


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
    """Return the provenance of one run: a model's name or a step's fingerprint; the beginning of either is enough.

    Raises:
        InputError: nothing, or more than one thing, is called that; or the step is damaged.
    """
    found = _runs(run_id, store)
    if len(found) != 1:
        raise InputError(f"{len(found)} runs are called {run_id!r}", remedy=_which(found))
    folder = store / _step_of(next(iter(found)))
    name = MANIFEST if folder.done else FAILED
    if folder.done:
        raise_problems(damage(folder))
    return {"folder": folder.uri, "finished": folder.done, **(folder.read_json(name) if folder.exists(name) else {})}


def _runs(run_id: str, store: Folder) -> dict[str, str]:
    """Place of every run that is called so -> its name; a model's whole name wins over what merely begins so.

    A model and its untrained twin have one place; the members of a stack have one each, inside that of their step.
    """
    root = store / "steps"
    steps = {f"steps/{kind}/{name}": name for kind in root.names() for name in (root / kind).names()}
    models = [model for model in _models(store) if _step_of(model["folder"]) in steps]
    whole = [model for model in models if model["name"] == run_id]
    begun = [model for model in models if model["name"].startswith(run_id) or model["id"].startswith(run_id)]
    found = {} if whole else {place: "" for place, name in steps.items() if name.startswith(run_id)}
    names = {model["folder"]: model["name"] for model in reversed(whole or begun)}
    return dict(sorted((found | names).items(), key=lambda item: (item[1], item[0])))


def _models(store: Folder) -> Iterator[dict[str, str]]:
    """Name, id and folder of the models of all studies; twins after their models."""
    for folder in studies(store):
        if (folder / "tables").exists("records.parquet"):
            yield from (folder / "tables").read_table("records", ["name", "id", "folder"]).to_pylist()


def _step_of(place: str) -> str:
    """Path of the step in which a model lies."""
    return "/".join(place.split("/")[:3])


def _which(found: Mapping[str, str]) -> str:
    """Say how to name one run, where none or several were meant."""
    if not found:
        return "`hemicycle population list STUDY` names models; the beginning of a name or a fingerprint is enough"
    shown = [" ".join((name, _short(place))).strip() for place, name in list(found.items())[:_LISTED]]
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"give more of the name or the fingerprint; there are: {', '.join(shown)}{more}"


def _short(place: str) -> str:
    kind, fingerprint = place.split("/")[1:3]
    return f"({kind} {fingerprint[:12]})"


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
    found = next(step for step in read_plan(study)["steps"] if step["kind"] == "data")
    return store / "steps" / "data" / str(found["fingerprint"])
