"""Checkpoints of a fit on disk, and the state from which an interrupted fit goes on.

``epoch-00003/table.npy``: what the recommender needs of epoch 3; ``checkpoints.json``: what there is, written last;
``history.parquet``: loss and validation by epoch; ``resume/``: while the fit runs, every worker's state.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.storage import Folder
from hemicycle.recommenders.base import Parameters

_INDEX = "checkpoints.json"
History = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a finished fit.

    Args:
        folder: what ``fit`` wrote to.
    """

    folder: Folder

    @cached_property
    def _index(self) -> dict[str, Any]:
        return dict(self.folder.read_json(_INDEX))

    @property
    def epochs(self) -> tuple[int, ...]:
        """Epochs with a checkpoint, ascending; 0 is the untrained state."""
        return tuple(self._index["epochs"])

    @property
    def best_epoch(self) -> int:
        """The epoch that recommends."""
        return int(self._index["best_epoch"])

    @property
    def identity(self) -> str:
        """Fingerprint of what was fitted."""
        return str(self._index["identity"])

    @property
    def history(self) -> list[dict[str, float]]:
        """Loss and validation by epoch; a value that an epoch lacks is left out."""
        rows = self.folder.read_table("history").to_pylist()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def load(self, epoch: int) -> Parameters:
        """Return the parameters of an epoch, memory-mapped on a local disk."""
        return load(self.folder, epoch)


def finished(folder: Folder, identity: str) -> Checkpoints | None:
    """Return the checkpoints if this very fit has been finished here."""
    found = Checkpoints(folder)
    return found if folder.exists(_INDEX) and found.identity == identity else None


def load(folder: Folder, epoch: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of an epoch."""
    checkpoint = folder / _name(epoch)
    return {name.removesuffix(".npy"): checkpoint.read_array(name.removesuffix(".npy")) for name in checkpoint.names()}


def save(folder: Folder, epoch: int, parameters: Parameters) -> None:
    """Write the arrays of an epoch."""
    for name, array in parameters.items():
        (folder / _name(epoch)).write_array(name, array)


def sweep(folder: Folder, keep: Collection[int]) -> None:
    """Delete the checkpoints of all epochs but these."""
    kept = {_name(epoch) for epoch in keep}
    for name in folder.names():
        if name.startswith("epoch-") and name not in kept:
            (folder / name).delete()


def copy(source: Folder, target: Folder) -> None:
    """Copy the checkpoints of one folder into another; states to resume from stay where they are."""
    for name in source.names():
        if name.startswith("epoch-"):
            (source / name).copy_to(target / name)


def close(folder: Folder, identity: str, best_epoch: int, history: History, *, goes_on: bool = False) -> None:
    """Write the history and then the index of what is there, which ends the fit or its stretch.

    Unless it ``goes_on``, nothing to resume is left.
    """
    columns = list(dict.fromkeys(name for row in history for name in row))
    folder.write_table("history", pa.table({name: [row.get(name) for row in history] for name in columns}))
    epochs = sorted(int(name.removeprefix("epoch-")) for name in folder.names() if name.startswith("epoch-"))
    folder.write_json(_INDEX, {"identity": identity, "epochs": epochs, "best_epoch": best_epoch})
    if not goes_on:
        (folder / "resume").delete()


def _name(epoch: int) -> str:
    return f"epoch-{epoch:05d}"


# -- resuming --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a fit has come; with every worker's arrays it is all that the rest depends on."""

    epoch: int
    step: int
    history: tuple[Mapping[str, float], ...]


def save_shard(folder: Folder, epoch: int, rank: int, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one worker's arrays."""
    for name, array in arrays.items():
        (folder / "resume" / _name(epoch) / f"rank-{rank}").write_array(name, array)


def save_progress(folder: Folder, identity: str, progress: Progress) -> None:
    """Complete the state of an epoch, once every worker has saved its arrays, and drop older ones."""
    state = folder / "resume" / _name(progress.epoch)
    state.write_json("progress.json", {"identity": identity, **vars(progress)})
    state.finish()
    for name in (folder / "resume").names():
        if name != state.name:
            (folder / "resume" / name).delete()


def last_progress(folder: Folder, identity: str) -> Progress | None:
    """Return the newest complete state of this very fit."""
    for name in reversed((folder / "resume").names()):
        state = folder / "resume" / name
        if state.done and (found := state.read_json("progress.json")).pop("identity") == identity:
            return Progress(found["epoch"], found["step"], tuple(found["history"]))
    return None


def history_so_far(folder: Folder) -> list[dict[str, float]]:
    """Loss and validation by epoch of a fit under way, up to its newest complete state; none before it has one."""
    for name in reversed((folder / "resume").names()):
        if (state := folder / "resume" / name).done:
            return [dict(row) for row in state.read_json("progress.json")["history"]]
    return []


def load_shard(folder: Folder, epoch: int, rank: int) -> dict[str, NDArray[Any]]:
    """Return one worker's arrays, in memory."""
    shard = folder / "resume" / _name(epoch) / f"rank-{rank}"
    names = [name.removesuffix(".npy") for name in shard.names()]
    return {name: np.array(shard.read_array(name)) for name in names}
