"""What there is to measure after a step, and the few passes over users and edges that the metrics share."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hemicycle.exposure.base import Proposals, neighbours
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.simulations.sums import Floats, Heard, Seen, along

Sides = NDArray[np.int8]
UNKNOWN = -1
"""Side of a user who stands exactly in the middle."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What users were shown in the step that led to a situation.

    Args:
        sources: what each user saw, at the positions of that moment.
        proposals: what was proposed to each user beside whom it follows, shape (n_users, k); None: nothing.
        opinions: the users' opinions of that moment, shape (n_users, n_dims).
        graph: whom they followed then.
    """

    sources: Sources
    proposals: Proposals | None
    opinions: Opinions
    graph: InteractionGraph


@dataclass(frozen=True, eq=False)
class Situation:
    """Opinions on a social graph after a step.

    Args:
        opinions: shape (n_users, n_dims).
        graph: who follows whom now.
        innate: opinions without influence, also those of the start, shape (n_users, n_dims).
        shown: what users saw in the step that led here; None at the start.
        bounds: least and greatest opinion; None: any.
        seed: of the samples that metrics take, the same for all arms.
    """

    opinions: Opinions
    graph: InteractionGraph
    innate: Opinions = field(default_factory=lambda: np.empty((0, 1)))
    shown: Shown | None = None
    bounds: tuple[float, float] | None = (-1.0, 1.0)
    seed: int = 0

    @cached_property
    def middle(self) -> float:
        """Opinion that stands on no side: the middle of the bounds, 0 without bounds."""
        return 0.0 if self.bounds is None else sum(self.bounds) / 2

    @cached_property
    def axis(self) -> Floats:
        """First principal axis, of length 1, its greatest component positive, shape (n_dims,)."""
        return principal_axis(self.opinions)

    @cached_property
    def leading(self) -> Floats:
        """Coordinates on the first principal axis, 0 in the middle of the bounds, shape (n_users,)."""
        return self.along(self.opinions)

    @cached_property
    def width(self) -> float:
        """Length of an opinion's dimension: that of the bounds, or the greatest present range without bounds."""
        if self.bounds is None:
            return float(np.ptp(self.opinions, axis=0).max()) if len(self.opinions) else 0.0
        return float(self.bounds[1] - self.bounds[0])

    @cached_property
    def span(self) -> float:
        """Length of the axis on which ``leading`` lies, its middle at 0.

        That is the diagonal of the bounds' box, or without bounds twice the greatest present distance from the middle.
        """
        if self.bounds is None:
            return float(2 * np.abs(self.leading).max(initial=0.0))
        return self.width * float(np.sqrt(self.opinions.shape[1]))

    @cached_property
    def heard(self) -> Heard:
        """Opinions of whom users follow now."""
        return Heard.of(neighbours(self.graph, self.opinions), self.opinions)

    @cached_property
    def follows(self) -> Seen:
        """How far and on which side stand whom users follow now."""
        return Seen.of(neighbours(self.graph, self.opinions), self.opinions, self.axis, self.middle)

    @cached_property
    def seen(self) -> Seen | None:
        """How far and on which side stood what was shown, at the opinions of that moment; None at the start."""
        if self.shown is None:
            return None
        return Seen.of(self.shown.sources, self.shown.opinions, self.axis, self.middle)

    def along(self, positions: Opinions) -> Floats:
        """Coordinates of any positions on the first principal axis, 0 in the middle, shape (n,)."""
        return along(positions, self.axis, self.middle)

    def sides(self, positions: Opinions) -> Sides:
        """Side of any positions on the first principal axis: 0 below the middle, 1 above, ``UNKNOWN`` at it."""
        along = self.leading if positions is self.opinions else self.along(positions)
        return np.where(along == 0, UNKNOWN, along > 0).astype(np.int8)


def principal_axis(opinions: Opinions) -> Floats:
    """First principal axis of opinions, of length 1, its greatest component positive, shape (n_dims,)."""
    if opinions.shape[1] == 1:
        return np.ones(1)
    axis = np.linalg.eigh(covariance(opinions))[1][:, -1]
    return np.asarray(axis * np.sign(axis[np.abs(axis).argmax()]))


def covariance(opinions: Opinions) -> Floats:
    """Covariance matrix with divisor n, shape (n_dims, n_dims)."""
    x = opinions.astype(np.float64)
    x -= x.mean(axis=0)
    return np.asarray(x.T @ x / len(x))
