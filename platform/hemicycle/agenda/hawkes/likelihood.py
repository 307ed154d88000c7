"""Log-likelihood of Hawkes processes, its gradient and information, in one pass over the events.

log L = sum_i [ sum_{n of target i} log(x_n . theta_i) - c_i . theta_i ] with features x and their integrals c (Ogata
1978). Information is the sum of squared scores of the events: for theta that is the observed information exactly, for
the kernel's shape it has the same mean.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design, Stretch
from hemicycle.agenda.hawkes.kernels import Kernel

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over the events of each target at given parameters.

    Args:
        value: of log(lambda) less the integral, shape (n_targets,).
        score: gradient to theta, shape (n_targets, p).
        gram: information about theta, shape (n_targets, p, p).
        shape_score: gradient to psi, shape (n_targets, q).
        cross: information about theta and psi, shape (n_targets, p, q).
        shape_gram: information about psi, shape (n_targets, q, q).
    """

    value: Floats
    score: Floats
    gram: Floats
    shape_score: Floats
    cross: Floats
    shape_gram: Floats


def sums(design: Design, kernel: Kernel, theta: Floats, order: int = 2) -> Sums:
    """Log-likelihood of each target, its gradient (order 1) and information (order 2).

    Args:
        design: events, baseline and window.
        kernel: at the shape parameters.
        theta: shape (n_targets, p).
        order: of the derivatives that are wanted; gradients always come.
    """
    q = shape_size(kernel, design)
    n, p = theta.shape
    total = Sums(*(np.zeros(s) for s in ((n,), (n, p), (n, p, p), (n, q), (n, p, q), (n, q, q))))
    for stretch in design.stretches(kernel, slopes=q > 0):
        for i in np.flatnonzero(np.diff(stretch.bounds)):
            rows = slice(stretch.bounds[i], stretch.bounds[i + 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                _add(total, int(i), _scores(stretch, rows, theta[i], (design.n_pieces, kernel.own)), order)
    return _less_integrals(total, design, kernel, theta)


def shape_size(kernel: Kernel, design: Design) -> int:
    """Number of shape parameters of a target: 0 where the kernel is known."""
    if not kernel.parameters.size:
        return 0
    return design.events.n_sources if kernel.own else kernel.parameters.size


def _scores(stretch: Stretch, rows: slice, theta: Floats, layout: tuple[int, bool]) -> tuple[Floats, Floats, Floats]:
    """Log-intensities, and their gradients to theta (rows, p) and psi (rows, q)."""
    first, own = layout
    features = stretch.features[rows]
    rate = features @ theta
    slopes = stretch.slopes[rows]
    weights = theta[first:]
    if not slopes.shape[1]:
        shape = np.empty((len(rate), 0))
    elif own:
        shape = slopes[:, 0, :] * weights
    else:
        shape = slopes @ weights
    return np.log(rate), features / rate[:, None], shape / rate[:, None]


def _add(total: Sums, i: int, scores: tuple[Floats, Floats, Floats], order: int) -> None:
    logs, theta, shape = scores
    total.value[i] += logs.sum()
    total.score[i] += theta.sum(0)
    total.shape_score[i] += shape.sum(0)
    if order > 1:
        total.gram[i] += theta.T @ theta
        total.cross[i] += theta.T @ shape
        total.shape_gram[i] += shape.T @ shape


def _less_integrals(total: Sums, design: Design, kernel: Kernel, theta: Floats) -> Sums:
    integrals = np.broadcast_to(design.integrals(kernel), theta.shape)
    value = total.value - (integrals * theta).sum(1)
    shape_score = total.shape_score
    if shape_score.shape[1]:
        slopes = design.integral_slopes(kernel)
        weights = theta[:, design.n_pieces :]
        shape_score = shape_score - (slopes[:, 0, :] * weights if kernel.own else weights @ slopes[0].T)
    return replace(total, value=value, score=total.score - integrals, shape_score=shape_score)
