"""Propagation on a graph: the product with D^-1/2 A D^-1/2, forward and backward.

The matrix is symmetric, so the backward pass is the same product, and nothing has to be kept between the two.
D^-1/2 stands outside of the sum, which leaves an unweighted sparse product, the sum of a bag of rows.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from hemicycle.graphs.interaction import Adjacency

_INT32_MAX = 2**31 - 1


class Propagation:
    """Symmetrically normalised propagation as a differentiable function.

    y_v = sum over neighbours w of v of x_w / sqrt(d_v d_w)   (Kipf and Welling, ICLR 2017, without self-loops)

    A node without neighbours yields 0.

    Args:
        adjacency: symmetric graph.
        dtype: torch.float32 or torch.float64.
        device: where tables live.
    """

    def __init__(
        self, adjacency: Adjacency, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> None:
        degrees = np.diff(adjacency.indptr)
        scale = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
        self.scale = torch.from_numpy(scale).to(device, dtype)[:, None]
        self.pointers, self.indices = _bags(adjacency.indptr, adjacency.indices, device)

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """Return the product without recording it for differentiation; x has shape (n_nodes, any)."""
        bags = embedding_bag(self.indices, x * self.scale, self.pointers, mode="sum", include_last_offset=True)
        return bags.mul_(self.scale)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the differentiable product."""
        return _Product.apply(x, self)  # type: ignore[no-untyped-call, no-any-return]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, propagation: Propagation) -> torch.Tensor:
        ctx.propagation = propagation
        return propagation.product(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.propagation.product(grads[0].contiguous()), None


def _bags(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], device: torch.device | str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pointers and indices in the one integer type that a bag needs: 32 bits wherever they suffice."""
    dtype = torch.int32 if len(indices) <= _INT32_MAX else torch.int64
    return torch.tensor(indptr).to(device, dtype), torch.tensor(indices).to(device, dtype)


def weighted_sum(targets: torch.Tensor, sources: torch.Tensor, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return Y with Y_t = sum of w_e x_s over the edges e = (t, s), shape of x; nothing is recorded.

    Args:
        targets: rows of Y, shape (n,).
        sources: rows of x, shape (n,).
        weights: shape (n,).
        x: shape (n_nodes, d).
    """
    order = torch.argsort(targets, stable=True)
    counts = torch.bincount(targets, minlength=len(x))
    pointers = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return embedding_bag(
        sources[order], x, pointers, mode="sum", per_sample_weights=weights[order], include_last_offset=True
    )
