"""Attention of limited capacity: topics compete for what each group can attend to.

A group's shares of attention sum to 1, so that one topic rises only as others fall (issue competition is a zero-sum
game: Zhu 1992, *Journalism Quarterly* 69; limited attention makes some messages win by chance alone: Weng, Flammini,
Vespignani and Menczer 2012, *Scientific Reports* 2). With x = log share less its mean over the topics, b its usual
value and u attractiveness, groups g, topics k and days t,

    u_gkt = b_gk + rho_g (x_gk,t-1 - b_gk) + sum_hl W_l,gh s_hk,t-l + f_gkt,      shares = softmax over k of u,

with the signal s = x - b, or share over usual share less 1, and f whatever comes from outside: shocks, noise, what a
recommender shows. With the first signal x is exactly a vector autoregression with A_1 = diag(rho) + W_1, A_l = W_l,
the same for every topic; with the second it is one for small deviations. u is kept between -50 and 50.

A topic alone, which competes with none, follows the same equation in its log odds: the panel VAR.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hemicycle.core.loops import compiled

Floats = NDArray[np.float64]
PANEL, LOG_SHARE, SHARE = 0, 1, 2
_CEILING = 50.0


@dataclass(frozen=True, eq=False)
class Dynamics:
    """How attention moves.

    Args:
        base: usual log attention b (of a panel VAR: log odds), shape (groups, topics).
        inertia: rho, shape (groups,).
        influence: W, shape (lags, followers, leaders).
        kind: ``PANEL``, ``LOG_SHARE`` or ``SHARE``.
    """

    base: Floats
    inertia: Floats
    influence: Floats
    kind: int = LOG_SHARE

    def rest(self) -> Floats:
        """Return the days before the first one at rest, shape (lags, groups, topics)."""
        return np.repeat(self.base[None], len(self.influence), axis=0)


def advance(dynamics: Dynamics, before: Floats, force: Floats) -> Floats:
    """Return log attention (of a panel VAR: log odds) day by day.

    Args:
        dynamics: how it moves.
        before: the days before, the last one last, shape (lags, groups, topics).
        force: what comes from outside, shape (days, groups, topics).

    Returns:
        Shape (days, groups, topics); under limited capacity its mean over topics is 0.
    """
    lags = len(before)
    x = np.ascontiguousarray(np.concatenate([before, force]))
    moves = (dynamics.base, dynamics.inertia, dynamics.influence)
    _advance(x, lags, dynamics.kind, tuple(np.ascontiguousarray(part) for part in moves))
    return np.asarray(x[lags:])


def shares(x: Floats, kind: int = LOG_SHARE) -> Floats:
    """Return attention: softmax over the last axis, or of a panel VAR the logistic function.

    Args:
        x: log attention (of a panel VAR: log odds), shape (..., topics), which is that of the result.
        kind: ``PANEL``, ``LOG_SHARE`` or ``SHARE``.
    """
    if kind == PANEL:
        return np.asarray(special.expit(x))
    return np.asarray(special.softmax(x, axis=-1))


def centred(x: Floats) -> Floats:
    """Take away the mean over topics, the last axis: softmax does not see it."""
    return np.asarray(x - x.mean(axis=-1, keepdims=True))


@compiled
def _advance(x: Floats, lags: int, kind: int, moves: tuple[Floats, Floats, Floats]) -> None:
    """Replace each day's force by log attention, from row ``lags`` on."""
    base, inertia, influence = moves
    days, groups, topics = x.shape
    signal = np.zeros((days, groups, topics))
    for t in range(days):
        for g in range(groups):
            total = 0.0
            for k in range(topics if t >= lags else 0):
                u = base[g, k] + inertia[g] * (x[t - 1, g, k] - base[g, k]) + x[t, g, k]
                for lag in range(lags):
                    for h in range(groups):
                        u += influence[lag, g, h] * signal[t - 1 - lag, h, k]
                x[t, g, k] = min(max(u, -_CEILING), _CEILING)
                total += x[t, g, k]
            if kind != PANEL and t >= lags:
                for k in range(topics):
                    x[t, g, k] -= total / topics
            _signal(x[t, g], base[g], kind, signal[t, g])


@compiled
def _signal(x: Floats, base: Floats, kind: int, out: Floats) -> None:
    """What followers see of one leader on one day; x has the mean 0."""
    total, usual = 0.0, 0.0
    for k in range(len(x)):
        out[k] = x[k] - base[k]
        if kind == SHARE:
            total += np.exp(x[k])
            usual += np.exp(base[k])
    for k in range(len(x) if kind == SHARE else 0):
        out[k] = np.exp(out[k]) * usual / total - 1
