"""Who ties to whom: formation and dissolution of ties by distance of opinions, from a graph of two waves.

Influence makes those alike who are tied; selection ties those who are alike. The mechanisms are estimated on the graph
as it was before the movement, and the ties on the opinions as they were before the change: neither sees the other's
outcome. Homophily by anything else that also moves opinions still looks like influence, and no observed panel excludes
it (Shalizi and Thomas, Sociol. Methods Res. 40, 2011): read estimates as description unless that can be ruled out.
Joint models of both processes in continuous time (Snijders, van de Bunt and Steglich, Soc. Networks 32, 2010) allow
for changes between the waves that this one does not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.core.seeding import rng
from hemicycle.estimation.kernels import Floats
from hemicycle.graphs.interaction import InteractionGraph

FEWEST_TIES = 30
PREDICTORS = ("distance", "reciprocal", "log_followers")
COLUMNS = ("process", "parameter", "value", "ci_low", "ci_high", "se", "n_changes", "n_at_risk")
_NEWTON = 50

Keys = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ties:
    """Ties at risk and their predictors.

    Args:
        process: formation or dissolution.
        predictors: shape (n, p).
        happened: shape (n,).
        sets: choice set of each, of which one happened; -1 throughout: each is decided by itself, shape (n,).
        users: who follows, shape (n,).
    """

    process: Literal["formation", "dissolution"]
    predictors: Floats
    happened: NDArray[np.bool_]
    sets: Keys
    users: Keys


def tie_changes(
    opinions: Floats, graphs: tuple[InteractionGraph, InteractionGraph], alternatives: int, seed: int
) -> list[Ties]:
    """Return ties that could form or dissolve between two graphs.

    Formation: each new tie against ``alternatives`` users drawn at random whom the same user followed at neither time
    (McFadden 1978: drawing alternatives with equal chance leaves the conditional logit consistent). Dissolution: every
    tie of the first graph. Users without an opinion are left out.

    Args:
        opinions: at the first graph, NaN where unknown, shape (n_users,).
        graphs: at two times.
        alternatives: number drawn for each new tie.
        seed: of the draws.
    """
    n = len(opinions)
    old, new = (_keys(graph, opinions) for graph in graphs)
    formed = np.setdiff1d(new, old, assume_unique=True)
    users = np.repeat(formed // n, alternatives)
    drawn = users * n + rng("alternatives", seed).integers(0, n, len(users))
    free = (drawn % n != users) & np.isfinite(opinions[drawn % n]) & ~np.isin(drawn, old) & ~np.isin(drawn, new)
    sets = np.concatenate([np.arange(len(formed)), np.repeat(np.arange(len(formed)), alternatives)[free]])
    every = np.concatenate([formed, drawn[free]])
    happened = np.arange(len(every)) < len(formed)
    describe = _Describe(opinions, old, graphs[0].item_degrees)
    return [
        Ties("formation", describe(every), happened, sets, every // n),
        Ties("dissolution", describe(old), ~np.isin(old, new), np.full(len(old), -1), old // n),
    ]


def _keys(graph: InteractionGraph, opinions: Floats) -> Keys:
    """One sorted number for each tie between users with known opinions."""
    users = graph.rows().astype(np.int64)
    known = np.isfinite(opinions[users]) & np.isfinite(opinions[graph.indices])
    return np.asarray((users * graph.n_users + graph.indices)[known], np.int64)


@dataclass(frozen=True, eq=False)
class _Describe:
    """Predictors of ties: distance of opinions, whether the other follows back, log(1 + followers of the other)."""

    opinions: Floats
    old: Keys
    followers: NDArray[np.int64]

    def __call__(self, keys: Keys) -> Floats:
        n = len(self.opinions)
        users, others = keys // n, keys % n
        distance = np.abs(self.opinions[users] - self.opinions[others])
        back = np.isin(others * n + users, self.old).astype(np.float64)
        return np.stack([distance, back, np.log1p(self.followers[others])], axis=1)


def logit(ties: Ties) -> tuple[Floats, Floats]:
    """Fit a conditional logit (formation) or a logit with intercept (dissolution) by Newton's method.

    Returns:
        Coefficients of :data:`PREDICTORS`, shape (p,), after the intercept where there is one, and their covariance
        clustered by user (Liang and Zeger, Biometrika 73, 1986).
    """
    conditional = ties.process == "formation"
    x = ties.predictors if conditional else np.column_stack([np.ones(len(ties.users)), ties.predictors])
    found = np.zeros(x.shape[1])
    for _ in range(_NEWTON):
        scores, curvature = _derivatives(ties, x, found)
        move = np.linalg.lstsq(curvature, scores.sum(axis=0), rcond=1e-10)[0]
        found = found + np.clip(move, -5, 5)
        if np.abs(move).max() < 1e-9:
            break
    scores, curvature = _derivatives(ties, x, found)
    _, cluster = np.unique(ties.users, return_inverse=True)
    sums = np.stack([np.bincount(cluster, column) for column in scores.T], axis=1)
    inverse = np.linalg.pinv(curvature, hermitian=True)
    return found, np.asarray(inverse @ (sums.T @ sums) @ inverse)


def _derivatives(ties: Ties, x: Floats, coefficients: Floats) -> tuple[Floats, Floats]:
    """Score of each tie, shape (n, p), and the negative second derivative of the log-likelihood, shape (p, p)."""
    index = x @ coefficients
    if ties.process == "dissolution":
        chance = 1 / (1 + np.exp(-np.clip(index, -35, 35)))
        return (ties.happened - chance)[:, None] * x, (x * (chance * (1 - chance))[:, None]).T @ x
    weight = np.exp(np.clip(index - index.max(), -700, 0))
    totals = np.bincount(ties.sets, weight)
    chance = weight / totals[ties.sets]
    means = np.stack([np.bincount(ties.sets, chance * column) for column in x.T], axis=1)
    curvature = (x * chance[:, None]).T @ x - means.T @ means
    return (ties.happened - chance)[:, None] * x, curvature


def selection_table(
    opinions: Floats, graphs: Sequence[InteractionGraph], options: tuple[float, int, int]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return estimates of formation and dissolution between the first and the second graph, and notes.

    Args:
        opinions: at the first graph, shape (n_users,).
        graphs: two.
        options: level of the intervals, alternatives drawn for each new tie, seed.

    Returns:
        Log odds ratios, one row a process and predictor.
    """
    level, alternatives, seed = options
    rows, notes = [], []
    z = float(stats.norm.ppf(0.5 + level / 2))
    for ties in tie_changes(opinions, (graphs[0], graphs[1]), alternatives, seed):
        changes = int(ties.happened.sum())
        if min(changes, len(ties.happened) - changes) < FEWEST_TIES:
            notes.append(f"{ties.process} of ties: {changes:,} changes are too few for estimates")
            continue
        found, covariance = logit(ties)
        errors = np.sqrt(np.diag(covariance))
        for k, name in enumerate(PREDICTORS, start=len(found) - len(PREDICTORS)):
            value, error = float(found[k]), float(errors[k])
            ends = (value - z * error, value + z * error)
            rows.append((ties.process, name, value, *ends, error, changes, len(ties.happened)))
    return pd.DataFrame(rows, columns=[*COLUMNS]), tuple(notes)
