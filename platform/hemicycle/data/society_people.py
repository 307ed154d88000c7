"""Users of a synthetic society: parties, attitudes, confounders, communities.

Every number is keyed by (what it is, user), so that user 7 is the same in any order of computation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import key_of, keyed_normal, keyed_uniform
from hemicycle.data.society_configurations import Party
from hemicycle.data.society_options import SyntheticConfig

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class People:
    """Attitudes and parties of users.

    Args:
        positions: float32, shape (n_users, dimensions).
        party: index into ``names``, shape (n_users,).
        names: names of the parties.
        low: lower corner of the attitude space, shape (dimensions,).
        high: upper corner, shape (dimensions,).
    """

    positions: Floats
    party: Codes
    names: tuple[str, ...]
    low: Floats
    high: Floats

    @property
    def unit(self) -> float:
        """Root mean square distance of two users drawn at random: sqrt(2 trace of the covariance), or 1 if 0."""
        spread = float(np.sqrt(2 * self.positions.var(axis=0, dtype=np.float64).sum()))
        return spread if spread > 0 else 1.0

    @property
    def sides(self) -> Codes:
        """Party of each user; where there is one alone, the side of the median on dimension 0."""
        if len(np.unique(self.party)) > 1:
            return self.party
        first = self.positions[:, 0]
        return np.asarray(first > np.median(first), np.int32)


@dataclass(frozen=True)
class Traits:
    """What else is known of users; arrays of shape (n_users,).

    Args:
        age: whole years.
        activity: relative propensity to act.
        region: region's number, from 0.
        community: community's number, from 0.
    """

    age: NDArray[np.int16]
    activity: Floats
    region: Codes
    community: Codes


def uniform(n: int, columns: int, *keys: str | int) -> NDArray[np.float64]:
    """Uniform numbers, shape (n, columns), keyed by (keys, row, column)."""
    return keyed_uniform(key_of(*keys), np.arange(n), np.arange(columns))


def normal(n: int, columns: int, *keys: str | int) -> Floats:
    """Standard normal numbers, shape (n, columns), keyed by (keys, row, column)."""
    return keyed_normal(key_of(*keys), np.arange(n), np.arange(columns))


def fold(values: NDArray[np.floating], low: Floats, high: Floats) -> Floats:
    """Reflect at the walls of the box [low, high] until everything is inside."""
    width = np.where(high > low, high - low, 1)
    folded = low + width - np.abs((values - low) % (2 * width) - width)
    return np.asarray(np.clip(folded, low, high), np.float32)


def people(config: SyntheticConfig) -> People:
    """Draw parties and attitudes.

    x_u = m_p + s_p z_u reflected into [-1, 1]^D, where p is u's party and z_u is normal with unit variances and
    ``correlation`` between dimensions, or 2 Phi(z_u) - 1 for a party of uniform shape.
    """
    parties, seed = config.party_list(), config.seed_of("opinion")
    bounds = np.cumsum([party.share for party in parties])[:-1]
    party = np.searchsorted(bounds, uniform(config.users, 1, "party", seed)[:, 0], side="right").astype(np.int32)
    scores = _correlated(normal(config.users, config.dimensions, "attitude", seed), config.correlation)
    low, high = np.full((2, config.dimensions), [[-1], [1]], np.float32)
    positions = fold(_place(scores, party, parties), low, high)
    return People(positions, party, tuple(p.name for p in parties), low, high)


def _correlated(scores: Floats, correlation: float) -> Floats:
    dims = scores.shape[1]
    covariance = np.full((dims, dims), correlation) + (1 - correlation) * np.eye(dims)
    return scores @ np.linalg.cholesky(covariance).T.astype(np.float32)


def _place(scores: Floats, party: Codes, parties: Sequence[Party]) -> Floats:
    uniform_shape = np.array([p.shape == "uniform" for p in parties])[party]
    scores[uniform_shape] = 2 * ndtr(scores[uniform_shape]) - 1
    spreads = np.array([p.spread for p in parties], np.float32)
    scores *= spreads[party, None]
    scores += np.array([p.position for p in parties], np.float32)[party]
    return scores


def people_at(config: SyntheticConfig, positions: NDArray[np.floating], groups: NDArray[np.generic] | None) -> People:
    """Take attitudes and parties as given.

    Args:
        config: its ``users`` and ``dimensions`` must be those of ``positions``.
        positions: shape (n_users, dimensions).
        groups: party of each user, shape (n_users,); None: one party, ``all``.

    Raises:
        InputError: shapes do not agree, or a position is not finite.
    """
    raise_problems(_misfits(config, positions, groups))
    names, party = np.unique(np.full(len(positions), "all") if groups is None else groups, return_inverse=True)
    place = np.asarray(positions, np.float32)
    corners = place.min(axis=0), place.max(axis=0)
    return People(place, party.astype(np.int32), tuple(str(name) for name in names), *corners)


def _misfits(
    config: SyntheticConfig, positions: NDArray[np.floating], groups: NDArray[np.generic] | None
) -> list[Problem]:
    problems = []
    wanted = (config.users, config.dimensions)
    if positions.shape != wanted:
        problems.append(
            Problem(
                f"positions have the shape {positions.shape}, not {wanted}", "positions", "set users and dimensions"
            )
        )
    if not np.isfinite(positions).all():
        problems.append(Problem("a position is not finite", "positions", "leave users without a position out"))
    if groups is not None and groups.shape != positions.shape[:1]:
        problems.append(
            Problem(f"groups have the shape {groups.shape}, positions {positions.shape}", "groups", "one a user")
        )
    return problems


def traits(config: SyntheticConfig, society: People) -> Traits:
    """Draw age, activity, region and community.

    With a_u the standardised attitude on dimension 0 and e normal, each covariate has its own normal score
    y_u = r a_u + sqrt(1 - r^2) e_u, of correlation r with a. Age is 50 + 13 y whole years within [18, 95], the
    logarithm of activity is ``activity_spread`` y, and region cuts y at equal normal quantiles.

    Communities are equally likely. With F_p the share of users in parties before p and f_p that of p, a user's
    community is floor(C (F_p + f_p v)) with probability ``alignment`` and floor(C v) otherwise, v uniform.
    """
    confounding = config.confounding
    correlations = np.array([confounding.age, confounding.activity, confounding.region], np.float32)
    scores = normal(config.users, 3, "covariates", config.seed_of("opinion"))
    scores *= np.sqrt(1 - correlations**2)
    scores += correlations * _standardised(society.positions[:, 0])[:, None]
    return Traits(
        age=np.clip(np.rint(50 + 13 * scores[:, 0]), 18, 95).astype(np.int16),
        activity=np.exp(config.activity_spread * scores[:, 1]),
        region=_slices(ndtr(scores[:, 2]), config.regions),
        community=_communities(config, society),
    )


def _standardised(values: Floats) -> Floats:
    spread = values.std(dtype=np.float64)
    centred = values - values.mean(dtype=np.float64)
    return (centred / spread if spread > 0 else np.zeros_like(values)).astype(np.float32)


def _slices(quantile: NDArray[np.floating], number: int) -> Codes:
    return np.asarray(np.minimum(quantile * number, number - 1), np.int32)


def _communities(config: SyntheticConfig, society: People) -> Codes:
    draws = uniform(config.users, 2, "community", config.seed_of("graph"))
    shares = np.bincount(society.party, minlength=len(society.names)) / config.users
    before = np.cumsum(shares) - shares
    own = before[society.party] + shares[society.party] * draws[:, 0]
    return _slices(np.where(draws[:, 1] < config.communities.alignment, own, draws[:, 0]), config.communities.number)


def draw_positions(
    labels: NDArray[np.floating],
    groups: NDArray[np.generic],
    n_users: int,
    rng: np.random.Generator,
    bandwidth: float | None = None,
) -> tuple[Floats, NDArray[np.generic]]:
    """Draw users who are distributed like labelled people: the smoothed bootstrap within groups.

    A row i is drawn with replacement; with m and S the mean and covariance of its group of n people, the user stands
    at m + (x_i - m + h S^(1/2) e) / sqrt(1 + h^2), e normal, which keeps each group's mean and covariance
    (Silverman & Young 1987, Biometrika 74). The default h is Silverman's rule (4 / ((D + 2) n))^(1 / (D + 4)).

    Args:
        labels: attitudes, shape (n, dimensions).
        groups: party, shape (n,).
        n_users: users to draw.
        rng: source of randomness.
        bandwidth: h for all groups; None: the rule, group by group. 0: the plain bootstrap.

    Returns:
        Positions, float32 of shape (n_users, dimensions), and groups, shape (n_users,).

    Raises:
        InputError: shapes do not agree, nobody is labelled, or a label is not finite.
    """
    if labels.ndim != 2 or groups.shape != labels.shape[:1] or not len(labels):
        raise InputError(f"labels {labels.shape} and groups {groups.shape} must be (n, dimensions) and (n,), n > 0")
    if not np.isfinite(labels).all():
        raise InputError("a label is not finite", "labels", "leave people without a label out")
    rows = rng.integers(len(labels), size=n_users)
    noise = rng.standard_normal((n_users, labels.shape[1]))
    drawn, positions = groups[rows], labels[rows].astype(np.float64)
    for group in np.unique(groups):
        own = drawn == group
        positions[own] = _smooth(positions[own], labels[groups == group], noise[own], bandwidth)
    return positions.astype(np.float32), drawn


def _smooth(
    drawn: NDArray[np.float64], members: NDArray[np.floating], noise: NDArray[np.float64], bandwidth: float | None
) -> NDArray[np.float64]:
    n, dims = members.shape
    h = (4 / ((dims + 2) * n)) ** (1 / (dims + 4)) if bandwidth is None else bandwidth
    mean = members.mean(axis=0)
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(members.T, bias=True)))
    root = (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T
    smoothed: NDArray[np.float64] = mean + (drawn - mean + h * noise @ root) / np.sqrt(1 + h * h)
    return smoothed
