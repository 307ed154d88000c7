"""A step that replaces a split graph's training edges by random ones of the same degrees: the control "rewired".

Members that are trained again on it know how active everybody is, how often every item was taken and nothing of who
took what. What their vectors still tell about an attitude is no knowledge of ties.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.rewiring import Mixing, Rewired, RewiringConfig, rewire
from hemicycle.graphs.splits import Split
from hemicycle.studies.steps import Step, Work

REWIRED = "rewired"
"""Name of the control."""
MIXING = "mixing.json"
"""How far each rewired relation is from the original."""


class RewireOptions(RewiringConfig):
    """The null graph of a study."""

    apart: bool = True
    """Whether no rewired edge may be one that is held out, so that the parts of the split do not overlap."""
    also: bool = True
    """Whether the other relations (friends) are rewired, too; left as they are they would tell what ties tell."""


def rewire_step(work: Work) -> None:
    """Write the split graph of the input ``graph`` with rewired training edges, and how well it is mixed.

    The layout is that of a graph step. Validation and test edges stay as they are, and so do features: what they tell
    about an attitude, a rewired model that uses them still knows.
    """
    parts, mixing = rewired(Split.read(work.inputs["graph"]), work.options)
    parts.write(work.out)
    write_mixing(work.out, mixing)


def rewired(parts: Split, options: RewireOptions) -> tuple[Split, dict[str, Mixing]]:
    """Return a split with rewired training edges, and how far each relation is from the original.

    Edges that are revealed after training are rewired among themselves.
    """
    held = [parts.valid, parts.test] if options.apart else []
    train = _rewired(parts.train, "train", options, held)
    mixing, known = {"train": train.mixing}, None
    if parts.known is not None:
        shown = revealed(parts.train, parts.known)
        found = _rewired(shown, "revealed", options, [*held, train.graph])
        mixing["revealed"] = found.mixing
        known = union(train.graph, found.graph)
    also = {n: _rewired(g, f"also {n}", options, []) for n, g in parts.train.also.items()} if options.also else {}
    mixing |= {f"also {name}": found.mixing for name, found in also.items()}
    graphs = {name: found.graph for name, found in also.items()}
    beside = {**parts.train.also, **graphs}
    known = None if known is None else replace(known, also=beside)
    return replace(parts, train=replace(train.graph, also=beside), known=known), mixing


def _rewired(
    graph: InteractionGraph, name: str, options: RewireOptions, forbidden: Sequence[InteractionGraph]
) -> Rewired:
    filled = [other for other in forbidden if other.n_edges]
    if not graph.n_edges:
        return Rewired(graph, Mixing((), 0.0, 0))
    return rewire(graph, rng("rewire", options.seed, name), options.swaps, filled)


def revealed(train: InteractionGraph, known: InteractionGraph) -> InteractionGraph:
    """Return the edges of ``known`` that are not in ``train``."""
    keys = [graph.rows() * np.int64(graph.n_items) + graph.indices for graph in (train, known)]
    return known.select(~np.isin(keys[1], keys[0], assume_unique=True))


def union(one: InteractionGraph, two: InteractionGraph) -> InteractionGraph:
    """Return all edges of two graphs of the same nodes that have none in common; features are those of the first."""
    rows, items = (np.concatenate(ends) for ends in ((one.rows(), two.rows()), (one.indices, two.indices)))
    order = np.argsort(rows * np.int64(one.n_items) + items, kind="stable")
    columns = ((one.weights, two.weights), (one.times, two.times))
    weights, times = (None if a is None or b is None else np.concatenate([a, b])[order] for a, b in columns)
    pointers = np.asarray(one.indptr) + np.asarray(two.indptr)
    return replace(one, indptr=pointers, indices=items[order], weights=weights, times=times)


def write_mixing(folder: Folder, mixing: Mapping[str, Mixing]) -> None:
    """Write one entry a relation."""
    about = {
        name: {"kept": list(found.kept), "accepted": found.accepted, "edges": found.n_edges, "settled": found.settled}
        for name, found in mixing.items()
    }
    folder.write_json(MIXING, about)


def rewire_graph_step(graph: Step, options: RewireOptions) -> Step:
    """Return the step that rewires the graph of another one."""
    return Step("rewire", "rewire the training graph", rewire_step, options, {"graph": graph}, cost=graph.cost)
