"""The lists of a trained model."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import Problem
from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.exposure.retraining import RetrainConfig
from hemicycle.exposure.serving import CandidatePlan
from hemicycle.opinions.base import Opinions
from hemicycle.transforms.erasers import EraserOptions


class ErasureConfig(EraserOptions):
    """What a mediator is made to forget before it scores, fitted anew at every refresh on all users."""

    strength: float = Field(default=1.0, ge=0, le=1)
    """Share t of what the eraser takes away; 0 is bit-identical to no erasure."""
    of: Literal["current", "initial"] = "current"
    """Which opinions are erased: those that users hold at the refresh, or those with which they began."""
    site: Literal["users", "items", "both"] = "both"
    """Whose vectors are altered; items' (between users: those of the followed) share the space of the users'."""


class RecommendedConfig(MediatedConfig):
    """Options of exposure to a trained model."""

    exposure: str = "recommended"
    model: str = ""
    """Which models of the population recommend, each in an arm of its own: a name or a family; empty: all."""
    of: Literal["users", "items"] = "users"
    """What is listed: users to hear from, by a model of who follows whom, or items, by a model of who takes what."""
    update: Literal["never", "re-embed", "retrain"] = "never"
    """What a refresh does to the model: nothing; make the vectors of the current graph with the same parameters, which
    for matrix factorisation changes nothing; or train it again on the current graph and the clicks."""
    retrain: RetrainConfig = RetrainConfig()
    """How it is trained again."""
    candidates: Literal["all", "friends_of_friends"] = "all"
    """Who can be listed: anyone not followed, by exact search, for societies of up to some ten thousand users; or
    friends of friends not followed."""
    most_candidates: int = Field(default=500, ge=1)
    """Friends of friends that are scored for each user at most; of more, some are drawn, keyed by seed and user."""
    erase: ErasureConfig | None = None
    """Opinions that are erased from the model's vectors before they score; null: nothing."""

    def candidate_plan(self, seed: int) -> CandidatePlan:
        """Return who can be listed in a simulation of this seed."""
        return CandidatePlan(self.candidates, self.most_candidates, key_of("candidates", seed))


class Recommended(Mediated):
    """Each user is shown the first k sources of its recommendation list, beside its neighbours."""

    Config = RecommendedConfig
    config: RecommendedConfig

    def problems(self, scene: Scene) -> list[Problem]:
        """Report lists that are missing, too short, or not about these users."""
        if scene.lists is None:
            return [
                Problem(f"the arm {self.config.label!r} has no recommendation lists", remedy="give a model's lists")
            ]
        n_items = 0 if scene.items is None else len(scene.items)
        return list_problems(scene.lists, scene.graph.n_users, self.config.k, n_items)

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return the first k sources of each list."""
        del step, opinions
        if scene.lists is None:
            raise ValueError("a scene without lists; see problems()")
        return proposals_from_lists(scene.lists, self.config.k)


def proposals_from_lists(lists: NDArray[Any], k: int) -> NDArray[np.int32]:
    """Return the first k sources of each list, int32, shape (n_users, k); -1 pads."""
    return np.asarray(lists[:, :k], dtype=np.int32)


def list_problems(lists: NDArray[Any], n_users: int, k: int, n_items: int = 0) -> list[Problem]:
    """What is wrong with recommendation lists for ``n_users`` users of whom k sources are shown; empty: nothing."""
    remedy = "rank the users of this graph again, with the user itself left out"
    if lists.ndim != 2 or not np.issubdtype(lists.dtype, np.integer):
        return [Problem(f"recommendation lists of shape {lists.shape} and type {lists.dtype}", remedy=remedy)]
    if len(lists) != n_users:
        return [Problem(f"recommendation lists of {len(lists)} users for a graph of {n_users}", remedy=remedy)]
    found = []
    if lists.shape[1] < k:
        found.append(Problem(f"recommendation lists hold {lists.shape[1]} sources, fewer than k = {k}", remedy=remedy))
    if ((lists < -1) | (lists >= n_users + n_items)).any():
        what = f"recommendation lists name sources outside [0, {n_users + n_items - 1}]; -1 pads"
        found.append(Problem(what, remedy=remedy))
    if (lists == np.arange(n_users)[:, None]).any():
        found.append(Problem("recommendation lists propose users to themselves", remedy=remedy))
    return found
