"""A mechanism along its shape parameter: on a grid that is refined where it matters, or at every edge's distance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.interpolate import PchipInterpolator

from hemicycle.estimation import threshold
from hemicycle.estimation.base import Mechanism
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.moments import Moments, Observation, moments_of, solve
from hemicycle.estimation.panel import Panel

_ROUNDS, _FINE, _COARSE, _FOUND = 12, 21, 7, 5
_LARGE, _SAMPLE, _FINE_OF_LARGE = 400_000, 100_000, 9


@dataclass(frozen=True)
class Settings:
    """How mechanisms are fitted.

    Args:
        observed: steps, drift and error of measurement.
        level: of the intervals.
        folds: of users, for held-out likelihoods.
        grid: candidates of a shape parameter, refined where the likelihood is high.
        draws: simulated data sets for the interval of a threshold.
        seed: of these.
        error_without: variance of the error without each pool, shape (n_pools,), where it was estimated.
    """

    observed: Observation = field(default_factory=Observation)
    level: float = 0.9
    folds: int = 5
    grid: int = 25
    draws: int = 199
    seed: int = 0
    error_without: Floats | None = None


@dataclass(frozen=True, eq=False)
class Explored:
    """A mechanism at several values of its shape parameter, and the best of them.

    Args:
        shapes: rising, shape (k,).
        losses: residual sums of squares, shape (k,).
        slopes: coefficients, drifts first, shape (k, q).
        errors: standard deviations of the coefficients for noise of variance 1, shape (k, q).
        best: best shape parameter.
        moments: there.
        fold_moments: at the shape parameter that is best without each fold.
        ends: interval of the shape parameter; NaN where there is none.
        without: from a pool to the best shape parameter without it and the sums of products there; None where a
            threshold was fitted at every edge.
    """

    shapes: Floats
    losses: Floats
    slopes: Floats
    errors: Floats
    best: float
    moments: Moments
    fold_moments: Sequence[Moments]
    ends: tuple[float, float] = (np.nan, np.nan)
    without: Callable[[int], tuple[float, Floats]] | None = None


def fold_of_pools(n_pools: int, folds: int) -> NDArray[np.int64]:
    """Fold of each pool, shape (n_pools,)."""
    return np.arange(n_pools) % folds


def loss_of(total: Floats, first: int, mechanism: Mechanism) -> float:
    """Residual sum of squares of a mechanism; one with a shape parameter has no negative first coefficient."""
    return solve(total, first, positive=bool(mechanism.shape))[1]


class _Looked:
    """Sums of products at every shape parameter that was looked at."""

    def __init__(self, mechanism: Mechanism, panel: Panel, settings: Settings, fine: int = _FINE) -> None:
        self.mechanism, self.panel, self.settings, self.fine = mechanism, panel, settings, fine
        self.first = len(panel.transitions) * settings.observed.drift
        self.known: dict[float, Moments] = {}

    def at(self, shapes: Floats) -> None:
        """Look at further shape parameters."""
        for shape in map(float, shapes):
            if shape not in self.known:
                self.known[shape] = moments_of(self.mechanism, self.panel, shape, self.settings.observed)

    @property
    def grid(self) -> Floats:
        """What was looked at, rising."""
        return np.array(sorted(self.known))

    def losses(self, total: Callable[[Moments], Floats]) -> Floats:
        """Residual sums of squares along the grid; ``total`` picks the sums of products."""
        return np.array([loss_of(total(self.known[s]), self.first, self.mechanism) for s in sorted(self.known)])

    @property
    def ratio(self) -> Floats:
        """Likelihood ratios along the grid."""
        return ratio_to_best(self.losses(lambda own: own.total), self.panel.n_rows)

    def refine(self) -> None:
        """Look around the best value until the likelihood is smooth between the points."""
        for _ in range(_ROUNDS if self.mechanism.shape else 0):
            finer = _finer(self.grid, self.ratio, _critical(self.mechanism, self.settings.level), self.fine)
            if not len(finer):
                break
            self.at(finer)


def explored(mechanism: Mechanism, panel: Panel, settings: Settings) -> Explored:
    """Fit on a grid that is refined around the best value until the likelihood is smooth between its points.

    Of very many movements, a random part of the users is searched first, and all of them where that part leaves the
    shape parameter; estimates, intervals and likelihoods are those of everybody in either case.
    """
    grid = mechanism.shapes(panel.width, settings.grid)
    large = bool(mechanism.shape) and settings.observed.steps == 1 and panel.n_rows > _LARGE
    looked = _Looked(mechanism, panel, settings, _FINE_OF_LARGE if large else _FINE)
    looked.at(_where(mechanism, panel.sampled(_SAMPLE), settings, grid) if large else grid)
    looked.refine()
    if large:  # few points: look at the best one itself
        looked.at(np.array([_vertex(looked.grid, looked.ratio, int(np.argmin(looked.ratio)))]))
    grid, losses, known = looked.grid, looked.losses(lambda own: own.total), looked.known
    at, folds = int(np.argmin(losses)), fold_of_pools(panel.n_pools, settings.folds)
    bests = [
        int(np.argmin(looked.losses(lambda own, kept=folds != fold: own.pools[kept].sum(axis=0))))  # type: ignore[misc]
        for fold in range(settings.folds)
    ]
    found = Explored(
        grid,
        losses,
        np.array([solve(known[s].total, looked.first, positive=bool(mechanism.shape))[0] for s in sorted(known)]),
        np.array([unit_errors(known[s].total) for s in sorted(known)]),
        _vertex(grid, losses, at),
        known[float(grid[at])],
        [known[float(grid[best])] for best in bests],
        without=_left_out(looked),
    )
    ends = _smooth_ends(mechanism, found, panel.n_rows, settings.level) if mechanism.shape else found.ends
    return replace(found, ends=ends)


def _where(mechanism: Mechanism, part: Panel, settings: Settings, grid: Floats) -> Floats:
    """Shape parameters within reach of the likelihood of a part of the users, and the outermost candidates."""
    looked = _Looked(mechanism, part, settings, _FINE_OF_LARGE)
    looked.at(grid)
    looked.refine()
    near = looked.grid[looked.ratio <= 3 * _critical(mechanism, settings.level)]
    return np.unique([grid[0], *np.linspace(near[0], near[-1], _COARSE), grid[-1]])


def _left_out(looked: _Looked) -> Callable[[int], tuple[float, Floats]]:
    """Return the function from a pool to the best shape parameter without it and the sums of products there."""
    ratios = _ratios(looked.settings, looked.panel.n_pools)

    def without(pool: int) -> tuple[float, Floats]:
        grid, losses = looked.grid, looked.losses(lambda own: own.without(pool, ratios[pool]))
        at = int(np.argmin(losses))
        return _vertex(grid, losses, at), looked.known[float(grid[at])].without(pool, ratios[pool])

    return without


def _ratios(settings: Settings, n_pools: int) -> Floats:
    """Variance of the error without each pool, as a share of the one with all; 1 where it was given."""
    if settings.error_without is None or not settings.observed.error:
        return np.ones(n_pools)
    return np.asarray(np.maximum(settings.error_without, 0.0) / settings.observed.error**2)


def ratio_to_best(losses: Floats, n: int) -> Floats:
    """Likelihood ratio of each loss to the least one."""
    return np.asarray(n * np.log(np.maximum(losses, 1e-300) / max(losses.min(), 1e-300)), np.float64)


def _critical(mechanism: Mechanism, level: float) -> float:
    """Quantile of the likelihood ratio of a shape parameter on a grid."""
    return hull_quantile(level) if mechanism.threshold else float(stats.chi2.ppf(level, 1))


def hull_quantile(level: float) -> float:
    """Likelihood ratio at which the hull of a threshold's values holds the true one, for small jumps.

    Around the truth twice the log-likelihood is a two-sided Brownian motion with drift, whose maxima on both sides are
    exponential with mean 2 (Hansen, Econometrica 68, 2000). The hull misses the truth when they differ by more than
    the quantile, and their difference is exponential with mean 2, too.
    """
    return -2 * float(np.log(1 - level))


def _finer(grid: Floats, ratio: Floats, critical: float, fine: int) -> Floats:
    """Return further points: few to find where the interval lies, then enough to draw the likelihood in it; or none."""
    at = int(np.argmin(ratio))
    inside = np.flatnonzero(ratio <= 3 * critical)
    if len(inside) >= fine:
        return np.empty(0)
    low, high = max(0, min(inside[0], at) - 1), min(len(grid) - 1, max(inside[-1], at) + 1)
    number = fine if len(inside) >= _FOUND else _COARSE
    return np.linspace(grid[low], grid[high], number + 2)[1:-1]


def _vertex(grid: Floats, losses: Floats, at: int) -> float:
    """Lowest point of the parabola through the best point and its neighbours."""
    if at in (0, len(grid) - 1) or len(grid) < 3:
        return float(grid[at])
    x, y = grid[at - 1 : at + 2], losses[at - 1 : at + 2]
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    curvature = (right - left) / (x[2] - x[0])
    if curvature <= 0:
        return float(grid[at])
    return float(np.clip(0.5 * (x[0] + x[1]) - left / (2 * curvature), x[0], x[2]))


def _smooth_ends(mechanism: Mechanism, found: Explored, n: int, level: float) -> tuple[float, float]:
    """Invert the likelihood ratio; an end at the last candidate is open: infinite, or the first candidate."""
    ratio = ratio_to_best(found.losses, n)
    inside = np.flatnonzero(ratio <= _critical(mechanism, level))
    low, high = int(inside[0]), int(inside[-1])
    crossing = PchipInterpolator(found.shapes, ratio - _critical(mechanism, level), extrapolate=False)
    roots = crossing.roots(extrapolate=False)
    below = roots[(roots <= found.shapes[low]) & (roots >= found.shapes[max(low - 1, 0)])]
    above = roots[(roots >= found.shapes[high]) & (roots <= found.shapes[min(high + 1, len(ratio) - 1)])]
    first = float(below.max()) if low > 0 and len(below) else 0.0
    last = float(above.min()) if high < len(ratio) - 1 and len(above) else np.inf
    return first, last


def unit_errors(total: Floats) -> Floats:
    """Standard deviations of the coefficients for noise of variance 1, shape (q,)."""
    q = len(total) - 1
    return np.sqrt(np.maximum(np.diag(np.linalg.pinv(total[:q, :q], hermitian=True)), 0.0))


def crossed(mechanism: Mechanism, panel: Panel, settings: Settings) -> Explored:
    """Fit a threshold at every edge's distance."""
    drift, observed = settings.observed.drift, settings.observed
    first = len(panel.transitions) * drift
    edges = threshold.crossings(panel, fold_of_pools(panel.n_pools, settings.folds), drift=drift)
    curve = threshold.curve_of(edges)
    at = int(np.argmin(curve.losses))
    critical = threshold.critical_value(edges, curve, settings.level, settings.draws, settings.seed)
    inside = np.flatnonzero(threshold.ratio_of(curve, panel.n_rows) <= critical)
    after = np.append(curve.confidences[1:], np.inf)
    ends = (float(curve.confidences[inside[0]]), float(after[inside[-1]]))
    middle = _middle(float(curve.confidences[at]), float(after[at]))
    chosen = {float(c): moments_of(mechanism, panel, float(c), observed) for c in {*curve.fold_best, middle}}
    pad = np.zeros((len(curve.losses), first))
    with np.errstate(divide="ignore"):
        errors = np.where(curve.curvatures > 1e-12, 1 / np.sqrt(np.maximum(curve.curvatures, 1e-300)), np.inf)
    return Explored(
        curve.confidences,
        curve.losses,
        np.column_stack([pad, curve.slopes]),
        np.column_stack([pad, errors]),
        middle,
        chosen[middle],
        [chosen[float(c)] for c in curve.fold_best],
        ends,
    )


def _middle(low: float, high: float) -> float:
    return 0.5 * (low + high) if np.isfinite(high) else low
