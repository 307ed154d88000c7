"""Kernels of Hawkes processes: how soon an event is followed by its children.

A kernel is a probability density h of the delay; the intensity of target i is
lambda_i(t) = mu_i(t) + sum_j A_ij sum_{t_n < t, source j} h_ij(t - t_n), so that the branching A_ij is the mean number
of children, whatever the kernel. All kernels are sums of exponentials, because these are followed by recursion in one
pass (Ogata 1981). The power law (Lomax) density eta c^eta / (s + c)^(1 + eta) is a mixture of exponentials, whose rates
have a Gamma(eta, c) distribution; its trapezoid rule on the logarithm of the rate is right to :data:`ACCURACY` of the
density at any delay up to the length of the observation, for exponents up to 4.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
ACCURACY = 1e-3
"""Largest relative error of the power law as a sum of exponentials."""
MOST_EXPONENT = 4.0
"""Largest exponent of a power law: those beyond can hardly be told from an exponential."""
# of the logarithm of the rate: the relative error of the rule is 2 |Gamma(1 + eta + 2 pi i / step)| / Gamma(1 + eta)
_STEP = 0.6

Positive = Annotated[float, Field(gt=0)]


class Exponential(Options):
    """h(s) = beta exp(-beta s)."""

    kernel: Literal["exponential"] = "exponential"
    decay: Positive | tuple[Positive, ...] | tuple[tuple[Positive, ...], ...] = 1.0
    """beta in 1 / unit of time: one, one a source, or one a pair as [target][source]. Where it is estimated, the value
    to start from."""
    estimate: bool = True
    """Whether the decay is estimated along with the branching."""
    per: Literal["shared", "source", "pair"] = "shared"
    """Whether one decay is estimated, one for each source of influence, or one for each pair; a pair without influence
    has no decay, so that its estimate can be anything, and a very slow kernel can stand in for the baseline."""

    def rates(self, n_sources: int) -> Floats:
        """Decays as an array of shape (1 or n_sources, 1 or n_sources): targets x sources."""
        rates = np.atleast_2d(np.asarray(self.decay, float))
        if self.per == "source":
            rates = np.broadcast_to(rates, (1, n_sources)) if rates.size == 1 else rates
        if self.per == "pair":
            rates = np.broadcast_to(rates, (n_sources, n_sources)) if len(rates) == 1 else rates
        return np.array(rates)


class Exponentials(Options):
    """h is a mixture of exponentials with known decays, whose weights are estimated for every pair."""

    kernel: Literal["exponentials"] = "exponentials"
    decays: tuple[Positive, ...] = Field(min_length=1, max_length=20)
    """Decays in 1 / unit of time."""


class PowerLaw(Options):
    """h(s) = eta c^eta / (s + c)^(1 + eta) (Lomax); omega / (s + c)^(1 + eta) has the branching omega / (eta c^eta)."""

    kernel: Literal["power law"] = "power law"
    offset: float = Field(1.0, gt=0)
    """c, in units of time."""
    exponent: float = Field(1.5, gt=0, le=MOST_EXPONENT)
    """eta; the mean delay is infinite up to 1."""
    estimate: bool = True
    """Whether both are estimated; else they are known."""


KernelOptions = Annotated[Exponential | Exponentials | PowerLaw, Field(discriminator="kernel")]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel as sums of exponentials.

    Args:
        rates: shape (n_exponentials,) where all pairs share them; else shape (1 or n_sources, n_sources) with one
            exponential.
        mix: weight of each exponential in each column of a source, shape (n_exponentials, n_columns).
        slopes: derivatives of ``mix`` to the kernel's shape parameters, shape (n_exponentials, n_parameters).
        parameters: logarithms of the estimated shape parameters, shape (n_parameters,), the rates' own shape where
            they are not shared, or empty.
        limits: smallest and largest values of the parameters.
    """

    rates: Floats
    mix: Floats
    slopes: Floats
    parameters: Floats
    limits: tuple[Floats, Floats] = (np.full(1, -np.inf), np.full(1, np.inf))

    @property
    def own(self) -> bool:
        """Whether sources or pairs have rates of their own."""
        return self.rates.ndim == 2

    @property
    def n_columns(self) -> int:
        """Branching coefficients of a pair."""
        return int(self.mix.shape[1])


def kernel_of(options: KernelOptions, n_sources: int, horizon: float) -> Kernel:
    """Return a kernel as sums of exponentials.

    Args:
        options: which.
        n_sources: of the events.
        horizon: longest delay that matters.

    Raises:
        InputError: the number of decays does not fit the number of sources.
    """
    one = np.ones((1, 1))
    match options:
        case Exponential():
            _check_shape(options, n_sources)
            rates = options.rates(n_sources)
            rates = rates[0] if rates.size == 1 and options.per == "shared" else rates
            limits = np.log([0.1 / horizon]), np.log([1e10 / horizon])
            return Kernel(rates, one, np.zeros((1, 0)), np.log(rates) if options.estimate else np.zeros(0), limits)
        case Exponentials():
            n = len(options.decays)
            return Kernel(np.array(options.decays), np.eye(n), np.zeros((n, 0)), np.zeros(0))
        case PowerLaw():
            return power_law(options, horizon)


def _check_shape(options: Exponential, n_sources: int) -> None:
    shape = options.rates(n_sources).shape
    allowed = [(1, 1), (1, n_sources), (n_sources, n_sources)]
    if shape not in allowed:
        what = f"decays of shape {shape} were given for {n_sources} sources"
        raise InputError(what, "kernel.decay", f"give one, {n_sources}, or {n_sources} lists of {n_sources}")
    if options.estimate and options.per == "shared" and shape != (1, 1):
        remedy = "write 'per: source' or 'per: pair', or 'estimate: false'"
        raise InputError("several decays cannot be estimated as one", "kernel.decay", remedy)


def with_parameters(options: KernelOptions, parameters: Floats) -> KernelOptions:
    """Return the options with the shape parameters (logarithms) that were estimated."""
    values = np.exp(parameters)
    match options:
        case Exponential():
            decay = float(values[0]) if values.size == 1 else [[float(v) for v in row] for row in np.atleast_2d(values)]
            return options.replace(decay=decay)
        case PowerLaw():
            return options.replace(offset=float(values[0]), exponent=min(float(values[1]), MOST_EXPONENT))
        case Exponentials():
            return options


def power_law(options: PowerLaw, horizon: float) -> Kernel:
    """Trapezoid rule on the logarithm of the rate x: weights (c x)^eta exp(-c x) step / Gamma(eta).

    Rates too slow to show within the horizon are left out, and with them their part of the weights' sum of 1.
    """
    c, eta = options.offset, options.exponent
    lowest, highest = np.log(1e-3 / max(horizon, c)), np.log(30.0 / c)
    grid = _STEP * np.arange(np.floor(lowest / _STEP), np.ceil(highest / _STEP) + 1)
    rates = np.exp(grid)
    weights = np.exp(eta * (np.log(c) + grid) - c * rates - special.gammaln(eta)) * _STEP
    slopes = weights[:, None] * np.column_stack([eta - c * rates, eta * (np.log(c) + grid - special.digamma(eta))])
    limits = np.log([1e-9 * horizon, 0.02]), np.log([horizon, MOST_EXPONENT])
    return Kernel(rates, weights[:, None], slopes, np.log([c, eta]) if options.estimate else np.zeros(0), limits)
