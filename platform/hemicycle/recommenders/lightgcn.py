"""LightGCN: vectors smoothed over the graph by linear propagation (He et al., SIGIR 2020)."""

from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator

from hemicycle.core.records import READOUT
from hemicycle.recommenders.base import EmbeddingConfig, EmbeddingRecommender, Propagate, RecommenderConfig


class LightGCNConfig(EmbeddingConfig):
    """LightGCN."""

    model: str = "lightgcn"
    """Short name."""
    temperature: float = Field(1.0, gt=0)
    """As for matrix factorisation; propagation already smooths, so more of it suits."""
    layers: int = Field(3, ge=0, le=16)
    """Number of propagations L."""
    readout: tuple[int, ...] | None = None
    """Layers whose mean scores; by default 0 to L as in the paper. Leaving 0 out, ``[1, 2, 3]``, often ranks better."""

    @model_validator(mode="after")
    def _layers_exist(self) -> Self:
        chosen = self.mixed
        if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(range(self.layers + 1)):
            raise ValueError(f"readout names distinct layers from 0 to {self.layers}, not {list(chosen)}")
        return self

    @property
    def mixed(self) -> tuple[int, ...]:
        """Layers in the read-out."""
        return tuple(range(self.layers + 1)) if self.readout is None else self.readout


class LightGCN(EmbeddingRecommender):
    """E^(k) = D^-1/2 A D^-1/2 E^(k-1); the read-out is the mean of the chosen layers.

    The read-out is a polynomial in S, so that no layer is kept.
    """

    Config: ClassVar[type[RecommenderConfig]] = LightGCNConfig
    config: LightGCNConfig

    @property
    def layers(self) -> Sequence[str]:
        """``"0"`` to ``"L"`` and ``READOUT``."""
        return (*map(str, range(self.config.layers + 1)), READOUT)

    def vectors(self, table: torch.Tensor, propagate: Propagate, layer: str = READOUT) -> torch.Tensor:
        """Return a layer, or the mean of the chosen ones."""
        mixed = self.config.mixed if layer == READOUT else (int(layer),)
        return propagate.polynomial(table, [(k in mixed) / len(mixed) for k in range(max(mixed) + 1)])
