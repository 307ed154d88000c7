"""EASE: every item's score is a linear function of the other items a user took, in closed form (Steck, WWW 2019)."""

from typing import ClassVar

import numpy as np
import psutil
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg.lapack import spotrf, spotri

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.sparse import pattern, require_items

_ROWS_AT_ONCE = 1024


class EASEConfig(RecommenderConfig):
    """EASE."""

    model: str = "ease"
    """Short name."""
    l2: float = Field(200.0, gt=0)
    """Weight lambda of the squared norm of the item-item matrix; grows with the number of users."""
    max_items: int = Field(20_000, ge=1)
    """Larger catalogues are refused: memory grows with the square of the number of items (20,000: 3.2 GB in the fit,
    1.6 GB after; 41,000: 13.4 and 6.7 GB) and time with its cube (about a minute of one core for 20,000)."""


class EASE(ClosedFormRecommender):
    """min ||X - XB||^2 + lambda ||B||^2 with diag B = 0: B_ij = -P_ij / P_jj, P = (X^T X + lambda I)^-1.

    X (users x items) holds 0 and 1, whatever the weights. P comes from one Cholesky factorisation, in single precision
    and in place. A user is known by her items alone: ``graph`` may hold users who were not there in training; one
    without items scores 0 everywhere, as does an item without users for everyone. Without vectors.
    """

    Config: ClassVar[type[RecommenderConfig]] = EASEConfig
    config: EASEConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Return B, float32, shape (n_items, n_items).

        Raises:
            InputError: the catalogue is too large for ``max_items`` or for this machine's memory.
        """
        del rng
        _require_room(graph.n_items, self.config.max_items, float(psutil.virtual_memory().available))
        gram = _gram(graph)
        gram[np.diag_indices_from(gram)] += np.float32(self.config.l2)
        return {"weights": _weights(_inverse(gram))}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to scores."""
        weights = parameters["weights"]
        require_items(graph, len(weights))
        own = pattern(graph)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            found: NDArray[np.floating] = own[batch] @ weights
            return found

        return score


def _require_room(n_items: int, max_items: int, available: float) -> None:
    """Raise an InputError when the fit would not fit."""
    if n_items > max_items:
        raise InputError(
            f"EASE needs memory for the square of {n_items} items, and max_items is {max_items}",
            "recommender.max_items",
            "raise it if memory and time allow, drop rare items, or take item_knn or spectral",
        )
    if 8.0 * n_items * n_items > available:
        raise InputError(
            f"EASE on {n_items} items needs {8e-9 * n_items * n_items:.1f} GB, {available / 1e9:.1f} GB are available",
            remedy="fit it on a larger machine, drop rare items, or take item_knn or spectral",
        )


def _gram(graph: InteractionGraph) -> NDArray[np.float32]:
    """Return X^T X in Fortran's order, as LAPACK wants it; it is symmetric."""
    matrix = pattern(graph)
    turned = matrix.T.tocsr()
    gram = np.empty((graph.n_items, graph.n_items), np.float32)
    for start in range(0, graph.n_items, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        gram[rows] = (turned[rows] @ matrix).todense()
    return gram.T


def _inverse(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the lower triangle of the inverse, in the memory of ``gram``; what stands above it is void.

    Raises:
        HemicycleError: rounding made the matrix indefinite.
    """
    factor, failed = spotrf(gram, lower=True, overwrite_a=True, clean=False)
    inverse, failed_too = spotri(factor, lower=True, overwrite_c=True)
    if failed or failed_too:
        raise HemicycleError("the item-item matrix is singular in single precision; raise the recommender's l2")
    found: NDArray[np.float32] = inverse
    return found


def _weights(lower: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return -P_ij / P_jj and a diagonal of 0, rows contiguous, from the lower triangle of P."""
    n = len(lower)
    scale = -1 / lower.diagonal()
    weights = np.empty((n, n), np.float32)
    for start in range(0, n, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n)
        weights[start:, start:stop] = lower[start:, start:stop]
        weights[start:stop, start:] = lower[start:, start:stop].T
        block = weights[start:stop, start:stop]
        below = np.tril_indices(stop - start, -1)
        block[below] = block.T[below]
    weights *= scale
    weights[np.diag_indices(n)] = 0
    return weights
