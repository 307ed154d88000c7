"""Sums of products of a mechanism's columns and the movements, pool by pool: all that least squares needs.

With Z = [drift columns, mechanism's columns, response], a pool holds Z'Z, so that fits on any union of pools (folds,
all but one pool) and losses on any pool follow without another pass over the users.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.estimation.base import Mechanism
from hemicycle.estimation.kernels import Floats, pooled_products
from hemicycle.estimation.panel import Panel, Transition

_NEWTON, _CLOSE = 25, 1e-9
_LINEAR, _CURVED = {0.0: 2.0, 1.0: -1.0}, {0.0: 6.0, 0.5: -8.0, 1.0: 3.0}


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of products.

    Args:
        pools: Z'Z of each pool, shape (n_pools, q + 1, q + 1).
        counts: movements of each pool, shape (n_pools,).
        raw: as ``pools``, not corrected for errors of measurement; None where nothing was corrected.
    """

    pools: Floats
    counts: NDArray[np.int64]
    raw: Floats | None = None

    @cached_property
    def total(self) -> Floats:
        """Z'Z of all, shape (q + 1, q + 1)."""
        return np.asarray(self.pools.sum(axis=0))

    @cached_property
    def raw_total(self) -> Floats:
        """As :attr:`total`, not corrected."""
        return self.total if self.raw is None else np.asarray(self.raw.sum(axis=0))

    def without(self, pool: int, ratio: float) -> Floats:
        """Z'Z of all but one pool, corrected for ``ratio`` times the error variance."""
        corrected = np.asarray(self.total - self.pools[pool])
        if self.raw is None:
            return corrected
        raw = np.asarray(self.raw_total - self.raw[pool])
        return np.asarray(raw + ratio * (corrected - raw))


@dataclass(frozen=True)
class Observation:
    """How movements were observed.

    Args:
        steps: steps of the mechanism between two waves.
        drift: whether every pair of waves has a drift common to all.
        error: standard deviation of the error with which each opinion was measured.
        remeasured: pairs of additional errors that are drawn to correct for it.
        seed: of these.
    """

    steps: int = 1
    drift: bool = True
    error: float = 0.0
    remeasured: int = 10
    seed: int = 0


def solve(total: Floats, first: int = 0, *, positive: bool = False) -> tuple[Floats, float]:
    """Return least-squares coefficients, shape (q,), and the residual sum of squares.

    Args:
        total: Z'Z.
        first: index of the first column of the mechanism.
        positive: where the first of the mechanism's coefficients would be negative, it is 0.
    """
    q = len(total) - 1
    found = _ridgeless(total[:q, :q], total[:q, q])
    if positive and q > first and found[first] < 0:
        keep = np.delete(np.arange(q), first)
        found = np.zeros(q)
        found[keep] = _ridgeless(total[np.ix_(keep, keep)], total[keep, q])
    return found, rss(total, found)


def _ridgeless(matrix: Floats, vector: Floats) -> Floats:
    """Solve a symmetric system; a column that is zero throughout gets the coefficient 0."""
    if not len(vector):
        return np.zeros(0)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix / scale / scale[:, None]
    return np.asarray(np.linalg.lstsq(scaled, vector / scale, rcond=1e-10)[0] / scale)


def rss(total: Floats, coefficients: Floats) -> float:
    """Residual sum of squares of given coefficients; ``total`` may be a pool's."""
    v = np.append(-coefficients, 1.0)
    return float(v @ total @ v)


def moments_of(mechanism: Mechanism, panel: Panel, shape: float, observed: Observation) -> Moments:
    """Return the sums of products at one shape parameter, corrected for errors of measurement.

    Errors of variance tau^2 add to Z'Z an expected amount, in linear mechanisms exactly proportional to tau^2. It is
    measured by adding further errors to what was measured, in pairs of opposite sign, and extrapolated back to none:
    SIMEX (Cook and Stefanski, J. Am. Stat. Assoc. 89, 1994) on moments instead of estimates, exact but for the draws
    in linear mechanisms, with a parabola elsewhere.
    """
    plain = _moments(mechanism, panel, shape, observed)
    if not observed.error:
        return plain
    weights = _LINEAR if mechanism.linear else _CURVED
    pools = weights[0.0] * plain.pools
    for more, weight in list(weights.items())[1:]:
        pools = pools + weight * _remeasured(mechanism, panel, shape, (observed, more))
    return replace(plain, pools=pools, raw=plain.pools)


def _remeasured(mechanism: Mechanism, panel: Panel, shape: float, more: tuple[Observation, float]) -> Floats:
    """Mean of the pools' sums with further errors of ``more`` times the variance."""
    observed, times = more
    size = (len(panel.transitions[0].before), len(panel.transitions) + 1)
    sums = np.zeros(())
    for draw in range(observed.remeasured):
        errors = rng("remeasured", observed.seed, draw).normal(0, observed.error * np.sqrt(times), size)
        for sign in (1.0, -1.0):
            sums = sums + _moments(mechanism, panel.shifted(sign * errors), shape, observed).pools
    return np.asarray(sums / (2 * observed.remeasured))


def _moments(mechanism: Mechanism, panel: Panel, shape: float, observed: Observation) -> Moments:
    if observed.steps == 1:
        rows = [_once(mechanism, own, shape) for own in panel.transitions]
    else:
        rows = _linearised(mechanism, panel, shape, observed)
    return _summed(panel, rows, drift=observed.drift)


def _summed(panel: Panel, rows: list[Floats], *, drift: bool) -> Moments:
    """Sum products pool by pool; rows hold the mechanism's columns and the response."""
    number = len(panel.transitions) if drift else 0
    pools = np.zeros((panel.n_pools, number + rows[0].shape[1], number + rows[0].shape[1]))
    for t, (own, z) in enumerate(zip(panel.transitions, rows, strict=True)):
        full = np.zeros((len(z), number + z.shape[1]))
        full[:, number:] = z
        if drift:
            full[:, t] = 1.0
        pools += pooled_products(full, own.starts)
    counts = np.sum([np.diff(own.starts) for own in panel.transitions], axis=0)
    return Moments(pools, np.asarray(counts, np.int64))


def _once(mechanism: Mechanism, own: Transition, shape: float) -> Floats:
    """Columns and response of one step, shape (n, p + 1)."""
    columns = mechanism.columns(own.scene, own.before, shape)[own.rows]
    response = (own.after - own.before - mechanism.offset(own.scene, own.before))[own.rows]
    return np.column_stack([columns, response])


# -- several steps between two waves ---------------------------------------------------------------------------------


def _linearised(mechanism: Mechanism, panel: Panel, shape: float, observed: Observation) -> list[Floats]:
    """Columns and response at the least-squares coefficients of several steps, found by Gauss and Newton's method."""
    number = len(panel.transitions) if observed.drift else 0
    one = _summed(panel, [_once(mechanism, own, shape) for own in panel.transitions], drift=observed.drift)
    found = solve(one.total)[0][number:] / observed.steps
    rows: list[Floats] = []
    for _ in range(_NEWTON):
        rows = [_tangent(mechanism, own, (found, shape), observed.steps) for own in panel.transitions]
        better = solve(_summed(panel, rows, drift=observed.drift).total)[0][number:]
        if np.abs(better - found).max(initial=0.0) < _CLOSE:
            break
        found = better
    return rows


def _tangent(mechanism: Mechanism, own: Transition, parameters: tuple[Floats, float], steps: int) -> Floats:
    """Derivatives of the movement by the coefficients, and the response that they explain, shape (n, p + 1)."""
    coefficients, shape = parameters
    here = _moved(mechanism, own, parameters, steps)
    change = 1e-5 * np.maximum(1e-2, np.abs(coefficients))
    away = [_moved(mechanism, own, (coefficients + change * unit, shape), steps) for unit in np.eye(len(coefficients))]
    slopes = np.array([(moved - here) / size for moved, size in zip(away, change, strict=True)]).reshape(-1, len(here))
    response = own.after - here + coefficients @ slopes
    return np.column_stack([slopes.T, response])[own.rows]


def _moved(mechanism: Mechanism, own: Transition, parameters: tuple[Floats, float], steps: int) -> Floats:
    opinions = own.before
    for _ in range(steps):
        opinions = mechanism.move(own.scene, opinions, parameters)
    return opinions
