"""Calibrated recommendations: lists whose kinds are as mixed as what the user took (Steck, RecSys 2018)."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.evaluation.beyond import history_shares
from hemicycle.evaluation.topk import NONE
from hemicycle.transforms.base import Candidates, Lists, Reranker, RerankerConfig, Scene, TransformConfig, pick

Shares = NDArray[np.float64]


class CalibratedConfig(RerankerConfig):
    """Calibrated recommendations."""

    transform: str = "calibrated"
    """Short name."""
    smoothing: float = Field(0.01, gt=0, lt=1)
    """Weight of the user's own distribution in the list's, so that a missing kind costs much but not infinitely."""


class Calibrated(Reranker):
    """Greedily maximise (1 - t) sum of relevance - t KL(p || q'), q' = (1 - a) q + a p.

    p is the distribution over categories of what the user took in training, q that of the list so far, a the
    smoothing. The objective is submodular up to a modular term, so that greedy choice comes within 1 - 1/e of the
    best list (Steck 2018, section 3.2). Relevance runs from 0 to 1 over a user's candidates. Items without a category
    count in a list's length only; a user without history in any category keeps the parent's list.
    """

    Config: ClassVar[type[TransformConfig]] = CalibratedConfig

    def rerank(self, scene: Scene, users: NDArray[np.integer]) -> Lists:
        """Return the lists."""
        t, rows = self.config.strength, np.arange(len(users))
        attributes = scene.attributes
        found = Candidates.of(scene, users, self.config.candidates)
        category = np.where(found.items == NONE, -1, attributes.item_category[np.maximum(found.items, 0)])
        kinds = (attributes.item_category, len(attributes.categories))
        wanted = np.nan_to_num(history_shares(scene.train, users, *kinds))
        counts = np.zeros((len(users), wanted.shape[1] + 1))
        free = found.items != NONE
        out = np.full((len(users), scene.k), NONE, np.int32)
        for place in range(min(scene.k, found.items.shape[1])):
            left = free.any(1)
            after = divergence_after(wanted, counts[:, :-1], place + 1, self.config.smoothing)
            best = pick((1 - t) * found.relevance - t * np.take_along_axis(after, category % after.shape[1], 1), free)
            out[left, place] = found.items[rows, best][left]
            counts[rows, category[rows, best]] += 1
        return Lists(out, np.ones(len(users), bool))


def divergence_after(wanted: Shares, counts: Shares, length: int, smoothing: float) -> Shares:
    """KL(p || q') of each user's list, once it has one more item of a category.

    Args:
        wanted: p, shape (batch, categories).
        counts: items of the list by category, shape (batch, categories).
        length: of the list with the new item.
        smoothing: a.

    Returns:
        Shape (batch, categories + 1); the last column is for an item without a category.
    """
    stay, more = (_terms(wanted, (counts + extra) / length, smoothing) for extra in (0, 1))
    total = stay.sum(1, keepdims=True)
    return np.asarray(np.concatenate([total - stay + more, total], 1))


def _terms(wanted: Shares, listed: Shares, smoothing: float) -> Shares:
    """Return p log(p / q') by category, 0 where p is 0."""
    mixed = (1 - smoothing) * listed + smoothing * wanted
    ratio = np.divide(wanted, mixed, out=np.ones_like(wanted), where=wanted > 0)
    return np.asarray(wanted * np.log(ratio))
