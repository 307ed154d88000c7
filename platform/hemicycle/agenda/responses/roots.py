"""Roots of vector autoregressions: whether what shocks bring dies out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def companion(coefficients: Floats) -> Floats:
    """Return companion matrices of lag matrices (..., lags, groups, groups), shape (..., n, n), n = lags * groups."""
    *outer, lags, n_groups, _ = coefficients.shape
    size = lags * n_groups
    matrix = np.zeros((*outer, size, size))
    matrix[..., :n_groups, :] = np.moveaxis(coefficients, -3, -2).reshape(*outer, n_groups, size)
    matrix[..., n_groups:, :-n_groups] = np.eye(size - n_groups)
    return matrix


def largest_roots(coefficients: Floats) -> Floats:
    """Largest modulus of the companion matrix's eigenvalues, shape (replications,)."""
    return np.asarray(np.abs(np.linalg.eigvals(companion(coefficients))).max(-1))


def shrunk(coefficients: Floats, largest: float = 0.99) -> tuple[Floats, NDArray[np.bool_]]:
    """Bring explosive replications back below 1: all their roots are multiplied by one number.

    A_l -> d^l A_l multiplies every root by d; d is chosen so that the largest becomes ``largest``, in the spirit of
    Kilian's (Review of Economics and Statistics 1998) stationarity correction.

    Args:
        coefficients: shape (replications, lags, groups, groups).
        largest: modulus of the largest root of what was explosive.

    Returns:
        Lag matrices, and which replications were explosive.
    """
    doubtful = np.flatnonzero(~surely_stable(companion(coefficients)))
    explosive = np.zeros(len(coefficients), bool)
    if not len(doubtful):
        return coefficients, explosive
    roots = largest_roots(coefficients[doubtful])
    explosive[doubtful] = roots >= 1
    factor = np.where(roots >= 1, largest / roots, 1.0)
    powers = factor[:, None] ** np.arange(1, coefficients.shape[1] + 1)
    changed = coefficients.copy()
    changed[doubtful] *= powers[:, :, None, None]
    return changed, explosive


def surely_stable(matrices: Floats, squarings: int = 9) -> NDArray[np.bool_]:
    """Tell where a power's Frobenius norm is below 1, so that all eigenvalues are: cheaper than the eigenvalues.

    Args:
        matrices: shape (replications, n, n).
        squarings: how far powers go; a largest root within about 1 % of 1 then stays in doubt.
    """
    power, log_size = matrices, np.zeros(len(matrices))
    stable = np.zeros(len(matrices), bool)
    for _ in range(squarings):
        power = power @ power
        norm = np.maximum(np.sqrt((power**2).sum((1, 2))), 1e-300)
        power = power / norm[:, None, None]
        log_size = 2 * log_size + np.log(norm)
        stable |= log_size < 0
    return stable
