"""Compiled least squares of alternating factorisation: the rows of one side, the other side held.

A row's partners y_e (of weights c_e) and the Gram matrix G of all rows of the other side give its quadratic

    f(x) = sum_e c_e (1 - x . y_e)^2 + x^T (G + l2 I) x,

which steps of conjugate gradients lower from where the row stands (Takacs, Pilaszy and Tikk, Applications of the
Conjugate Gradient Method for Implicit Feedback Collaborative Filtering, RecSys 2011): d^2 + 2 d n operations a step
for n partners, where a solution by elimination takes d^2 n + d^3.

Every row is computed by one thread, so that results do not depend on the number of threads. Sums may be reordered to
fill a vector unit. Compiled code is kept between processes where ``NUMBA_CACHE_DIR`` names a folder.

Shapes: indptr (n + 1,), edges and weights (n_edges,), l2 (n,), gram (d, d), fixed (m, d), own (n, d).
"""

import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Factors = NDArray[np.float32]
_ROWS_A_TASK = 64
_GRAM_ROWS = 2048
_CONVERGED = 1e-20
_FAST = {"reassoc", "contract"}

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    parallel=True, nogil=True, fastmath=_FAST, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)
_inner: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, fastmath=_FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True
)


def gram_of(table: Factors) -> Factors:
    """Return table^T table, shape (d, d), summed in an order that does not depend on the number of threads."""
    partial = _grams(np.ascontiguousarray(table), -(-len(table) // _GRAM_ROWS))
    return np.asarray(partial.sum(0), np.float32)


@_compiled
def _grams(table: Any, n_parts: int) -> Any:
    """Return the Gram matrices of blocks of rows, shape (n_parts, d, d)."""
    n, d = table.shape
    grams = np.zeros((n_parts, d, d), np.float32)
    for part in numba.prange(n_parts):
        for row in range(part * _GRAM_ROWS, min(n, (part + 1) * _GRAM_ROWS)):
            for a in range(d):
                for b in range(d):
                    grams[part, a, b] += table[row, a] * table[row, b]
    return grams


@_compiled
def improve(indptr: Any, edges: Any, weights: Any, l2: Any, gram: Any, fixed: Any, own: Any, steps: int) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Lower f of every row of ``own`` in place, rows without partners to 0; return f reached, shape (n,), float64."""
    n, d = own.shape
    reached = np.zeros(n)
    n_tasks = (n + _ROWS_A_TASK - 1) // _ROWS_A_TASK
    for task in numba.prange(n_tasks):
        scratch = np.empty((3, d), np.float32)
        for r in range(task, n, n_tasks):
            here = slice(indptr[r], indptr[r + 1])
            if indptr[r] == indptr[r + 1]:
                for k in range(d):
                    own[r, k] = 0
            else:
                _descend(edges[here], weights[here], l2[r], gram, fixed, own[r], steps, scratch)
                reached[r] = _value(edges[here], weights[here], l2[r], gram, fixed, own[r], scratch[0])
    return reached


@_inner
def _descend(edges: Any, weights: Any, l2: Any, gram: Any, fixed: Any, x: Any, steps: int, scratch: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Make steps of conjugate gradients from x, in place."""
    residual, direction, image = scratch[0], scratch[1], scratch[2]
    _apply(edges, weights, l2, gram, fixed, x, image)
    for k in range(len(x)):
        residual[k] = -image[k]
    for e in range(len(edges)):
        for k in range(len(x)):
            residual[k] += weights[e] * fixed[np.uint32(edges[e]), k]
    for k in range(len(x)):
        direction[k] = residual[k]
    size = _dot(residual, residual)
    for _ in range(steps):
        _apply(edges, weights, l2, gram, fixed, direction, image)
        curvature = _dot(direction, image)
        if size < _CONVERGED or curvature <= 0:
            break
        length = size / curvature
        for k in range(len(x)):
            x[k] += length * direction[k]
            residual[k] -= length * image[k]
        before, size = size, _dot(residual, residual)
        for k in range(len(x)):
            direction[k] = residual[k] + size / before * direction[k]


@_inner
def _apply(edges: Any, weights: Any, l2: Any, gram: Any, fixed: Any, x: Any, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Write (G + l2 I + sum of c y y^T) x to ``out``."""
    _apply_smooth(l2, gram, x, out)
    for e in range(len(edges)):
        y = fixed[np.uint32(edges[e])]
        pull = weights[e] * _dot(y, x)
        for k in range(len(x)):
            out[k] += pull * y[k]


@_inner
def _apply_smooth(l2: Any, gram: Any, x: Any, out: Any) -> None:
    """Write (G + l2 I) x to ``out``."""
    for k in range(len(x)):
        out[k] = l2 * x[k]
    for j in range(len(x)):
        for k in range(len(x)):
            out[k] += x[j] * gram[j, k]


@_inner
def _value(edges: Any, weights: Any, l2: Any, gram: Any, fixed: Any, x: Any, scratch: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Return f(x)."""
    _apply_smooth(l2, gram, x, scratch)
    total = np.float64(_dot(x, scratch))
    for e in range(len(edges)):
        miss = np.float32(1) - _dot(fixed[np.uint32(edges[e])], x)
        total += weights[e] * miss * miss
    return total


@_inner
def _dot(a: Any, b: Any) -> Any:
    total = np.float32(0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total
