"""Tables of a fitted Hawkes process, with intervals by the delta method.

Coefficients of different targets are independent given the kernel's shape; where a shape is estimated and shared, its
error moves all of them: the covariance of a function with gradient g is sum_i g_i' V_i g_i + u' S u with
u = sum_i D_i' g_i, V_i the covariance of target i, S that of the shape and D_i the derivative of the estimates to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import MOST_EXPONENT, Exponential, Exponentials, Kernel, PowerLaw, kernel_of
from hemicycle.agenda.hawkes.maximum import FEW
from hemicycle.agenda.hawkes.newton import Fit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit with what it was fitted to.

    Args:
        design: events and baseline.
        fit: the estimates.
        confidence: of the intervals.
    """

    design: Design
    fit: Fit
    confidence: float = 0.95

    @cached_property
    def kernel(self) -> Kernel:
        """At the estimated shape."""
        events = self.design.events
        return kernel_of(self.fit.kernel, events.n_sources, events.horizon - events.start)

    @cached_property
    def branching(self) -> Floats:
        """Branching by exponential, shape (n_targets, n_columns, n_sources)."""
        theta = self.fit.theta[:, self.design.n_pieces :]
        return theta.reshape(len(theta), -1, self.design.events.n_sources)

    @cached_property
    def integrals(self) -> Floats:
        """Integral of the features over the observation, shape (n_targets, p)."""
        return np.broadcast_to(self.design.integrals(self.kernel), self.fit.theta.shape)

    @cached_property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return [self.design.events.sources[k] for k in self.design.events.targets]

    @cached_property
    def quantile(self) -> float:
        """Standard errors on each side of an estimate."""
        return float(stats.norm.ppf(0.5 + self.confidence / 2))

    def error(self, gradient: Floats) -> float:
        """Standard error of a function of all coefficients by its gradient, shape (n_targets, p)."""
        fit, rows = self.fit, np.flatnonzero(gradient.any(1))
        mine = gradient[rows]
        variance = np.einsum("ip,ipq,iq->", mine, fit.covariance[rows], mine)
        moved = np.einsum("ipq,ip->iq", fit.drift[rows], mine)
        if fit.shape_covariance.ndim == 3:
            variance += np.einsum("iq,iqr,ir->", moved, fit.shape_covariance[rows], moved)
        elif fit.shape_covariance.size:
            variance += moved.sum(0) @ fit.shape_covariance @ moved.sum(0)
        return float(np.sqrt(max(0.0, variance)))

    def row(self, i: int, gradient: Floats) -> float:
        """Standard error of a function of one target's coefficients, gradient of shape (p,)."""
        fit = self.fit
        moved = fit.drift[i].T @ gradient
        shape = fit.shape_covariance[i] if fit.shape_covariance.ndim == 3 else fit.shape_covariance
        return float(np.sqrt(max(0.0, gradient @ fit.covariance[i] @ gradient + moved @ shape @ moved)))


def between(
    value: float, error: float, fitted: Fitted, bounds: tuple[float, float] = (0.0, np.inf)
) -> dict[str, float]:
    """Standard error and interval, cut to what is possible.

    Args:
        value: the estimate.
        error: its standard error.
        fitted: whose level of confidence it is.
        bounds: what is possible.
    """
    half = fitted.quantile * error
    low, high = np.clip([value - half, value + half], *bounds)
    return {"error": error, "ci_low": float(low), "ci_high": float(high)}


# -- branching ---------------------------------------------------------------------------------------------------------


def branching_table(fitted: Fitted) -> pd.DataFrame:
    """``agenda_hawkes``: source, target, kernel, branching, error, ci_low, ci_high, decay, decay_low, decay_high.

    ``branching`` is the mean number of direct children of the target that an event of the source has. For a sum of
    exponentials there is a row for each, and their sum as ``kernel`` = total.
    """
    rows = []
    for i, target in enumerate(fitted.targets):
        for j, source in enumerate(fitted.design.events.sources):
            for name, gradient in _columns(fitted, j):
                value = float(gradient @ fitted.fit.theta[i])
                start = {"source": source, "target": target, "kernel": name, "branching": value}
                rows.append(start | between(value, fitted.row(i, gradient), fitted) | _decay(fitted, i, j, name))
    return pd.DataFrame(rows)


def _columns(fitted: Fitted, source: int) -> list[tuple[str, Floats]]:
    """Name and coefficients of each branching of a source, and of their total where there are several."""
    first, n = fitted.design.n_pieces, fitted.design.events.n_sources
    units = np.eye(fitted.fit.theta.shape[1])[first + source :: n]
    options = fitted.fit.kernel
    if not isinstance(options, Exponentials):
        return [(options.kernel, units[0])]
    parts = [(f"decay {decay:g}", unit) for decay, unit in zip(options.decays, units, strict=True)]
    return [*parts, ("total", units.sum(0))]


def _decay(fitted: Fitted, i: int, j: int, name: str) -> dict[str, float]:
    """Decay of a pair with its interval; NaN for kernels with several."""
    options = fitted.fit.kernel
    if isinstance(options, PowerLaw) or name == "total":
        return dict.fromkeys(("decay", "decay_low", "decay_high"), np.nan)
    if isinstance(options, Exponentials):
        value = float(name.removeprefix("decay "))
        return {"decay": value, "decay_low": value, "decay_high": value}
    rates = fitted.kernel.rates
    value = float(rates[0] if rates.ndim == 1 else rates[fitted.design.events.targets[i] if len(rates) > 1 else 0, j])
    low, high = _around(value, _log_error(fitted, i, j), fitted)
    return {"decay": value, "decay_low": low, "decay_high": high}


def _log_error(fitted: Fitted, i: int, j: int) -> float:
    """Standard error of the logarithm of a pair's decay."""
    covariance = fitted.fit.shape_covariance
    if not covariance.size:
        return 0.0
    mine = covariance[i] if covariance.ndim == 3 else covariance
    variance = float(mine[0, 0] if len(mine) == 1 else mine[j, j])
    return float(np.sqrt(variance)) if variance > 0 else np.nan


def _around(value: float, log_error: float, fitted: Fitted) -> tuple[float, float]:
    """Interval that is symmetric in the logarithm."""
    if np.isnan(log_error):
        return 0.0, np.inf
    half = min(fitted.quantile * log_error, 700.0)
    return value * float(np.exp(-half)), value * float(np.exp(half))


def kernel_table(fitted: Fitted) -> pd.DataFrame:
    """``agenda_hawkes_kernel``: parameter, value, ci_low, ci_high of a power law or of shared exponentials."""
    options = fitted.fit.kernel
    match options:
        case PowerLaw():
            values = {"offset": options.offset, "exponent": options.exponent}
        case Exponentials():
            values = {f"decay {k + 1}": decay for k, decay in enumerate(options.decays)}
        case Exponential():
            values = {"decay": float(fitted.kernel.rates.ravel()[0])} if fitted.kernel.rates.size == 1 else {}
    covariance = fitted.fit.shape_covariance
    estimated = len(values) > 0 and covariance.size > 0
    errors = np.sqrt(np.diag(covariance)) if estimated else np.zeros(len(values))
    rows = []
    for (name, value), error in zip(values.items(), errors, strict=True):
        low, high = _around(value, float(error), fitted)
        rows.append({"parameter": name, "value": value, "ci_low": low, "ci_high": high})
    return pd.DataFrame(rows, columns=["parameter", "value", "ci_low", "ci_high"])


def baseline_table(fitted: Fitted) -> pd.DataFrame:
    """``agenda_hawkes_baseline``: target, piece, from, to, rate, error, ci_low, ci_high."""
    design = fitted.design
    width = design.baseline.width or (design.events.horizon - design.events.start)
    rows = []
    for i, target in enumerate(fitted.targets):
        for piece in range(design.n_pieces):
            unit = np.eye(fitted.fit.theta.shape[1])[piece]
            rate = float(fitted.fit.theta[i, piece])
            start = {"target": target, "piece": piece, "from": piece * width, "to": (piece + 1) * width, "rate": rate}
            rows.append(start | between(rate, fitted.row(i, unit), fitted))
    return pd.DataFrame(rows)


# -- branching ratio ---------------------------------------------------------------------------------------------------


def square(fitted: Fitted) -> Floats:
    """Branching among targets alone, shape (n_targets, n_targets): exogenous sources have no parents."""
    return np.asarray(fitted.branching.sum(1)[:, fitted.design.events.targets])


def ratio(fitted: Fitted) -> tuple[float, float]:
    """Branching ratio (spectral radius) and its error, by the gradient u v' / (u.v) of left and right vectors."""
    matrix = square(fitted)
    values, right = np.linalg.eig(matrix)
    top = int(np.argmax(np.abs(values)))
    value = float(np.abs(values[top]))
    values_left, left = np.linalg.eig(matrix.T)
    u = np.abs(left[:, int(np.argmin(np.abs(values_left - values[top])))])
    v = np.abs(right[:, top])
    product = float(u @ v)
    if product < 1e-12:
        return value, np.nan
    gradient = np.zeros_like(fitted.fit.theta)
    columns = gradient[:, fitted.design.n_pieces :].reshape(fitted.branching.shape)
    columns[:, :, fitted.design.events.targets] = (np.outer(u, v) / product)[:, None, :]
    gradient[:, fitted.design.n_pieces :] = columns.reshape(len(gradient), -1)
    return value, fitted.error(gradient)


def stability_table(fitted: Fitted, estimator: str) -> pd.DataFrame:
    """``agenda_hawkes_fit``, one row: the estimator, the branching ratio with its interval, whether it is stable."""
    value, error = ratio(fitted)
    limits = between(value, error, fitted)
    row = {
        "estimator": estimator,
        "kernel": fitted.fit.kernel.kernel,
        "n_events": int(fitted.design.counts.sum()),
        "log_likelihood": float(fitted.fit.value.sum()),
        "steps": fitted.fit.steps,
        "converged": fitted.fit.converged,
        "branching_ratio": value,
    }
    message = "; ".join(_warnings(fitted, value, limits["ci_high"]))
    return pd.DataFrame([row | limits | {"stable": value < 1, "message": message}])


def _warnings(fitted: Fitted, value: float, high: float) -> Iterator[str]:
    """What a reader has to know."""
    if value >= 1:
        yield "unstable: with a branching ratio of 1 or more events multiply without end; let the baseline vary"
    elif high >= 1:
        yield "the interval of the branching ratio reaches 1: the process may be unstable"
    if not fitted.fit.converged:
        yield "the steps ended before the maximum was reached"
    if isinstance(fitted.fit.kernel, PowerLaw) and fitted.fit.kernel.exponent > 0.99 * MOST_EXPONENT:
        yield f"the power law's exponent reached {MOST_EXPONENT:g}: an exponential kernel will do"
    least = int(fitted.design.counts.min()) // fitted.fit.theta.shape[1]
    if fitted.fit.shape_covariance.size and least < FEW:
        yield f"a target has {least} events a coefficient: below {FEW} an estimated decay may err more than is said"
