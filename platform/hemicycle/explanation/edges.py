"""Which edges a graph network's score rests on, and whether they lead to the user's own side.

An explainer gives every edge around a recommendation a mass. Of the edges into the user's node, the share of the mass
on neighbours of her side is held against the share of such neighbours and against masks that are shuffled among them;
how well a mask explains at all is told by what the score loses without its heaviest edges, against random ones.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, rng
from hemicycle.evaluation.beyond import UNKNOWN
from hemicycle.explanation.single import smooths
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE, Parameters, Recommender
from hemicycle.recommenders.message_passing import ITEM, USER, MessagePassing, View
from hemicycle.recommenders.sampling import Neighbours, all_neighbours

_FEW = 5
Floats = NDArray[np.float64]
Nodes = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class EdgePlan:
    """How edges are explained.

    Args:
        method: ``gnn`` (GNNExplainer), ``captum`` (integrated gradients; needs captum) or ``gradient``.
        epochs: steps of GNNExplainer.
        lr: its learning rate.
        size: its penalty of the mean mask.
        top: share of the edges that count as the heaviest.
        draws: shuffled masks; of these the first few random edges are taken out, which is slower.
        seed: key of all draws.
    """

    method: Literal["gnn", "captum", "gradient"] = "gnn"
    epochs: int = 50
    lr: float = 0.1
    size: float = 1.0
    top: float = 0.2
    draws: int = 20
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Ego:
    """What one pair's score is computed from.

    Args:
        model: module of (x, edge_index) that yields the score.
        x: inputs of its nodes.
        edge_index: sources and targets, shape (2, n_edges).
        into: edges that lead into the user's node, from what she took, shape (m,).
        neighbours: item at each of them, shape (m,).
    """

    model: Any
    x: torch.Tensor
    edge_index: torch.Tensor
    into: NDArray[np.int64]
    neighbours: NDArray[np.int64]


def explainable(recommender: Recommender) -> bool:
    """Tell whether a model's edges can be explained: LightGCN, GraphSAGE, GAT and what is made like them."""
    return isinstance(recommender, MessagePassing) or smooths(recommender)


def ego_of(recommender: Recommender, parameters: Parameters, graph: InteractionGraph, pair: tuple[int, int]) -> Ego:
    """Return the part of the graph that the score of a user and an item depends on, and the model on it.

    Raises:
        TypeError: :func:`explainable` says that it cannot be.
    """
    if isinstance(recommender, MessagePassing):
        return _layered(recommender, parameters, graph, pair)
    if smooths(recommender):
        return _linear(recommender, parameters, graph, pair)
    raise TypeError(f"{type(recommender).__name__} has no edges to explain")


def _pyg() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch_geometric's imports of what torch has deprecated
        from hemicycle.explanation import pyg  # noqa: PLC0415 - slow to import, seldom needed
    return pyg


def _linear(recommender: Any, parameters: Parameters, graph: InteractionGraph, pair: tuple[int, int]) -> Ego:
    config, nodes = recommender.config, recommender.adjacency(graph)
    near, whole = Neighbours(nodes.indptr, nodes.indices), {"": (("", ""))}
    ends = np.array([nodes.user_offset + pair[0], nodes.item_offset + pair[1]])
    targets, found = _around({"": near}, whole, {"": ends}, max(config.mixed))
    bags = all_neighbours(near, targets[""])
    sources, into = bags.neighbours, targets[""][bags.owners]
    degrees = np.diff(nodes.indptr)
    scale = torch.from_numpy(1 / np.sqrt(degrees[sources] * degrees[into])).float()
    edges = np.searchsorted(found[""], np.stack([sources, into]))
    weights = [(k in config.mixed) / len(config.mixed) for k in range(max(config.mixed) + 1)]
    user, item = (int(place) for place in np.searchsorted(found[""], ends))
    model = _pyg().LinearEgo(weights, scale, (user, item), cosine=config.similarity == "cosine")
    x = torch.tensor(np.asarray(parameters[TABLE])[found[""]])
    own = np.flatnonzero(into == ends[0])
    return Ego(model, x, torch.from_numpy(edges), own, sources[own] - nodes.item_offset)


def _layered(
    recommender: MessagePassing, parameters: Parameters, graph: InteractionGraph, pair: tuple[int, int]
) -> Ego:
    view, network = recommender.view(graph), recommender.restored(parameters, graph)
    ends = {USER: np.array([pair[0]]), ITEM: np.array([pair[1]])}
    kinds = {name: (relation.target, relation.source) for name, relation in view.relations.items()}
    near = {name: relation.neighbours for name, relation in view.relations.items()}
    targets, found = _around(near, kinds, ends, recommender.config.layers)
    edges, relations = _numbered(view, targets, found)
    places = tuple(int(np.searchsorted(found[kind], ends[kind])[0]) for kind in (USER, ITEM))
    chosen = {name: torch.from_numpy(relations == place) for place, name in enumerate(view.relations)}
    chosen = {name: edge.nonzero()[:, 0] for name, edge in chosen.items()}
    cosine = recommender.config.similarity == "cosine"
    n_users = len(found[USER])
    model = _pyg().LayeredEgo(network, chosen, n_users, places, cosine=cosine)
    with torch.no_grad():
        start: Mapping[str, torch.Tensor] = network.start(view, found)  # type: ignore[operator]  # the network's own
    taken = relations == list(view.relations).index("taken")
    own = np.flatnonzero(taken & (edges[1] == places[0]))
    x = torch.cat([start[USER], start[ITEM]])
    return Ego(model, x, torch.from_numpy(edges), own, found[ITEM][edges[0, own] - n_users])


def _around(
    near: Mapping[str, Neighbours], kinds: Mapping[str, tuple[str, str]], ends: Nodes, layers: int
) -> tuple[Nodes, Nodes]:
    """Nodes whose neighbours are summed by some layer, and all that are read, ascending, by kind.

    ``kinds`` tells the kinds of targets and sources of each relation; ``ends`` are the nodes of the pair.
    """
    found = {kind: np.unique(nodes) for kind, nodes in ends.items()}
    targets = {kind: nodes[:0] for kind, nodes in found.items()}
    for _ in range(layers):
        targets = found
        grown: dict[str, list[NDArray[np.int64]]] = {kind: [nodes] for kind, nodes in found.items()}
        for name, (target, source) in kinds.items():
            grown[source].append(all_neighbours(near[name], found[target]).neighbours)
        found = {kind: np.unique(np.concatenate(parts)) for kind, parts in grown.items()}
    return targets, found


def _numbered(view: View, targets: Nodes, found: Nodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges into the targets in places among the nodes, users before items, and the relation of each."""
    first, edges, relations = {USER: 0, ITEM: len(found[USER])}, [], []
    for place, relation in enumerate(view.relations.values()):
        bags = all_neighbours(relation.neighbours, targets[relation.target])
        sources = np.searchsorted(found[relation.source], bags.neighbours) + first[relation.source]
        into = np.searchsorted(found[relation.target], targets[relation.target][bags.owners]) + first[relation.target]
        edges.append(np.stack([sources, into]))
        relations.append(np.full(len(sources), place))
    return np.concatenate(edges, 1), np.concatenate(relations)


# -- explanations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class EdgeExplanation:
    """One pair's masks, summed up.

    Args:
        same_mass: share of the mass into the user that comes from neighbours of her side, of those with a side.
        same_share: share of such neighbours.
        same_random: the same as ``same_mass`` with shuffled masks, shape (draws,).
        lost: |s - s'| without the heaviest edges.
        lost_random: the same without as many random ones, mean over a few draws.
        missed: |s - s'| with the heaviest edges alone.
        missed_random: with as many random ones alone.
    """

    same_mass: float
    same_share: float
    same_random: Floats
    lost: float
    lost_random: float
    missed: float
    missed_random: float


def explain_edges(ego: Ego, own_side: int, item_side: NDArray[np.integer], plan: EdgePlan, key: int) -> EdgeExplanation:
    """Explain one score and sum up the masks.

    Args:
        ego: from :func:`ego_of`.
        own_side: the user's side.
        item_side: of all items, shape (n_items,), ``UNKNOWN`` where not known.
        plan: how.
        key: of the pair's random numbers.
    """
    with torch.random.fork_rng(devices=[]):  # the explainers start from torch's own numbers
        torch.manual_seed(key_of("explain edges", plan.seed, key) >> 1)
        mask = _pyg().edge_mask(ego.model, ego.x, ego.edge_index, plan).double().numpy()
    draws = [rng("explain edges", plan.seed, key, draw) for draw in range(plan.draws)]
    own, sides = mask[ego.into], item_side[ego.neighbours]
    known = sides != UNKNOWN
    own, same = own[known], (sides == own_side)[known]
    shuffled = np.array([_share(draw.permutation(own), same) for draw in draws])
    heavy = fidelity(ego, mask, plan.top)
    light = np.array([fidelity(ego, draw.random(len(mask)), plan.top) for draw in draws[:_FEW]])
    lost, missed = (float(np.mean(values)) for values in light.T)
    share = float(same.mean()) if len(same) else np.nan
    return EdgeExplanation(_share(own, same), share, shuffled, heavy[0], lost, heavy[1], missed)


def _share(mass: Floats, chosen: NDArray[np.bool_]) -> float:
    total = mass.sum()
    return float(mass[chosen].sum() / total) if total > 0 else np.nan


def fidelity(ego: Ego, mask: Floats, top: float) -> tuple[float, float]:
    """How far the score moves without the heaviest edges, and with them alone.

    Fidelity + and - of a regression (Yuan et al., IEEE TPAMI 2022, section 5); messages of edges left out are 0.
    """
    count = max(1, round(top * len(mask)))
    heavy = np.zeros(len(mask), np.float32)
    heavy[np.argsort(-mask, kind="stable")[:count]] = 1
    whole, without, alone = (
        _pyg().masked_score(ego.model, ego.x, ego.edge_index, torch.from_numpy(weights))
        for weights in (np.ones_like(heavy), 1 - heavy, heavy)
    )
    return abs(whole - without), abs(whole - alone)
