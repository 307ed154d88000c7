"""What lies in the many folders of a store, found in few requests.

On a disk a question about one file costs microseconds; on an object store every question is a request of tens of
milliseconds, whereas one request lists a thousand objects. Ten thousand steps are therefore asked about one by one
on a disk, and listed together elsewhere.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator

from hemicycle.core.storage import DONE, Folder, StorageError

Stamps = dict[str, dict[str, str]]
"""Folder -> file -> when it was last changed, and its size."""
FEW = 50
"""Steps of a kind that are asked about one by one before all of them are listed."""


def stamps(root: Folder, wanted: Collection[str]) -> Stamps:
    """Return the folders directly below one, and when files in them were last changed.

    Args:
        root: it need not exist.
        wanted: names of files in each folder; a name that ends in a slash stands for every file of that sub-folder.

    Returns:
        Folder -> file -> ``time in nanoseconds-bytes``, of the files that are there. A folder without any of them is
        listed on a disk, and not on an object store, which has no empty folders.

    Raises:
        StorageError: the store cannot be listed.
    """
    path = root.local
    try:
        return _in_bucket(root, wanted) if path is None else _on_disk(str(path), wanted)
    except OSError as error:
        raise StorageError(f"{root.uri}: {error}") from error


def _on_disk(root: str, wanted: Collection[str]) -> Stamps:
    if not os.path.isdir(root):  # noqa: PTH112 - a Path for each of 100,000 files takes longer than the disk
        return {}
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return {name: dict(_stamped(f"{root}/{name}", wanted)) for name in names}


def _stamped(folder: str, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in wanted:
        files = _files(f"{folder}/{name}", name) if name.endswith("/") else [name]
        for file in files:
            try:
                found = os.stat(f"{folder}/{file}")  # noqa: PTH116 - as above
            except FileNotFoundError:
                continue
            yield file, f"{found.st_mtime_ns}-{found.st_size}"


def _files(folder: str, prefix: str) -> list[str]:
    try:
        return sorted(prefix + name for name in os.listdir(folder) if ".part-" not in name)  # noqa: PTH208 - as above
    except FileNotFoundError:
        return []


def _in_bucket(root: Folder, wanted: Collection[str]) -> Stamps:
    found: Stamps = {}
    folders = tuple(name for name in wanted if name.endswith("/"))
    for below in root.files():
        name, _, file = below.name.partition("/")
        if ".part-" not in file and (file in wanted or file.startswith(folders)):
            found.setdefault(name, {})[file] = f"{round(below.changed * 1e9)}-{below.size}"
    return dict(sorted(found.items()))


class Finished:
    """Tells which steps of a store are finished.

    On an object store a kind of which many steps are asked for is listed once; what somebody else finishes after
    that counts as unfinished.

    Args:
        store: root of the store.
    """

    def __init__(self, store: Folder) -> None:
        self._steps, self._path = store / "steps", store.local
        self._asked: Counter[str] = Counter()
        self._listed: dict[str, set[str]] = {}

    def __call__(self, kind: str, fingerprint: str) -> bool:
        """Tell whether a step's folder is closed."""
        if self._path is not None:
            return os.path.exists(f"{self._path}/steps/{kind}/{fingerprint}/{DONE}")  # noqa: PTH110 - as above
        self._asked[kind] += 1
        if self._asked[kind] > FEW and kind not in self._listed:
            self._listed[kind] = {name for name, files in stamps(self._steps / kind, [DONE]).items() if files}
        listed = self._listed.get(kind)
        return (self._steps / kind / fingerprint).done if listed is None else fingerprint in listed
