"""Data sets by name: origin, licence, citation, checksums and how to read them.

The files of a set stand in ``$HEMICYCLE_DATA/<name>/``; what comes with the package or is made by it needs none.
"""

import gzip
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.schema import Source
from hemicycle.data.voteview import bundled_folder

_BUNDLED = "senate96"
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Entry:
    """What is known of a data set.

    Args:
        name: short name, also its folder's.
        title: one line.
        origin: where the files come from.
        licence: what may be done with them.
        citation: what to cite.
        files: file name -> SHA-256 of the copy that was checked.
        config: how to read it as a source; empty when it is no interaction graph.
        downloads: file name -> public URL.
    """

    name: str
    title: str
    origin: str
    licence: str
    citation: str
    files: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    downloads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """Whether a data set is here.

    Args:
        name: short name.
        title: one line.
        state: ``here``, ``incomplete``, ``missing``, ``bundled`` or ``made``.
        where: its folder; empty when it is not here.
        licence: what may be done with it.
    """

    name: str
    title: str
    state: str
    where: str
    licence: str


@cache
def entries() -> Mapping[str, Entry]:
    """All data sets by name."""
    text = (resources.files("hemicycle.data") / "registry.yaml").read_text(encoding="utf-8")
    return {name: Entry(name, **about) for name, about in sorted(yaml.safe_load(text).items())}


def entry(name: str) -> Entry:
    """Return one data set's entry.

    Raises:
        InputError: there is none of this name.
    """
    if name not in entries():
        raise InputError(f"there is no data set {name!r}", remedy=f"known: {', '.join(entries())}")
    return entries()[name]


def root() -> Path | None:
    """Folder of all data sets, ``$HEMICYCLE_DATA``; None when the variable is not set."""
    text = os.environ.get("HEMICYCLE_DATA")
    return Path(text).expanduser().absolute() if text else None


def locate(name: str) -> Path:
    """Return the folder of a data set whose files are all here.

    Raises:
        InputError: the name is unknown, or files are missing; says from where to get them and where to put them.
    """
    about = entry(name)
    if not about.files:
        raise InputError(f"the data set {name!r} is made, not read", remedy="hemicycle data synthesize")
    folder = _folder(about)
    missing = [file for file in about.files if folder is None or not (folder / file).is_file()]
    if missing or folder is None:
        where = str(folder) if folder else "HEMICYCLE_DATA is not set"
        raise InputError(f"the data set {name!r} lacks {', '.join(missing)}", where, _instructions(about))
    return folder


def status() -> list[Status]:
    """Return one row for each data set."""
    return [
        Status(about.name, about.title, state, str(_folder(about) or "") if about.files else "", about.licence)
        for about, state in ((about, _state(about)) for about in entries().values())
    ]


def verify(name: str) -> Path:
    """Return the folder of a data set whose files are here and are those that were checked.

    Raises:
        InputError: lists every file that is missing or differs.
    """
    folder, about = locate(name), entry(name)
    remedy = f"results may differ from published ones; get the checked copy: {_instructions(about)}"
    raise_problems(
        Problem("the file differs from the copy that was checked (SHA-256)", str(folder / file), remedy)
        for file, digest in about.files.items()
        if _sha256(folder / file) != digest
    )
    return folder


def open_source(name: str) -> Source:
    """Return the source that reads a data set.

    Raises:
        InputError: the set is no interaction graph.
    """
    about = entry(name)
    if not about.config:
        raise InputError(f"the data set {name!r} holds no interactions", remedy="it is read by other modules")
    if about.files:
        locate(name)
    source: Source = SOURCE.build(SOURCE.validate(dict(about.config)))
    return source


def fetch(name: str) -> list[Path]:
    """Download what is missing of a data set to ``$HEMICYCLE_DATA/<name>/`` and return the new files.

    Files that their publisher keeps updating can differ from the checked copy: see :func:`verify`.

    Raises:
        InputError: no public address is known (says where to get the files and where to put them), the
            variable is not set, or the network cannot be reached.
    """
    about = entry(name)
    folder = _folder(about)
    if not about.files or name == _BUNDLED:
        return []
    if folder is None:
        raise InputError("there is no folder for data sets", remedy="set HEMICYCLE_DATA to a folder")
    missing = [file for file in about.files if not (folder / file).is_file()]
    raise_problems(
        Problem(f"no public address of {file} is known", str(folder), _instructions(about))
        for file in missing
        if file not in about.downloads
    )
    return [_download(about.downloads[file], folder / file) for file in missing]


def _folder(about: Entry) -> Path | None:
    if about.name == _BUNDLED:
        return bundled_folder()
    base = root()
    return base / about.name if base else None


def _state(about: Entry) -> str:
    if not about.files or about.name == _BUNDLED:
        return "bundled" if about.files else "made"
    folder = _folder(about)
    here = sum(folder is not None and (folder / file).is_file() for file in about.files)
    return "missing" if not here else "here" if here == len(about.files) else "incomplete"


def _instructions(about: Entry) -> str:
    if about.downloads:
        return f"set HEMICYCLE_DATA to a folder, then: hemicycle data fetch {about.name}"
    return f"get the files from {about.origin} and put them into $HEMICYCLE_DATA/{about.name}"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _download(url: str, target: Path) -> Path:
    """Download a file whole; a target that ends in .gz is compressed here."""
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - addresses come from the registry alone
            content = answer.read()
    except (URLError, TimeoutError, OSError) as error:
        remedy = f"check the network, or get it another way and save it as {target}"
        raise InputError(f"cannot download {url}: {error}", remedy=remedy) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".part-{os.getpid()}-{target.name}")
    part.write_bytes(gzip.compress(content, mtime=0) if target.suffix == ".gz" else content)
    part.replace(target)
    return target
