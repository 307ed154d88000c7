"""Correction of lag coefficients for the bias that constants of topics bring.

A topic's mean holds its later values, which depend on earlier residuals: demeaned lags and residuals are correlated
(Nickell, Econometrica 1981). With F the companion matrix, J = (I, 0, ...)' and S the residual covariance, n rows of a
topic give sum_t sum_s<t F^(t-1-s) J S / n = [(I - F)^-1 - (I - F)^-2 / n] J S but for a term F^n, and least squares is
off by minus that, over all topics, through the inverse of the lags' products (Hahn and Kuersteiner, Econometrica 2002).
"""

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.responses.roots import companion, shrunk

Floats = NDArray[np.float64]


def bias_corrected(products: Floats, coefficients: Floats, covariance: Floats, counts: Floats) -> Floats:
    """Return lag matrices without the bias of order one over the rows of a topic.

    Args:
        products: centred products of the windows, shape (replications, q, q).
        coefficients: least squares, shape (replications, lags, groups, groups).
        covariance: of the residuals, shape (replications, groups, groups).
        counts: number of constants and of rows, shape (replications, 2) or (2,).

    Returns:
        Shape (replications, lags, groups, groups).
    """
    _, lags, n_groups, _ = coefficients.shape
    stable, _ = shrunk(coefficients)
    left = np.eye(lags * n_groups) - companion(stable)
    start = np.zeros((len(left), lags * n_groups, n_groups))
    start[:, :n_groups] = covariance
    effects, rows = np.broadcast_to(counts, (len(left), 2)).T[:, :, None, None]
    once = np.linalg.solve(left, start)
    total = effects * (once - np.linalg.solve(left, once) * effects / rows)
    shift = np.linalg.solve(products[:, n_groups:, n_groups:], total)
    return np.asarray(coefficients + np.swapaxes(shift.reshape(-1, lags, n_groups, n_groups), -1, -2))
