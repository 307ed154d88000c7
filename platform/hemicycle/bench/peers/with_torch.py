"""Plain torch: the sparse product of MKL through ``torch.sparse``, and full ranking with ``torch.topk``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

Spec = Mapping[str, Any]
Facts = dict[str, Any]
_USERS = 512


def product(spec: Spec) -> Callable[[], Facts]:
    """One product of a weighted CSR matrix."""
    matrix, x = _weighted(spec)

    def run() -> Facts:
        matrix @ x
        return {}

    return run


def layers(spec: Spec) -> Callable[[], Facts]:
    """Mean of the start and three products, forward and backward; autograd multiplies with the transposed matrix."""
    matrix, x = _weighted(spec)
    x.requires_grad_()

    def run() -> Facts:
        out = layer = x
        for _ in range(3):
            layer = matrix @ layer
            out = out + layer
        torch.autograd.grad(out, x, torch.ones_like(out))
        return {}

    return run


def _weighted(spec: Spec) -> tuple[torch.Tensor, torch.Tensor]:
    torch.set_num_threads(spec["threads"])
    folder = Path(spec["data"])
    x = torch.from_numpy(np.concatenate([np.load(folder / f"{side}.npy") for side in ("users", "items")]))
    pointers, indices = np.load(folder / "pointers.npy"), np.load(folder / "indices.npy")
    scale = 1 / np.sqrt(np.maximum(np.diff(pointers), 1))
    values = np.repeat(scale, np.diff(pointers)) * scale[indices]
    arrays = (pointers.astype(np.int32), indices, values.astype(np.float32))
    starts, columns, weights = (torch.from_numpy(array) for array in arrays)
    matrix = torch.sparse_csr_tensor(starts, columns, weights, size=(len(x), len(x)), check_invariants=False)
    return matrix.to(spec["device"]), x.to(spec["device"])


def ranking(spec: Spec) -> Callable[[], Facts]:
    """Recall and NDCG at 20 of given vectors: scores of 512 users at a time, training items masked, ``topk``."""
    torch.set_num_threads(spec["threads"])
    folder, device = Path(spec["data"]), spec["device"]
    users, items = (torch.from_numpy(np.load(folder / f"{side}.npy")).to(device) for side in ("users", "items"))
    taken, held = (_by_user(folder, part, device) for part in ("train", "test"))

    def run() -> Facts:
        sums = torch.zeros(2, dtype=torch.float64)
        for start in range(0, len(users), _USERS):
            scores = users[start : start + _USERS] @ items.T
            rows, columns = _rows(taken, start, len(scores))
            scores[rows, columns] = -torch.inf
            lists = scores.topk(20, dim=1).indices
            sums += _metrics(lists, held, start, scores.shape)
        return dict(zip(("recall@20", "ndcg@20"), (sums / (held[0].diff() > 0).sum().item()).tolist(), strict=True))

    return run


def _by_user(folder: Path, part: str, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Pointers and items, sorted by user."""
    users, items = (np.load(folder / f"{part}_{side}.npy").astype(np.int64) for side in ("users", "items"))
    n = json.loads((folder / "about.json").read_text(encoding="utf-8"))["users"]
    pointers = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n))])
    return torch.from_numpy(pointers).to(device), torch.from_numpy(items[np.argsort(users)]).to(device)


def _rows(edges: tuple[torch.Tensor, torch.Tensor], start: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    pointers, items = edges
    counts = pointers[start : start + count + 1].diff()
    rows = torch.arange(count, device=items.device).repeat_interleave(counts)
    return rows, items[pointers[start] : pointers[start + count]]


def _metrics(
    lists: torch.Tensor, held: tuple[torch.Tensor, torch.Tensor], start: int, shape: torch.Size
) -> torch.Tensor:
    """Sums over users of recall and NDCG."""
    wanted = torch.zeros(shape, dtype=torch.bool, device=lists.device)
    rows, columns = _rows(held, start, len(lists))
    wanted[rows, columns] = True
    hits, counts = wanted.gather(1, lists).double(), wanted.sum(1)
    gains = 1 / torch.log2(torch.arange(2.0, lists.shape[1] + 2, dtype=torch.float64, device=lists.device))
    some = counts > 0
    ideal = gains.cumsum(0)[counts[some].clamp(max=lists.shape[1]) - 1]
    recall = (hits[some].sum(1) / counts[some]).sum()
    return torch.stack([recall, (hits[some] @ gains / ideal).sum()]).cpu()
