"""Erase labels from a recommender: from the vectors that score, or from the table out of which they are made."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.recommenders.base import TABLE, Embedding, EmbeddingRecommender
from hemicycle.recommenders.scoring import DotScores
from hemicycle.transforms.base import Scene, Transform, TransformConfig
from hemicycle.transforms.direction import vectors_of
from hemicycle.transforms.erasers import Eraser, EraserOptions

SiteName = Literal["users", "items", "both", "layer"]


class EraseConfig(EraserOptions, TransformConfig):
    """Erasure of labels."""

    transform: str = "erase"
    """Short name."""
    strength: float = Field(1.0, ge=0, le=1)
    """Share t of what the eraser takes away."""
    labels: tuple[str, ...] = ()
    """Users' labels that are erased together; empty: the first label."""
    site: SiteName = "both"
    """Where: in the vectors that score, of ``users``, ``items`` or ``both``; ``layer``: in the trained table (layer 0),
    from which all later layers are then made anew."""
    share: float = Field(0.8, gt=0, le=1)
    """Share of the labelled users, drawn once for all models, from whom the eraser is learnt."""


@dataclass(frozen=True, eq=False)
class Site:
    """A place in a model where labels can be erased.

    Args:
        vectors: users' vectors at that place, on which an eraser is fitted, shape (n_users, d).
        embed: eraser, strength -> the vectors that are read afterwards.
        scores: eraser, strength -> what is recommended by.
    """

    vectors: NDArray[np.floating]
    embed: Callable[[Eraser, float], Embedding]
    scores: Callable[[Eraser, float], DotScores]


class Erase(Transform):
    """Scores of vectors x - t (x - m) P, with P by :mod:`hemicycle.transforms.erasers`.

    The eraser is learnt from users; items' vectors, which share the space, are altered by the same map. At the site
    ``layer`` the table of start vectors is altered, and a model that propagates makes its other layers from that: what
    the graph itself knows of a label comes back.
    """

    Config: ClassVar[type[TransformConfig]] = EraseConfig
    embeds: ClassVar[bool] = True

    def scores(self, scene: Scene) -> DotScores:
        """Return the scores of the altered model.

        Raises:
            InputError: the parent has no vectors, or no table for the site ``layer``; no eraser was learnt.
        """
        if not self.config.strength:
            return vectors_of(scene)
        return site_of(scene, self.config.site).scores(_learnt(scene), self.config.strength)

    def embed(self, scene: Scene) -> Embedding:
        """Return the altered vectors: those that score, or for the site ``layer`` the read-out made anew."""
        return site_of(scene, self.config.site).embed(_learnt(scene), self.config.strength)


def _learnt(scene: Scene) -> Eraser:
    if scene.eraser is None:
        raise InputError("no eraser was learnt", "transform.labels", "name labels of users")
    return scene.eraser


def site_of(scene: Scene, name: SiteName) -> Site:
    """Return a place in the scene's first parent where labels can be erased.

    Raises:
        InputError: the parent has no vectors, or for ``layer`` no table from which they are made.
    """
    return _table(scene) if name == "layer" else _scoring(scene, name)


def _scoring(scene: Scene, name: SiteName) -> Site:
    parent = vectors_of(scene)

    def scores(eraser: Eraser, strength: float) -> DotScores:
        users = _altered(parent.users, eraser, strength) if name != "items" else parent.users
        items = _altered(parent.items, eraser, strength) if name != "users" else parent.items
        return replace(parent, users=users, items=items)

    def embed(eraser: Eraser, strength: float) -> Embedding:
        found = scores(eraser, strength)
        return Embedding(found.users.cpu().numpy(), found.items.cpu().numpy())

    return Site(parent.users.cpu().numpy(), embed, scores)


def _altered(vectors: torch.Tensor, eraser: Eraser, strength: float) -> torch.Tensor:
    return torch.from_numpy(eraser.apply(vectors.cpu().numpy(), strength)).to(vectors.device)


def _table(scene: Scene) -> Site:
    found = scene.trained() if scene.trained is not None else None
    if found is None or not isinstance(found.recommender, EmbeddingRecommender):
        name = f"the parent ({found.recommender.config.model})" if found else "a parent that was not trained here"
        raise InputError(
            f"{name} has no one table of start vectors that could be altered and propagated again",
            "transform.site",
            "erase at the site users, items or both; layer is for recommenders with one table, such as mf and lightgcn",
        )
    recommender, table, graph = found.recommender, np.asarray(found.parameters[TABLE]), scene.train
    first = recommender.adjacency(graph).user_offset

    def altered(eraser: Eraser, strength: float) -> dict[str, NDArray[np.floating]]:
        return {TABLE: eraser.apply(table, strength)}

    return Site(
        table[first : first + graph.n_users],
        lambda eraser, strength: recommender.embed(altered(eraser, strength), graph),
        lambda eraser, strength: recommender.scores(altered(eraser, strength), graph),
    )
