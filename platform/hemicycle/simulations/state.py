"""Where a run stands after a step: all it needs to go on, bit for bit, in this process or from a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.exposure.edge_log import EdgeLog
from hemicycle.exposure.mediator import Mediator
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.simulations.densities import COLUMNS as DENSITY_COLUMNS
from hemicycle.simulations.densities import Row as DensityRow
from hemicycle.simulations.setting import Setting

Row = TypeVar("Row")
METRIC_COLUMNS = ("step", "metric", "value")
"""Columns of a run's metrics."""


@dataclass(frozen=True, eq=False)
class Rows(Generic[Row]):
    """A list that only grows: what was seen of it stays, and growing it copies nothing."""

    kept: list[Row] = field(default_factory=list)
    length: int = 0

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Return rows that hold these."""
        return cls([*rows], len(rows))

    def plus(self, more: Sequence[Row]) -> Self:
        """Return the rows with more at their end."""
        kept = self.kept if len(self.kept) == self.length else self.kept[: self.length]
        kept.extend(more)
        return type(self)(kept, len(kept))

    def __iter__(self) -> Iterator[Row]:
        return (self.kept[place] for place in range(self.length))

    def __reversed__(self) -> Iterator[Row]:
        return (self.kept[place] for place in reversed(range(self.length)))

    def __len__(self) -> int:
        return self.length


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn for users and lasts until the next refresh.

    Args:
        step: of the last refresh.
        lists: of the mediator, or those the run was given, int32, shape (n_users, length).
        scores: of the lists.
        proposals: what each user is proposed, shape (n_users, k); None where nothing is.
        sources: what each user is shown; None where it has to be put together again, after follows changed.
    """

    step: int = 0
    lists: NDArray[np.int32] | None = None
    scores: NDArray[np.float32] | None = None
    proposals: NDArray[np.int32] | None = None
    sources: Sources | None = None


@dataclass(frozen=True, eq=False)
class Records:
    """What a run has recorded so far.

    Args:
        metrics: step, metric, value.
        densities: rows of :mod:`hemicycle.simulations.densities`.
        knowledge: rows of :mod:`hemicycle.simulations.knowledge`.
        snapshots: step and all opinions, float16, shape (n_users, n_dims).
    """

    metrics: Rows[tuple[int, str, float]] = field(default_factory=Rows)
    densities: Rows[DensityRow] = field(default_factory=Rows)
    knowledge: Rows[dict[str, Any]] = field(default_factory=Rows)
    snapshots: Rows[tuple[int, NDArray[np.float16]]] = field(default_factory=Rows)


@dataclass(frozen=True, eq=False)
class State:
    """A run after ``step`` steps.

    Args:
        step: steps done.
        opinions: shape (n_users, n_dims).
        graph: who follows whom now.
        log: all changes of follows and clicks; entries of later steps, which a run that went on has added, are none of
            this state's.
        mediator: as of the last refresh.
        drawn: what lasts until the next one.
        records: what has been recorded.
        stopped: why the run ended before its last step; empty: it has not.
    """

    step: int
    opinions: Opinions
    graph: InteractionGraph
    log: EdgeLog = field(default_factory=EdgeLog)
    mediator: Mediator | None = None
    drawn: Drawn = field(default_factory=Drawn)
    records: Records = field(default_factory=Records)
    stopped: str = ""

    def write(self, folder: Folder) -> None:
        """Write all that :func:`read_state` needs into an empty folder, and finish it."""
        folder.write_array("opinions", self.opinions)
        _write_arrays(folder / "log", self.past_log().arrays())
        if len(self.log):
            _write_arrays(folder / "graph", {name: getattr(self.graph, name) for name in _GRAPH})
        if self.mediator is not None:
            _write_arrays(folder / "mediator", self.mediator.state())
        _write_arrays(folder / "drawn", {name: getattr(self.drawn, name) for name in _DRAWN})
        sources = self.drawn.sources
        if sources is not None and self.drawn.proposals is None and not _are_follows(sources, self.graph):
            _write_arrays(folder / "sources", {name: getattr(sources, name) for name in _SOURCES})
        _write_records(folder, self.records)
        folder.write_json("state.json", {"step": self.step, "drawn": self.drawn.step, "stopped": self.stopped})
        folder.finish()

    def past_log(self) -> EdgeLog:
        """Return a log of its own of the changes up to this state."""
        log = EdgeLog()
        for step, changes in self.log.steps():
            if step <= self.step:
                log.append(step, changes)
        return log


def read_state(folder: Folder, setting: Setting) -> State:
    """Read what :meth:`State.write` wrote.

    Args:
        folder: a finished folder.
        setting: the one with which the state was made; it gives all that never changes.

    Raises:
        InputError: the folder is not finished, or belongs to another society.
    """
    if not folder.done:
        raise InputError(f"{folder.uri} holds no whole state", remedy="go on from an earlier one, or from the start")
    about = folder.read_json("state.json")
    drawn: Any = _read_arrays(folder / "drawn")
    opinions = np.array(folder.read_array("opinions"))
    if opinions.shape != setting.innate.shape:
        what = f"{folder.uri} holds opinions of shape {opinions.shape}, the setting's have {setting.innate.shape}"
        raise InputError(what, remedy="give the setting with which it was written")
    edges: Any = _read_arrays(folder / "graph")
    sources: Any = _read_arrays(folder / "sources")
    graph, mediator, options = setting.society.graph, setting.mediator, setting.listing
    if edges:
        graph = replace(graph, **{"weights": None, "times": None, **edges})
    return State(
        step=about["step"],
        opinions=opinions,
        graph=graph,
        log=EdgeLog.from_arrays(_read_arrays(folder / "log")),
        mediator=None if mediator is None else mediator.restored(_read_arrays(folder / "mediator"), options),
        drawn=Drawn(about["drawn"], **drawn, sources=Sources(**{"weights": None, **sources}) if sources else None),
        records=_read_records(folder),
        stopped=about["stopped"],
    )


def _are_follows(sources: Sources, graph: InteractionGraph) -> bool:
    """Tell whether sources are the graph's own arrays, so that they need not be written."""
    if sources.n_users != len(sources.positions) or not np.may_share_memory(sources.indices, graph.indices):
        return False
    return sources.weights is graph.weights


_GRAPH = ("indptr", "indices", "weights", "times")
_DRAWN = ("lists", "scores", "proposals")
_SOURCES = ("indptr", "indices", "weights", "positions")


def _write_arrays(folder: Folder, arrays: Mapping[str, NDArray[Any] | None]) -> None:
    for name, array in arrays.items():
        if array is not None:
            folder.write_array(name, array)


def _read_arrays(folder: Folder) -> dict[str, NDArray[Any]]:
    """Arrays of a folder in memory; none where there is no folder."""
    found = [name.removesuffix(".npy") for name in folder.names()] if folder.exists() else []
    return {name: np.array(folder.read_array(name)) for name in found}


def _write_records(folder: Folder, records: Records) -> None:
    for name, columns in _TABLES.items():
        parts = list(zip(*getattr(records, name), strict=True)) or [()] * len(columns)
        folder.write_table(name, pa.table(dict(zip(columns, map(list, parts), strict=True))))
    folder.write_json("knowledge.json", list(records.knowledge))
    for step, opinions in records.snapshots:
        (folder / "snapshots").write_array(f"{step:09d}", opinions)


def _read_records(folder: Folder) -> Records:
    tables = {name: folder.read_table(name).to_pydict() for name in _TABLES}
    rows: dict[str, list[Any]] = {name: list(zip(*table.values(), strict=True)) for name, table in tables.items()}
    kept = sorted(_read_arrays(folder / "snapshots").items())
    return Records(
        metrics=Rows.of(rows["metrics"]),
        densities=Rows.of(rows["densities"]),
        knowledge=Rows.of(folder.read_json("knowledge.json")),
        snapshots=Rows.of([(int(step), opinions) for step, opinions in kept]),
    )


_TABLES = {"metrics": METRIC_COLUMNS, "densities": DENSITY_COLUMNS}
