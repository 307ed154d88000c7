"""What a transform is: a better recommender made of one or several others, without training any of them again.

A new transform is one file with a class that derives from

- :class:`Transform`: gives new scores, or
- :class:`Reranker`: chooses lists of ``Scene.k`` items among what its parent scores,

and one line in ``transforms/catalogue.py``; from another package it is named ``"package.module:Class"``.
At strength 0 every transform recommends what its (first) parent recommends.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.evaluation.topk import NONE, top_k
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import Embedding, Parameters, Recommender
from hemicycle.recommenders.scoring import Scores
from hemicycle.transforms.attributes import Attributes
from hemicycle.transforms.erasers import Eraser
from hemicycle.transforms.vectors import item_vectors

PARENT = "parent"
"""Name of the only parent of a transform that has one."""
_ROWS_AT_ONCE = 512


class TransformConfig(Options):
    """Base of every transform's configuration."""

    transform: str
    """Short name of the transform, or ``package.module:Class``."""
    strength: float = Field(0.5, ge=0, le=1)
    """How far it goes; 0 leaves every list as it is."""
    side: str = ""
    """Users' column that tells sides: a group, or a numeric label whose sign counts. Empty: the first group, or the
    first numeric label."""
    margin: float = Field(0.05, ge=0, lt=1)
    """How clearly an item must lean to be of a side that it owes to its audience: by how much a group's share of its
    users exceeds that of all interactions, or how far its users' mean position is from zero, in standard deviations
    of all users' positions. What everyone takes is of no side."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A parent that was trained here, for transforms that alter what it was trained to be.

    Args:
        recommender: what makes vectors and scores of parameters.
        parameters: of the checkpoint that recommends.
    """

    recommender: Recommender
    parameters: Parameters


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a transform may use.

    Args:
        parents: name -> scores; the first counts as the parent where there are several.
        train: what is known when lists are made: the training graph.
        mask: what users already took, which is not listed.
        attributes: sides and categories.
        k: length of the lists.
        direction: the attitude direction that :class:`~hemicycle.transforms.direction.Direction` limits, shape (d,).
        eraser: what :class:`~hemicycle.transforms.erase.Erase` learnt.
        trained: reads the first parent's parameters; None where it was not trained here.
    """

    parents: Mapping[str, Scores]
    train: InteractionGraph
    mask: Sequence[InteractionGraph]
    attributes: Attributes
    k: int = 20
    direction: NDArray[np.floating] | None = None
    eraser: Eraser | None = None
    trained: Callable[[], Trained] | None = None

    @property
    def parent(self) -> Scores:
        """Scores of the first parent."""
        return next(iter(self.parents.values()))

    @cached_property
    def remembered(self) -> Scores:
        """Scores of the first parent, which are not computed twice for the same users in a row."""
        return _Remembered(self.parent)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Items' vectors of length 1 (0 where nothing is known), shape (n_items, d)."""
        return item_vectors(self.parent, self.train)


class _Remembered:
    def __init__(self, scores: Scores) -> None:
        self.scores = scores
        self.users: NDArray[np.integer] = np.empty(0, np.int64)
        self.values: NDArray[np.floating] = np.empty((0, 0))

    def __call__(self, users: NDArray[np.integer]) -> NDArray[np.floating]:
        if not len(self.values) or not np.array_equal(users, self.users):
            self.users, self.values = np.array(users), self.scores(users)
        return self.values


class Transform(ABC):
    """Makes a recommender of others."""

    Config: ClassVar[type[TransformConfig]]
    embeds: ClassVar[bool] = False
    """Whether :meth:`embed` returns vectors."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def scores(self, scene: Scene) -> Scores:
        """Return a function from users to scores of all items."""

    def embed(self, scene: Scene) -> Embedding | None:
        """Return the vectors whose products score, or None for a model without vectors."""
        del scene
        return None

    def met(self, scene: Scene, users: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell for which users the transform's constraints can be met, shape (len(users),); without any, all."""
        del scene
        return np.ones(len(users), bool)

    @classmethod
    def problems(cls, config: Any, k: int) -> list[str]:
        """What makes a configuration impossible for lists of ``k`` items, in sentences."""
        candidates = getattr(config, "candidates", k)
        return [f"{candidates} candidates are fewer than the {k} items of a list"] if candidates < k else []


# -- lists -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lists:
    """Recommendations of a batch of users.

    Args:
        items: best first, ``NONE`` where a list ends, shape (batch, k).
        met: False where a constraint could not be met, shape (batch,).
    """

    items: NDArray[np.int32]
    met: NDArray[np.bool_]


class Reranker(Transform):
    """A transform that chooses lists of ``Scene.k`` items; behind them the parent's order goes on."""

    @abstractmethod
    def rerank(self, scene: Scene, users: NDArray[np.integer]) -> Lists:
        """Return the lists of some users, distinct and not more than a few hundred."""

    def scores(self, scene: Scene) -> Scores:
        """Return scores that reproduce the lists: 1 / rank for what is listed, from 0 down to -1 for all else.

        At strength 0 they are the parent's own.
        """
        if not self.config.strength:
            return scene.parent

        def score(users: NDArray[np.integer]) -> NDArray[np.floating]:
            parts = [listed_first(scene.remembered(b), self.rerank(scene, b).items) for b in batches(users)]
            return np.concatenate(parts) if parts else np.empty((0, scene.train.n_items), np.float32)

        return score

    def met(self, scene: Scene, users: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell for which users the lists meet the constraints, shape (len(users),)."""
        return np.concatenate([np.empty(0, bool), *(self.rerank(scene, b).met for b in batches(users))])


class RerankerConfig(TransformConfig):
    """What re-rankers share that choose among the parent's best items."""

    candidates: int = Field(100, ge=1)
    """The parent's best items among which lists are chosen; at least as many as a list is long."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """A parent's best items for a batch of users.

    Args:
        items: best first, ``NONE`` where there are no more, shape (batch, n).
        relevance: their scores, from 1 for a user's best to 0 for her last, shape (batch, n).
    """

    items: NDArray[np.int32]
    relevance: NDArray[np.float64]

    @classmethod
    def of(cls, scene: Scene, users: NDArray[np.integer], n: int) -> "Candidates":
        """Return the parent's ``n`` best items of each user."""
        items = top_k(scene.remembered, scene.mask, users, n)
        own = np.asarray(scene.remembered(users), np.float32)
        values = np.take_along_axis(own, np.maximum(items, 0).astype(np.int64), 1).astype(np.float64)
        known = items != NONE
        low = np.where(known, values, np.inf).min(1, initial=np.inf, keepdims=True)
        width = values[:, :1] - low
        relevance = np.divide(values - low, width, out=np.ones_like(values), where=known & (width > 0))
        return cls(items, np.where(known, relevance, 0.0))


def pick(values: NDArray[np.floating], free: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each row's best free column and take it, shape (batch,); of equal ones the first."""
    best = np.where(free, values, -np.inf).argmax(1)
    free[np.arange(len(free)), best] = False
    return np.asarray(best)


def batches(users: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
    """Cut users into batches of a few hundred."""
    return (users[start : start + _ROWS_AT_ONCE] for start in range(0, len(users), _ROWS_AT_ONCE))


def listed_first(own: NDArray[np.floating], lists: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return scores that put lists first and leave the order of all else, shape (batch, n_items).

    What scores -inf stays there, unless it is listed.
    """
    finite = np.isfinite(own)
    high = np.where(finite, own, -np.inf).max(1, keepdims=True)
    low = np.where(finite, own, np.inf).min(1, keepdims=True)
    width = np.where(high > low, high - low, 1.0)
    out = np.full((len(own), own.shape[1] + 1), -np.inf, np.float32)
    np.divide(own - high, width, out=out[:, :-1], where=finite, casting="same_kind")
    ranks = 1 / np.arange(1, lists.shape[1] + 1, dtype=np.float32)
    places = np.where(lists == NONE, own.shape[1], lists).astype(np.int64)
    np.put_along_axis(out, places, np.broadcast_to(ranks, lists.shape), 1)
    return out[:, :-1]
