"""A study as one file: a zip with its tables, report, plan, steps and a checksum of each; people's rows stay inside.

Layout: ``hemicycle-archive.json`` (format, checksums, what was left out), ``README.txt``, and the folders
``studies/NAME`` and ``steps/KIND/FINGERPRINT`` as in a store. A step is in the archive whole or not at
all; of a step that is not, manifest, records and what else may leave lie in ``studies/NAME/provenance``. No path of the
store is written down, and the same study gives the same bytes.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from hemicycle import __version__
from hemicycle.core.disclosure import check_release, is_public
from hemicycle.core.errors import DisclosureError, InputError, raise_problems
from hemicycle.core.storage import DONE, Folder, StorageError, StoredFile
from hemicycle.studies.intact import MANIFEST, PLAN, damaged_steps, read_plan, step_folders
from hemicycle.studies.locks import working
from hemicycle.studies.marker import check_store

INDEX, README, FORMAT = "hemicycle-archive.json", "README.txt", 1
SUFFIX = ".hemicycle.zip"
PROVENANCE = "provenance"
CHUNK = 1 << 20
_CHECKPOINT = re.compile(r"(epoch-\d+|resume)/.*")
_OF_STUDY = re.compile(rf"({PLAN}|study\.json|report\.html|{DONE}|tables/[^/]+|figures/[^/]+|{PROVENANCE}/.*)")
_PERSONAL_KINDS = frozenset({"data", "graph", "society"})
_AGGREGATE_JSON = frozenset(
    {MANIFEST, "records.json", "checkpoints.json", "parents.json", "attributes.json"}
    | {"history.json", "proposals.json", "spent.json", "promoted.json", "values.json", "trials.json"}
)
_TEXT = """\
This is a study of hemicycle {version}: {study}
To open it:      hemicycle restore FILE --store FOLDER
Without that:    it is a zip; studies/{study}/tables holds Parquet tables, report.html the report, and
                 hemicycle-archive.json the SHA-256 of every file and the list of what was left out, and why.
"""


@dataclass(frozen=True)
class Wishes:
    """What goes into an archive.

    Args:
        checkpoints: whether trained models do.
        data: whether the data do; None: when the people in them are public.
    """

    checkpoints: bool = True
    data: bool | None = None


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in an archive: what, how many files and bytes, and why."""

    what: str
    files: int
    size: int
    why: str


@dataclass(frozen=True)
class Contents:
    """What an archive of a study would hold.

    Args:
        study: name of its folder.
        public: whether the people in its data are public.
        files: path in the archive -> path in the store.
        left_out: the rest.
        steps: steps that are in it whole.
        total: steps of the study.
    """

    study: str
    public: bool
    files: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    steps: int = 0
    total: int = 0


def contents(study: Folder, store: Folder, wishes: Wishes) -> Contents:
    """Decide what of a study may and should leave.

    Raises:
        InputError: the plan or finished steps are damaged, or a driver is at work on the study.
        DisclosureError: the data are asked for, and the people in them are not public.
    """
    check_store(store)
    plan = read_plan(study)
    if (driver := working(study)) is not None:
        raise InputError(f"study {study.name} is being worked on by {driver}", remedy="wait until it has ended")
    raise_problems(damaged_steps(study, store))
    folders = step_folders(plan, store)
    door = _Door(store, public_people(folders), wishes)
    if wishes.data and not door.public:
        raise DisclosureError(
            f"the data of {study.name} say row by row what people did who are not public",
            "--with-data",
            "leave the option out; another laboratory reads the data from their source",
        )
    found = Contents(study.name, door.public, total=len(folders))
    steps = 0
    for folder, row in zip(folders, plan["steps"], strict=True):
        steps += door.sort_step(folder, f"{row['kind']} {folder.name[:12]} ({row['title']})", found)
    door.sort_study(study, found)
    return Contents(study.name, door.public, dict(sorted(found.files.items())), found.left_out, steps, len(folders))


def public_people(steps: list[Folder]) -> bool:
    """Whether all data of a study are there and say of their people that they are public; else they count as not."""
    data = [step for step in steps if step.uri.rsplit("/", 2)[-2] == "data"]
    try:
        return bool(data) and all(
            folder.done and folder.read_json("dataset.json")["public"] is True and is_public(folder.read_table("users"))
            for folder in data
        )
    except (StorageError, KeyError, TypeError):
        return False


class _Door:
    """Decides file by file; what it does not know stays inside unless all people are public."""

    def __init__(self, store: Folder, public: bool, wishes: Wishes) -> None:
        self.store, self.public, self.wishes = store, public, wishes

    @cached_property
    def with_data(self) -> bool:
        return self.public if self.wishes.data is None else self.wishes.data

    def sort_step(self, folder: Folder, title: str, found: Contents) -> bool:
        """Sort a step's files; returns whether all of it is in the archive."""
        kind, fingerprint = folder.uri.rsplit("/", 2)[-2:]
        if not folder.done:
            found.left_out.append(LeftOut(title, 0, 0, "it is not finished"))
            return False
        files = [
            file
            for file in folder.files()
            if not file.name.startswith(f"train/{fingerprint}/") and ".part-" not in file.name
        ]
        why = {file.name: self._why_not(folder, kind, file) for file in files}
        kept = [file for file in files if not why[file.name]]
        whole = len(kept) == len(files)
        place = f"steps/{kind}/{fingerprint}" if whole else f"studies/{found.study}/{PROVENANCE}/{kind}/{fingerprint}"
        for file in kept:
            if whole or file.name != DONE:
                found.files[f"{place}/{file.name}"] = f"steps/{kind}/{fingerprint}/{file.name}"
        for reason in sorted(set(why.values()) - {""}):
            lost = [file for file in files if why[file.name] == reason]
            found.left_out.append(LeftOut(title, len(lost), sum(file.size for file in lost), reason))
        return whole

    def _why_not(self, folder: Folder, kind: str, file: StoredFile) -> str:
        """Why a file of a step stays inside; empty when it may leave."""
        if file.name in {DONE, MANIFEST}:
            return ""
        if kind == "data" and not self.with_data and self.public:
            return "the data were not asked for"
        if not self.wishes.checkpoints and _CHECKPOINT.fullmatch(file.name):
            return "checkpoints were not asked for"
        return "" if self.public else self._personal(folder, kind, file.name)

    def _personal(self, folder: Folder, kind: str, name: str) -> str:
        """Why a file may not leave when people are not public."""
        if kind in _PERSONAL_KINDS:
            return "what people who are not public are, think and did, row by row"
        if name.endswith(".parquet"):
            return self._row_level(folder, name)
        if name in _AGGREGATE_JSON:
            return ""
        return "may hold values of single people who are not public (vectors, lists, models fitted to them)"

    def _row_level(self, folder: Folder, name: str) -> str:
        try:
            check_release(name, folder.read_table(name.removesuffix(".parquet")))
        except DisclosureError:
            return "rows of single people who are not public"
        return ""

    def sort_study(self, study: Folder, found: Contents) -> None:
        """Sort the files of the study's own folder: reports and figures have passed the door before."""
        for file in study.files():
            place = f"studies/{study.name}/{file.name}"
            if not _OF_STUDY.fullmatch(file.name) or ".part-" in file.name:
                why = "no result: a log or a mark of a run"
            elif not self.public and file.name.startswith("tables/"):
                why = self._row_level(study, file.name)
            else:
                why = ""
            if why:
                found.left_out.append(LeftOut(file.name, 1, file.size, why))
            else:
                found.files[place] = place


# -- the file ----------------------------------------------------------------------------------------------------------


def write_archive(found: Contents, store: Folder, path: Path) -> dict[str, Any]:
    """Write an archive and return its index.

    Raises:
        StorageError: the disk is full, or a file vanished; nothing is left under the name.
    """
    index: dict[str, Any] = {}
    target = Folder.at(path.parent)

    def fill(stream: IO[bytes]) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            files = {place: _add(archive, place, store, source) for place, source in found.files.items()}
            text = _TEXT.format(version=__version__, study=found.study).encode()
            archive.writestr(_entry(README), text)
            files[README] = {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text)}
            index.update(_index(found, files))
            archive.writestr(_entry(INDEX), _json(index))

    target.write(path.name, fill)
    return index


def _index(found: Contents, files: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "hemicycle": __version__,
        "study": found.study,
        "public": found.public,
        "steps": found.steps,
        "of": found.total,
        "files": files,
        "left_out": [asdict(row) for row in found.left_out],
    }


def _add(archive: zipfile.ZipFile, place: str, store: Folder, source: str) -> dict[str, Any]:
    """Copy one file into an archive; returns its checksum and size."""
    digest, size = hashlib.sha256(), 0
    with store.opened(source) as stream, archive.open(_entry(place), "w", force_zip64=True) as entry:
        for piece in pieces(stream):
            digest.update(piece)
            size += len(piece)
            entry.write(piece)
    return {"sha256": digest.hexdigest(), "size": size}


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Read a stream to its end."""
    while piece := stream.read(CHUNK):
        yield bytes(piece)


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without a date; arrays and Parquet are not worth compressing twice."""
    entry = zipfile.ZipInfo(name)
    small = name.endswith((".json", ".html", ".svg", ".csv", ".txt"))
    entry.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    return entry


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
