"""Quadratic programmes over coordinates that are not negative."""

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]
_EXCHANGES = 40


def largest(gram: Floats, score: Floats, at: Floats) -> Floats:
    """Return x >= 0 with the largest score.(x - at) - (x - at).gram.(x - at) / 2.

    Block principal pivoting (Kim and Park, SIAM J. Sci. Comput. 2011): all coordinates that are on the wrong side of
    the bound change sides at once; if that does not end, one at a time (Lawson and Hanson).

    Args:
        gram: positive semi-definite, shape (p, p); a row of zeros leaves its coordinate where the score pushes it, or
            where it is.
        score: shape (p,).
        at: shape (p,).
    """
    scale = np.sqrt(np.diag(gram))
    dead = scale <= 0
    scale = np.where(dead, 1.0, scale)
    scaled = gram / np.outer(scale, scale) + np.diag(1e-12 + dead)
    linear = score / scale + scaled @ (at * scale)
    loose = np.ones(len(at), bool)
    for _ in range(_EXCHANGES):
        x = np.zeros(len(at))
        x[loose] = np.linalg.solve(scaled[np.ix_(loose, loose)], linear[loose])
        pull = linear - scaled @ x
        wrong = np.where(loose, x < 0, pull > 1e-12 * np.abs(linear).max())
        if not wrong.any():
            return np.asarray(x / scale)
        loose = loose ^ wrong
    root = np.linalg.cholesky(scaled)
    return np.asarray(optimize.nnls(root.T, np.linalg.solve(root, linear))[0] / scale)
