"""Decomposition of the variance of forecast errors by the group whose shocks made it."""

import numpy as np
from numpy.typing import NDArray


def decomposition(responses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a group's forecast error variance that each group's shocks make.

    share_h[i, j] = sum_{d<=h} r_d[i, j]^2 / sum_k sum_{d<=h} r_d[i, k]^2, r the responses to one standard deviation.
    For orthogonalised shocks the denominator is the error variance (Luetkepohl 2005, ch. 2.3.3). Generalised shares do
    not sum to one by themselves and are divided by their sum (Diebold and Yilmaz, Int. J. of Forecasting 2012).

    Args:
        responses: to shocks of one standard deviation, shape (..., days, groups, groups).

    Returns:
        Share after day 0, 1, ..., same shape; sums to one over impulses.
    """
    made = np.cumsum(responses**2, axis=-3)
    return np.asarray(made / made.sum(-1, keepdims=True))
