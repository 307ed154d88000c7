"""Propagation on a graph: products with S = D^-1/2 A D^-1/2, forward and backward.

S is symmetric, so the backward pass is the same product, and nothing has to be kept between the two. D^-1/2 stands
outside of the sum, which leaves an unweighted sparse product, the sum of a bag of rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from hemicycle.graphs.interaction import Adjacency
from hemicycle.graphs.ordering import Ordering, node_order, reordered

_INT32_MAX = 2**31 - 1
_ENTRIES_AT_ONCE = 1 << 18


class Propagation:
    """Symmetrically normalised propagation as a differentiable function.

    y_v = sum over neighbours w of v of x_w / sqrt(d_v d_w)   (Kipf and Welling, ICLR 2017, without self-loops)

    A node without neighbours yields 0.

    Args:
        adjacency: symmetric graph.
        dtype: torch.float32 or torch.float64.
        device: where tables live.
        gather: type in which rows are read, by default ``dtype``. torch.bfloat16 halves what travels through memory
            at a relative error of about 2^-9 a product; sums are formed in single precision.
        ordering: order in which the nodes lie while they are multiplied. Rows come in and go out as the graph numbers
            them, and the results are the same to the last bit.
    """

    def __init__(
        self,
        adjacency: Adjacency,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        gather: torch.dtype | None = None,
        ordering: Ordering = "none",
    ) -> None:
        self.order: torch.Tensor | None = None
        pointers, indices = adjacency.indptr, adjacency.indices
        if ordering != "none":
            order = node_order(adjacency, ordering)
            pointers, indices = reordered(adjacency, order)
            self.order = torch.from_numpy(order).to(device)
        degrees = np.diff(pointers)
        scale = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
        self.scale = torch.from_numpy(scale).to(device, dtype)[:, None]
        self.inverse = torch.from_numpy(scale**2).to(device, dtype)[:, None]
        self.pointers, self.indices = _bags(pointers, indices, device)
        self.gather = gather

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """Return S x without recording it for differentiation; x has shape (n_nodes, any)."""
        return self._leave(self._sums(self._enter(x) * self.scale).mul_(self.scale))

    def sum(self, x: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
        """Return sum over k of weights[k] S^k x without recording it.

        In Horner form; with b = D^-1/2 x the inner steps are t <- D^-1 A t + weights[k] b, one scaling each, and no
        layer is kept.
        """
        if len(weights) == 1:
            return x * weights[0]
        x = self._enter(x)
        base = x * self.scale
        inner = base * weights[-1]
        for weight in reversed(weights[1:-1]):
            inner = _combined(self._sums(inner), self.inverse, base, weight)
        return self._leave(_combined(self._sums(inner), self.scale, x, weights[0]))

    def polynomial(self, x: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
        """Return the differentiable sum over k of weights[k] S^k x."""
        return _Polynomial.apply(x, self, tuple(weights))  # type: ignore[no-untyped-call, no-any-return]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the differentiable product S x."""
        return self.polynomial(x, (0.0, 1.0))

    def _enter(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rows in the order of the products."""
        return x if self.order is None else x.index_select(0, self.order)

    def _leave(self, y: torch.Tensor) -> torch.Tensor:
        """Return the rows in the order of the graph."""
        return y if self.order is None else torch.empty_like(y).index_copy_(0, self.order, y)

    def _sums(self, x: torch.Tensor) -> torch.Tensor:
        """Return A x."""
        rows = x if self.gather is None else x.to(self.gather)
        found = embedding_bag(self.indices, rows, self.pointers, mode="sum", include_last_offset=True)
        return found.to(x.dtype)


class _Polynomial(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, propagation: Propagation, weights: tuple[float, ...]) -> torch.Tensor:
        ctx.propagation, ctx.weights = propagation, weights
        return propagation.sum(x, weights)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.propagation.sum(grads[0].contiguous(), ctx.weights), None, None


def _combined(y: torch.Tensor, scale: torch.Tensor, x: torch.Tensor, weight: float) -> torch.Tensor:
    """Return scale * y + weight * x in the place of y, in chunks of rows that stay in the processor's cache."""
    size = max(1, _ENTRIES_AT_ONCE // max(1, y.shape[1]))
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        part = y[rows].mul_(scale[rows])
        if weight:
            part.add_(x[rows], alpha=weight)
    return y


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
