"""The mark of a store: a folder full of other things is never taken for one, and never written to."""

import re

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder, StorageError

MARKER, FORMAT = "hemicycle-store.json", 1
ROOMS = ("steps", "studies", "index")
FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_SYSTEM = frozenset({"lost+found"})


def contents(store: Folder) -> list[str]:
    """Names at the root of a store, without the operating system's own."""
    return [name for name in store.names() if not name.startswith(".") and name not in _SYSTEM]


def looks_ours(store: Folder) -> bool:
    """Tell whether a folder without a mark has our layout: a step under its fingerprint, or a study with its plan."""
    steps, studies = store / "steps", store / "studies"
    found = (name for kind in steps.names() for name in (steps / kind).names())
    return any(map(FINGERPRINT.fullmatch, found)) or any(
        (studies / name).exists("plan.json") for name in studies.names()
    )


def check_store(store: Folder) -> None:
    """Return when a folder is a store, or may become one: it is new or empty. Nothing is written.

    Raises:
        InputError: it holds other things, or a newer version made it.
    """
    names = contents(store)
    if MARKER in names:
        _check_mark(store)
    elif names and not looks_ours(store):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise InputError(
            f"the folder {store.uri} is no store of hemicycle: it holds {', '.join(names[:3])}{more}",
            "--store",
            "choose an empty or new folder; nothing was written",
        )


def _check_mark(store: Folder) -> None:
    place = f"{store.uri}/{MARKER}"
    try:
        version = int(store.read_json(MARKER)["format"])
    except (StorageError, KeyError, TypeError, ValueError) as error:
        remedy = f'if the folder is a store, write {{"format": {FORMAT}}} into that file; else choose another --store'
        raise InputError("the mark of the store is damaged", place, remedy) from error
    if version > FORMAT:
        what = f"the store has format {version}; this version of hemicycle knows {FORMAT}"
        raise InputError(what, place, "update hemicycle, or choose another --store")


def check_usable(store: Folder) -> None:
    """Return when a folder is a store, or may become one, and can be written; nothing is left in it.

    Raises:
        InputError: it holds other things, or cannot be written.
    """
    try:
        check_store(store)
    except StorageError:
        store.check_writable()
        raise
    store.check_writable()


def mark(store: Folder) -> None:
    """Make a usable folder a store, before anything else is written; one that only lacks the mark is adopted."""
    if not store.exists(MARKER):
        store.write_json(MARKER, {"format": FORMAT})


def check_ours(store: Folder) -> None:
    """Raise an InputError unless a folder is a store for certain: marked, or with our layout and nothing else."""
    check_store(store)
    names = contents(store)
    foreign = [name for name in names if name not in ROOMS]
    if MARKER not in names and (foreign or not names):
        what = f"holds other things than a store: {', '.join(foreign[:3])}" if foreign else "is empty"
        raise InputError(f"{store.uri} has no {MARKER} and {what}", "--store", "give the folder of a store")
