"""Products with the normalised adjacency, and what memory allows: limits of the machine for the same reads."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from hemicycle.bench.workloads import load
from hemicycle.graphs.interaction import Adjacency
from hemicycle.recommenders.propagation import Propagation

Spec = Mapping[str, Any]
Part = Callable[[], dict[str, Any]]
LAYERS = 3
_BAG = 1024
_ROWS = 2048


def product(spec: Spec) -> Part:
    """One product with all columns; ``gather`` may name the type in which rows are read."""
    x, propagation = _table(spec), _propagation(spec)

    def run() -> dict[str, Any]:
        propagation.product(x)
        return _traffic(x, propagation.indices, propagation.gather or x.dtype)

    return run


def layers(spec: Spec) -> Part:
    """Mean of the start and three propagations, forward and backward."""
    x, propagation = _table(spec).requires_grad_(), _propagation(spec)
    gradient = torch.ones_like(x)

    def run() -> dict[str, Any]:
        out = propagation.polynomial(x, [1 / (LAYERS + 1)] * (LAYERS + 1))
        torch.autograd.grad(out, x, gradient)
        return {}

    return run


def gather(spec: Spec) -> Part:
    """The product's reads without its writes: rows at the same indices, added up a thousand at a time."""
    x, (indices,) = _table(spec), _arrays(spec, "indices")
    bounds = torch.arange(0, len(indices), _BAG, dtype=indices.dtype, device=x.device)

    def run() -> dict[str, Any]:
        embedding_bag(indices, x, bounds, mode="sum")
        return _traffic(x, indices, x.dtype)

    return run


def select(spec: Spec) -> Part:
    """The product's reads by ``index_select`` into a buffer that stays in the cache."""
    x, (indices,) = _table(spec), _arrays(spec, "indices")
    buffer = x.new_empty((_ROWS, x.shape[1]))

    def run() -> dict[str, Any]:
        for part in _parts(indices):
            torch.index_select(x, 0, part, out=buffer[: len(part)])
        return _traffic(x, indices, x.dtype)

    return run


def copy(spec: Spec) -> Part:
    """As many bytes as the product moves, at the speed at which memory is copied from one place to another."""
    x, (indices,) = _table(spec), _arrays(spec, "indices")
    y = torch.empty_like(x)

    def run() -> dict[str, Any]:
        y.copy_(x)
        facts = _traffic(x, indices, x.dtype)
        return {**facts, "share": 2 * x.nbytes / facts["bytes"]}

    return run


def _table(spec: Spec) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(load(spec["data"], "users", "items"))).to(spec["device"])


def _arrays(spec: Spec, *names: str) -> Iterator[torch.Tensor]:
    torch.set_num_threads(spec["threads"])
    return (torch.from_numpy(array[:].copy()).to(spec["device"]) for array in load(spec["data"], *names))


def _propagation(spec: Spec) -> Propagation:
    torch.set_num_threads(spec["threads"])
    pointers, indices = (np.asarray(array) for array in load(spec["data"], "pointers", "indices"))
    kind = getattr(torch, spec["gather"]) if "gather" in spec else None
    return Propagation(Adjacency(pointers, indices, 0, 0), device=spec["device"], gather=kind)


def _parts(indices: torch.Tensor) -> Iterator[torch.Tensor]:
    return iter(torch.split(indices, _ROWS))


def _traffic(x: torch.Tensor, indices: torch.Tensor, kind: torch.dtype) -> dict[str, Any]:
    """Bytes that a product reads, row by row, and writes."""
    return {"bytes": len(indices) * x.shape[1] * kind.itemsize + x.nbytes}
