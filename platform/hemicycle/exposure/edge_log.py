"""What users change about whom they follow, as an append-only log, and its fast application to a graph.

A step's changes are a set of follows ended, a set of follows begun and clicks. A graph after a step is

    E' = (E minus dropped) united with added,

so that applying the same changes twice changes nothing more, and replaying the log from the start yields the very
graph in which a simulation ended. Clicks stand in the log and leave the graph as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.loops import compiled, over_entries, over_rows
from hemicycle.graphs.interaction import InteractionGraph

Pairs = NDArray[np.int32]
"""Users and sources, shape (m, 2)."""
KINDS = ("unfollow", "follow", "click")
"""What an entry of the log can be, by code."""
_COLUMNS = ("step", "user", "source", "kind")
_A_SEARCH = 20  # sums of an entry that finding an edge takes


def no_pairs() -> Pairs:
    """Return no pairs."""
    return np.zeros((0, 2), np.int32)


@dataclass(frozen=True, eq=False)
class Changes:
    """What users did in one step.

    Args:
        dropped: whom users no longer follow, shape (m, 2): user, source.
        added: whom they follow from now on, shape (m, 2).
        clicked: what they clicked, shape (m, 2); sources from the number of users on are items.
    """

    dropped: Pairs = field(default_factory=no_pairs)
    added: Pairs = field(default_factory=no_pairs)
    clicked: Pairs = field(default_factory=no_pairs)

    @property
    def rewires(self) -> bool:
        """Tell whether the graph changes."""
        return bool(len(self.dropped) or len(self.added))

    @property
    def users(self) -> NDArray[np.int64]:
        """Users whose own follows change, ascending."""
        return np.unique(np.concatenate([self.dropped[:, 0], self.added[:, 0]])).astype(np.int64)

    def parts(self) -> tuple[Pairs, Pairs, Pairs]:
        """Pairs by kind, in the order of ``KINDS``."""
        return self.dropped, self.added, self.clicked


class EdgeLog:
    """All changes since the start, in order; it only grows."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, Changes]] = []
        self._tally = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._tallied = 0

    def __len__(self) -> int:
        return sum(len(part) for _, changes in self._steps for part in changes.parts())

    def append(self, step: int, changes: Changes) -> None:
        """Take in the changes of a step, at most once a step and in ascending order of steps.

        Raises:
            ValueError: the log already holds this step or a later one.
        """
        if self._steps and step <= self._steps[-1][0]:
            raise ValueError(f"step {step} after step {self._steps[-1][0]}: the log only grows")
        if any(len(part) for part in changes.parts()):
            self._steps.append((step, changes))

    def steps(self) -> Iterator[tuple[int, Changes]]:
        """Yield the steps in which something changed, with their changes, in order."""
        return iter(self._steps)

    def replayed(self, graph: InteractionGraph, until: int | None = None) -> InteractionGraph:
        """Return the graph that the log makes of its start, with the changes of steps up to ``until``."""
        for step, changes in self._steps:
            if until is None or step <= until:
                graph = applied(graph, changes)
        return graph

    def clicks(self) -> Pairs:
        """Return all clicks since the start, with repetitions, shape (m, 2)."""
        return np.concatenate([no_pairs(), *(changes.clicked for _, changes in self._steps)])

    def times_clicked(self, proposals: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Return how often each user clicked each of its proposals before, shape (n_users, k); 0 where -1 pads."""
        self._count_clicks()
        keys, counts = self._tally
        wanted = _numbered(np.arange(len(proposals))[:, None], proposals)
        if not len(keys):
            return np.zeros(wanted.shape, np.int32)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((keys[at] == wanted) & (proposals >= 0), counts[at], 0).astype(np.int32)

    def _count_clicks(self) -> None:
        """Add the clicks of new steps to those that are counted."""
        new = [changes.clicked for _, changes in self._steps[self._tallied :]]
        self._tallied = len(self._steps)
        clicked = np.concatenate([no_pairs(), *new])
        if not len(clicked):
            return
        keys = np.concatenate([self._tally[0], _numbered(clicked[:, 0], clicked[:, 1])])
        weights = np.concatenate([self._tally[1], np.ones(len(clicked), np.int64)])
        found, place = np.unique(keys, return_inverse=True)
        self._tally = (found, np.bincount(place, weights).astype(np.int64))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the log as columns: step int32, user int32, source int32, kind int8 (code of ``KINDS``)."""
        parts = [(step, code, part) for step, c in self._steps for code, part in enumerate(c.parts()) if len(part)]
        pairs = np.concatenate([no_pairs(), *(part for _, _, part in parts)])
        sizes = [len(part) for _, _, part in parts]
        steps = np.repeat(np.array([step for step, _, _ in parts], np.int32), sizes)
        kinds = np.repeat(np.array([code for _, code, _ in parts], np.int8), sizes)
        return {"step": steps, "user": pairs[:, 0].copy(), "source": pairs[:, 1].copy(), "kind": kinds}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "EdgeLog":
        """Return the log of :meth:`arrays`."""
        steps, users, sources, kinds = (np.asarray(arrays[name]) for name in _COLUMNS)
        log, pairs = cls(), np.stack([users, sources], 1).astype(np.int32)
        bounds = np.flatnonzero(np.diff(steps, prepend=-1, append=-1)) if len(steps) else np.zeros(0, np.int64)
        for first, last in pairwise(bounds):
            part, kind = pairs[first:last], kinds[first:last]
            log.append(int(steps[first]), Changes(*(part[kind == code] for code in range(len(KINDS)))))
        return log

    def table(self) -> pa.Table:
        """Return the log as a table: step, user, source (rows of the users' table, then items), what."""
        found = self.arrays()
        what = pa.DictionaryArray.from_arrays(pa.array(found.pop("kind")), list(KINDS))
        return pa.table({**found, "what": what})


# -- application to a graph ------------------------------------------------------------------------------------------


def applied(graph: InteractionGraph, changes: Changes) -> InteractionGraph:
    """Return the graph after changes; the graph itself when nothing changes.

    A new follow weighs 1. Times of edges are dropped, because steps are no seconds. In an undirected graph both
    directions change together.

    Raises:
        InputError: a change names a user who is not in the graph.
    """
    if not changes.rewires:
        return graph
    both = graph.social and not graph.directed
    dropped, added = (_keys(pairs, graph, both=both) for pairs in (changes.dropped, changes.added))
    keep = np.ones(graph.n_edges, np.bool_)
    keep[_places(graph, dropped[~np.isin(dropped, added, assume_unique=True)])] = False
    new = added[_places(graph, added, found=False)]
    return _merged(graph, keep, new)


def with_edges(graph: InteractionGraph, pairs: Pairs) -> InteractionGraph:
    """Return the graph with further edges of weight 1; those that it has already stay as they are.

    Args:
        graph: of users and users, or of users and items.
        pairs: rows and columns, with repetitions, shape (m, 2).
    """
    return applied(graph, Changes(added=pairs))


def _numbered(users: NDArray[np.integer[Any]], sources: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Pairs as numbers."""
    return users.astype(np.int64) << 32 | sources.astype(np.int64)


def _keys(pairs: Pairs, graph: InteractionGraph, *, both: bool) -> NDArray[np.int64]:
    """Pairs as distinct ascending numbers user * n_items + source, without loops."""
    users, sources = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    outside = (users < 0) | (users >= graph.n_users) | (sources < 0) | (sources >= graph.n_items)
    if outside.any():
        what = f"{int(outside.sum())} edges leave the range of {graph.n_users} users and {graph.n_items} sources"
        raise InputError(what, remedy="only users can be followed; items can be clicked")
    if both:
        users, sources = np.concatenate([users, sources]), np.concatenate([sources, users])
    keys = users * graph.n_items + sources
    return np.unique(keys[users != sources] if graph.social else keys)


def _places(graph: InteractionGraph, keys: NDArray[np.int64], *, found: bool = True) -> NDArray[np.int64]:
    """Places among the graph's edges of the keys that are edges; with ``found=False`` places in keys of the others."""
    at = np.empty(len(keys), np.int64)
    rows = (graph.indptr, graph.indices)
    over_rows(_search, len(keys), rows, keys, graph.n_items, at, work=_A_SEARCH * len(keys))
    return at[at >= 0] if found else np.flatnonzero(at < 0)


def _merged(graph: InteractionGraph, keep: NDArray[np.bool_], new: NDArray[np.int64]) -> InteractionGraph:
    """Return the graph of the edges that are kept and of new ones, given as ascending keys that are no edges."""
    n = graph.n_users
    users, sources = new // graph.n_items, (new % graph.n_items).astype(np.int32)
    more = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n))])
    counts = np.empty(n, np.int64)
    over_entries(_count, graph.indptr, graph.indptr, keep, counts)
    indptr = np.concatenate([[0], np.cumsum(counts + np.diff(more))]).astype(np.int64)
    indices = np.empty(indptr[-1], np.int32)
    old = np.empty(0, np.float32) if graph.weights is None else graph.weights
    weights = np.empty(len(indices) if graph.weights is not None else 0, np.float32)
    rows = (graph.indptr, graph.indices, old)
    over_entries(_merge, graph.indptr, rows, keep, (more, sources), (indptr, indices, weights))
    return replace(graph, indptr=indptr, indices=indices, weights=weights if len(old) else None, times=None)


@compiled
def _search(span: Any, rows: Any, keys: Any, width: Any, at: Any) -> None:
    """Place of every key among the edges, -1 where it is none, by bisection within its row."""
    indptr, indices = rows
    for i in range(span[0], span[1]):
        user, source = keys[i] // width, keys[i] % width
        low, high = indptr[user], indptr[user + 1]
        while low < high:
            middle = (low + high) // 2
            if indices[middle] < source:
                low = middle + 1
            else:
                high = middle
        at[i] = low if low < indptr[user + 1] and indices[low] == source else -1


@compiled
def _count(span: Any, indptr: Any, keep: Any, counts: Any) -> None:
    """Edges of every user that are kept."""
    for user in range(span[0], span[1]):
        total = 0
        for edge in range(indptr[user], indptr[user + 1]):
            total += keep[edge]
        counts[user] = total


@compiled
def _merge(span: Any, old: Any, keep: Any, new: Any, out: Any) -> None:
    """Merge kept edges and new ones, both ascending within a row."""
    indptr, indices, weights = old
    more, sources = new
    for user in range(span[0], span[1]):
        at, fresh = out[0][user], more[user]
        for edge in range(indptr[user], indptr[user + 1]):
            while fresh < more[user + 1] and sources[fresh] < indices[edge]:
                _put(out, at, sources[fresh], np.float32(1))
                at, fresh = at + 1, fresh + 1
            if keep[edge]:
                _put(out, at, indices[edge], weights[edge] if len(weights) else np.float32(1))
                at += 1
        while fresh < more[user + 1]:
            _put(out, at, sources[fresh], np.float32(1))
            at, fresh = at + 1, fresh + 1


@compiled
def _put(out: Any, at: Any, source: Any, weight: Any) -> None:
    out[1][at] = source
    if len(out[2]):
        out[2][at] = weight
