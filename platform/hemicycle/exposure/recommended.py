"""The lists of a trained model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import Problem
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene


class Recommended(Mediated):
    """Each user is shown the first k users of its recommendation list, beside its neighbours."""

    class Config(MediatedConfig):
        """Options of exposure to a trained model."""

        exposure: str = "recommended"
        model: str = ""
        """Which models of the population recommend, each in an arm of its own: a name or a family; empty: all."""

    config: Config

    def problems(self, scene: Scene) -> list[Problem]:
        """Report lists that are missing, too short, or not about these users."""
        if scene.lists is None:
            return [
                Problem(f"the arm {self.config.label!r} has no recommendation lists", remedy="give a model's lists")
            ]
        return list_problems(scene.lists, scene.graph.n_users, self.config.k)

    def proposals(self, scene: Scene, step: int) -> NDArray[np.int32]:
        """Return the first k users of each list."""
        del step
        if scene.lists is None:
            raise ValueError("a scene without lists; see problems()")
        return proposals_from_lists(scene.lists, self.config.k)


def proposals_from_lists(lists: NDArray[Any], k: int) -> NDArray[np.int32]:
    """Return the first k users of each list, int32, shape (n_users, k); -1 pads."""
    return np.asarray(lists[:, :k], dtype=np.int32)


def list_problems(lists: NDArray[Any], n_users: int, k: int) -> list[Problem]:
    """What is wrong with recommendation lists for ``n_users`` users of whom k are shown; empty when nothing is."""
    remedy = "rank the users of this graph again, with the user itself left out"
    if lists.ndim != 2 or not np.issubdtype(lists.dtype, np.integer):
        return [Problem(f"recommendation lists of shape {lists.shape} and type {lists.dtype}", remedy=remedy)]
    if len(lists) != n_users:
        return [Problem(f"recommendation lists of {len(lists)} users for a graph of {n_users}", remedy=remedy)]
    found = []
    if lists.shape[1] < k:
        found.append(Problem(f"recommendation lists hold {lists.shape[1]} users, fewer than k = {k}", remedy=remedy))
    if ((lists < -1) | (lists >= n_users)).any():
        found.append(Problem(f"recommendation lists name users outside [0, {n_users - 1}]; -1 pads", remedy=remedy))
    if (lists == np.arange(n_users)[:, None]).any():
        found.append(Problem("recommendation lists propose users to themselves", remedy=remedy))
    return found
