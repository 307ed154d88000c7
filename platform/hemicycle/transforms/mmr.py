"""Maximal marginal relevance: lists whose items differ from each other (Carbonell and Goldstein, SIGIR 1998)."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.evaluation.topk import NONE
from hemicycle.transforms.base import Candidates, Lists, Reranker, RerankerConfig, Scene, TransformConfig, pick


class MMRConfig(RerankerConfig):
    """Maximal marginal relevance."""

    transform: str = "mmr"
    """Short name."""


class MMR(Reranker):
    """Item after item, the candidate with the largest (1 - t) relevance - t max over the list so far of the cosine.

    Relevance runs from 0 to 1 over a user's candidates; the first item is always the most relevant. Greedy choice is
    the method's definition. Cosines are of the vectors that score, of the items' features where there are none, or
    of the audience.
    """

    Config: ClassVar[type[TransformConfig]] = MMRConfig

    def rerank(self, scene: Scene, users: NDArray[np.integer]) -> Lists:
        """Return the lists; time and memory grow with len(users) x candidates x dimensions."""
        t, rows = self.config.strength, np.arange(len(users))
        found = Candidates.of(scene, users, self.config.candidates)
        vectors = scene.vectors[np.maximum(found.items, 0)]
        free, closest = found.items != NONE, np.zeros(found.items.shape)
        out = np.full((len(users), scene.k), NONE, np.int32)
        for place in range(min(scene.k, found.items.shape[1])):
            left = free.any(1)
            best = pick((1 - t) * found.relevance - t * closest, free)
            out[left, place] = found.items[rows, best][left]
            cosines = np.einsum("bnd,bd->bn", vectors, vectors[rows, best])
            closest = np.maximum(closest, cosines) if place else cosines
        return Lists(out, np.ones(len(users), bool))
