"""The score of one pair as a module that PyTorch Geometric's explainers can mask edge by edge.

Imported only when edges are explained, for torch_geometric is slow to import.
"""

import importlib.util
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch_geometric.explain import Explainer
from torch_geometric.explain.algorithm import CaptumExplainer, GNNExplainer
from torch_geometric.explain.algorithm.utils import clear_masks, set_masks
from torch_geometric.nn import MessagePassing as Convolution

from hemicycle.core.errors import InputError
from hemicycle.recommenders.message_passing import ITEM, USER, Network


class Options(Protocol):
    """What an explainer is told, see :class:`hemicycle.explanation.edges.EdgePlan`."""

    @property
    def method(self) -> str:
        """``gnn``, ``captum`` or ``gradient``."""

    @property
    def epochs(self) -> int:
        """Steps of GNNExplainer."""

    @property
    def lr(self) -> float:
        """Its learning rate."""

    @property
    def size(self) -> float:
        """Its penalty of the mean mask."""


class _Sum(Convolution):  # type: ignore[misc]  # torch_geometric is not followed
    """y_t = sum over edges (s, t) of w_st x_s."""

    def __init__(self) -> None:
        super().__init__(aggr="add")

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.propagate(edge_index, x=x, weight=weight)
        return found

    def message(self, x_j: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return x_j * weight[:, None]


class LinearEgo(torch.nn.Module):
    """Score of two nodes by LightGCN in the part of the graph that it depends on.

    Args:
        weights: of the layers in the read-out, one each.
        scale: entry of S of every edge, shape (n_edges,).
        pair: places of user and item.
        cosine: whether vectors are brought to length 1.
    """

    def __init__(self, weights: list[float], scale: torch.Tensor, pair: tuple[int, int], *, cosine: bool) -> None:
        super().__init__()
        self.sum, self.weights, self.scale, self.pair, self.cosine = _Sum(), weights, scale, pair, cosine

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        """Return the score, shape (1, 1)."""
        out = self.weights[0] * x
        for weight in self.weights[1:]:
            x = self.sum(x, edge_index, self.scale)
            out = out + weight * x
        return _score(out[self.pair[0]], out[self.pair[1]], cosine=self.cosine)


class LayeredEgo(torch.nn.Module):
    """Score of a user and an item by a network over neighbours, likewise; users come before items.

    The network's convolutions are kept out of sight of the explainer, which would give each the mask of all edges;
    every relation gets its own part of it here.

    Args:
        network: with its parameters.
        relations: name -> which edges it has, shape (n_edges,).
        n_users: users before the first item.
        pair: places of the user among users and of the item among items.
        cosine: whether vectors are brought to length 1.
    """

    def __init__(
        self,
        network: Network,
        relations: Mapping[str, torch.Tensor],
        n_users: int,
        pair: tuple[int, int],
        *,
        cosine: bool,
    ) -> None:
        super().__init__()
        self.mask = _Sum()
        self.hidden = (network.requires_grad_(requires_grad=False),)
        self.relations, self.n_users, self.pair, self.cosine = relations, n_users, pair, cosine

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        """Return the score, shape (1, 1)."""
        (network,) = self.hidden
        self._masked(network, edge_index)
        now = {USER: x[: self.n_users], ITEM: x[self.n_users :]}
        at = {kind: torch.arange(len(values)) for kind, values in now.items()}
        edges = self._edges(network, edge_index)
        kept = [now]
        for layer in network.layers:
            now = layer(now, at, edges)
            kept.append(now)
        places = dict(zip((USER, ITEM), self.pair, strict=True))
        u, v = (network.read(kind, [layer[kind][[place]] for layer in kept])[0] for kind, place in places.items())
        return _score(u, v, cosine=self.cosine)

    def _edges(self, network: Network, edge_index: torch.Tensor) -> dict[str, torch.Tensor]:
        """Edges of every relation in places among their kind."""
        found, kinds = {}, network.layers[0].target
        for name, chosen in self.relations.items():
            target, source = kinds[name]  # type: ignore[index]  # a dictionary of the layer
            first = torch.tensor([[self.n_users * (source == ITEM)], [self.n_users * (target == ITEM)]])
            found[name] = edge_index[:, chosen] - first
        return found

    def _masked(self, network: Network, edge_index: torch.Tensor) -> None:
        """Hand every convolution its part of the mask that the explainer set."""
        mask: Any = self.mask._edge_mask  # noqa: SLF001 - where explainers of PyTorch Geometric put it
        for layer in network.layers:
            for name, conv in layer.convs.items():  # type: ignore[union-attr, operator]  # a ModuleDict
                if mask is None:
                    clear_masks(conv)
                elif name in self.relations:
                    chosen = self.relations[name]
                    apply: bool = self.mask._apply_sigmoid  # noqa: SLF001 - likewise
                    set_masks(conv, mask[chosen], edge_index[:, chosen], apply_sigmoid=apply)


def _score(u: torch.Tensor, v: torch.Tensor, *, cosine: bool) -> torch.Tensor:
    if cosine:
        u, v = (torch.nn.functional.normalize(x, dim=0) for x in (u, v))
    return (u @ v).reshape(1, 1)


# -- explainers ------------------------------------------------------------------------------------------------------


def edge_mask(model: torch.nn.Module, x: torch.Tensor, edge_index: torch.Tensor, options: Options) -> torch.Tensor:
    """Return how much each edge matters for the score, not negative, shape (n_edges,).

    ``gnn``: GNNExplainer (Ying et al., NeurIPS 2019); ``captum``: integrated gradients on edges (Sundararajan et al.,
    ICML 2017); ``gradient``: |ds / dm| where every edge has the weight m = 1.

    Raises:
        InputError: captum is not installed, or there is no such method.
    """
    if options.method == "gradient":
        return _gradient(model, x, edge_index)
    explainer = Explainer(
        model,
        _algorithm(options),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
    )
    found: torch.Tensor = explainer(x, edge_index).edge_mask.detach()
    clear_masks(model)
    return found.abs()


def _algorithm(options: Options) -> Any:
    if options.method == "gnn":
        return GNNExplainer(options.epochs, options.lr, edge_size=options.size, edge_reduction="mean", edge_ent=0.1)
    if options.method != "captum":
        raise InputError(f"no explainer {options.method!r}", "method", "there are: gnn, captum, gradient")
    if importlib.util.find_spec("captum") is None:
        raise InputError("the package captum is not installed", "method", "install it, or choose gnn or gradient")
    return CaptumExplainer("IntegratedGradients")


def masked_score(model: torch.nn.Module, x: torch.Tensor, edge_index: torch.Tensor, mask: torch.Tensor) -> float:
    """Return the score when every message is multiplied by its edge's weight."""
    set_masks(model, mask, edge_index, apply_sigmoid=False)
    with torch.no_grad():
        found = float(model(x, edge_index))
    clear_masks(model)
    return found


def _gradient(model: torch.nn.Module, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
    mask = torch.nn.Parameter(x.new_ones(edge_index.shape[1]))
    set_masks(model, mask, edge_index, apply_sigmoid=False)
    (found,) = torch.autograd.grad(model(x, edge_index).sum(), mask)
    clear_masks(model)
    return found.abs()
