"""Limit how much a recommender uses one direction of its vectors, such as users' attitude."""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.recommenders.base import Embedding
from hemicycle.recommenders.scoring import DotScores
from hemicycle.transforms.base import Scene, Transform, TransformConfig

RIDGE = 1e-2
"""Penalty of the ridge direction, relative to the mean variance of the vectors."""


class DirectionConfig(TransformConfig):
    """Limits of one direction."""

    transform: str = "direction"
    """Short name."""
    strength: float = Field(1.0, ge=0, le=1)
    """Share of the component that is taken away."""
    label: str = ""
    """Users' label that tells the direction; empty: the first numeric one. Of classes, the two most frequent are set
    against each other."""
    learn: Literal["covariance", "ridge"] = "covariance"
    """How the direction is found, see :func:`learn`."""
    share: float = Field(0.8, gt=0, le=1)
    """Share of the labelled users, drawn once for all models, from whom it is learnt."""


class Direction(Transform):
    """Scores x_u' . y_i' + b_i of vectors x' = x - t (x . w) w, and y' likewise, with a unit direction w.

    At t = 1 no vector has a component along w; with the covariance's direction no linear probe then reads the label
    out of the users from whom it was learnt (Belrose et al., NeurIPS 2023, theorem 3.1: no covariance, no linear
    information). A bias of items stays as it is.
    """

    Config: ClassVar[type[TransformConfig]] = DirectionConfig
    embeds: ClassVar[bool] = True

    def scores(self, scene: Scene) -> DotScores:
        """Return the scores of the altered vectors.

        Raises:
            InputError: the parent has no vectors, or no direction was learnt.
        """
        found = vectors_of(scene)
        if scene.direction is None:
            raise InputError("no direction was learnt", "transform.label", "name a numeric label of users")
        w = torch.tensor(np.array(scene.direction)).to(found.users)
        users, items = (_less(vectors, w, self.config.strength) for vectors in (found.users, found.items))
        return replace(found, users=users, items=items)

    def embed(self, scene: Scene) -> Embedding:
        """Return the altered vectors."""
        found = self.scores(scene)
        return Embedding(found.users.cpu().numpy(), found.items.cpu().numpy())


def vectors_of(scene: Scene) -> DotScores:
    """Return the parent's scores with their vectors.

    Raises:
        InputError: it has none.
    """
    if not isinstance(scene.parent, DotScores):
        raise InputError("the parent scores without vectors, so there is no direction to limit", "parent")
    return scene.parent


def _less(vectors: torch.Tensor, w: torch.Tensor, t: float) -> torch.Tensor:
    return vectors - t * torch.outer(vectors @ w, w)


def learn(vectors: NDArray[np.floating], values: NDArray[np.floating], how: str = "covariance") -> NDArray[np.float64]:
    """Return the unit direction of users' vectors along which a label grows, shape (d,).

    ``covariance``: X'y of the centred vectors and values; for two classes the difference of their means.
    ``ridge``: (X'X / n + l I)^-1 X'y / n, l = RIDGE x the mean variance of a column.

    Args:
        vectors: of users, shape (n, d).
        values: their label, NaN where missing, shape (n,).
        how: which of the two.

    Raises:
        InputError: fewer than two users have the label, or all the same value.
    """
    known = np.isfinite(values)
    x, y = vectors[known].astype(np.float64), values[known]
    if len(y) < 2 or np.ptp(y) == 0:
        raise InputError("the label does not differ between users", "transform.label", "name another label")
    x, y = x - x.mean(0), (y - y.mean()) / y.std()
    w = x.T @ y / len(y)
    if how == "ridge":
        gram = x.T @ x / len(y)
        w = np.linalg.solve(gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), w)
    return np.asarray(w / max(np.linalg.norm(w), np.finfo(float).tiny))
