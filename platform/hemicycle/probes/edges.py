"""Pairs of users, or of a user and an item, as rows that a probe can read.

Every user is in one pair at most, so that no user whose pair is held out is in a pair that a probe learns from:
folds by pair are folds by user. One half of the pairs are edges, the other half are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.probes.target import Target, is_missing, is_numeric

Representation = Literal["hadamard", "difference", "concatenation", "both"]
Vectors = NDArray[np.floating]
EDGE = "edge"
"""Label that tells edges from other pairs."""
MOST = 20_000
"""Pairs at most."""
_TRIES = 20


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of row numbers.

    Args:
        first: users, shape (m,), no user twice (in a graph between users neither here nor in ``second``).
        second: items, or in a graph between users other users, shape (m,).
        edge: True where the pair is an edge, shape (m,).
        social: True when ``second`` are users.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    edge: NDArray[np.bool_]
    social: bool

    def select(self, keep: NDArray[np.bool_]) -> "Pairs":
        """Return the pairs where ``keep``, shape (m,), is True."""
        return Pairs(self.first[keep], self.second[keep], self.edge[keep], self.social)


def sample_pairs(graph: InteractionGraph, seed: int = 0, most: int = MOST) -> Pairs:
    """Draw pairs in which every user stands once at most, as many edges as others; the same for all models.

    Edges between users are a random maximal matching, cut to a quarter of the users, so that as many are left for the
    others; a user and an item are an edge for every second user who has any.

    Raises:
        InputError: fewer than ten pairs.
    """
    draw = rng("probe-edges", seed, graph.n_users, graph.n_edges)
    some = min(most // 2, graph.n_users // 4) if graph.social else most // 2
    linked = _matching(graph, draw)[:some] if graph.social else _likes(graph, draw)[:some]
    others = _unlinked(graph, linked, draw)
    if len(others) + len(linked) < 10:
        raise InputError("fewer than ten pairs of users", "probe of edges", "probe users, or a larger graph")
    pairs = np.concatenate([linked, others])
    return Pairs(pairs[:, 0], pairs[:, 1], np.arange(len(pairs)) < len(linked), graph.social)


def _matching(graph: InteractionGraph, draw: np.random.Generator) -> NDArray[np.int64]:
    """Edges that share no user, taken greedily in random order, shape (m, 2)."""
    edges = np.stack([graph.rows(), graph.indices], axis=1).astype(np.int64)[draw.permutation(graph.n_edges)]
    free, kept = np.ones(graph.n_users, bool), []
    for a, b in edges.tolist():
        if free[a] and free[b]:
            free[a] = free[b] = False
            kept.append((a, b))
    return np.array(kept, np.int64).reshape(-1, 2)


def _likes(graph: InteractionGraph, draw: np.random.Generator) -> NDArray[np.int64]:
    """One edge of every second user who has any, shape (m, 2)."""
    users = draw.permutation(np.flatnonzero(graph.degrees))
    users = users[: (len(users) + 1) // 2]
    place = graph.indptr[users] + (draw.random(len(users)) * graph.degrees[users]).astype(np.int64)
    return np.stack([users, graph.indices[place]], axis=1).astype(np.int64)


def _unlinked(graph: InteractionGraph, linked: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.int64]:
    """As many pairs of users who are not in ``linked``, which are no edges, shape (m, 2)."""
    keys = np.unique(graph.rows() * np.int64(graph.n_items) + graph.indices)
    taken = linked if graph.social else linked[:, :1]
    free = np.setdiff1d(np.flatnonzero(graph.degrees), taken)
    found = [np.zeros((0, 2), np.int64)]
    for _ in range(_TRIES):
        free = draw.permutation(free)
        half = len(free) // 2
        pairs = (
            np.stack([free[:half], free[half : 2 * half]], axis=1)
            if graph.social
            else np.stack([free, draw.integers(0, graph.n_items, len(free))], axis=1)
        )
        good = ~np.isin(pairs @ [graph.n_items, 1], keys)
        if graph.social:
            good &= ~np.isin(pairs @ [1, graph.n_items], keys)
        found.append(pairs[good])
        free = np.setdiff1d(free, pairs[good] if graph.social else pairs[good, 0])
    return np.concatenate(found)[: len(linked)]


def edge_vectors(first: Vectors, second: Vectors, kind: Representation = "both") -> Vectors:
    """Represent pairs of vectors x, y, each (m, d).

    ``hadamard``: x * y; ``difference``: |x - y|; ``both``: these side by side, the same whichever comes first (Grover
    & Leskovec, KDD 2016, table 1); ``concatenation``: x beside y, from which a linear reader learns nothing about how
    the two relate.
    """
    if first.shape != second.shape:
        raise InputError(f"vectors of {first.shape} and {second.shape} make no pairs", "probe of edges")
    product, difference = first * second, np.abs(first - second)
    chosen = {
        "hadamard": (product,),
        "difference": (difference,),
        "concatenation": (first, second),
        "both": (product, difference),
    }
    return np.concatenate(chosen[kind], axis=1)


@dataclass(frozen=True, eq=False)
class Ends:
    """What is known of either end of pairs.

    Args:
        labels: column -> values of the first and of the second, each (m,).
        groups: the same of group columns.
        degrees: of the first and of the second, each (m,).
    """

    labels: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
    groups: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
    degrees: tuple[NDArray[np.floating], NDArray[np.floating]]


def edge_targets(pairs: Pairs, ends: Ends) -> Iterator[Target]:
    """Yield the labels of pairs: ``edge``, ``same G`` for classes and groups G, ``difference of L`` for numbers L.

    What is compared with: both degrees, and for differences whether the groups are the same.
    """
    degrees = [np.log1p(degree) for degree in ends.degrees]
    covariates = {"degrees together": degrees[0] + degrees[1], "degrees apart": np.abs(degrees[0] - degrees[1])}
    same = {f"same {name}": _same(*values) for name, values in ends.groups.items()}
    kinds = np.where(pairs.edge, "edge", "other").astype(object)
    yield Target(EDGE, kinds, {}, covariates, entity="edge")
    for name, values in same.items():
        yield Target(name, values, {}, covariates, entity="edge")
    for name, (first, second) in ends.labels.items():
        if is_numeric(first):
            distance = np.abs(first.astype(float) - second.astype(float))
            yield Target(f"difference of {name}", distance, same, covariates, entity="edge")
        elif f"same {name}" not in same:
            yield Target(f"same {name}", _same(first, second), {}, covariates, entity="edge")


def _same(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """``same`` or ``different``; None where either is missing."""
    told = np.where(first == second, "same", "different").astype(object)
    told[is_missing(first) | is_missing(second)] = None
    return told
