"""Intervals of parameters: from the likelihood, or of corrected fits by the jackknife over pools of users."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import stats
from scipy.interpolate import PchipInterpolator

from hemicycle.estimation.base import Mechanism
from hemicycle.estimation.explore import Explored, Settings, unit_errors
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.moments import solve

_BETWEEN = 20  # points between two shape parameters that were looked at


@dataclass(frozen=True)
class Value:
    """A parameter with its interval.

    Args:
        name: of the parameter.
        value: the estimate.
        low: lower end.
        high: upper end.
        error: standard error; NaN where the estimate is not nearly normal (thresholds).
        method: how the interval was made.
    """

    name: str
    value: float
    low: float
    high: float
    error: float
    method: str


def likely(mechanism: Mechanism, found: Explored, settings: Settings, first: int) -> list[Value]:
    """Intervals from the likelihood: Student's, profiled over the shape parameter where there is one."""
    total, n = found.moments.total, int(found.moments.counts.sum())
    coefficients, loss = solve(total, first, positive=bool(mechanism.shape))
    free = n - len(coefficients) - bool(mechanism.shape)
    noise = np.sqrt(loss / free)
    errors = noise * unit_errors(total)
    t = float(stats.t.ppf(0.5 + settings.level / 2, free))
    values = []
    for k, name in enumerate([*drift_names(first), *mechanism.coefficients]):
        low, high = coefficients[k] - t * errors[k], coefficients[k] + t * errors[k]
        method = "least squares"
        if mechanism.shape and k >= first:
            low, high = _profiled(found, k, (n, t), (low, high))
            method = "profile likelihood"
        values.append(Value(name, float(coefficients[k]), float(low), float(high), float(errors[k]), method))
    return [*values, *_shape_value(mechanism, found), _noise(noise, free, settings.level)]


def drift_names(number: int) -> list[str]:
    """Names of the drifts of so many transitions."""
    return ["drift"] if number == 1 else [f"drift_{t + 1}" for t in range(number)]


def _profiled(found: Explored, k: int, size: tuple[int, float], ends: tuple[float, float]) -> tuple[float, float]:
    """Union over shape parameters of the coefficient's values with a likelihood ratio within the interval's."""
    n, t = size
    losses, slopes, errors = _drawn_out(found, k)
    slack = found.losses.min() * np.exp(t * t / n) - losses
    inside = (slack >= 0) & np.isfinite(errors)
    if not inside.any():
        return ends
    reach = np.sqrt(slack[inside]) * errors[inside]
    centre = slopes[inside]
    return min(ends[0], float((centre - reach).min())), max(ends[1], float((centre + reach).max()))


def _drawn_out(found: Explored, k: int) -> tuple[Floats, Floats, Floats]:
    """Losses, and a coefficient with its unit error, between the shape parameters that were looked at.

    The reach of a coefficient falls steeply towards the ends of the shape parameter's interval, where its centre lies
    furthest out: on the grid alone the union would come out too narrow. At a threshold nothing lies between.
    """
    own = (found.losses, found.slopes[:, k], found.errors[:, k])
    if found.without is None or len(found.shapes) < 3:
        return own
    x = np.linspace(0, len(found.shapes) - 1, _BETWEEN * (len(found.shapes) - 1) + 1)
    shapes = np.interp(x, np.arange(len(found.shapes)), found.shapes)
    losses, slopes, errors = (PchipInterpolator(found.shapes, values)(shapes) for values in own)
    return losses, slopes, errors


def _shape_value(mechanism: Mechanism, found: Explored) -> list[Value]:
    if not mechanism.shape:
        return []
    method = "likelihood ratio inverted, " + ("simulated quantile" if found.without is None else "chi-squared")
    if mechanism.threshold and found.without is not None:
        method = "likelihood ratio inverted, quantile of a threshold"
    return [Value(mechanism.shape, found.best, *found.ends, np.nan, method)]


def _noise(noise: float, free: int, level: float) -> Value:
    low, high = stats.chi2.ppf([0.5 - level / 2, 0.5 + level / 2], free)
    error = noise / np.sqrt(2 * free)
    return Value(
        "noise_sd",
        float(noise),
        float(noise * np.sqrt(free / high)),
        float(noise * np.sqrt(free / low)),
        float(error),
        "chi-squared",
    )


def jackknifed(mechanism: Mechanism, found: Explored, settings: Settings, first: int) -> list[Value]:
    """Intervals of a corrected fit: leave one pool of users out (Miller, Biometrika 61, 1974)."""
    without = cast("Callable[[int], tuple[float, Floats]]", found.without)
    total, counts = found.moments.total, found.moments.counts
    whole = _estimates(total, (found.best, int(counts.sum())), first, mechanism)
    used = np.flatnonzero(counts)
    parts = []
    for pool in used:
        shape, left = without(int(pool))
        parts.append(_estimates(left, (shape, int(counts.sum() - counts[pool])), first, mechanism))
    spread = np.array(parts)
    errors = np.sqrt((len(used) - 1) / len(used) * ((spread - spread.mean(axis=0)) ** 2).sum(axis=0))
    t = float(stats.t.ppf(0.5 + settings.level / 2, len(used) - 1))
    shape_names = [mechanism.shape] if mechanism.shape else []
    names = [*drift_names(first), *mechanism.coefficients, *shape_names, "noise_sd"]
    how = "jackknife over users, errors of measurement corrected"
    low, high = whole - t * errors, whole + t * errors
    if mechanism.shape:
        low[-2] = max(low[-2], 0.0)
        high[-2] = np.inf if (spread[:, -2] >= found.shapes[-1]).any() else high[-2]
    low[-1] = max(low[-1], 0.0)
    return [
        Value(name, float(v), float(a), float(b), float(e), how)
        for name, v, a, b, e in zip(names, whole, low, high, errors, strict=True)
    ]


def _estimates(total: Floats, known: tuple[float, int], first: int, mechanism: Mechanism) -> Floats:
    """Coefficients, the shape parameter if there is one, and the noise's standard deviation."""
    shape, n = known
    coefficients, loss = solve(total, first, positive=bool(mechanism.shape))
    shapes = [shape] if mechanism.shape else []
    return np.array([*coefficients, *shapes, np.sqrt(max(loss, 0.0) / (n - len(coefficients)))])
