"""Graph neural networks over users, items and friends that need no trained vector of a user.

Users start from their features or, without any, from how many neighbours they have; items from trainable vectors and
features. Each layer adds what arrives over every relation:

    x_v^k = elu(W_k x_v^{k-1} + sum over relations r of conv_{k,r}(neighbours of v in r)),

and the read-out is a linear map of all layers (jumping knowledge, Xu et al., ICML 2018). Relations are the items of a
user, the users of an item and, from the graph's ``also``, the other users that a user names (her friends).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import elu

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.seeding import key_of
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.deep import DeepConfig, DeepRecommender, Encoded, IntArray
from hemicycle.recommenders.sampling import (
    Bags,
    Neighbours,
    all_neighbours,
    of_items,
    of_users,
    sample_neighbours,
)

USER, ITEM = "user", "item"
_EDGES_AT_ONCE = 1 << 20
_PASSED_ON = ("lin_l.weight", "lin_src.weight")
"""How PyTorch Geometric calls the linear maps of sources."""
Kinds = Mapping[str, Any]
"""Something for users and something for items."""
Conv = Callable[[int], torch.nn.Module]
"""Length of the vectors -> a convolution of PyTorch Geometric for pairs (sources, targets)."""


class MessagePassingConfig(DeepConfig):
    """What networks over neighbours share."""

    layers: int = Field(2, ge=1, le=8)
    """Number of layers L."""
    fanout: int = Field(15, ge=1)
    """Neighbours drawn of each node, relation and layer in a training step; all of them are used afterwards."""
    friends: bool = True
    """Whether relations between users under the study's ``also`` are used."""


@dataclass(frozen=True, eq=False)
class Relation:
    """Neighbours of one kind of node among the nodes of one kind."""

    target: str
    source: str
    neighbours: Neighbours


@dataclass(frozen=True, eq=False)
class View:
    """A graph as the network reads it.

    Args:
        inputs: of every user, shape (n_users, any).
        items: features of every item, shape (n_items, any), or None.
        relations: by name.
        n_items: number of items.
    """

    inputs: torch.Tensor
    items: torch.Tensor | None
    relations: Mapping[str, Relation]
    n_items: int


@dataclass(frozen=True, eq=False)
class Hop:
    """One layer's part of a sampled neighbourhood.

    Args:
        nodes: kind -> nodes whose vectors the layer reads, ascending.
        at: kind -> places among them of the nodes whose vectors it makes.
        edges: relation -> sources' and targets' places, shape (2, n).
    """

    nodes: Mapping[str, NDArray[np.int64]]
    at: Mapping[str, NDArray[np.int64]]
    edges: Mapping[str, NDArray[np.int64]]


def social_relations(graph: InteractionGraph) -> dict[str, InteractionGraph]:
    """Relations between users that stand beside a graph.

    Raises:
        InputError: one is not of the graph's users.
    """
    found = {name: other for name, other in graph.also.items() if other.social}
    for name, other in found.items():
        if other.n_users != graph.n_users:
            what = f"relation {name!r} has {other.n_users} users, the recommended one {graph.n_users}"
            raise InputError(what, "also", "number the same users in both, or leave it out")
    return found


def user_inputs(graph: InteractionGraph, *, friends: bool) -> NDArray[np.float32]:
    """Features of users or, without any, 1 and log(1 + neighbours) in each relation; shape (n_users, any).

    Raises:
        InputError: features are not those of these users, or no finite numbers.
    """
    if graph.features.users is not None:
        return checked(graph.features.users, graph.n_users, "features.users")
    others = social_relations(graph).values() if friends else ()
    degrees = [np.log1p(found.degrees) for found in (graph, *others)]
    return np.stack([np.ones(graph.n_users), *degrees], 1).astype(np.float32)


def checked(features: NDArray[np.float32], n_nodes: int, where: str) -> NDArray[np.float32]:
    """Return features of ``n_nodes`` users or items, one row each, that are all finite numbers.

    Raises:
        InputError: they have another shape, or some are not.
    """
    if features.ndim != 2 or len(features) != n_nodes or not features.size or features.dtype.kind not in "biuf":
        what = f"an array of {features.dtype} of shape {features.shape}, not numbers of shape ({n_nodes}, 1 or more)"
        raise InputError(what, where, "give every node one row")
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).any(1).sum())
        raise InputError(f"{bad} of {len(features)} rows hold NaN or infinite numbers", where, "complete or drop them")
    return np.asarray(features, np.float32)


def view_of(graph: InteractionGraph, *, friends: bool) -> View:
    """Return a graph as the network reads it."""
    relations = {"taken": Relation(USER, ITEM, of_users(graph)), "takers": Relation(ITEM, USER, of_items(graph))}
    for name, other in social_relations(graph).items() if friends else ():
        relations[f"also-{name}"] = Relation(USER, USER, Neighbours(other.indptr, other.indices))
    features = graph.features.items
    items = None if features is None else torch.tensor(checked(features, graph.n_items, "features.items"))
    return View(torch.tensor(user_inputs(graph, friends=friends)), items, relations, graph.n_items)


class Layer(torch.nn.Module):
    """One layer for users and items.

    Args:
        relations: name -> kinds of target and source.
        dim: length of all vectors.
        conv: makes the convolution of a relation.
    """

    def __init__(self, relations: Mapping[str, Relation], dim: int, conv: Conv) -> None:
        super().__init__()
        self.target = {name: (relation.target, relation.source) for name, relation in relations.items()}
        self.convs = torch.nn.ModuleDict({name: conv(dim) for name in relations})
        self.own = torch.nn.ModuleDict({kind: torch.nn.Linear(dim, dim) for kind in (USER, ITEM)})

    def forward(self, x: Kinds, at: Kinds, edges: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the vectors of the nodes at ``at``; edges lead from places in ``x`` to places in ``at``."""
        roots = {kind: x[kind][places] for kind, places in at.items()}
        out = {kind: self.own[kind](root) for kind, root in roots.items()}
        for name, (target, source) in self.target.items():
            if name in edges:
                out[target] = out[target] + self.convs[name]((x[source], roots[target]), edges[name])
        return {kind: elu(values) for kind, values in out.items()}


class Network(torch.nn.Module):
    """All layers.

    Args:
        view: a graph with the relations and features that all later graphs have.
        dim: length of all vectors.
        layers: how many.
        conv: makes convolutions.
    """

    def __init__(self, view: View, dim: int, layers: int, conv: Conv) -> None:
        super().__init__()
        self.item = torch.nn.Embedding(view.n_items, dim)
        self.user_input = torch.nn.Linear(view.inputs.shape[1], dim)
        self.item_input = None if view.items is None else torch.nn.Linear(view.items.shape[1], dim)
        self.layers = torch.nn.ModuleList(Layer(view.relations, dim, conv) for _ in range(layers))
        self.readout = torch.nn.ModuleDict({kind: torch.nn.Linear((layers + 1) * dim, dim) for kind in (USER, ITEM)})

    def start(self, view: View, nodes: Mapping[str, NDArray[np.int64]]) -> dict[str, torch.Tensor]:
        """Return layer 0 of some nodes."""
        like = self.item.weight
        users, items = (torch.from_numpy(nodes[kind]) for kind in (USER, ITEM))
        found = {USER: self.user_input(view.inputs[users].to(like)), ITEM: self.item(items.to(like.device))}
        if self.item_input is not None and view.items is not None:
            found[ITEM] = found[ITEM] + self.item_input(view.items[items].to(like))
        return found

    def settle(self) -> None:
        """Start as plain propagation; random dense layers would blur what tells users apart.

        Convolutions pass on what they gather, nodes forget what they were, users bring nothing, and the read-out is the
        mean of all layers.
        """
        torch.nn.init.zeros_(self.user_input.weight)
        for name, parameter in self.named_parameters():
            if ".own." in name:
                torch.nn.init.zeros_(parameter)
            elif name.endswith(_PASSED_ON):
                torch.nn.init.eye_(parameter)
        for layer in (self.readout[USER], self.readout[ITEM]):
            weight = cast("torch.Tensor", layer.weight)
            width, total = weight.shape
            weight.data = torch.eye(width).repeat(1, total // width) * (width / total)

    def read(self, kind: str, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the read-out of all layers of some nodes."""
        found: torch.Tensor = self.readout[kind](torch.cat(list(layers), 1))
        return found


def hops(view: View, users: IntArray, items: IntArray, options: MessagePassingConfig, key: int) -> list[Hop]:
    """Draw the neighbourhood of some nodes, first layer first.

    Args:
        view: the graph.
        users: ascending.
        items: ascending.
        options: layers and fan-out.
        key: of the draw.
    """
    nodes = {USER: np.asarray(users, np.int64), ITEM: np.asarray(items, np.int64)}
    found: list[Hop] = []
    for layer in range(options.layers, 0, -1):
        bags = {
            name: sample_neighbours(r.neighbours, nodes[r.target], options.fanout, key_of("hop", key, layer, name))
            for name, r in view.relations.items()
        }
        found.append(_hop(view, nodes, bags))
        nodes = dict(found[-1].nodes)
    return found[::-1]


def _hop(view: View, nodes: Mapping[str, NDArray[np.int64]], bags: Mapping[str, Bags]) -> Hop:
    read = {
        kind: np.unique(np.concatenate([own, *(b.neighbours for n, b in bags.items() if _source(view, n) == kind)]))
        for kind, own in nodes.items()
    }
    at = {kind: np.searchsorted(read[kind], own) for kind, own in nodes.items()}
    edges = {
        name: np.stack([np.searchsorted(read[_source(view, name)], bag.neighbours), bag.owners])
        for name, bag in bags.items()
    }
    return Hop(read, at, edges)


def _source(view: View, name: str) -> str:
    return view.relations[name].source


def sampled(network: Network, view: View, steps: Sequence[Hop]) -> dict[str, torch.Tensor]:
    """Return the read-out of the nodes for which a neighbourhood was drawn."""
    device = network.item.weight.device
    x = network.start(view, steps[0].nodes)
    kept: list[dict[str, torch.Tensor]] = [x]
    for layer, hop in zip(network.layers, steps, strict=True):
        at = {kind: torch.from_numpy(places).to(device) for kind, places in hop.at.items()}
        edges = {name: torch.from_numpy(found).to(device) for name, found in hop.edges.items()}
        kept = [{kind: values[at[kind]] for kind, values in earlier.items()} for earlier in kept]
        x = layer(x, at, edges)
        kept.append(x)
    return {kind: network.read(kind, [layer[kind] for layer in kept]) for kind in (USER, ITEM)}


def propagated(network: Network, view: View) -> Iterator[dict[str, torch.Tensor]]:
    """Yield layers 0 to L of all nodes, each from all neighbours, in blocks of targets."""
    x = network.start(view, {USER: np.arange(len(view.inputs)), ITEM: np.arange(view.n_items)})
    yield x
    for layer in network.layers:
        x = {kind: torch.cat(list(_blocks(layer, view, x, kind))) for kind in (USER, ITEM)}
        yield x


def _blocks(layer: torch.nn.Module, view: View, x: Kinds, kind: str) -> Iterator[torch.Tensor]:
    """Yield a layer's vectors of one kind, block by block of about a million edges."""
    own = {name: relation.neighbours for name, relation in view.relations.items() if relation.target == kind}
    degrees = np.sum([np.diff(neighbours.indptr) for neighbours in own.values()], 0)
    bounds = np.flatnonzero(np.diff((np.cumsum(degrees) - degrees) // _EDGES_AT_ONCE)) + 1
    for nodes in np.split(np.arange(len(degrees)), bounds):
        bags = {name: all_neighbours(neighbours, nodes) for name, neighbours in own.items()}
        edges = {name: torch.from_numpy(np.stack([bag.neighbours, bag.owners])) for name, bag in bags.items()}
        found: dict[str, torch.Tensor] = layer(x, {kind: torch.from_numpy(nodes)}, edges)
        yield found[kind]


class MessagePassing(DeepRecommender):
    """A network over neighbours; a subclass gives the convolution.

    A user who was not there in training is embedded from her features, her friends, and the edges she has in the graph
    that is given to ``embed`` or ``scores``; items have trained vectors and must be those of training.
    """

    config: MessagePassingConfig

    def conv(self, dim: int) -> torch.nn.Module:
        """Return the convolution of one relation in one layer."""
        raise NotImplementedError

    @property
    def layers(self) -> Sequence[str]:
        """``"0"`` to ``"L"`` and ``READOUT``."""
        return (*map(str, range(self.config.layers + 1)), READOUT)

    def module(self, graph: InteractionGraph) -> Network:
        """Return the network."""
        return Network(self.view(graph), self.config.dim, self.config.layers, self.conv)

    def settle(self, module: Network) -> None:
        """Start as plain propagation."""
        module.settle()

    def view(self, graph: InteractionGraph) -> View:
        """Return the graph's relations and inputs."""
        return view_of(graph, friends=self.config.friends)

    def encode(self, module: Network, view: View, users: IntArray, items: IntArray, key: int) -> Encoded:
        """Return the read-out, computed on a drawn neighbourhood."""
        found = sampled(module, view, hops(view, users, items, self.config, key))
        return Encoded(found[USER], found[ITEM])

    def whole(self, module: Network, graph: InteractionGraph, layer: str) -> Encoded:
        """Return a layer of all nodes, each computed from all neighbours."""
        found = list(propagated(module, self.view(graph)))
        if layer != READOUT:
            return Encoded(found[int(layer)][USER], found[int(layer)][ITEM])
        users, items = (module.read(kind, [x[kind] for x in found]) for kind in (USER, ITEM))
        return Encoded(users, items)
