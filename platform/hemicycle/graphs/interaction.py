"""InteractionGraph: who interacted with what, or who follows whom, as compressed sparse rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Relation

IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Adjacency:
    """The symmetric, unweighted adjacency on which a graph network propagates.

    A bipartite graph and a directed social one (as its bipartite double cover: every user once as follower, once
    as followed) have ``n_users + n_items`` nodes; an undirected social graph has one node a user.

    Args:
        indptr: int64, shape (n_nodes + 1,).
        indices: int32, shape (2 * edges,), sorted within a row.
        user_offset: node of user 0.
        item_offset: node of item 0.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    user_offset: int
    item_offset: int

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1


@dataclass(frozen=True, eq=False)
class Features:
    """What is known of the nodes beside the edges, for recommenders that use content.

    Args:
        users: float32, shape (n_users, any), or None.
        items: float32, shape (n_items, any), or None; in a graph between users they are the users' own.
    """

    users: NDArray[np.float32] | None = None
    items: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class InteractionGraph:
    """A frozen graph in CSR form; arrays may be memory-mapped.

    Args:
        indptr: int64, shape (n_users + 1,): row u holds ``indices[indptr[u]:indptr[u + 1]]``.
        indices: int32, shape (n_edges,), items sorted within a row, no duplicates.
        n_items: number of columns.
        social: True when columns are users too (then n_items == n_users and there are no self-loops).
        directed: False when the matrix is symmetric.
        weights: float32, shape (n_edges,), or None when all are 1.
        times: float64 seconds, shape (n_edges,), or None.
        features: what is known of the nodes.
        also: name -> another relation of the same users (the friends of people who listen), never held out.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    n_items: int
    social: bool = False
    directed: bool = True
    weights: NDArray[np.float32] | None = None
    times: NDArray[np.float64] | None = None
    features: Features = field(default_factory=Features)
    also: Mapping[str, "InteractionGraph"] = field(default_factory=dict)

    @classmethod
    def from_edges(  # noqa: PLR0913 - the columns of an edge list are what they are
        cls,
        users: IntArray,
        items: IntArray,
        n_users: int,
        n_items: int,
        *,
        social: bool = False,
        directed: bool = True,
        weights: NDArray[Any] | None = None,
        times: NDArray[Any] | None = None,
    ) -> "InteractionGraph":
        """Build a graph from edges in any order.

        Duplicates become one edge (weights are summed, the latest time stays); self-loops of a social graph are
        dropped; an undirected one is symmetrised.

        Raises:
            InputError: no edge is left, or an id is out of range.
        """
        users, items = np.asarray(users, np.int64), np.asarray(items, np.int64)
        if social and n_users != n_items:
            raise InputError(f"a social graph has as many columns as rows, not {n_items} and {n_users}")
        keep = users != items if social else np.ones(len(users), bool)
        if not keep.any():
            raise InputError("the graph has no edge", remedy="check the edge list, its filters and its self-loops")
        if min(users.min(), items.min()) < 0 or users.max() >= n_users or items.max() >= n_items:
            raise InputError(f"an edge leaves the range of {n_users} users and {n_items} items")
        users, items = users[keep], items[keep]
        values = [None if v is None else np.asarray(v)[keep] for v in (weights, times)]
        if social and not directed:
            users, items = np.concatenate([users, items]), np.concatenate([items, users])
            values = [None if v is None else np.concatenate([v, v]) for v in values]
        key = users * n_items + items
        order = np.argsort(key, kind="stable")
        key = key[order]
        first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        kept = key[first]
        summed = None if values[0] is None else np.add.reduceat(values[0][order].astype(np.float64), first)
        latest = None if values[1] is None else np.maximum.reduceat(values[1][order].astype(np.float64), first)
        return cls(
            indptr=_pointers(kept // n_items, n_users),
            indices=(kept % n_items).astype(np.int32),
            n_items=n_items,
            social=social,
            directed=directed or not social,
            weights=None if summed is None else summed.astype(np.float32),
            times=latest,
        )

    @classmethod
    def from_relation(cls, relation: Relation, n_users: int, n_items: int) -> "InteractionGraph":
        """Build the graph of a data set's relation."""
        columns = {name: relation.table[name].to_numpy() for name in relation.table.column_names}
        return cls.from_edges(
            columns["user"],
            columns["item"],
            n_users,
            n_items,
            social=relation.social,
            directed=relation.directed,
            weights=columns.get("weight"),
            times=columns.get("time"),
        )

    @property
    def n_users(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @property
    def n_edges(self) -> int:
        """Number of stored entries; an undirected edge counts twice."""
        return len(self.indices)

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Items of each user, shape (n_users,)."""
        return np.diff(self.indptr)

    @cached_property
    def item_degrees(self) -> NDArray[np.int64]:
        """Users of each item, shape (n_items,)."""
        return np.bincount(self.indices, minlength=self.n_items)

    def rows(self) -> NDArray[np.int32]:
        """User of every entry, shape (n_edges,)."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.degrees)

    def to_scipy(self) -> sp.csr_array:
        """Return the matrix users x items (weights, or 1)."""
        values = np.ones(self.n_edges, np.float32) if self.weights is None else self.weights
        return sp.csr_array((values, self.indices, self.indptr), shape=(self.n_users, self.n_items))

    def adjacency(self) -> Adjacency:
        """Return the symmetric adjacency on which a graph network propagates."""
        if self.social and not self.directed:
            return Adjacency(np.asarray(self.indptr), np.asarray(self.indices), 0, 0)
        n = self.n_users
        by_item = np.argsort(self.indices, kind="stable")
        indices = np.empty(2 * self.n_edges, np.int32)
        np.add(self.indices, n, out=indices[: self.n_edges], casting="unsafe")
        indices[self.n_edges :] = self.rows()[by_item]
        item_pointers = self.n_edges + np.cumsum(self.item_degrees)
        return Adjacency(np.concatenate([self.indptr, item_pointers]), indices, 0, n)

    def select(self, keep: NDArray[np.bool_]) -> "InteractionGraph":
        """Return the graph of the entries where ``keep``, shape (n_edges,), is True; it knows the same of the nodes."""
        return replace(
            self,
            indptr=_pointers(self.rows()[keep], self.n_users),
            indices=self.indices[keep],
            weights=None if self.weights is None else self.weights[keep],
            times=None if self.times is None else self.times[keep],
        )

    def edges_only(self) -> "InteractionGraph":
        """Return the graph without features and other relations."""
        return replace(self, features=Features(), also={})

    def write(self, folder: Folder) -> None:
        """Write the arrays and ``graph.json``; other relations in folders of their own."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {"user_features": self.features.users, "item_features": self.features.items}
        for name, array in arrays.items():
            if array is not None:
                folder.write_array(name, array)
        for name, other in self.also.items():
            other.write(folder / "also" / name)
        about = {"n_items": self.n_items, "social": self.social, "directed": self.directed, "also": [*self.also]}
        folder.write_json("graph.json", about)

    @classmethod
    def read(cls, folder: Folder) -> "InteractionGraph":
        """Read what :meth:`write` wrote; memory-mapped on a local disk."""

        def array(name: str) -> Any:
            return folder.read_array(name) if folder.exists(f"{name}.npy") else None

        about = folder.read_json("graph.json")
        also = {name: cls.read(folder / "also" / name) for name in about.pop("also", [])}
        features = Features(array("user_features"), array("item_features"))
        return cls(**{name: array(name) for name in _ARRAYS}, **about, features=features, also=also)


_ARRAYS = ("indptr", "indices", "weights", "times")


def _pointers(rows: IntArray, n_rows: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
