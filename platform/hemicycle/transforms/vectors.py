"""Vectors by which two items are alike, whatever the model."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import DotScores, Scores

RANK = 32
"""Columns of the audience's vectors."""


def item_vectors(scores: Scores, graph: InteractionGraph) -> NDArray[np.float32]:
    """Return items' vectors of length 1, shape (n_items, d), so that a product is a cosine; 0 for unknown items.

    They are the vectors that score, where the model has any; else the items' features; else the audience's.
    """
    if isinstance(scores, DotScores):
        return _unit(scores.items.float().cpu().numpy())
    if graph.features.items is not None:
        return _unit(graph.features.items)
    return _unit(audience_vectors(graph))


def audience_vectors(graph: InteractionGraph, rank: int = RANK) -> NDArray[np.float32]:
    """Return items' rows V S of the singular value decomposition U S V' of the matrix users x items.

    Their products approximate how many users two items share. Small matrices are decomposed whole.
    """
    matrix = graph.edges_only().to_scipy().astype(np.float64)
    matrix.data[:] = 1.0
    if min(matrix.shape) <= 2 * rank:
        _, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        start = rng("audience vectors").normal(size=min(matrix.shape))
        _, values, right = svds(matrix, rank, v0=start)
    return np.asarray(right.T * values, np.float32)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.divide(vectors, norms, out=np.zeros(vectors.shape, np.float32), where=norms > 0, casting="same_kind")
    return np.asarray(found)
