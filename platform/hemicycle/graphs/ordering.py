"""Orders of a graph's nodes in which neighbours lie close in memory."""

from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import reverse_cuthill_mckee

from hemicycle.graphs.interaction import Adjacency

Ordering = Literal["none", "degree", "rcm"]


def node_order(adjacency: Adjacency, by: Ordering) -> NDArray[np.int64]:
    """Return the node at each place of an order, shape (n_nodes,).

    ``degree`` puts the nodes that are read most often side by side; ``rcm`` is reverse Cuthill-McKee (Cuthill and
    McKee, ACM 1969; George, 1971), breadth first from a node of low degree, which brings communities together.
    """
    if by == "degree":
        return np.argsort(-np.diff(adjacency.indptr), kind="stable")
    if by == "rcm":
        ones, n = np.ones(len(adjacency.indices), np.int8), adjacency.n_nodes
        matrix = sp.csr_matrix((ones, adjacency.indices, adjacency.indptr), shape=(n, n))
        return np.asarray(reverse_cuthill_mckee(matrix, symmetric_mode=True), np.int64)
    return np.arange(adjacency.n_nodes)


def reordered(adjacency: Adjacency, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return pointers and indices with the nodes renumbered by their place in ``order``.

    Each row keeps the sequence of its neighbours, so that sums over them stay the same to the last bit.
    """
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    degrees = np.diff(adjacency.indptr)[order]
    pointers = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    entries = np.arange(pointers[-1]) + np.repeat(adjacency.indptr[:-1][order] - pointers[:-1], degrees)
    return pointers, place[adjacency.indices[entries]]
