"""Split a graph's edges into training, validation and test, user by user.

Every user with an edge keeps at least one for training, unless users are withheld as a whole (``new_users``). In a
graph between users an edge and its reverse, where both exist, always fall into the same part: a friendship left in
training one way round would give away the other.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph

TRAIN, VALID, TEST, REVEALED = 0, 1, 2, 3
_PARTS = ("train", "valid", "test")
_KNOWN = "context"
Parts = NDArray[np.int8]


class SplitConfig(Options):
    """How edges are held out."""

    kind: Literal["random", "temporal", "snapshot", "leave_one_out", "given", "new_users"] = "random"
    """``random``: edges drawn from each user's; ``temporal``: each user's latest; ``snapshot``: edges from the first
    of ``cut_times`` on are validation, from the second on test; ``leave_one_out``: one edge a user in either part, the
    latest where times are known; ``given``: the edges of ``test_relation``, with validation drawn from the others;
    ``new_users``: whole users, of whose edges a part is revealed once training is over."""
    test_relation: str = ""
    """Relation that holds the test edges of a ``given`` split."""
    test: float = Field(0.1, ge=0, lt=1)
    """Fraction of a user's edges in test (``random`` and ``temporal``), rounded at random so that it holds on
    average; fraction of the users (``new_users``)."""
    valid: float = Field(0.1, ge=0, lt=1)
    """Fraction of a user's edges in validation, or of the users."""
    reveal: float = Field(0.5, ge=0, lt=1)
    """Fraction of a withheld user's edges (``new_users``) that is known when she is ranked, the earliest where times
    are known; at least one is held out. With 0 she is known by other relations and by features alone."""
    seed: int = Field(0, ge=0)
    """Key of the draw."""
    cut_times: tuple[float, float] | None = None
    """Two times in seconds, the first not after the second; needed by ``snapshot``."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.test + self.valid >= 1:
            raise ValueError(f"test {self.test:g} and valid {self.valid:g} leave nothing to train on; lower one")
        if (self.kind == "given") != bool(self.test_relation):
            raise ValueError("kind: given and test_relation belong together")
        return self


@dataclass(frozen=True)
class Split:
    """Three graphs over the same users and items whose edges do not overlap.

    Args:
        train: what is learnt from.
        valid: what chooses.
        test: what is looked at last.
        known: training edges and those revealed afterwards, where there are any.
    """

    train: InteractionGraph
    valid: InteractionGraph
    test: InteractionGraph
    known: InteractionGraph | None = None

    @property
    def context(self) -> InteractionGraph:
        """What is known when lists are made: trained models embed this graph, and lists leave its edges out."""
        return self.train if self.known is None else self.known

    def write(self, folder: Folder) -> None:
        """Write the graphs; the context only where it is not the training graph."""
        for part in _PARTS:
            getattr(self, part).write(folder / part)
        if self.known is not None:
            self.known.write(folder / _KNOWN)

    @classmethod
    def read(cls, folder: Folder) -> "Split":
        """Read what :meth:`write` wrote."""
        known = InteractionGraph.read(folder / _KNOWN) if folder.exists(f"{_KNOWN}/graph.json") else None
        train, valid, test = (InteractionGraph.read(folder / part) for part in _PARTS)
        return cls(train, valid, test, known)


def split(graph: InteractionGraph, config: SplitConfig) -> Split:
    """Split a graph.

    Raises:
        InputError: times are needed and missing, the cut times are not ascending, the fractions leave nothing to
            train on, or nothing falls into test although it was asked for.
    """
    _check(graph, config)
    order = _order(graph, config)
    if config.kind == "new_users":
        return _new_users(graph, config, order)
    parts = _snapshot(order, config) if config.kind == "snapshot" else _held_out(graph, config, order)
    reverse = _reverse(graph)
    parts = _together(parts, reverse)
    _keep_one(graph, parts, order, reverse)
    if not (parts == TEST).any() and (config.test > 0 or config.kind in {"snapshot", "leave_one_out"}):
        raise InputError(
            f"the {config.kind} split leaves no edge in test", remedy="raise the fraction or move the cut times"
        )
    held_out = (graph.select(parts == part).edges_only() for part in (VALID, TEST))
    return Split(graph.select(parts == TRAIN), *held_out)


def split_given(graph: InteractionGraph, test: InteractionGraph, config: SplitConfig) -> Split:
    """Split a graph of which the test edges are given; edges that stand in both are left to the test.

    Raises:
        InputError: the test holds every edge, or nothing would be left to train on.
    """
    keys, held = (g.rows() * np.int64(g.n_items) + g.indices for g in (graph, test))
    rest = graph.select(~np.isin(keys, held))
    if not rest.n_edges:
        raise InputError("the given test holds every edge", "split.test_relation", "name another relation")
    if not config.valid:
        nothing = rest.select(np.zeros(rest.n_edges, bool)).edges_only()
        return Split(rest, nothing, test.edges_only())
    carved = split(rest, config.replace(kind="random", test=0.0, test_relation=""))
    return Split(carved.train, carved.valid, test.edges_only())


def _check(graph: InteractionGraph, config: SplitConfig) -> None:
    if config.kind in {"temporal", "snapshot"} and graph.times is None:
        raise InputError(
            f"a {config.kind} split needs the time of every edge and the graph has none",
            remedy="name the time column of the edge list, or choose kind: random",
        )
    if config.kind == "snapshot" and (config.cut_times is None or config.cut_times[0] > config.cut_times[1]):
        raise InputError(
            f"a snapshot split needs two ascending cut_times, not {config.cut_times}",
            remedy="give the start of validation and the start of test in seconds",
        )
    if config.kind == "new_users" and graph.social:
        raise InputError(
            "a new_users split needs users and items, and in this relation users are the items",
            "split.kind",
            "choose a relation between users and items, or kind: random",
        )


def _order(graph: InteractionGraph, config: SplitConfig) -> NDArray[np.float64]:
    """Position of every edge in the queue of its user; the last are held out first."""
    if graph.times is not None and config.kind != "random":
        return np.asarray(graph.times)
    return rng("split", config.seed, "order").random(graph.n_edges)


def _snapshot(times: NDArray[np.float64], config: SplitConfig) -> Parts:
    cuts = np.asarray(config.cut_times)
    return np.searchsorted(cuts, times, side="right").astype(np.int8)


def _new_users(graph: InteractionGraph, config: SplitConfig, order: NDArray[np.float64]) -> Split:
    """Withhold whole users, and reveal the first edges of each."""
    users = rng("split", config.seed, "users").permutation(np.flatnonzero(graph.degrees))
    n_test, n_valid = (round(share * len(users)) for share in (config.test, config.valid))
    if not n_test and config.test:
        raise InputError(f"{config.test:g} of {len(users)} users is none", "split.test", "raise the fraction")
    part_of = np.full(graph.n_users, TRAIN, np.int8)
    part_of[users[:n_test]], part_of[users[n_test : n_test + n_valid]] = TEST, VALID
    parts = part_of[graph.rows()]
    parts[(parts != TRAIN) & _first(graph, config, order)] = REVEALED
    valid, test = (graph.select(parts == part).edges_only() for part in (VALID, TEST))
    known = graph.select((parts == TRAIN) | (parts == REVEALED))
    return Split(graph.select(parts == TRAIN), valid, test, known)


def _first(graph: InteractionGraph, config: SplitConfig, order: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the first ``reveal`` of every user's queue, rounded at random, one edge left, shape (n_edges,)."""
    counts = graph.degrees
    noise = rng("split", config.seed, "rounding").random(graph.n_users)
    shown = np.minimum(np.floor(config.reveal * counts + noise), counts - 1) if config.reveal else np.zeros(len(counts))
    queue = np.lexsort((order, graph.rows()))
    place = np.empty(graph.n_edges, np.int64)
    place[queue] = np.arange(graph.n_edges) - np.repeat(graph.indptr[:-1], counts)
    first: NDArray[np.bool_] = place < np.repeat(shown, counts)
    return first


def _held_out(graph: InteractionGraph, config: SplitConfig, order: NDArray[np.float64]) -> Parts:
    """Mark the last edges of every user, test behind validation."""
    chosen = _candidates(graph, config)
    rows = graph.rows()[chosen]
    counts = np.bincount(rows, minlength=graph.n_users)
    n_test, n_valid = _sizes(counts, config)
    queue = np.lexsort((order[chosen], rows))
    from_end = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(rows))
    held = (from_end < np.repeat(n_test + n_valid, counts)).astype(np.int8)
    held += from_end < np.repeat(n_test, counts)
    parts = np.zeros(graph.n_edges, np.int8)
    parts[chosen[queue]] = held
    return parts


def _candidates(graph: InteractionGraph, config: SplitConfig) -> NDArray[np.int64]:
    """Edges that may be marked: one direction, drawn by a coin, of each edge that exists both ways.

    Marking both would hold out nearly twice the fraction asked for.
    """
    everything = np.arange(graph.n_edges)
    if not graph.social or config.kind == "leave_one_out":
        return everything
    reverse = _reverse(graph)
    coin = rng("split", config.seed, "direction").random(graph.n_edges) < 0.5
    first = everything < reverse
    owner = np.where(first, coin, ~coin[reverse])
    return everything[(reverse < 0) | owner]


def _sizes(counts: NDArray[np.int64], config: SplitConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of each user in test and in validation; one is left."""
    if config.kind == "leave_one_out":
        n_test = (counts >= 2).astype(np.int64)
        return n_test, (counts >= 3).astype(np.int64)
    noise = rng("split", config.seed, "rounding").random((2, len(counts)))
    n_test = np.minimum(np.floor(config.test * counts + noise[0]), np.maximum(counts - 1, 0)).astype(np.int64)
    room = np.maximum(counts - 1 - n_test, 0)
    return n_test, np.minimum(np.floor(config.valid * counts + noise[1]), room).astype(np.int64)


def _reverse(graph: InteractionGraph) -> NDArray[np.int64]:
    """Position of every edge's reverse, -1 where it does not exist, shape (n_edges,)."""
    reverse = np.full(graph.n_edges, -1, np.int64)
    if not graph.social:
        return reverse
    rows, n = graph.rows(), graph.n_items
    keys = rows * np.int64(n) + graph.indices
    turned = np.argsort(graph.indices, kind="stable")
    turned_keys = graph.indices[turned] * np.int64(n) + rows[turned]
    found = np.minimum(np.searchsorted(keys, turned_keys), graph.n_edges - 1)
    exists = keys[found] == turned_keys
    reverse[turned[exists]] = found[exists]
    return reverse


def _together(parts: Parts, reverse: NDArray[np.int64]) -> Parts:
    """Move an edge and its reverse to the later of their two parts."""
    return np.where(reverse >= 0, np.maximum(parts, parts[reverse]), parts)


def _keep_one(graph: InteractionGraph, parts: Parts, order: NDArray[np.float64], reverse: NDArray[np.int64]) -> None:
    """Give every user without a training edge the first of the queue back, with its reverse."""
    rows = graph.rows()
    has: NDArray[Any] = np.bincount(rows[parts == TRAIN], minlength=graph.n_users) > 0
    lonely = np.flatnonzero(~has[rows])
    if not len(lonely):
        return
    queue = lonely[np.lexsort((order[lonely], rows[lonely]))]
    _, first = np.unique(rows[queue], return_index=True)
    back = queue[first]
    parts[back] = TRAIN
    parts[reverse[back][reverse[back] >= 0]] = TRAIN
