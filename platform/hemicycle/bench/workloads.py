"""What the cases work on, as plain files that any Python reads: ``*.npy``, and counts in ``about.json``.

``train_users``, ``train_items``, ``test_users``, ``test_items``: edges, int32. ``users``, ``items``: random vectors of
64 dimensions, float32. ``pointers``, ``indices``: the symmetric adjacency of the training edges, in CSR form.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hemicycle.core.config import fingerprint
from hemicycle.core.errors import InputError
from hemicycle.core.paths import find_folder
from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph

DIM = 64
_DONE = "about.json"
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """Counts of a synthetic workload.

    Args:
        users: rows.
        items: columns.
        train: distinct training edges, about.
        test: edges held out, about.
        adjacency: True when the symmetric adjacency is written, too.
    """

    users: int
    items: int
    train: int
    test: int = 0
    adjacency: bool = False


SYNTHETIC = {
    "gowalla": Size(29_858, 40_981, 810_128, 217_242),
    "million": Size(500_000, 500_000, 10_000_000, adjacency=True),
    "hundred_thousand": Size(50_000, 50_000, 1_000_000, adjacency=True),
    "ten_thousand": Size(5_000, 5_000, 100_000, adjacency=True),
    "senate": Size(101, 1_054, 47_607),
    "follows": Size(1_000_000, 1_000, 18_000_000),
    "some_follows": Size(50_000, 500, 900_000),
    "small": Size(500, 300, 6_000, 1_000, adjacency=True),
}


@dataclass(frozen=True)
class Workload:
    """A workload on disk.

    Args:
        folder: its files.
        about: ``title``, ``users``, ``items``, ``train``, ``test``.
    """

    folder: Path
    about: dict[str, Any]


def workload(name: str, cache: Path) -> Workload:
    """Return a workload, written now unless the cache holds it; ``gowalla`` is the real one where it is at hand.

    Raises:
        InputError: the name is unknown.
    """
    if name not in SYNTHETIC:
        raise InputError(f"there is no workload {name!r}", remedy=f"known: {', '.join(SYNTHETIC)}")
    real = find_folder(name) if name == "gowalla" else None
    identity = fingerprint([name, vars(SYNTHETIC[name]), str(real) if real else "synthetic", 2])[:8]
    folder = cache / f"{name}-{identity}"
    if not (folder / _DONE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _DONE).write_text(json.dumps(_write(name, real, folder)), encoding="utf-8")
    return Workload(folder, json.loads((folder / _DONE).read_text(encoding="utf-8")))


def load(folder: str | Path, *names: str) -> list[NDArray[Any]]:
    """Return arrays of a workload, memory-mapped."""
    return [np.load(Path(folder, f"{name}.npy"), mmap_mode="r") for name in names]


def about(folder: str | Path) -> dict[str, Any]:
    """Return the counts of a workload."""
    found: dict[str, Any] = json.loads(Path(folder, _DONE).read_text(encoding="utf-8"))
    return found


def graphs(folder: str | Path) -> tuple[InteractionGraph, InteractionGraph | None]:
    """Return the training graph and, where edges are held out, the test graph."""
    counts = about(folder)
    parts = ("train", "test") if counts["test"] else ("train",)
    found = [_graph(load(folder, f"{part}_users", f"{part}_items"), counts) for part in parts]
    return found[0], found[1] if counts["test"] else None


def _graph(edges: Sequence[NDArray[Any]], counts: Mapping[str, Any]) -> InteractionGraph:
    return InteractionGraph.from_edges(edges[0], edges[1], counts["users"], counts["items"])


def _write(name: str, real: Path | None, folder: Path) -> dict[str, Any]:
    """Write the arrays; return the counts."""
    size = SYNTHETIC[name]
    train, test = _gowalla(real) if real else _drawn(size, name)
    users, items = (size.users, size.items) if not real else _shape(train, test)
    random = rng("bench vectors", name)
    arrays = {"train_users": train[0], "train_items": train[1], "test_users": test[0], "test_items": test[1]}
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array.astype(np.int32))
    for key, count in (("users", users), ("items", items)):
        np.save(folder / f"{key}.npy", random.standard_normal((count, DIM), np.float32))
    if size.adjacency:
        adjacency = _graph(train, {"users": users, "items": items}).adjacency()
        np.save(folder / "pointers.npy", adjacency.indptr)
        np.save(folder / "indices.npy", adjacency.indices)
    title = "Gowalla" if real else f"synthetic ({name})"
    return {"title": title, "users": users, "items": items, "train": len(train[0]), "test": len(test[0])}


def _gowalla(folder: Path) -> tuple[tuple[Ids, Ids], tuple[Ids, Ids]]:
    tables = [pq.read_table(folder / f"{part}.parquet") for part in ("train", "test")]
    columns = [(table["user"].to_numpy(), table["item"].to_numpy()) for table in tables]
    return columns[0], columns[1]


def _shape(*edges: tuple[Ids, Ids]) -> tuple[int, int]:
    return max(int(e[0].max()) for e in edges) + 1, max(int(e[1].max()) for e in edges) + 1


def _drawn(size: Size, name: str) -> tuple[tuple[Ids, Ids], tuple[Ids, Ids]]:
    """Distinct random edges: lognormal activity of users, popularity of items falling with the square root of rank."""
    random, wanted = rng("bench edges", name), size.train + size.test
    activity, popularity = random.lognormal(0, 1, size.users), 1 / np.sqrt(np.arange(1.0, size.items + 1))
    popularity = random.permutation(popularity)
    keys: Ids = np.empty(0, np.int64)
    while len(keys) < wanted:
        users, items = (_drawn_ids(weights, wanted // 2 + 1, random) for weights in (activity, popularity))
        keys = np.unique(np.concatenate([keys, users * size.items + items]))
    users, items = np.divmod(random.permutation(keys)[:wanted], size.items)
    return (users[size.test :], items[size.test :]), (users[: size.test], items[: size.test])


def _drawn_ids(weights: NDArray[np.float64], count: int, random: np.random.Generator) -> Ids:
    totals = np.cumsum(weights)
    found: Ids = np.searchsorted(totals, random.random(count) * totals[-1])
    return np.minimum(found, len(weights) - 1)
