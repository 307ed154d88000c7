"""Maximum likelihood of Hawkes processes: where Newton's steps start, and what a decay owes to the bound at 0.

Where many coefficients are estimated along with one decay, the decay that maximises the likelihood over coefficients
that are not negative is too fast: what noise adds to the likelihood depends on how the kernels of different sources
overlap, which fast ones do less. Were coefficients free, noise would add half their number at any decay. So the decay
maximises the likelihood of free coefficients, to second order around those at the bound: value + s' V s / 2 for the
score s and covariance V there. It moves along parabolas through three decays.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, Kernel, KernelOptions, kernel_of, with_parameters
from hemicycle.agenda.hawkes.newton import Fit, Place, climbed, finished

Floats = NDArray[np.float64]
_WARM = 200_000  # events from which a fit starts with that of the first tenth
_MANY = 50  # coefficients of all targets from which the bound's pull on a decay is removed
_APART = 0.15  # logarithms of the decays of a parabola
_ROUNDS = 8
FEW = 200
"""Events a coefficient below which an estimated decay that is shared by all has errors larger than is said."""


def maximised(design: Design, options: KernelOptions) -> Fit:
    """Maximise the likelihood over baselines and branching, and over the kernel's shape where it is to be estimated."""
    theta = start(design, _kernel(design, options))
    few = design.counts.min() < FEW * theta.shape[1]
    profile = isinstance(options, Exponential) and options.estimate and options.per == "shared" and theta.size >= _MANY
    if profile and few:
        return _profiled(design, options, _climbed_known(design, options, theta, _log_decay(options)), 2 * _APART)
    fit = _from_a_tenth(design, options, theta)
    return _profiled(design, fit.kernel, fit, _APART) if profile else fit


def _kernel(design: Design, options: KernelOptions) -> Kernel:
    return kernel_of(options, design.events.n_sources, design.events.horizon - design.events.start)


def _from_a_tenth(design: Design, options: KernelOptions, theta: Floats) -> Fit:
    """Climb, from the fit of the first tenth of many events."""
    tenth = _first_tenth(design, theta.shape[1]) if len(design.events.times) > _WARM else None
    if tenth is None:
        return climbed(design, options, theta)
    warm = climbed(tenth, options, theta)
    fit = climbed(design, warm.kernel, np.maximum(warm.theta, 0.02 * theta))
    return replace(fit, steps=fit.steps + warm.steps)


def _first_tenth(design: Design, coefficients: int) -> Design | None:
    """The first tenth of the events; None where a source has too few there for a sound start, or a piece is missing."""
    events = design.events
    number = len(events.times) // 10
    end = float(events.times[number])
    early = np.bincount(events.marks[:number], minlength=events.n_sources)
    short = Design(events, design.baseline, (events.start, end))
    exposed = design.baseline.exposure(events.start, end, events.horizon)
    return short if early.min() >= FEW * coefficients and exposed.min() > 0 else None


def start(design: Design, kernel: Kernel) -> Floats:
    """Half of the events exogenous, the rest shared out evenly, shape (n_targets, p).

    Args:
        design: events, baseline and window.
        kernel: at the shape to start from.
    """
    integrals = np.broadcast_to(design.integrals(kernel), (len(design.counts), design.n_columns(kernel)))
    half, first = 0.5 * design.counts[:, None], design.n_pieces
    baseline, branching = (half / part.sum(1, keepdims=True) for part in (integrals[:, :first], integrals[:, first:]))
    shape = (len(half), integrals.shape[1] - first)
    return np.hstack([np.broadcast_to(baseline, (len(half), first)), np.broadcast_to(branching, shape)])


# -- a decay without the pull of the bound -----------------------------------------------------------------------------


def _profiled(design: Design, options: KernelOptions, fit: Fit, apart: float) -> Fit:
    """Move to the decay with the largest likelihood of free coefficients."""
    at, steps, settled = _log_decay(options), fit.steps, False
    for _ in range(_ROUNDS):
        sides = [_climbed_known(design, options, fit.theta, at + shift) for shift in (-apart, apart)]
        shift = _vertex([float(each.unbounded.sum()) for each in (sides[0], fit, sides[1])], apart)
        settled = apart == _APART and abs(shift) < apart
        apart, at = _APART if abs(shift) < apart else apart, at + shift
        fit = _climbed_known(design, options, fit.theta, at)
        steps += fit.steps + sum(each.steps for each in sides)
        if settled:
            break
    place = Place.of(design, _with_decay(options, at), fit.theta)
    return replace(finished(place, steps), converged=fit.converged and settled)


def _log_decay(options: KernelOptions) -> float:
    assert isinstance(options, Exponential)
    return float(np.log(options.rates(1).item()))


def _with_decay(options: KernelOptions, at: float) -> KernelOptions:
    return with_parameters(options, np.array([at]))


def _climbed_known(design: Design, options: KernelOptions, theta: Floats, at: float) -> Fit:
    """Fit at a decay, from the coefficients at another."""
    least = 1e-3 * theta.max(1, keepdims=True)
    return climbed(design, _with_decay(options, at).replace(estimate=False), np.maximum(theta, least))


def _vertex(values: list[float], apart: float) -> float:
    """Where the parabola through three equally distant values is largest, from the middle; at most two distances."""
    low, middle, high = values
    bend = low - 2 * middle + high
    if bend >= 0:
        return float(np.copysign(2 * apart, high - low))
    return float(np.clip(0.5 * apart * (low - high) / bend, -2 * apart, 2 * apart))
