"""GraphSAGE: a node is described by the mean of its neighbours (Hamilton, Ying and Leskovec, NeurIPS 2017)."""

import warnings
from typing import ClassVar

import torch

from hemicycle.recommenders.base import RecommenderConfig
from hemicycle.recommenders.message_passing import MessagePassing, MessagePassingConfig


class GraphSAGEConfig(MessagePassingConfig):
    """GraphSAGE."""

    model: str = "graphsage"
    """Short name."""


class GraphSAGE(MessagePassing):
    """conv(v) = W mean over neighbours w of x_w; 0 for a node without neighbours."""

    Config: ClassVar[type[RecommenderConfig]] = GraphSAGEConfig
    config: GraphSAGEConfig

    def conv(self, dim: int) -> torch.nn.Module:
        """Return the mean of neighbours; the node itself is added by the layer."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch_geometric's imports of what torch has deprecated
            from torch_geometric.nn import SAGEConv  # noqa: PLC0415 - slow to import, seldom needed
        convolution: torch.nn.Module = SAGEConv((dim, dim), dim, root_weight=False)
        return convolution
