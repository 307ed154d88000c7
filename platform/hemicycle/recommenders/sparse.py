"""Sparse products behind recommenders that score by neighbours.

Compiled sums, one row a task and in the order of its entries, do not depend on the number of threads. Compiled code is
kept between processes where ``NUMBA_CACHE_DIR`` names a folder.
"""

import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import Parameters

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    parallel=True, nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


def pattern(graph: InteractionGraph) -> sp.csr_array:
    """Return the matrix users x items of ones, float32: who took what, whatever the weights; own memory."""
    indices, indptr = np.array(graph.indices), np.array(graph.indptr)
    return sp.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=(graph.n_users, graph.n_items))


def power(degrees: NDArray[Any], exponent: float) -> NDArray[np.float32]:
    """Return d^exponent, and 0 for nodes without edges."""
    return np.where(degrees > 0, np.maximum(degrees, 1.0) ** exponent, 0.0).astype(np.float32)


def packed(matrix: sp.csr_array) -> dict[str, NDArray[Any]]:
    """Return a square matrix as parameters."""
    return {"data": matrix.data, "indices": matrix.indices.astype(np.int32), "indptr": matrix.indptr.astype(np.int64)}


def unpacked(parameters: Parameters) -> sp.csr_array:
    """Return the square matrix of :func:`packed`, in memory."""
    data, indices, indptr = (np.array(parameters[name]) for name in ("data", "indices", "indptr"))
    return sp.csr_array((data, indices, indptr), shape=(len(indptr) - 1,) * 2)


def require_items(graph: InteractionGraph, n_items: int) -> None:
    """Raise an InputError unless a graph has the items that a model was fitted to."""
    if graph.n_items != n_items:
        raise InputError(
            f"the model was fitted to {n_items} items and the graph has {graph.n_items}",
            remedy="score with a graph over the items of training",
        )


def dense_product(rows: sp.csr_array, matrix: sp.csr_array, *, ones: bool = False) -> NDArray[np.float32]:
    """Return the dense product of two sparse matrices, shape (len(rows), columns of ``matrix``).

    Every row is filled by one thread, which adds where an entry falls: for a batch of users whose scores touch a good
    part of all items that is several times faster than a sparse result made dense.

    Args:
        rows: shape (batch, n).
        matrix: shape (n, any).
        ones: True when all entries of ``matrix`` are 1, so that they need not be read.
    """
    out = np.zeros((rows.shape[0], matrix.shape[1]), np.float32)
    values = None if ones else matrix.data.astype(np.float32, copy=False)
    _dense_product(*_parts(rows), rows.data.astype(np.float32, copy=False), *_parts(matrix), values, out)
    return out


def _parts(matrix: sp.csr_array) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return pointers and columns in one pair of integer types, for which the kernel is compiled once."""
    return matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False)


@_compiled
def _dense_product(  # noqa: PLR0913, PLR0917 - numba takes arrays
    pointers: Any, columns: Any, weights: Any, inner_pointers: Any, inner_columns: Any, values: Any, out: Any
) -> None:
    for r in numba.prange(len(out)):
        for e in range(pointers[r], pointers[r + 1]):
            middle, weight = np.uint32(columns[e]), weights[e]
            for f in range(inner_pointers[middle], inner_pointers[middle + np.uint32(1)]):
                out[r, np.uint32(inner_columns[f])] += weight if values is None else weight * values[f]
