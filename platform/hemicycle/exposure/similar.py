"""The users whose opinions are nearest to one's own."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.core.loops import compiled, over_rows
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.exposure.candidates import closest_of, friends_of_friends, nearest
from hemicycle.exposure.kernels import holds
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions

_MOST_USERS = 50_000


class Similar(Mediated):
    """Each user is shown the k users nearest to it in opinion (Euclidean), without itself and those it follows.

    An algorithm that shows the like-minded, with perfect knowledge of opinions. The nearest are found among friends
    of friends, or among all: in one dimension by sorting, in several by comparing all pairs (up to 50,000 users).
    Equal distances are ordered anew, and for each user differently, in every draw.
    """

    class Config(MediatedConfig):
        """Options of exposure to the like-minded."""

        exposure: str = "similar"
        candidates: Literal["friends_of_friends", "all"] = "friends_of_friends"
        """Among whom the nearest are looked for."""
        most: int = Field(default=500, ge=1)
        """Friends of friends that are compared with a user, at most; more are drawn from."""

    config: Config

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return the users nearest to each user, the nearest first; -1 pads."""
        key = key_of("similar exposure", scene.seed, step)
        if self.config.candidates == "friends_of_friends":
            found = friends_of_friends(scene.graph, self.config.most, key)
            return closest_of(found, opinions, self.config.k, key)
        if opinions.shape[1] == 1:
            return nearest_on_a_line(opinions[:, 0], self.config.k, scene.graph, key)
        if len(opinions) > _MOST_USERS:
            what = f"the arm {self.config.label!r} would compare all pairs of {len(opinions)} users"
            raise InputError(what, remedy=f"set 'candidates: friends_of_friends'; all pairs are for {_MOST_USERS:,}")
        return nearest(opinions, self.config.k, scene.graph, key)


def nearest_on_a_line(
    points: NDArray[np.floating[Any]], k: int, exclude: InteractionGraph, key: int
) -> NDArray[np.int32]:
    """Return the k others nearest to each of n points on a line, best first, in n (log n + k) operations; -1 pads.

    Points are put in order, equal ones by numbers keyed by the point. Equal distances go by how far apart two points
    are in that order, then the lower one comes first.

    Args:
        points: shape (n,).
        k: length of the lists.
        exclude: row u holds what is left out for u, beside itself.
        key: 64-bit key.
    """
    drawn = keyed_uniform(key, np.arange(len(points)), np.arange(1))[:, 0]
    order = np.lexsort((drawn, points))
    out = np.full((len(points), k), -1, np.int32)
    rows = (np.asarray(exclude.indptr), np.asarray(exclude.indices))
    over_rows(_spread, len(out), order, points[order].astype(np.float64), rows, out, work=out.size)
    return out


@compiled
def _spread(span: Any, order: Any, sorted_points: Any, exclude: Any, out: Any) -> None:
    """Widen an interval around each point, towards the nearer end."""
    n, k = out.shape
    for place in range(span[0], span[1]):
        i, here = order[place], sorted_points[place]
        left_out = exclude[1][exclude[0][i] : exclude[0][i + 1]]
        low, high, slot = place - 1, place + 1, 0
        while slot < k and (low >= 0 or high < n):
            below = here - sorted_points[low] if low >= 0 else np.inf
            above = sorted_points[high] - here if high < n else np.inf
            if below < above or (below == above and place - low <= high - place):
                j, low = order[low], low - 1
            else:
                j, high = order[high], high + 1
            if not holds(left_out, j):
                out[i, slot] = j
                slot += 1
