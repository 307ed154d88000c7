"""Where a relative path of a configuration may lead."""

import os
from pathlib import Path

_beside: list[Path] = []


def remember(folder: Path) -> None:
    """Let relative paths also start at the folder of a configuration that was read."""
    absolute = folder.resolve()
    if absolute not in _beside:
        _beside.insert(0, absolute)


def candidates(path: str | Path) -> list[Path]:
    """Return the places that a path may mean, in order.

    A relative one starts at the current folder, at that of the configuration, or at ``$HEMICYCLE_DATA``; ``~`` is
    expanded; an absolute path means itself.
    """
    given = Path(path).expanduser()
    if given.is_absolute():
        return [given]
    root = os.environ.get("HEMICYCLE_DATA")
    bases = [Path.cwd(), *_beside, *([Path(root).expanduser()] if root else [])]
    return [base / given for base in bases]


def find_folder(path: str | Path) -> Path | None:
    """Return the first of the places that is a folder, or None."""
    return next((place for place in candidates(path) if place.is_dir()), None)


def find(path: str | Path) -> Path | None:
    """Return the first of the places that holds a file, or None."""
    return next((place for place in candidates(path) if place.is_file()), None)
