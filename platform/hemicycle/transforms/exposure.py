"""Exposure constraints: a least share of every list that comes from other sides, or from each of several outlets."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.errors import InputError
from hemicycle.evaluation.topk import NONE, top_k
from hemicycle.recommenders.scoring import Scores
from hemicycle.transforms.attributes import UNKNOWN, Attributes
from hemicycle.transforms.base import Lists, Reranker, Scene, TransformConfig


class ExposureConfig(TransformConfig):
    """Exposure constraints."""

    transform: str = "exposure"
    """Short name."""
    strength: float = Field(0.3, ge=0, le=1)
    """Least share of each list that comes from other sides than the user's; with ``shares``, by how much these are
    multiplied."""
    shares: dict[str, float] = Field(default_factory=dict)
    """Category of items (their group, such as an outlet's leaning) -> least share of each list; sides count instead
    where this is empty."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if any(not 0 <= share <= 1 for share in self.shares.values()) or sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("shares are between 0 and 1 and add up to at most 1")
        return self

    def quotas(self, k: int) -> dict[str, int]:
        """Least number of items in a list of ``k`` by category; under ``""`` that of other sides."""
        shares = self.shares or {"": 1.0}
        return {name: math.ceil(self.strength * share * k - 1e-9) for name, share in shares.items()}


@dataclass(frozen=True, eq=False)
class Quota:
    """A number of places that some items have to fill.

    Args:
        places: how many.
        eligible: users (batch,) -> which items count, shape (batch, n_items) or (1, n_items).
        bound: users (batch,) -> whom it binds, shape (batch,).
    """

    places: int
    eligible: Callable[[NDArray[np.integer]], NDArray[np.bool_]]
    bound: Callable[[NDArray[np.integer]], NDArray[np.bool_]]


class Exposure(Reranker):
    """The list of k items with the largest sum of scores among all lists that fill every quota; in order of score.

    It consists of the best a_g items of each group g with quota a_g, and the best of all others. That is exact,
    since groups are disjoint and sum a_g <= k. Take an optimal list. If it lacks one of g's best a_g items, it holds
    a worse item of g in its place (it has at least a_g of g); exchanging the two keeps every count and does not
    lower the sum. So some optimal list holds all of them. Its other k - sum a_g places are bound by nothing more,
    and the best remaining items fill them best. (Greedy is exact because lists that respect such quotas are the
    bases of a matroid: Edmonds, Mathematical Programming 1971.)

    All items that are not masked are candidates. Where a user has too few of a group left, she gets all there are
    and the constraint counts as not met. Users without a known side keep the parent's list.
    """

    Config: ClassVar[type[TransformConfig]] = ExposureConfig

    def rerank(self, scene: Scene, users: NDArray[np.integer]) -> Lists:
        """Return the lists, and for whom the quotas could be filled."""
        met, required = np.ones(len(users), bool), []
        for quota in self._quotas(scene):
            found = top_k(_only(scene.remembered, quota), scene.mask, users, quota.places)
            met &= (found != NONE).all(1) | ~quota.bound(users)
            required.append(found)
        best = top_k(scene.remembered, scene.mask, users, scene.k)
        chosen = np.concatenate([np.empty((len(users), 0), np.int32), *required], 1)
        return Lists(_filled(chosen, best, np.asarray(scene.remembered(users), np.float32)), met)

    def _quotas(self, scene: Scene) -> list[Quota]:
        quotas: dict[str, int] = self.config.quotas(scene.k)
        return [_quota(name, places, scene.attributes) for name, places in quotas.items() if places]

    @classmethod
    def problems(cls, config: Any, k: int) -> list[str]:
        """Refuse quotas that cannot all have their places."""
        quotas = config.quotas(k)
        if sum(quotas.values()) <= k:
            return []
        wanted = ", ".join(f"{name} {places}" for name, places in quotas.items())
        return [f"the shares need {sum(quotas.values())} places of a list of {k} items ({wanted}, each rounded up)"]


def _quota(name: str, places: int, attributes: Attributes) -> Quota:
    if not name:
        if len(set(attributes.user_side) - {UNKNOWN}) < 1:
            raise InputError("no user has a known side", "transform.side", "name a group or a numeric label of users")
        return Quota(places, attributes.across, lambda users: attributes.user_side[users] != UNKNOWN)
    if name not in attributes.categories:
        known = ", ".join(attributes.categories) or "none"
        raise InputError(f"there is no category {name!r} of items", "transform.shares", f"there are: {known}")
    members = (attributes.item_category == attributes.categories.index(name))[None]
    return Quota(places, lambda _: members, lambda users: np.ones(len(users), bool))


def _only(scores: Scores, quota: Quota) -> Scores:
    return lambda users: np.where(quota.eligible(users), scores(users), -np.inf)


def _filled(required: NDArray[np.int32], best: NDArray[np.int32], own: NDArray[np.float32]) -> NDArray[np.int32]:
    """Fill lists that hold the required items up with the best others, in order of score, then of number.

    Args:
        required: distinct items, ``NONE`` for nothing, shape (batch, m), m <= k.
        best: each user's k best items, shape (batch, k).
        own: scores, shape (batch, n_items).
    """
    k = best.shape[1]
    room = k - (required != NONE).sum(1, keepdims=True)
    extra = (best != NONE) & ~(best[:, :, None] == required[:, None, :]).any(2)
    extra &= np.cumsum(extra, 1) <= room
    pool = np.concatenate([required, np.where(extra, best, NONE)], 1)
    values = np.take_along_axis(own, np.maximum(pool, 0).astype(np.int64), 1)
    order = np.lexsort((pool, -np.where(pool == NONE, -np.inf, values)), axis=1)[:, :k]
    return np.take_along_axis(pool, order, 1)
