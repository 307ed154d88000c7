"""Identification of the spatial following model: what the likelihood leaves open is set after every sweep.

The likelihood a_j + b_i + theta_i . f_j does not change when theta is moved and stretched (f answers), when f is moved
by c (b_i loses c . theta_i), and it says nothing on gamma at all. Positions get mean 0 and the covariance I as a
population, E[theta theta'] = mean of (estimate estimate' + Laplace covariance) = I, which is the prior's; this is the
expanded parameter of PX-EM (Liu, Rubin and Wu, Biometrika 85(4), 1998) and makes sweeps converge fast. c and gamma are
those under which activity beta is least related to position and distance, and popularity alpha likewise: they maximise

    -n log sd(beta) - m log sd(alpha) - (log s_f)^2 / (2 tau^2),   s_f = sd(f) / (2 gamma),  tau = 0.5.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from hemicycle.attitudes.spatial_posterior import Prior

_TAU = 0.5
_LEAST = 1e-3
"""Smallest standard deviation of a prior."""


@dataclass(frozen=True, eq=False)
class State:
    """Estimates of all parameters.

    Args:
        rows: (b, theta), shape (n, 1 + d).
        columns: (a, f), shape (m, 1 + d).
        gamma: weight of the squared distance.
        priors: of rows and of columns.
        row_covariances: Laplace, given the columns, shape (n, 1 + d, 1 + d).
        column_covariances: Laplace, given the rows, shape (m, 1 + d, 1 + d).
    """

    rows: Tensor
    columns: Tensor
    gamma: float
    priors: tuple[Prior, Prior]
    row_covariances: Tensor
    column_covariances: Tensor


def start(rows: Tensor, columns: Tensor) -> State:
    """Return the state from which sweeps begin: wide priors, gamma at which sd(phi) is 1."""
    gamma = max(_LEAST, float(columns[:, 1:].std(correction=0)) / 2)
    d = rows.shape[1] - 1
    zero = torch.zeros(d, dtype=rows.dtype)
    priors = (Prior(gamma, 0.0, 3.0, zero, 1.0), Prior(0.25 / gamma, float(columns[:, 0].mean()), 3.0, zero, 2 * gamma))
    none = torch.zeros(1, 1 + d, 1 + d, dtype=rows.dtype)
    return State(rows, columns, gamma, priors, none, none)


def identify(state: State) -> State:
    """Return an equally likely state whose positions are standardised, with gamma and priors that fit it."""
    state = _standardised(state)
    gamma, shift = _least_related(state)
    state = _shifted(state, shift)
    rows, columns = state.rows.clone(), state.columns.clone()
    activity = float((rows[:, 0] + gamma * rows[:, 1:].square().sum(1)).mean())
    rows[:, 0] -= activity
    columns[:, 0] += activity
    priors = _row_prior(rows, state.row_covariances, gamma), _column_prior(columns, state.column_covariances, gamma)
    return State(rows, columns, gamma, priors, state.row_covariances, state.column_covariances)


def _standardised(state: State) -> State:
    """Move and stretch positions to mean 0 and covariance I, their uncertainty counted."""
    theta = state.rows[:, 1:]
    mean = theta.mean(0)
    covariance = torch.cov(theta.T, correction=0).reshape(2 * mean.shape) + state.row_covariances[:, 1:, 1:].mean(0)
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp(min=1e-12).sqrt()) @ vectors.T
    shrink = _block(torch.zeros_like(mean), torch.linalg.inv(root))
    stretch = _block(mean, root)
    moved = state.rows.clone()
    moved[:, 1:] -= mean
    return _mapped(state, moved, shrink, stretch)


def _shifted(state: State, shift: Tensor) -> State:
    """Move f by ``shift``; b answers."""
    identity = torch.eye(len(shift), dtype=shift.dtype)
    moved = _mapped(state, state.rows, _block(-shift, identity), _block(torch.zeros_like(shift), identity))
    moved.columns[:, 1:] += shift
    return moved


def rotated(state: State, rotation: Tensor) -> State:
    """Turn all positions, theta <- R' theta and f <- R' f, with R of shape (d, d)."""
    turn = _block(torch.zeros_like(rotation[0]), rotation.T)
    turned = _mapped(state, state.rows, turn, turn)
    rows, columns = (Prior(p.curvature, p.location, p.scale, rotation.T @ p.centre, p.spread) for p in state.priors)
    return State(
        turned.rows, turned.columns, state.gamma, (rows, columns), turned.row_covariances, turned.column_covariances
    )


def _block(first: Tensor, rest: Tensor) -> Tensor:
    """Return the matrix of (x0, x) -> (x0 + first . x, rest x) for x of shape (d,)."""
    top = torch.cat([torch.ones(1, dtype=rest.dtype), first])
    return torch.cat([top[None], torch.cat([torch.zeros_like(rest[:, :1]), rest], 1)])


def _mapped(state: State, rows: Tensor, on_rows: Tensor, on_columns: Tensor) -> State:
    return State(
        rows @ on_rows.T,
        state.columns @ on_columns.T,
        state.gamma,
        state.priors,
        on_rows @ state.row_covariances @ on_rows.T,
        on_columns @ state.column_covariances @ on_columns.T,
    )


def _least_related(state: State) -> tuple[float, Tensor]:
    """Return gamma and the shift of f; see the module's docstring."""

    def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        at = torch.from_numpy(x).requires_grad_()
        value = _relatedness(state, at[0].exp(), at[1:])
        value.backward()  # type: ignore[no-untyped-call]
        assert at.grad is not None
        return float(value.detach()), at.grad.numpy()

    first = np.zeros(state.rows.shape[1])
    first[0] = math.log(state.gamma)
    found = minimize(objective, first, jac=True, method="L-BFGS-B", options={"maxiter": 25}).x
    return math.exp(found[0]), torch.from_numpy(found[1:])


def _relatedness(state: State, gamma: Tensor, shift: Tensor) -> Tensor:
    theta, f = state.rows[:, 1:], state.columns[:, 1:] + shift
    beta = state.rows[:, 0] - theta @ shift + gamma * theta.square().sum(1)
    alpha = state.columns[:, 0] + f.square().sum(1) / (4 * gamma)
    spread = state.columns[:, 1:].var(0, correction=0).mean().sqrt() / (2 * gamma)
    sizes = len(beta) * _log_sd(beta) + len(alpha) * _log_sd(alpha)
    return sizes + spread.clamp(min=1e-9).log().square() / (2 * _TAU**2)


def _log_sd(values: Tensor) -> Tensor:
    return (values.var(correction=0) + _LEAST**2).log() / 2


def _row_prior(rows: Tensor, covariances: Tensor, gamma: float) -> Prior:
    bare = Prior(gamma, 0.0, 1.0, torch.zeros_like(rows[0, 1:]), 1.0)
    return Prior(gamma, 0.0, _scale(bare, rows, covariances), bare.centre, 1.0)


def _column_prior(columns: Tensor, covariances: Tensor, gamma: float) -> Prior:
    bare = Prior(0.25 / gamma, 0.0, 1.0, columns[:, 1:].mean(0), 1.0)
    location = float(bare.residual(columns).mean())
    within = covariances[:, 1:, 1:].diagonal(dim1=1, dim2=2).mean()
    spread = float((columns[:, 1:].var(0, correction=0).mean() + within).sqrt())
    return Prior(bare.curvature, location, _scale(bare, columns, covariances), bare.centre, max(_LEAST, spread))


def _scale(bare: Prior, points: Tensor, covariances: Tensor) -> float:
    """Return the standard deviation of beta or alpha, the uncertainty of each counted."""
    slope = bare.jacobian(points)
    within = torch.einsum("nd,nde,ne->n", slope, covariances.expand(len(slope), -1, -1), slope).mean()
    return max(_LEAST, float((bare.residual(points).var(correction=0) + within).sqrt()))
