"""Take popularity back out of scores, so that the less popular come up."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.recommenders.scoring import DotScores, Scores
from hemicycle.transforms.base import Scene, Transform, TransformConfig


class PopularityPenaltyConfig(TransformConfig):
    """Popularity penalty."""

    transform: str = "popularity_penalty"
    """Short name."""
    strength: float = Field(0.5, ge=0, le=100)
    """What log(1 + users of the item) is multiplied by, in units of the parent's scores."""


class PopularityPenalty(Transform):
    """s'_ui = s_ui - beta log(1 + d_i), with d_i the training users of item i."""

    Config: ClassVar[type[TransformConfig]] = PopularityPenaltyConfig

    def scores(self, scene: Scene) -> Scores:
        """Return the scores; a model with vectors keeps them, its bias changes."""
        parent, beta = scene.parent, self.config.strength
        if not beta:
            return parent
        penalty = beta * np.log1p(scene.train.item_degrees)
        if isinstance(parent, DotScores):
            added = torch.from_numpy(penalty).to(parent.items)
            return replace(parent, bias=-added if parent.bias is None else parent.bias - added)

        def score(users: NDArray[np.integer]) -> NDArray[np.floating]:
            return np.asarray(parent(users) - penalty)

        return score
