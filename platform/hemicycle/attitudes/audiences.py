"""Positions of media and items as means of their audiences.

An item's raw position is the mean of those who follow, share or click it, weighted by how often. A mean of few people
says little, so it is drawn to the mean of all items by an empirical Bayes (James-Stein) factor: with v_j = s^2 / n_j,
s^2 the pooled variance within audiences, n_j = (sum w)^2 / sum w^2 (Kish 1965) and t^2 the variance of true means,

    position_j = (1 - B_j) mean_j + B_j mu,   B_j = v_j / (v_j + t^2),   sd_j^2 = (1 - B_j) v_j + B_j^2 var(mu)

(Efron and Morris, JASA 70(350), 1975; t^2 and mu by Paule and Mandel, J. Res. NBS 87(5), 1982). Positions of an
audience's members are political opinions: for people who are not public nothing is said of an audience whose number of
people, or effective number, is under ``core.disclosure.K``.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from hemicycle.core.config import Options
from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_HALVINGS = 60


class AudienceOptions(Options):
    """How audiences place items."""

    shrink: bool = True
    """Whether small audiences are drawn to the mean of all items."""
    weighted: bool = True
    """Whether someone who interacts more often counts more."""
    least: int = Field(2, ge=1)
    """Items with fewer known people have no position (people who are not public: at least the disclosure's K)."""
    level: float = Field(0.95, gt=0, lt=1)
    """Of the intervals."""


@dataclass(frozen=True, eq=False)
class Audiences:
    """Items as their audiences see them; NaN where an audience is too small to be shown.

    Args:
        values: positions, shape (m, d).
        low: lower ends, shape (m, d).
        high: upper ends, shape (m, d).
        means: without shrinkage, shape (m, d).
        dispersion: standard deviation of positions within the audience, shape (m, d).
        shrinkage: B_j, shape (m, d).
        n: people with a known position, shape (m,); -1 where hidden.
        shown: False where the audience is too small, shape (m,).
    """

    values: Floats
    low: Floats
    high: Floats
    means: Floats
    dispersion: Floats
    shrinkage: Floats
    n: NDArray[np.int64]
    shown: NDArray[np.bool_]


def audience_positions(
    matrix: sp.csr_array,
    positions: NDArray[np.floating],
    *,
    public: bool = False,
    options: AudienceOptions | None = None,
) -> Audiences:
    """Place items at their audiences.

    Args:
        matrix: users x items, entries are how often, shape (n, m).
        positions: of the users, rows with NaN unknown, shape (n, d) or (n,).
        public: True when the users are public entities.
        options: how.

    Raises:
        InputError: shapes or weights do not fit, or no audience is large enough.
    """
    options = options or AudienceOptions()
    matrix, points = _checked(matrix, positions, options)
    moments = _moments(matrix, points)
    least = options.least if public else max(K, options.least)
    shown = (moments.people >= least) & (moments.effective >= (1 if public else K) - 1e-9)
    if not shown.any():
        what = f"none of {len(shown)} audiences has {least} people (effectively) whose position is known"
        raise InputError(what, "matrix", "join items, e.g. to outlets, or know more users")
    values, sds, shrinkage = _shrunk(moments, enough=moments.people >= 2, shrink=options.shrink)
    reach = float(ndtri((1 + options.level) / 2)) * sds
    return Audiences(
        values=_hidden(values, shown),
        low=_hidden(values - reach, shown),
        high=_hidden(values + reach, shown),
        means=_hidden(moments.means, shown),
        dispersion=_hidden(moments.dispersion(), shown),
        shrinkage=_hidden(shrinkage, shown),
        n=np.where(shown, moments.people, -1),
        shown=shown,
    )


def _hidden(column: Floats, shown: NDArray[np.bool_]) -> Floats:
    return np.where(shown[:, None], column, np.nan)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of every audience.

    Args:
        people: number, shape (m,).
        effective: Kish's number, shape (m,).
        means: shape (m, d).
        variances: weighted, not corrected for their own mean, shape (m, d).
    """

    people: NDArray[np.int64]
    effective: Floats
    means: Floats
    variances: Floats

    def dispersion(self) -> Floats:
        """Return standard deviations corrected for the mean's own error; NaN for an audience of one."""
        spare = (1 - 1 / np.maximum(self.effective, 1.0))[:, None]
        return np.asarray(
            np.sqrt(np.divide(self.variances, spare, out=np.full_like(self.means, np.nan), where=spare > 1e-9))
        )

    def within(self) -> Floats:
        """Return the pooled variance within audiences, shape (d,)."""
        n = self.effective[:, None]
        spare = np.maximum(n - 1, 0)
        return np.asarray((n * self.variances).sum(0) / max(float(spare.sum()), 1e-12))


def _moments(matrix: sp.csr_array, points: Floats) -> _Moments:
    """Return the moments of audiences from the users whose position is known."""
    known = np.isfinite(points).all(1)
    weights = matrix[known].T.tocsr()
    centre = points[known].mean(0)
    inside = points[known] - centre
    total = np.asarray(weights.sum(1))
    safe = np.where(total > 0, total, 1.0)[:, None]
    means = weights @ inside / safe
    variances = np.maximum(weights @ np.square(inside) / safe - np.square(means), 0.0)
    squares = np.asarray(weights.power(2).sum(1))
    effective = np.square(total) / np.where(squares > 0, squares, 1.0)
    means = np.where(total[:, None] > 0, means + centre, np.nan)
    return _Moments(np.diff(weights.indptr).astype(np.int64), effective, means, variances)


def _shrunk(moments: _Moments, *, enough: NDArray[np.bool_], shrink: bool) -> tuple[Floats, Floats, Floats]:
    """Return positions, their standard deviations and B, each (m, d)."""
    noise = moments.within() / np.maximum(moments.effective, 1.0)[:, None]
    values, sds, factors = moments.means.copy(), np.sqrt(noise), np.zeros_like(noise)
    if not shrink or enough.sum() < 3:
        return values, sds, factors
    for d in range(noise.shape[1]):
        mean, between, error = _between(moments.means[enough, d], noise[enough, d])
        factor = noise[:, d] / np.maximum(noise[:, d] + between, 1e-300)
        factors[:, d] = factor
        values[:, d] = (1 - factor) * moments.means[:, d] + factor * mean
        sds[:, d] = np.sqrt((1 - factor) * noise[:, d] + np.square(factor) * error)
    return values, sds, factors


def _between(means: Floats, noise: Floats) -> tuple[float, float, float]:
    """Return mu, t^2 and the variance of mu: t^2 >= 0 such that the weighted sum of squares is its expectation."""

    def centre(between: float) -> tuple[float, float]:
        weights = 1 / np.maximum(noise + between, 1e-300)
        mean = float(weights @ means / weights.sum())
        return mean, float(weights @ np.square(means - mean))

    low, high = 0.0, float(np.square(means - means.mean()).sum()) + 1e-12
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if centre(middle)[1] > len(means) - 1 else (low, middle)
    return centre(high)[0], high, float(1 / (1 / np.maximum(noise + high, 1e-300)).sum())


def _checked(
    matrix: sp.csr_array, positions: NDArray[np.floating], options: AudienceOptions
) -> tuple[sp.csr_array, Floats]:
    weights = sp.csr_array(matrix, dtype=np.float64, copy=True)
    points = np.asarray(positions, np.float64)
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2 or len(points) != weights.shape[0]:
        what = f"positions of shape {np.shape(positions)} for {weights.shape[0]} users"
        raise InputError(what, "positions", "one row a user, NaN where unknown")
    if not np.isfinite(points).all(1).any():
        raise InputError("no user's position is known", "positions", "give attitudes")
    if not np.isfinite(weights.data).all() or (weights.data < 0).any():
        raise InputError("weights are NaN, infinite or negative", "matrix", "an entry is how often")
    weights.sum_duplicates()
    weights.eliminate_zeros()
    if not options.weighted:
        weights.data[:] = 1.0
    return weights, points
