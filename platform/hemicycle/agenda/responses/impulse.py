"""Impulse responses of vector autoregressions, for many replications at once.

Arrays end with [..., day, response, impulse]. With y_t = sum_h Psi_h e_t-h and residual covariance S:

- orthogonalised: Psi_h P with the lower Cholesky factor P of S (Sims, Econometrica 1980): a shock of one standard
  deviation of what is new in a group, given the groups before it in the order;
- generalised: Psi_h S e_j / sqrt(s_jj) (Pesaran and Shin, Economics Letters 1998): one standard deviation of the
  group's residual, the others moving with it as they usually do.

Divided by the impulse group's own response on day 0, they answer a shock that raises it by one.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["orthogonalised", "generalised"]


def moving_average(coefficients: Floats, horizon: int) -> Floats:
    """Return Psi_0 = I to Psi_horizon: Psi_h = A_1 Psi_h-1 + ... + A_p Psi_h-p.

    Args:
        coefficients: shape (..., lags, groups, groups).
        horizon: last day.

    Returns:
        Shape (..., horizon + 1, groups, groups).
    """
    *outer, lags, n_groups, _ = coefficients.shape
    psi = np.zeros((*outer, horizon + 1, n_groups, n_groups))
    psi[..., 0, :, :] = np.eye(n_groups)
    for day in range(1, horizon + 1):
        for lag in range(1, min(lags, day) + 1):
            psi[..., day, :, :] += coefficients[..., lag - 1, :, :] @ psi[..., day - lag, :, :]
    return psi


def impact(covariance: Floats, kind: Kind, order: Sequence[int] | None = None) -> Floats:
    """Return the responses on day 0 to shocks of one standard deviation, shape (..., groups, groups).

    Args:
        covariance: of residuals, shape (..., groups, groups).
        kind: orthogonalised or generalised.
        order: groups from the first to the last of the Cholesky factor; none: as they stand.
    """
    if kind == "generalised":
        spread = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        return np.asarray(covariance / spread[..., None, :])
    placed = np.arange(covariance.shape[-1]) if order is None else np.asarray(order)
    factor = np.linalg.cholesky(covariance[..., placed[:, None], placed])
    back = np.argsort(placed)
    return np.asarray(factor[..., back[:, None], back])


def responses_to_deviation(
    coefficients: Floats, covariance: Floats, horizon: int, kind: Kind, order: Sequence[int] | None = None
) -> Floats:
    """Return responses to shocks of one standard deviation, shape (..., horizon + 1, groups, groups).

    Args:
        coefficients: lag matrices, shape (..., lags, groups, groups).
        covariance: of residuals, shape (..., groups, groups).
        horizon: last day.
        kind: orthogonalised or generalised.
        order: groups from the first to the last of the Cholesky factor; none: as they stand.
    """
    return np.asarray(moving_average(coefficients, horizon) @ impact(covariance, kind, order)[..., None, :, :])


def per_unit(responses: Floats) -> Floats:
    """Divide by the impulse group's own response on day 0.

    Args:
        responses: shape (..., days, groups, groups), which is that of the result.
    """
    own = np.diagonal(responses[..., 0, :, :], axis1=-2, axis2=-1)
    return np.asarray(responses / own[..., None, None, :])


def held_shocks(own: Floats) -> Floats:
    """Return the shocks that keep a group where the first put it: s_h = 1 - sum_{r<h} s_r own_{h-r}.

    Args:
        own: responses of the impulse groups to a shock of their own, by day, shape (..., days, groups).

    Returns:
        Sizes of the shocks relative to the first, same shape.
    """
    shocks = np.ones_like(own)
    for day in range(1, own.shape[-2]):
        shocks[..., day, :] = 1 - (shocks[..., :day, :] * own[..., day:0:-1, :]).sum(-2)
    return shocks


def convolved(shocks: Floats, responses: Floats) -> Floats:
    """Return responses to a sequence of shocks: r_h = sum_{k<=h} s_k responses_{h-k}.

    Args:
        shocks: of each impulse group by day, shape (..., days, groups).
        responses: to one shock, shape (..., days, groups, groups).
    """
    found = np.zeros_like(responses)
    for day in range(responses.shape[-3]):
        for since in range(day + 1):
            found[..., day, :, :] += shocks[..., since, None, :] * responses[..., day - since, :, :]
    return found


def permanent(responses: Floats, how: Literal["held", "repeated"] = "held") -> Floats:
    """Return responses to a shock that lasts, from those to one shock of size one.

    Args:
        responses: own response 1 on day 0, shape (..., days, groups, groups).
        how: ``held``: new shocks keep the impulse group's own value at 1; ``repeated``: the same shock every day, so
            that responses are cumulated.
    """
    if how == "repeated":
        return np.cumsum(responses, axis=-3)
    own = np.diagonal(responses, axis1=-2, axis2=-1)
    return convolved(held_shocks(own), responses)
