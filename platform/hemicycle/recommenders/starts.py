"""Start values of a table that already know the graph: truncated singular vectors of its normalised matrix.

What graph convolution with a linear filter learns lies close to the leading singular vectors (Shen et al., CIKM 2021;
Peng et al., SIGIR 2022), so training that starts there has less to find.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from hemicycle.core.seeding import key_of
from hemicycle.graphs.interaction import InteractionGraph

Array = NDArray[np.float32]
_SPARE = 10
_ROUNDS = 3
_LOST = 1e-3


def spectral_start(graph: InteractionGraph, rank: int, seed: int) -> tuple[Array, Array]:
    """Return start vectors of users and items from the singular vectors of D_u^-1/2 R D_i^-1/2 = U diag(s) V^T.

    Users start at sqrt(n_users) U diag(s), items at sqrt(n_items) diag(d_i / mean d)^(1/2) V: about as long as normal
    vectors of variance 1, and longer for popular items.

    Args:
        graph: training graph; between users its rows and columns are both users.
        rank: singular vectors wanted.
        seed: key of the random start of the subspace.

    Returns:
        Users, shape (n_users, r), and items, shape (n_items, r); r falls short of ``rank`` where the matrix' rank does.
    """
    left, values, right = truncated_svd(normalised(graph), rank, seed)
    degrees = graph.item_degrees
    prominence = np.sqrt(graph.n_items * degrees / degrees.mean()).astype(np.float32)
    return left * (np.float32(np.sqrt(graph.n_users)) * values), right * prominence[:, None]


def lay(table: Array, vectors: Array, columns: NDArray[np.integer]) -> None:
    """Overwrite rows of a table that holds some columns by their start vectors.

    Columns beyond the vectors' and rows that they do not reach (nodes without edges, or in a component of their own)
    stay as they are.

    Args:
        table: rows of the vectors' nodes, shape (n, len(columns)).
        vectors: shape (n, r).
        columns: which ones the table holds.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    reached, known = np.flatnonzero(lengths > _LOST * lengths.mean()), columns < vectors.shape[1]
    table[np.ix_(reached, np.flatnonzero(known))] = vectors[np.ix_(reached, columns[known])]


def normalised(graph: InteractionGraph) -> sp.csr_array:
    """Return D_u^-1/2 R D_i^-1/2 in single precision, every edge alike."""
    by_user, by_item = (1 / np.sqrt(np.maximum(d, 1)) for d in (graph.degrees, graph.item_degrees))
    values = (by_user[graph.rows()] * by_item[graph.indices]).astype(np.float32)
    return sp.csr_array((values, graph.indices, graph.indptr), shape=(graph.n_users, graph.n_items))


def truncated_svd(matrix: sp.csr_array, rank: int, seed: int) -> tuple[Array, Array, Array]:
    """Return the leading singular triples by subspace iteration from a random start (Halko et al., SIAM Review 2011).

    In every pair of vectors the largest entry of the right one is positive, which makes them unique.

    Returns:
        U of shape (n, r), s of shape (r,) descending, V of shape (m, r); triples whose s vanishes are left out.
    """
    rank = min(rank, *matrix.shape)
    key = key_of("subspace", seed) % 2**32
    left, values, transposed = randomized_svd(
        matrix, rank, n_oversamples=_SPARE, n_iter=_ROUNDS, power_iteration_normalizer="QR", random_state=key
    )
    kept = values > 1e-5 * values[0]
    left, values, right = left[:, kept], values[kept], transposed[kept].T
    sign = np.sign(right[np.abs(right).argmax(0), np.arange(len(values))])
    return (left * sign).astype(np.float32), values.astype(np.float32), (right * sign).astype(np.float32)
