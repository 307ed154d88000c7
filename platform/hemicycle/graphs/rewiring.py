"""Null graphs: the same degrees, everything else by chance.

What a model reads out of such a graph it owes to how many edges everyone has, not to whom they lead. Edges are
swapped in pairs, (a, b), (c, d) -> (a, d), (c, b), whenever neither new edge exists, is forbidden or is a self-loop.
In a bipartite graph this is the checkerboard swap (Connor and Simberloff, Ecology 1979), whose Markov chain reaches
every graph of the same degrees with equal probability, as the curveball trades of Strona et al. (Nature Communications
2014) do; between users it is the switching chain (Milo et al., arXiv cond-mat/0312028), for undirected edges with their
ends turned at random. A rejected swap counts as a step, without which the chain would favour graphs with few swaps.
Directed graphs of very few edges can have classes that no swap joins, such as the two orientations of a triangle
(Rao, Jana and Bandyopadhyay, Sankhya A 1996).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FREE = -1
_BIPARTITE, _DIRECTED, _UNDIRECTED = 0, 1, 2
_MOST_NODES = 3_037_000_499
"""Largest number of nodes whose pairs have distinct 63-bit keys."""
Integers = NDArray[np.int64]


class RewiringConfig(Options):
    """How far a graph is rewired."""

    swaps: int = Field(10, ge=1)
    """Swaps tried for each edge; each sweep over all edges is a step of ``Mixing``."""
    seed: int = Field(0, ge=0)
    """Key of the draws."""


@dataclass(frozen=True)
class Mixing:
    """How far a rewired graph is from the one it came from.

    Args:
        kept: share of the original edges that are there after each sweep, in which as many swaps are tried as there
            are edges.
        accepted: share of the tried swaps that were made.
        n_edges: edges that could be swapped; an undirected one counts once.
    """

    kept: tuple[float, ...]
    accepted: float
    n_edges: int

    @property
    def settled(self) -> bool:
        """Whether the last third of the sweeps keeps as much as the third before, up to four standard errors.

        What is then left is what any graph of these degrees shares with the original.
        """
        third = len(self.kept) // 3
        if not third:
            return False
        last, before = np.mean(self.kept[-third:]), np.mean(self.kept[-2 * third : -third])
        n = max(1, self.n_edges)
        return bool(abs(last - before) <= 4 * np.sqrt(last * (1 - last) / n) + 1 / n)


@dataclass(frozen=True, eq=False)
class Rewired:
    """A null graph.

    Args:
        graph: of the same degrees; weights and times stay with the user whose edge it was.
        mixing: how far it is from the original.
    """

    graph: InteractionGraph
    mixing: Mixing


def rewire(
    graph: InteractionGraph,
    rng: np.random.Generator,
    swaps: int = 10,
    forbidden: Sequence[InteractionGraph] = (),
) -> Rewired:
    """Return a graph with the same degree of every user and item, and otherwise random edges.

    In a directed graph between users in- and out-degrees stay; none gets a self-loop or an edge twice. Features and
    other relations are passed on as they are.

    Args:
        graph: what is rewired.
        rng: random numbers.
        swaps: tried for each edge.
        forbidden: graphs of the same nodes whose edges must not come up, e.g. those held out.

    Raises:
        InputError: fewer than one swap, another number of nodes, or more of them than keys can tell apart.
    """
    _check(graph, swaps, forbidden)
    kind = _kind(graph)
    edges, order = _edges(graph, kind)
    n = np.int64(graph.n_items)
    original = np.sort(_keys(edges, n, kind))
    taken = [_keys(_edges(other, kind)[0], n, kind) for other in forbidden]
    table = _table(np.concatenate([original, *taken]))
    kept, made = [], 0
    for _ in range(swaps):
        made += _sweep(edges, table, _proposals(edges.shape[1], rng), n, kind)
        kept.append(float(np.isin(_keys(edges, n, kind), original).mean()))
    mixing = Mixing(tuple(kept), made / (swaps * edges.shape[1]), edges.shape[1])
    return Rewired(_graph(graph, edges, order), mixing)


def _check(graph: InteractionGraph, swaps: int, forbidden: Sequence[InteractionGraph]) -> None:
    if swaps < 1:
        raise InputError(f"{swaps} swaps an edge", "swaps", "ask for at least one; ten are customary")
    for other in forbidden:
        if (other.n_users, other.n_items) != (graph.n_users, graph.n_items):
            sizes = f"{other.n_users} x {other.n_items} nodes, where the rewired one has"
            raise InputError(f"a forbidden graph has {sizes} {graph.n_users} x {graph.n_items}", "forbidden")
    if max(graph.n_users, graph.n_items) > _MOST_NODES:
        raise InputError(f"{max(graph.n_users, graph.n_items)} nodes are more than {_MOST_NODES}", "graph")


def _kind(graph: InteractionGraph) -> int:
    return _BIPARTITE if not graph.social else _DIRECTED if graph.directed else _UNDIRECTED


def _edges(graph: InteractionGraph, kind: int) -> tuple[Integers, Integers]:
    """Ends of all edges, shape (2, n), and their places in the graph; of an undirected edge the one with u < v."""
    rows = graph.rows()
    places = np.flatnonzero(rows < graph.indices) if kind == _UNDIRECTED else np.arange(graph.n_edges)
    return np.stack([rows[places], graph.indices[places]]).astype(np.int64), places


def _keys(edges: Integers, n: np.int64, kind: int) -> Integers:
    """One number an edge, shape (n_edges,)."""
    first, second = (edges.min(0), edges.max(0)) if kind == _UNDIRECTED else edges
    return np.asarray(first * n + second)


def _proposals(n_edges: int, rng: np.random.Generator) -> Integers:
    """Pairs of edges to swap and whether the second is turned round, shape (3, n_edges)."""
    pairs = rng.integers(0, max(1, n_edges), (2, n_edges))
    return np.concatenate([pairs, rng.integers(0, 2, (1, n_edges))])


def _graph(graph: InteractionGraph, edges: Integers, places: Integers) -> InteractionGraph:
    """Return the rewired edges as a graph."""
    columns = [None if values is None else values[places] for values in (graph.weights, graph.times)]
    made = InteractionGraph.from_edges(
        edges[0],
        edges[1],
        graph.n_users,
        graph.n_items,
        social=graph.social,
        directed=graph.directed,
        weights=columns[0],
        times=columns[1],
    )
    return replace(made, features=graph.features, also=graph.also)


# -- compiled --------------------------------------------------------------------------------------------------------


def _table(keys: Integers) -> Integers:
    """Return an open-addressing hash table, at most half full, that holds some keys (Knuth, TAOCP 6.4)."""
    table = np.full(1 << max(4, int(2 * len(keys)).bit_length()), _FREE, np.int64)
    _fill(table, keys)
    return table


@_compiled
def _home(table: Integers, key: np.int64) -> np.int64:  # pragma: no cover - compiled
    mixed = np.uint64(key) * _GOLDEN
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(len(table) - 1))


@_compiled
def _slot(table: Integers, key: np.int64) -> np.int64:  # pragma: no cover - compiled
    """Where a key is, or would be put."""
    slot = _home(table, key)
    while table[slot] not in (_FREE, key):
        slot = (slot + 1) & (len(table) - 1)
    return np.int64(slot)


@_compiled
def _fill(table: Integers, keys: Integers) -> None:  # pragma: no cover - compiled
    for key in keys:
        table[_slot(table, key)] = key


@_compiled
def _remove(table: Integers, key: np.int64) -> None:  # pragma: no cover - compiled
    """Take a key out and close the gap, so that no later key is cut off from its home."""
    last = len(table) - 1
    gap = _slot(table, key)
    probe = (gap + 1) & last
    while table[probe] != _FREE:
        if ((probe - _home(table, table[probe])) & last) >= ((probe - gap) & last):
            table[gap] = table[probe]
            gap = probe
        probe = (probe + 1) & last
    table[gap] = _FREE


@_compiled
def _key(a: np.int64, b: np.int64, n: np.int64, kind: int) -> np.int64:  # pragma: no cover - compiled
    if kind == _UNDIRECTED and a > b:
        return np.int64(b * n + a)
    return np.int64(a * n + b)


@_compiled
def _sweep(
    edges: Integers, table: Integers, proposals: Integers, n: np.int64, kind: int
) -> int:  # pragma: no cover - compiled
    """Make the proposed swaps one after the other, where they are allowed; return how many were."""
    made = 0
    for p in range(proposals.shape[1]):
        e, f = proposals[0, p], proposals[1, p]
        a, b, c, d = edges[0, e], edges[1, e], edges[0, f], edges[1, f]
        if kind == _UNDIRECTED and proposals[2, p]:
            c, d = d, c
        if a == c or b == d or (kind != _BIPARTITE and (a == d or b == c)):
            continue
        one, two = _key(a, d, n, kind), _key(c, b, n, kind)
        if table[_slot(table, one)] == one or table[_slot(table, two)] == two:
            continue
        _remove(table, _key(a, b, n, kind))
        _remove(table, _key(c, d, n, kind))
        table[_slot(table, one)] = one
        table[_slot(table, two)] = two
        edges[1, e], edges[0, f], edges[1, f] = d, c, b
        made += 1
    return made
