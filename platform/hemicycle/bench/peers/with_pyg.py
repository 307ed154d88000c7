"""PyTorch Geometric: its LightGCN in mini-batches, and its two ways to multiply with an adjacency."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric import EdgeIndex
from torch_geometric.nn import LGConv, LightGCN
from torch_geometric.nn.conv.gcn_conv import gcn_norm

Spec = Mapping[str, Any]
Facts = dict[str, Any]


def epoch(spec: Spec) -> Callable[[], Facts]:
    """Mini-batches of ``pairs`` BPR pairs, each with a propagation, as in PyG's example; ``batches`` at most."""
    folder, device = Path(spec["data"]), torch.device(spec["device"])
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(0)
    edges, shape = positives(folder)
    edges, pairs = edges.to(device), spec["pairs"]
    both_ways = torch.cat([edges, edges.flip(0)], 1)
    model = LightGCN(sum(shape), spec["dim"], num_layers=spec["layers"]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    total = -(-edges.shape[1] // pairs)

    def run() -> Facts:
        order = torch.randperm(edges.shape[1], device=device)
        chosen = torch.split(order, pairs)[: spec.get("batches", total)]
        losses = [step(model, optimizer, both_ways, labelled(edges[:, part], shape)) for part in chosen]
        return {"share": len(losses) / total, "loss": sum(losses) / len(losses)}

    return run


def positives(folder: Path) -> tuple[torch.Tensor, tuple[int, int]]:
    """Training edges as nodes, items after users, shape (2, n), and the numbers of users and items."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    users, items = (np.load(folder / f"train_{side}.npy").astype(np.int64) for side in ("users", "items"))
    return torch.from_numpy(np.stack([users, items + about["users"]])), (about["users"], about["items"])


def labelled(taken: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Positive pairs, and as many with a random item."""
    others = torch.randint(shape[0], sum(shape), (taken.shape[1],), device=taken.device)
    return torch.cat([taken, torch.stack([taken[0], others])], 1)


def step(model: LightGCN, optimizer: torch.optim.Optimizer, both_ways: torch.Tensor, labels: torch.Tensor) -> float:
    """Make one step of Adam on BPR pairs, positive ones first; return the loss."""
    optimizer.zero_grad()
    positive, negative = model(both_ways, labels).chunk(2)
    loss = model.recommendation_loss(positive, negative, node_id=torch.unique(labels))
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def convolution(spec: Spec) -> Callable[[], Facts]:
    """One LGConv on an edge list: gather, weigh, scatter; the weights are computed beforehand."""
    x, edges, weights = _graph(spec)
    layer = LGConv(normalize=False)

    def run() -> Facts:
        with torch.no_grad():
            layer(x, edges, weights)
        return {}

    return run


def matmul(spec: Spec) -> Callable[[], Facts]:
    """One product by ``EdgeIndex.matmul``, sorted by row, with its cache filled."""
    x, edges, weights = _graph(spec)
    matrix = EdgeIndex(edges, sparse_size=(len(x), len(x)), sort_order="row").fill_cache_()

    def run() -> Facts:
        with torch.no_grad():
            matrix.matmul(x, weights)
        return {}

    return run


def layers(spec: Spec) -> Callable[[], Facts]:
    """Mean of the start and three LGConv, forward and backward."""
    x, edges, weights = _graph(spec)
    x.requires_grad_()
    convolutions = [LGConv(normalize=False) for _ in range(3)]

    def run() -> Facts:
        out = layer = x
        for one in convolutions:
            layer = one(layer, edges, weights)
            out = out + layer
        torch.autograd.grad(out, x, torch.ones_like(out))
        return {}

    return run


def _graph(spec: Spec) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Vectors, edges sorted by row, and their weights 1 / sqrt(d_v d_w)."""
    torch.set_num_threads(spec["threads"])
    folder, device = Path(spec["data"]), spec["device"]
    x = torch.from_numpy(np.concatenate([np.load(folder / f"{side}.npy") for side in ("users", "items")]))
    pointers, indices = np.load(folder / "pointers.npy"), np.load(folder / "indices.npy")
    rows = np.repeat(np.arange(len(x)), np.diff(pointers))
    edges = torch.from_numpy(np.stack([rows, indices]).astype(np.int64))
    _, weights = gcn_norm(edges, None, len(x), add_self_loops=False)
    return x.to(device), edges.to(device), weights.to(device)
