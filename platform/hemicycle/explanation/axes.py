"""The axes that are explained, and those they are held against: random directions and permuted labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.explanation.shares import Axis
from hemicycle.transforms.direction import learn

RANDOM, PERMUTED = "random", "permuted"
"""Controls: directions drawn from a normal distribution; directions learnt from permuted labels."""
CONTROLS = (RANDOM, PERMUTED)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AxisPlan:
    """How axes are found.

    Args:
        learn: ``covariance`` or ``ridge``, see :func:`hemicycle.transforms.direction.learn`.
        draws: axes of each control.
        seed: key of the draws.
    """

    learn: str = "covariance"
    draws: int = 20
    seed: int = 0


def attitude_axis(name: str, vectors: NDArray[np.floating], values: Floats, plan: AxisPlan) -> Axis:
    """Return the direction of users' vectors along which a label grows.

    It is learnt from all labelled users, and so are those of permuted labels: what fitting alone yields stands in the
    control.

    Args:
        name: of the label.
        vectors: of users, shape (n, d).
        values: their label, NaN where missing, shape (n,).
        plan: how.

    Raises:
        InputError: the label is constant, or fewer than two users have it.
    """
    return Axis.along(name, learn(vectors, values, plan.learn))


def control_axes(name: str, vectors: NDArray[np.floating], values: Floats, plan: AxisPlan) -> Mapping[str, list[Axis]]:
    """Return the axes of each control; the same draws for every model of as many users and dimensions."""
    known = np.flatnonzero(np.isfinite(values))
    found: dict[str, list[Axis]] = {RANDOM: [], PERMUTED: []}
    for draw in range(plan.draws):
        drawn = rng("explanation", RANDOM, plan.seed, draw).normal(size=(vectors.shape[1],))
        found[RANDOM].append(Axis.along(name, drawn))
        mixed = np.full(len(values), np.nan)
        mixed[known] = values[rng("explanation", PERMUTED, plan.seed, name, draw).permutation(known)]
        found[PERMUTED].append(attitude_axis(name, vectors, mixed, plan))
    return found


def chance(drawn: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """Return mean and 2.5 and 97.5 % quantiles over the draws of a control, of the shape of one; NaN without any."""
    if not drawn:
        nothing = np.full((), np.nan)
        return nothing, nothing, nothing
    stacked = np.stack(drawn)
    low, high = np.quantile(stacked, [0.025, 0.975], axis=0)
    return stacked.mean(0), low, high
