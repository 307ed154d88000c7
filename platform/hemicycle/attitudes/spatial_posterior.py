"""Posterior of the spatial following model, in the form in which it is cheap: bilinear in rows and columns.

Barberá's model (Political Analysis 23(1), 2015, eq. 1),

    logit P(y_ij = 1) = alpha_j + beta_i - gamma |theta_i - phi_j|^2,

is a_j + b_i + theta_i . f_j, a_j = alpha_j - gamma |phi_j|^2, b_i = beta_i - gamma |theta_i|^2, f_j = 2 gamma phi_j.
Priors: theta_i ~ N(0, I), beta_i ~ N(mu_b, s_b^2), alpha_j ~ N(mu_a, s_a^2), phi_j ~ N(mu_f, s_f^2 I), so that here

    b_i | theta_i ~ N(mu_b - gamma |theta_i|^2, s_b^2),   a_j | f_j ~ N(mu_a - |f_j|^2 / (4 gamma), s_a^2),

the same for rows and columns but for the curvature (gamma, 1 / (4 gamma)). No cell is sampled: the sum over all of
n x m cells is exact, in blocks of rows, while what is one enters as a sparse product.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

_CELLS = 1 << 20
_LONGEST_STEP = 1.0


@dataclass(frozen=True, eq=False)
class Cells:
    """What was observed.

    Args:
        yes: cells with y = 1, shape (n, m), values 1.
        seen: all observed cells, values 1; None: all n x m.
        device: where blocks are computed.
    """

    yes: sp.csr_array
    seen: sp.csr_array | None = None
    device: str = "cpu"

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return int(self.yes.shape[0]), int(self.yes.shape[1])

    def blocks(self) -> Iterator[slice]:
        """Yield slices of rows of about a million cells."""
        n, m = self.shape
        size = max(1, _CELLS // m)
        return (slice(start, min(n, start + size)) for start in range(0, n, size))

    def mask(self, rows: slice) -> Tensor | None:
        """Return 1 where a cell of these rows was observed, 0 elsewhere; None where all were."""
        if self.seen is None:
            return None
        return torch.from_numpy(self.seen[rows].toarray().astype(np.float32)).to(self.device)

    def select(self, rows: np.ndarray) -> "Cells":
        """Return some rows."""
        return Cells(self.yes[rows], None if self.seen is None else self.seen[rows], self.device)


@dataclass(frozen=True)
class Prior:
    """Prior of one side: first column x0 ~ N(location - curvature |x|^2, scale^2), others x ~ N(centre, spread^2).

    Args:
        curvature: gamma for rows, 1 / (4 gamma) for columns.
        location: mean of beta or alpha.
        scale: standard deviation of beta or alpha.
        centre: mean of the positions, shape (d,).
        spread: standard deviation of the positions.
    """

    curvature: float
    location: float
    scale: float
    centre: Tensor
    spread: float

    def residual(self, points: Tensor) -> Tensor:
        """Return beta_i - mu_b (or alpha_j - mu_a), shape (n,)."""
        return points[:, 0] + self.curvature * points[:, 1:].square().sum(1) - self.location

    def jacobian(self, points: Tensor) -> Tensor:
        """Return the derivative of :meth:`residual`, shape (n, 1 + d)."""
        return torch.cat([torch.ones_like(points[:, :1]), 2 * self.curvature * points[:, 1:]], 1)

    def log_density(self, points: Tensor) -> Tensor:
        """Return the log density of all points."""
        n, d = len(points), points.shape[1] - 1
        first = self.residual(points).square().sum() / self.scale**2
        rest = (points[:, 1:] - self.centre).square().sum() / self.spread**2
        norms = math.log(2 * math.pi) * (1 + d) + 2 * math.log(self.scale) + 2 * d * math.log(self.spread)
        return -(first + rest + n * norms) / 2


@dataclass(frozen=True)
class Statistics:
    """Derivatives of the log likelihood with respect to one side.

    Args:
        gradient: shape (n, 1 + d).
        information: expected = observed negative Hessian in these terms, shape (n, 1 + d, 1 + d).
    """

    gradient: Tensor
    information: Tensor


def design(points: Tensor) -> Tensor:
    """Return (1, x), by which the other side's parameters are multiplied, shape (n, 1 + d)."""
    return torch.cat([torch.ones_like(points[:, :1]), points[:, 1:]], 1)


def linear_predictor(rows: Tensor, columns: Tensor) -> Tensor:
    """Return a_j + b_i + theta_i . f_j, shape (n, m)."""
    return torch.addmm(rows[:, :1] + columns[:, 0], rows[:, 1:], columns[:, 1:].T)


def log_likelihood(cells: Cells, rows: Tensor, columns: Tensor) -> float:
    """Return the sum over observed cells of y eta - log(1 + e^eta)."""
    total = 0.0
    yes = cells.yes.tocoo()
    if yes.nnz:
        i, j = torch.from_numpy(yes.coords[0]).long(), torch.from_numpy(yes.coords[1]).long()
        total = float((rows[i, 0] + columns[j, 0] + (rows[i, 1:] * columns[j, 1:]).sum(1)).sum())
    for block in cells.blocks():
        losses = torch.nn.functional.softplus(linear_predictor(rows[block], columns))
        mask = cells.mask(block)
        total -= float((losses if mask is None else losses * mask).sum())
    return total


def log_posterior(cells: Cells, rows: Tensor, columns: Tensor, priors: tuple[Prior, Prior]) -> float:
    """Return log likelihood plus log priors of (b, theta) and (a, f), hyperparameters given."""
    prior = priors[0].log_density(rows) + priors[1].log_density(columns)
    return log_likelihood(cells, rows, columns) + float(prior)


def row_statistics(cells: Cells, block: slice, rows: Tensor, columns: Tensor) -> Statistics:
    """Return the derivatives for the rows of one block."""
    chances = _chances(cells, block, rows, columns)
    by = design(columns)
    yes = torch.from_numpy(cells.yes[block] @ by.cpu().numpy()).to(by)
    return Statistics(yes - _times(chances[0], by), _squares(chances[1], by))


def column_statistics(cells: Cells, block: slice, rows: Tensor, columns: Tensor) -> Statistics:
    """Return what the rows of one block add to the derivatives for all columns."""
    chances = _chances(cells, block, rows, columns)
    by = design(rows[block])
    yes = torch.from_numpy(cells.yes[block].T @ by.cpu().numpy()).to(by)
    return Statistics(yes - _times(chances[0].T, by), _squares(chances[1].T, by))


def _chances(cells: Cells, block: slice, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Return p and p (1 - p) of the cells of a block, in single precision, 0 where nothing was observed."""
    points = (side.to(cells.device, torch.float32) for side in (rows[block], columns))
    chance = linear_predictor(*points).sigmoid_()
    spread = chance - chance.square()
    mask = cells.mask(block)
    return (chance, spread) if mask is None else (chance.mul_(mask), spread.mul_(mask))


def _times(values: Tensor, by: Tensor) -> Tensor:
    return (values @ by.to(values)).to(by)


def _squares(weights: Tensor, by: Tensor) -> Tensor:
    """Return sum_j w_ij x_j x_j', shape (n, 1 + d, 1 + d)."""
    first, second = torch.triu_indices(by.shape[1], by.shape[1])
    sums = _times(weights, by[:, first] * by[:, second])
    out = sums.new_empty(len(sums), by.shape[1], by.shape[1])
    out[:, first, second] = sums
    out[:, second, first] = sums
    return out


def newton_step(points: Tensor, found: Statistics, prior: Prior) -> tuple[Tensor, Tensor]:
    """Return the points after one damped Newton step, and the Laplace covariances where they stood.

    The prior's second derivative enters where it is positive, so that precisions stay positive definite.

    Args:
        points: shape (n, 1 + d).
        found: derivatives of the log likelihood there.
        prior: of these points.

    Returns:
        Points (n, 1 + d) and covariances (n, 1 + d, 1 + d), given the other side.
    """
    residual, slope = prior.residual(points), prior.jacobian(points)
    gradient = found.gradient - (residual / prior.scale**2)[:, None] * slope
    gradient[:, 1:] -= (points[:, 1:] - prior.centre) / prior.spread**2
    precision = found.information + slope[:, :, None] * slope[:, None, :] / prior.scale**2
    bend = 2 * prior.curvature / prior.scale**2 * residual.clamp(min=0)
    precision.diagonal(dim1=1, dim2=2)[:, 1:] += prior.spread**-2 + bend[:, None]
    covariance = torch.linalg.inv(precision)
    step = (covariance @ gradient[:, :, None])[:, :, 0]
    longest = step.abs().amax(1, keepdim=True)
    return points + step * (_LONGEST_STEP / longest.clamp(min=_LONGEST_STEP)), covariance


def place(cells: Cells, rows: Tensor, columns: Tensor, prior: Prior, steps: int) -> Tensor:
    """Return the rows after so many steps, the columns held."""
    rows = rows.clone()
    for block in cells.blocks():
        for _ in range(steps):
            rows[block], _ = newton_step(rows[block], row_statistics(cells, block, rows, columns), prior)
    return rows


def sweep(
    cells: Cells, rows: Tensor, columns: Tensor, priors: tuple[Prior, Prior]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Move all rows given the columns, then all columns given the rows.

    Returns:
        Rows, their covariances, columns, their covariances.
    """
    rows = rows.clone()
    size = columns.shape[1]
    covariances = rows.new_empty(len(rows), size, size)
    gradient, information = torch.zeros_like(columns), columns.new_zeros(len(columns), size, size)
    for block in cells.blocks():
        rows[block], covariances[block] = newton_step(
            rows[block], row_statistics(cells, block, rows, columns), priors[0]
        )
        found = column_statistics(cells, block, rows, columns)
        gradient += found.gradient
        information += found.information
    columns, column_covariances = newton_step(columns, Statistics(gradient, information), priors[1])
    return rows, covariances, columns, column_covariances
