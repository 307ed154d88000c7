"""Graph attention: a node weighs its neighbours (Velickovic et al., ICLR 2018; Brody, Alon and Yahav, ICLR 2022)."""

import warnings
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator

from hemicycle.recommenders.base import RecommenderConfig
from hemicycle.recommenders.message_passing import MessagePassing, MessagePassingConfig


class GATConfig(MessagePassingConfig):
    """Graph attention."""

    model: str = "gat"
    """Short name."""
    heads: int = Field(4, ge=1)
    """Attentions side by side, each of ``dim / heads`` columns."""
    dynamic: bool = True
    """Weigh as Brody et al. do (GATv2): which neighbour matters may depend on the node; else as Velickovic et al."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} cannot be dealt out to {self.heads} heads; choose a multiple")
        return self


class GAT(MessagePassing):
    """conv(v) = sum over neighbours w of a_vw W x_w, a_vw = softmax over w of a . leaky_relu(W x_w + V x_v) (GATv2)."""

    Config: ClassVar[type[RecommenderConfig]] = GATConfig
    config: GATConfig

    def conv(self, dim: int) -> torch.nn.Module:
        """Return the attention over neighbours; the node itself is added by the layer."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch_geometric's imports of what torch has deprecated
            from torch_geometric.nn import GATConv, GATv2Conv  # noqa: PLC0415 - slow to import, seldom needed
        kind = GATv2Conv if self.config.dynamic else GATConv
        heads = self.config.heads
        convolution: torch.nn.Module = kind((dim, dim), dim // heads, heads, add_self_loops=False)
        return convolution
