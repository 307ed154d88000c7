"""The fit of one mechanism: estimates with intervals, the profile of its shape parameter, and held-out likelihoods."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hemicycle.estimation.base import Mechanism
from hemicycle.estimation.explore import Explored, Settings, crossed, explored, fold_of_pools, loss_of, ratio_to_best
from hemicycle.estimation.intervals import Value, jackknifed, likely
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.moments import rss, solve
from hemicycle.estimation.panel import Panel

_POINTS, _DIGITS = 400, 1e-4


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mechanism.

    Args:
        mechanism: short name.
        values: parameters.
        n: observed movements.
        n_parameters: the noise's standard deviation and drifts included.
        log_likelihood: at the estimates.
        held_out: log-likelihood of each pool of users under the fit without its fold, shape (n_pools,).
        counts: movements of each pool, shape (n_pools,).
        profile: shape parameter and log-likelihood, two arrays of one length; empty without shape parameter.
        notes: what to keep in mind.
        jumps: parameters at which the likelihood jumps, which count for more than one in comparisons.
    """

    mechanism: str
    values: tuple[Value, ...]
    n: int
    n_parameters: int
    log_likelihood: float
    held_out: Floats
    counts: NDArray[np.int64]
    profile: tuple[Floats, Floats]
    notes: tuple[str, ...] = ()
    jumps: int = 0


def fit(mechanism: Mechanism, panel: Panel, settings: Settings) -> Fit:
    """Fit a mechanism by conditional maximum likelihood (least squares), profiled over its shape parameter."""
    observed = settings.observed
    exact = mechanism.threshold and observed.steps == 1 and not observed.error
    found = crossed(mechanism, panel, settings) if exact else explored(mechanism, panel, settings)
    first = len(panel.transitions) * observed.drift
    n, q = panel.n_rows, len(found.moments.total) - 1
    loss = loss_of(found.moments.total, first, mechanism)
    n_parameters = q + 1 + bool(mechanism.shape)
    floor = 2 * observed.error**2  # what the errors add to every movement's variance
    values = (
        jackknifed(mechanism, found, settings, first) if observed.error else likely(mechanism, found, settings, first)
    )
    return Fit(
        mechanism.name,
        tuple(values),
        n,
        n_parameters,
        _log_likelihood(n, loss / n + floor),
        _held_out(found, mechanism, settings, first),
        found.moments.counts,
        _profile(mechanism, found, n, floor),
        _shape_notes(mechanism, found),
        int(mechanism.threshold),
    )


def _log_likelihood(n: int, variance: float) -> float:
    return float(-0.5 * n * (np.log(2 * np.pi * max(variance, 1e-300)) + 1))


def _profile(mechanism: Mechanism, found: Explored, n: int, floor: float) -> tuple[Floats, Floats]:
    """Return at most some hundred points of the log-likelihood by shape parameter, all of them near the top.

    Values are rounded to a ten-thousandth of the largest: candidates of a confidence are distances of two people.
    """
    if not mechanism.shape:
        return np.empty(0), np.empty(0)
    k = len(found.shapes)
    ratio = np.zeros(k) if floor else ratio_to_best(found.losses, n)
    even = np.unique(np.linspace(0, k - 1, _POINTS).astype(int))
    near = np.flatnonzero(ratio < 4 * stats.chi2.ppf(0.99, 1))
    near = near[np.unique(np.linspace(0, len(near) - 1, _POINTS).astype(int))]
    keep = np.union1d(even, near)
    unit = _DIGITS * found.shapes[-1]
    shown = np.round(found.shapes[keep] / unit) * unit if unit else found.shapes[keep]
    return shown, np.array([_log_likelihood(n, loss / n + floor) for loss in found.losses[keep]])


def _shape_notes(mechanism: Mechanism, found: Explored) -> tuple[str, ...]:
    if not mechanism.shape:
        return ()
    if not np.isfinite(found.ends[1]) or (found.ends[0] <= found.shapes[0] and found.ends[1] >= found.shapes[-1]):
        return (f"{mechanism.name}: the data do not bound the {mechanism.shape} on both sides",)
    return ()


def _held_out(found: Explored, mechanism: Mechanism, settings: Settings, first: int) -> Floats:
    """Log-likelihood of each pool under the fit on the other folds, shape (n_pools,)."""
    counts = found.moments.counts
    folds = fold_of_pools(len(counts), settings.folds)
    floor = 2 * settings.observed.error**2
    told = np.zeros(len(counts))
    for fold, moments in enumerate(found.fold_moments):
        rest = folds != fold
        coefficients, loss = solve(moments.pools[rest].sum(axis=0), first, positive=bool(mechanism.shape))
        variance = max(loss / counts[rest].sum() + floor, 1e-300)
        for pool in np.flatnonzero(~rest):
            own = rss(moments.pools[pool], coefficients) + floor * counts[pool]
            told[pool] = -0.5 * (counts[pool] * np.log(2 * np.pi * variance) + own / variance)
    return told
