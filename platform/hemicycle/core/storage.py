"""Folders on a local disk or an object store, through pyarrow.fs.

A :class:`Folder` holds tables (parquet), arrays (npy, memory-mapped where the disk is local) and small JSON
documents. Every file is written beside its name and moved there whole; a folder counts as finished once
:meth:`Folder.finish` has written its ``DONE`` marker, which is always the last thing written.
"""

import errno
import io
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hemicycle.core.errors import HemicycleError, InputError

DONE = "DONE"


class StorageError(HemicycleError):
    """The store could not be read or written."""


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file below a folder.

    Args:
        name: path relative to the folder.
        size: bytes.
        changed: when it was last written, seconds since 1970.
    """

    name: str
    size: int
    changed: float


@dataclass(frozen=True)
class Folder:
    """A folder of a store, named by a local path or a URI such as ``s3://bucket/prefix``.

    Args:
        uri: local path or URI; it need not exist.
    """

    uri: str

    @classmethod
    def at(cls, location: str | os.PathLike[str]) -> "Folder":
        """Return the folder at a path or URI; relative paths are made absolute."""
        scheme, separator, rest = (text := os.fspath(location)).partition("://")
        return cls(f"{scheme}://{rest.rstrip('/')}" if separator else str(Path(text).expanduser().absolute()))

    @cached_property
    def _where(self) -> tuple[pafs.FileSystem, str]:
        if "://" in self.uri:
            try:
                filesystem, path = pafs.FileSystem.from_uri(self.uri)
            except (OSError, ValueError, pa.ArrowException) as error:
                raise InputError(
                    f"cannot open storage {self.uri!r}: {error}", remedy="give a local path or s3://bucket/prefix"
                ) from error
            return filesystem, path
        return pafs.LocalFileSystem(), self.uri

    def __getstate__(self) -> dict[str, Any]:
        return {"uri": self.uri}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "uri", state["uri"])

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.uri}/{name}")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.uri.rstrip("/").rsplit("/", 1)[-1]

    @property
    def local(self) -> Path | None:
        """The path on this machine's disk, or None on an object store."""
        filesystem, path = self._where
        return Path(path) if isinstance(filesystem, pafs.LocalFileSystem) else None

    # -- files -----------------------------------------------------------------------------------------------------

    def exists(self, name: str = "") -> bool:
        """Tell whether a file or folder of this name is here."""
        filesystem, path = self._where
        target = f"{path}/{name}" if name else path
        with _explained(self.uri):
            return bool(filesystem.get_file_info(target).type != pafs.FileType.NotFound)

    def names(self) -> list[str]:
        """Names of the files and folders directly below, sorted; partly written files are left out."""
        return sorted(i.base_name for i in self._below(recursive=False) if ".part-" not in i.base_name)

    def size(self) -> int:
        """Bytes of all files below."""
        return sum(i.size or 0 for i in self._below(recursive=True) if i.is_file)

    def files(self) -> list[StoredFile]:
        """All files below, partly written ones among them, by name; links are neither followed nor listed."""
        if self.local is not None:
            with _explained(self.uri):
                return sorted(_walk(self.local, ""))
        start = len(self._where[1]) + 1
        found = (i for i in self._below(recursive=True) if i.is_file)
        return sorted(StoredFile(i.path[start:], i.size or 0, (i.mtime_ns or 0) / 1e9) for i in found)

    def _below(self, *, recursive: bool) -> list[pafs.FileInfo]:
        filesystem, path = self._where
        with _explained(self.uri):
            return list(filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=recursive)))

    def delete(self) -> None:
        """Remove the folder and all below it; no error when it is not there. DONE goes first."""
        self.reopen()
        filesystem, path = self._where
        with _explained(self.uri):
            if self.exists():
                filesystem.delete_dir(path)

    def remove(self, name: str) -> None:
        """Remove one file; no error when it is not there."""
        filesystem, path = self._where
        with _explained(f"{self.uri}/{name}"):
            if self.exists(name):
                filesystem.delete_file(f"{path}/{name}")

    def copy_to(self, target: "Folder") -> None:
        """Copy all files below into another folder, which may lie in another store."""
        (filesystem, path), (other, place) = self._where, target._where  # noqa: SLF001 - another of the same class
        with _explained(target.uri):
            other.create_dir(place, recursive=True)
            pafs.copy_files(path, place, source_filesystem=filesystem, destination_filesystem=other)

    def write(self, name: str, writer: Callable[[IO[bytes]], None]) -> None:
        """Write one file whole: ``writer`` fills it, then it takes its name.

        Raises:
            StorageError: nothing is left under the name when the disk is full or the store not writable.
        """
        filesystem, path = self._where
        part = f"{path}/{name}.part-{uuid.uuid4().hex[:8]}"
        try:
            with _explained(self.uri):
                filesystem.create_dir(path, recursive=True)
                with filesystem.open_output_stream(part) as stream:
                    writer(stream)
                filesystem.move(part, f"{path}/{name}")
        except BaseException:
            _remove_quietly(filesystem, part)
            raise

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write one file."""
        self.write(name, lambda stream: _discard(stream.write(content)))

    def read_bytes(self, name: str) -> bytes:
        """Read one file."""
        filesystem, path = self._where
        with _explained(f"{self.uri}/{name}"), filesystem.open_input_stream(f"{path}/{name}") as stream:
            return bytes(stream.read())

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """Open one file for reading piece by piece, from any place in it."""
        filesystem, path = self._where
        with _explained(f"{self.uri}/{name}"), filesystem.open_input_file(f"{path}/{name}") as stream:
            yield stream

    # -- kinds of file ---------------------------------------------------------------------------------------------

    def write_json(self, name: str, value: Any) -> None:
        """Write ``name`` as indented JSON with sorted keys; numpy's numbers stay numbers, paths become text."""
        self.write_bytes(name, json.dumps(value, indent=1, sort_keys=True, default=_plain).encode() + b"\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file."""
        with _intact(f"{self.uri}/{name}"):
            return json.loads(self.read_bytes(name))

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write ``name``.parquet; schema metadata is kept."""
        self.write(f"{name}.parquet", lambda stream: pq.write_table(table, stream, compression="zstd"))

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read ``name``.parquet."""
        filesystem, path = self._where
        with _intact(f"{self.uri}/{name}.parquet"):
            return pq.read_table(f"{path}/{name}.parquet", columns=columns, filesystem=filesystem)

    def write_array(self, name: str, array: NDArray[Any]) -> None:
        """Write ``name``.npy."""
        contiguous = np.asarray(array, order="C")
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(contiguous))

        def fill(stream: IO[bytes]) -> None:
            stream.write(header.getvalue())
            if contiguous.size:
                stream.write(contiguous.reshape(-1).view(np.uint8).data)

        self.write(f"{name}.npy", fill)

    def read_array(self, name: str) -> NDArray[Any]:
        """Read ``name``.npy; memory-mapped read-only on a local disk."""
        if self.local is not None:
            with _intact(f"{self.uri}/{name}.npy"):
                return np.asarray(np.load(self.local / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        with _intact(f"{self.uri}/{name}.npy"):
            return np.asarray(np.load(io.BytesIO(self.read_bytes(f"{name}.npy")), allow_pickle=False))

    # -- finishing -------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """True once :meth:`finish` has closed the folder."""
        return self.exists(DONE)

    def finish(self) -> None:
        """Close the folder: everything in it is complete from now on."""
        self.write_bytes(DONE, b"")

    def reopen(self) -> None:
        """Take the mark of :meth:`finish` away: what is here is about to change."""
        filesystem, path = self._where
        with _explained(self.uri):
            if self.exists(DONE):
                filesystem.delete_file(f"{path}/{DONE}")

    def check_writable(self) -> None:
        """Raise an InputError when nothing can be written here."""
        probe = f"write-test-{uuid.uuid4().hex[:8]}"
        filesystem, path = self._where
        try:
            filesystem.create_dir(path, recursive=True)
            with filesystem.open_output_stream(f"{path}/{probe}") as stream:
                stream.write(b"x")
            filesystem.delete_file(f"{path}/{probe}")
        except (OSError, pa.ArrowException) as error:
            _remove_quietly(filesystem, f"{path}/{probe}")
            raise InputError(
                f"the store {self.uri} is not writable ({error})",
                remedy="choose another with --store PATH or the variable HEMICYCLE_STORE",
            ) from error

    def free_bytes(self) -> int | None:
        """Bytes free on the disk that holds this folder; None on an object store."""
        if self.local is None:
            return None
        existing = next(p for p in (self.local, *self.local.parents) if p.exists())
        return shutil.disk_usage(existing).free


def _walk(place: Path, prefix: str) -> Iterator[StoredFile]:
    """Files below a folder of the disk; what vanishes meanwhile is left out."""
    try:
        entries = list(os.scandir(place))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/")
        elif entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                about = entry.stat(follow_symlinks=False)
                yield StoredFile(name, about.st_size, about.st_mtime)


def _plain(value: object) -> Any:
    """Turn what JSON does not know into what it knows."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _discard(_: object) -> None:
    """Give a call that returns something the shape of one that returns nothing."""


def _remove_quietly(filesystem: pafs.FileSystem, path: str) -> None:
    try:
        filesystem.delete_file(path)
    except (OSError, pa.ArrowException):
        return


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn the operating system's and arrow's errors into a StorageError that names the place."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(f"{where} is not there. Run the command that makes it again.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageError(
                f"no space left on the disk of {where}. Free some and run the same command again."
            ) from error
        raise StorageError(f"{where}: {error}") from error
    except pa.ArrowException as error:
        raise StorageError(f"{where}: {error}") from error


@contextmanager
def _intact(where: str) -> Iterator[None]:
    """As :func:`_explained`, where a file's content is read: what cannot be parsed is damaged."""
    with _explained(where):
        try:
            yield
        except (ValueError, EOFError) as error:
            text = f"{where} is damaged: {error}. Delete its folder and run the same command again."
            raise StorageError(text) from error
