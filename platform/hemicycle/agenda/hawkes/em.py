"""Expectation maximisation of Hawkes processes (Veen and Schoenberg 2008), without the matrix of who caused whom.

The probabilities that an event is exogenous or a child of each earlier one enter the maximisation only through sums
by source, which the recursion gives: theta_c <- theta_c / c_c sum_n x_nc / lambda_n. The decay becomes the expected
number of children over their expected total delay; children after the end of the observation are left out there, as
in the paper. Steps are as cheap as Newton's but hundreds are needed.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Exponential, Kernel, KernelOptions, PowerLaw, kernel_of, with_parameters
from hemicycle.agenda.hawkes.likelihood import sums
from hemicycle.agenda.hawkes.maximum import start
from hemicycle.agenda.hawkes.newton import Fit, Place, finished
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]


def expectation_maximisation(
    design: Design, options: KernelOptions, *, steps: int = 2000, tolerance: float = 1e-8
) -> Fit:
    """Climb the likelihood by expectation and maximisation.

    Args:
        design: events and baseline.
        options: the kernel; a decay to be estimated must be an exponential's.
        steps: at most so many.
        tolerance: smallest gain of the log-likelihood an event that is worth another step.

    Raises:
        InputError: the shape of a power law is to be estimated.
    """
    if isinstance(options, PowerLaw) and options.estimate:
        what = "expectation maximisation has no closed form for the shape of a power law"
        raise InputError(what, "kernel", "write 'estimator: likelihood' or 'estimate: false'")
    theta = start(design, kernel_of(options, design.events.n_sources, design.events.horizon - design.events.start))
    before, taken, gain = -np.inf, 0, np.inf
    while taken < steps and gain >= tolerance * design.counts.sum():
        theta, options, value = _step(design, options, theta)
        gain, before, taken = value - before, value, taken + 1
    return replace(finished(Place.of(design, options, theta), taken), converged=taken < steps)


def _step(design: Design, options: KernelOptions, theta: Floats) -> tuple[Floats, KernelOptions, float]:
    """One expectation and maximisation, and the log-likelihood before it."""
    kernel = kernel_of(options, design.events.n_sources, design.events.horizon - design.events.start)
    total = sums(design, kernel, theta, order=1)
    integrals = np.broadcast_to(design.integrals(kernel), theta.shape)
    caused = theta * (total.score + integrals)
    renewed = np.divide(caused, integrals, out=np.zeros_like(theta), where=integrals > 0)
    if isinstance(options, Exponential) and options.estimate:
        children = caused[:, design.n_pieces :]
        options = _renewed(
            design, options, kernel, children, _delays(design, kernel, theta, total.shape_score, children)
        )
    return renewed, options, float(total.value.sum())


def _delays(design: Design, kernel: Kernel, theta: Floats, score: Floats, children: Floats) -> Floats:
    """Expected total delay of children times the decay: their number less sum_n theta (R - beta B) / lambda."""
    slopes, weights = design.integral_slopes(kernel), theta[:, design.n_pieces :]
    if kernel.own:
        return np.asarray(children - score - slopes[:, 0, :] * weights)
    return np.asarray(children.sum(1, keepdims=True) - score - weights @ slopes[0].T)


def _renewed(design: Design, options: Exponential, kernel: Kernel, children: Floats, delays: Floats) -> KernelOptions:
    """Decays that make the expected delays theirs."""
    children = children if kernel.own else children.sum(1, keepdims=True)
    parameters = kernel.parameters.copy()
    if kernel.own and len(kernel.rates) > 1:
        parameters[design.events.targets] += _log_ratio(children, delays)
    else:
        parameters += _log_ratio(children.sum(0), delays.sum(0)).reshape(parameters.shape)
    return with_parameters(options, parameters)


def _log_ratio(children: Floats, delays: Floats) -> Floats:
    """Logarithm of children over delays; 0 where there are none."""
    some = (children > 1e-9) & (delays > 1e-9)
    return np.log(np.where(some, children, 1.0) / np.where(some, delays, 1.0))
