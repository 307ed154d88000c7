"""Matrix factorisation: one trainable vector a user and an item, without propagation.

Koren, Bell and Volinsky (IEEE Computer, 2009); with the BPR loss Rendle et al. (UAI 2009).
"""

from typing import ClassVar

import torch

from hemicycle.core.records import READOUT
from hemicycle.recommenders.base import EmbeddingConfig, EmbeddingRecommender, Propagate, RecommenderConfig


class MFConfig(EmbeddingConfig):
    """Matrix factorisation."""

    model: str = "mf"
    """Short name."""


class MF(EmbeddingRecommender):
    """The table itself scores. In an undirected graph between users both sides of a pair are rows of one kind."""

    Config: ClassVar[type[RecommenderConfig]] = MFConfig

    def vectors(self, table: torch.Tensor, propagate: Propagate, layer: str = READOUT) -> torch.Tensor:
        """Return the table."""
        del propagate, layer
        return table
