"""Integration of dx/dt = -x + K sum_j A_ij tanh(alpha Phi x_j) over one step, the contacts A being given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.loops import compiled, over_rows
from hemicycle.opinions.activity import Influences
from hemicycle.opinions.meetings import A_USER

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drive:
    """What drives opinions during one step.

    Args:
        met: who influences each user.
        strength: K of each user, shape (n_users,).
        steepness: alpha of each user, shape (n_users,).
        overlap: Phi, shape (n_topics, n_topics).
        fixed: users who do not move, shape (n_users,).
    """

    met: Influences
    strength: Array
    steepness: Array
    overlap: Array
    fixed: NDArray[np.bool_]

    def slopes(self, positions: Array) -> Array:
        """Return dx/dt of the users, shape (n_users, n_topics), where all sources are at ``positions``."""
        n = len(self.fixed)
        slopes, answers = np.zeros((n, positions.shape[1])), (self.strength, self.steepness)
        over_rows(_slopes, n, self.met, positions, answers, self.overlap, self.fixed, slopes, work=A_USER * n)
        return slopes


Integrator = Callable[[Drive, Array, float], Array]
"""From a drive, the sources' positions, shape (n_sources, n_topics), and a time to the users' opinions after it."""


def euler(drive: Drive, positions: Array, dt: float) -> Array:
    """Return x + dt f(x)."""
    slopes = drive.slopes(positions)
    return positions[: len(slopes)] + dt * slopes


def runge_kutta(drive: Drive, positions: Array, dt: float) -> Array:
    """Return the classical fourth-order step."""
    total = first = drive.slopes(positions)
    slopes, start = first, positions[: len(first)]
    for share, weight in ((0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
        stage = np.concatenate([start + share * dt * slopes, positions[len(first) :]])
        slopes = drive.slopes(stage)
        total = total + weight * slopes
    return np.asarray(start + dt / 6 * total)


@compiled
def _slopes(  # noqa: PLR0913, PLR0917 - numba takes arrays
    span: Any, met: Any, positions: Any, answers: Any, overlap: Any, fixed: Any, slopes: Any
) -> None:
    indptr, indices = met
    strength, steepness = answers
    topics = positions.shape[1]
    for i in range(span[0], span[1]):
        for v in range(0 if fixed[i] else topics):
            heard = 0.0
            for e in range(indptr[i], indptr[i + 1]):
                said = 0.0
                for u in range(topics):
                    said += overlap[v, u] * positions[indices[e], u]
                heard += np.tanh(steepness[i] * said)
            slopes[i, v] = strength[i] * heard - positions[i, v]
