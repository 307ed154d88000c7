"""The cross product of a sparse table with itself, over its shorter side.

A dense matrix of the longer side never exists: entries are multiplied row by row in compiled code, or in blocks of rows
where the table is dense enough for that to be faster.
"""

import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]
_BLOCK = 1 << 21
_SMALL = 1 << 24
_DENSE = 0.08

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


def gram(table: sp.csr_array, weights: Array) -> Array:
    """Return X' diag(w) X, shape (m, m).

    Args:
        table: X, shape (n, m), CSR.
        weights: w, one a row, shape (n,).
    """
    n, m = table.shape
    if n * m <= _SMALL or table.nnz > _DENSE * n * m:
        return _by_blocks(table, weights)
    upper = np.zeros((m, m))
    _add_pairs(table.indptr, table.indices, table.data, weights, upper)
    return np.asarray(upper + upper.T - np.diag(upper.diagonal()))


def _by_blocks(table: sp.csr_array, weights: Array) -> Array:
    n, m = table.shape
    out, step = np.zeros((m, m)), max(1, _BLOCK // max(m, 1))
    for start in range(0, n, step):
        block = table[start : start + step].toarray().astype(np.float64, copy=False)
        out += (block * weights[start : start + step, None]).T @ block
    return np.asarray((out + out.T) / 2)


@_compiled
def _add_pairs(indptr: Any, indices: Any, data: Any, weights: Array, out: Array) -> None:
    """Add w x_a x_b for every pair of entries of a row, each pair once."""
    for row in range(len(indptr) - 1):
        end = indptr[row + 1]
        for a in range(indptr[row], end):
            value = weights[row] * data[a]
            line = out[indices[a]]
            for b in range(a, end):
                line[indices[b]] += value * data[b]
