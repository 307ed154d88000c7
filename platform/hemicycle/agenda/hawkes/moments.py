"""Least squares of Hawkes processes in closed form (Bacry, Gaiffas and Muzy 2020; Reynaud-Bouret and Schbath 2010).

The contrast of target i is theta.G.theta - 2 b_i.theta with G the integral of x x' and b_i the sum of x over the
target's events. Between events d(R_a R_b)/dt = -(beta_a + beta_b) R_a R_b for exponential kernels, so that
(beta_a + beta_b) int R_a R_b is the sum of the jumps of R_a R_b at events less its value at the end:
beta_a sum_{n of a} R_b + beta_b sum_{n of b} R_a, and beta_a beta_b N where both are of the same source. One pass that
sums R over the events of every source gives both G and b. The covariance is the sandwich
G^-1 (sum of x x' over the target's events) G^-1, whose middle is the variation of the martingale b - G theta.
"""

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Kernel, KernelOptions, kernel_of
from hemicycle.agenda.hawkes.likelihood import sums
from hemicycle.agenda.hawkes.loops import moment_sums
from hemicycle.agenda.hawkes.newton import Fit, inverse
from hemicycle.agenda.hawkes.nonnegative import largest
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]


def least_squares(design: Design, options: KernelOptions, *, nonnegative: bool = True) -> Fit:
    """Minimise the contrast for a known kernel whose rates are shared or a source's own.

    Args:
        design: events and baseline; the window must be all of the observation.
        options: the kernel; its shape is taken as known.
        nonnegative: whether coefficients are kept at 0 or above; without, a negative one means inhibition.

    Raises:
        InputError: every pair has a decay of its own.
    """
    known = options.replace(estimate=False) if hasattr(options, "estimate") else options
    kernel = kernel_of(known, design.events.n_sources, design.events.horizon - design.events.start)
    gram, right = moments(design, kernel)
    theta = np.stack([_solved(gram, mine, nonnegative) for mine in right])
    middle = _variation(design, kernel)
    bread = inverse(gram)
    covariance = bread @ middle @ bread
    n, p = theta.shape
    value = sums(design, kernel, np.maximum(theta, 1e-12), order=0).value
    return Fit(theta, known, value, covariance, np.zeros((n, p, 0)), np.zeros((0, 0)), 2)


def _solved(gram: Floats, right: Floats, nonnegative: bool) -> Floats:
    return largest(gram, right, np.zeros(len(right))) if nonnegative else np.asarray(np.linalg.solve(gram, right))


def moments(design: Design, kernel: Kernel) -> tuple[Floats, Floats]:
    """Return G, shape (p, p), and b, shape (n_targets, p).

    Args:
        design: events and baseline; the window is all of the observation.
        kernel: whose rates targets share.

    Raises:
        InputError: every pair has a decay of its own.
    """
    rates = _rates(kernel, design.events.n_sources)
    over_events, at_edges = _sums(design, rates)
    gram = _gram(design, rates, over_events, at_edges[-1])
    mixed = _mixing(design, kernel)
    cross, exposure = _pieces(design, rates, at_edges)
    full = np.block([[np.diag(exposure), cross], [cross.T, gram]])
    targets = design.events.targets
    right = np.hstack([_counts(design)[targets], over_events[targets].reshape(len(targets), -1)])
    return mixed.T @ full @ mixed, right @ mixed


def _rates(kernel: Kernel, n_sources: int) -> Floats:
    """Rates of each exponential and source, shape (K, n_sources)."""
    if kernel.own and len(kernel.rates) > 1:
        what = "least squares from moments needs decays that targets share, but every pair has its own"
        raise InputError(what, "kernel.per", "write 'per: source' or 'per: shared', or 'estimator: likelihood'")
    rates = kernel.rates if kernel.own else kernel.rates[:, None]
    return np.ascontiguousarray(np.broadcast_to(rates, (len(rates), n_sources)))


def _sums(design: Design, rates: Floats) -> tuple[Floats, Floats]:
    """Sums of R over each source's events (S, K * S), and R just after each edge of the baseline (n_edges, K * S)."""
    events = design.events
    edges = design.baseline.edges(events.start, events.horizon)
    times = np.concatenate([events.times, edges])
    marks = np.concatenate([events.marks, np.full(len(edges), -1)])
    order = np.argsort(times, kind="stable")
    total = np.zeros((events.n_sources, *rates.shape))
    stops = np.zeros((len(edges), *rates.shape))
    moment_sums(times[order], marks[order], rates, total, stops)
    return total.reshape(len(total), -1), stops.reshape(len(stops), -1)


def _gram(design: Design, rates: Floats, over_events: Floats, last: Floats) -> Floats:
    """Integral of R_a R_b over the observation, shape (K * S, K * S)."""
    n = design.events.n_sources
    flat, source = rates.ravel(), np.tile(np.arange(n), len(rates))
    jumps = flat[:, None] * over_events[source]
    same = (source[:, None] == source) * np.outer(flat, flat) * design.events.counts[source]
    return np.asarray((jumps + jumps.T + same - np.outer(last, last)) / (flat[:, None] + flat))


def _pieces(design: Design, rates: Floats, at_edges: Floats) -> tuple[Floats, Floats]:
    """Integral of R over each piece of the baseline (n_pieces, K * S), and each piece's duration."""
    events = design.events
    edges = design.baseline.edges(events.start, events.horizon)
    piece = design.baseline.piece((edges[:-1] + edges[1:]) / 2, events.horizon)
    born = _counts(design).T
    left = np.zeros((design.n_pieces, at_edges.shape[1]))
    np.add.at(left, piece, np.diff(at_edges, axis=0))
    duration = design.baseline.exposure(events.start, events.horizon, events.horizon)
    return np.tile(born, (1, len(rates))) - left / rates.ravel(), duration


def _counts(design: Design) -> Floats:
    """Events of each source in each piece, shape (n_sources, n_pieces)."""
    shape = (design.events.n_sources, design.n_pieces)
    flat = design.events.marks * design.n_pieces + design.pieces
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _mixing(design: Design, kernel: Kernel) -> Floats:
    """Exponentials -> columns, baseline first."""
    n, first = design.events.n_sources, design.n_pieces
    mix = np.ones((1, 1)) if kernel.own else kernel.mix
    mixed = np.zeros((first + mix.shape[0] * n, first + mix.shape[1] * n))
    mixed[:first, :first] = np.eye(first)
    mixed[first:, first:] = np.kron(mix, np.eye(n))
    return mixed


def _variation(design: Design, kernel: Kernel) -> Floats:
    """Sum of x x' over each target's events, shape (n_targets, p, p)."""
    p = design.n_columns(kernel)
    total = np.zeros((len(design.counts), p, p))
    for stretch in design.stretches(kernel):
        for i in np.flatnonzero(np.diff(stretch.bounds)):
            mine = stretch.features[stretch.bounds[i] : stretch.bounds[i + 1]]
            total[i] += mine.T @ mine
    return total
