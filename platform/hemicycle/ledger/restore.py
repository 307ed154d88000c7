"""Open an archive of a study in a store: everything is verified before anything is written."""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from hemicycle.core.errors import InputError
from hemicycle.core.storage import DONE, Folder, StorageError
from hemicycle.ledger.archive import FORMAT, INDEX, README, pieces
from hemicycle.studies.intact import KIND, MANIFEST, PLAN
from hemicycle.studies.locks import hold
from hemicycle.studies.marker import FINGERPRINT, check_store, check_usable, mark

_NAME = r"[^./\\:\x00-\x1f][^/\\:\x00-\x1f]*"
"""A file or folder: nothing that leads elsewhere on any system."""
_PLACE = re.compile(rf"(steps/{KIND.pattern}/{FINGERPRINT.pattern}|studies/{_NAME})(/{_NAME})+")
_TWO = "restore it into another store: --store NEW"


@dataclass
class Restored:
    """What a restoration did.

    Args:
        study: name of the study.
        written: files written.
        there: steps that were there already, the same.
        index: the archive's index.
    """

    study: str
    written: int = 0
    there: int = 0
    index: dict[str, Any] = field(default_factory=dict)


def restore(path: Path, store: Folder) -> Restored:
    """Verify an archive and write its study into a store; what is there already stays.

    Raises:
        InputError: no archive, a damaged or foreign one, one of a newer format, a path that leaves the store, something
            finished that is there with other contents, or too little space.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}", remedy="give the path of an archive")
    check_store(store)
    with _opened(path) as archive:
        index = read_index(archive, str(path))
        _verify(archive, index, str(path))
        plan = _Restoration(archive, index, store, str(path))
        plan.check()
        check_usable(store)
        mark(store)
        return plan.write()


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise _refused("it is no zip, or its end is missing", str(path)) from error
        with archive:
            yield archive


def _refused(what: str, where: str) -> InputError:
    remedy = "copy it again, or have it made again with `hemicycle archive`; nothing was written"
    return InputError(f"the archive cannot be opened: {what}", where, remedy)


def read_index(archive: zipfile.ZipFile, where: str) -> dict[str, Any]:
    """Return the index of an archive whose entries are those that it names, in places where a study may have them.

    Raises:
        InputError: it is none of ours, has a newer format, is damaged or names places outside.
    """
    if INDEX not in archive.namelist():
        raise _refused(f"it is none of hemicycle: there is no {INDEX}", where)
    try:
        index = dict(json.loads(archive.read(INDEX)))
        version = int(index["format"])
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise _refused(f"{INDEX} is damaged", where) from error
    if version > FORMAT:
        what = f"it has format {version}, made by hemicycle {index.get('hemicycle', '?')}; this version knows {FORMAT}"
        raise InputError(f"the archive cannot be opened: {what}", where, "update hemicycle")
    try:
        _check_entries(archive, index, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise _refused(f"{INDEX} is damaged", where) from error
    return index


def _check_entries(archive: zipfile.ZipFile, index: dict[str, Any], where: str) -> None:
    """Raise unless the entries are those listed, of the listed sizes, each where something of this study may lie."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    listed = {INDEX: sizes[INDEX]} | {name: about["size"] for name, about in index["files"].items()}
    if len(sizes) != len(archive.infolist()):
        raise _refused("entries stand twice", where)
    if differing := sorted(name for name in sizes.keys() | listed.keys() if sizes.get(name) != listed.get(name)):
        raise _refused(f"{differing[0]} is missing, not listed, or of another size than listed", where)
    root = f"studies/{index['study']}/"
    for name in sizes.keys() - {INDEX, README}:
        if not _PLACE.fullmatch(name) or not name.startswith(("steps/", root)):
            raise _refused(f"it names a place where nothing of a study lies: {name!r}", where)
    if f"{root}{PLAN}" not in sizes:
        raise _refused("it has no plan of a study", where)


def _verify(archive: zipfile.ZipFile, index: dict[str, Any], where: str) -> None:
    """Read every entry and compare its checksum."""
    for name, about in index["files"].items():
        if _digest(archive, name, where) != about["sha256"]:
            raise _refused(f"the checksum of {name} is wrong", where)


def _digest(archive: zipfile.ZipFile, name: str, where: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as stream:
            for piece in pieces(stream):
                digest.update(piece)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise _refused(f"{name} is damaged", where) from error
    return digest.hexdigest()


class _Restoration:
    """An archive that was verified, on its way into a store."""

    def __init__(self, archive: zipfile.ZipFile, index: dict[str, Any], store: Folder, where: str) -> None:
        self.archive, self.index, self.store, self.where = archive, index, store, where
        self.study = store / "studies" / str(index["study"])
        self.steps: dict[str, list[str]] = {}
        self.of_study: list[str] = []
        for name in index["files"]:
            parts = name.split("/")
            if parts[0] == "steps":
                self.steps.setdefault("/".join(parts[:3]), []).append(name)
            elif parts[0] == "studies":
                self.of_study.append(name)

    def check(self) -> None:
        """Raise an InputError when something finished is there that differs, or the disk is too small."""
        differing = [step for step, names in self.steps.items() if self._differs(self.store / step, step, names)]
        if differing:
            what = (
                f"{len(differing)} finished steps of the store differ from those of the archive, first {differing[0]}"
            )
            raise InputError(what, self.where, _TWO)
        tables = [name for name in self.of_study if "/tables/" in name]
        if self.study.done and any(not self._same(name) for name in tables):
            raise InputError(f"the store has a study {self.study.name} with other tables", self.where, _TWO)
        size, free = sum(about["size"] for about in self.index["files"].values()), self.store.free_bytes()
        if free is not None and size > free:
            what = f"{size / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free on the disk of {self.store.uri}"
            raise InputError(what, self.where, "free some, or choose another --store")

    def _differs(self, folder: Folder, step: str, names: list[str]) -> bool:
        """Whether a finished step of the store has other results; when and where they were made may differ."""
        if not folder.done:
            return False
        return any(not self._same(name) for name in names if name != f"{step}/{MANIFEST}")

    def _same(self, name: str) -> bool:
        """Whether a file of the store is that of the archive."""
        if not self.store.exists(name):
            return False
        digest = hashlib.sha256()
        with self.store.opened(name) as stream:
            for piece in pieces(stream):
                digest.update(piece)
        return bool(digest.hexdigest() == self.index["files"][name]["sha256"])

    def write(self) -> Restored:
        """Write the steps, each closed last, and then the study."""
        done = Restored(self.study.name, index=self.index)
        with hold(self.study):
            for step, names in sorted(self.steps.items()):
                if (self.store / step).done:
                    done.there += 1
                    continue
                (self.store / step).delete()
                done.written += self._write(names, (f"{step}/{DONE}",))
            if not self._complete():
                self.study.reopen()
                root = f"studies/{self.study.name}"
                done.written += self._write(self.of_study, (f"{root}/{PLAN}", f"{root}/{DONE}"))
        return done

    def _complete(self) -> bool:
        """Whether the study is there, finished, with the same tables."""
        return self.study.done and all(self.store.exists(name) for name in self.of_study)

    def _write(self, names: list[str], last: tuple[str, ...]) -> int:
        """Write files, those that make the others count last."""
        for name in [*(n for n in names if n not in last), *(n for n in last if n in names)]:
            folder, _, file = name.rpartition("/")
            (self.store / folder).write(file, partial(self._copy, name))
        return len(names)

    def _copy(self, name: str, target: IO[bytes]) -> None:
        """Copy one entry; its checksum is compared once more, so that a file that changed meanwhile gets no name."""
        digest = hashlib.sha256()
        with self.archive.open(name) as stream:
            for piece in pieces(stream):
                digest.update(piece)
                target.write(piece)
        if digest.hexdigest() != self.index["files"][name]["sha256"]:
            raise StorageError(f"{self.where} changed while it was read. Give the same command again.")
