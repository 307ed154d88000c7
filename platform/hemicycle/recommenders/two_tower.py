"""Two towers: items are what their content says, users what they took; new items are scored by content alone.

The sampled softmax and its correction are those of Yi et al. (RecSys 2019), the additive attention over what a user
took that of NRMS (Wu et al., EMNLP 2019), without the attention between words.
"""

from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import embedding_bag

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import RecommenderConfig
from hemicycle.recommenders.deep import DeepConfig, DeepRecommender, Encoded, IntArray, Residual
from hemicycle.recommenders.message_passing import checked
from hemicycle.recommenders.sampling import Bags, all_neighbours, of_users, sample_neighbours


class TwoTowerConfig(DeepConfig):
    """A content-based recommender."""

    model: str = "two_tower"
    """Short name."""
    hidden: int = Field(0, ge=0)
    """Width of a hidden layer between an item's features and its vector; 0: none, the map is linear."""
    pooling: Literal["mean", "attention"] = "attention"
    """How the vectors of what a user took become hers: their mean, or weighted by what they are."""
    history: int = Field(200, ge=1)
    """Items drawn from what a user took in a training step; all of them count afterwards."""
    content_bias: bool = True
    """Whether content also says how much everyone likes an item."""
    user_features: bool = False
    """Whether what the study knows of users (``features.users``) enters their vectors."""
    user_vectors: bool = False
    """Add a trained vector to each user's; users who were not there in training do without."""
    item_vectors: bool = False
    """Add a trained vector to each item's; items that were not there in training do without."""


def item_content(graph: InteractionGraph, model: str) -> NDArray[np.float32]:
    """Return the features of items.

    Raises:
        InputError: there are none, not one row an item, or some are no finite numbers.
    """
    if graph.features.items is None:
        remedy = "name what describes an item in the study, e.g. features: {items: {text: [title]}}"
        raise InputError(f"{model} scores items by their content, and the graph has none", "features.items", remedy)
    return checked(graph.features.items, graph.n_items, "features.items")


class Towers(torch.nn.Module):
    """Both towers.

    Args:
        sizes: users, items, features of a user (0 without any), features of an item.
        config: which parts there are.
    """

    def __init__(self, sizes: tuple[int, int, int, int], config: TwoTowerConfig) -> None:
        super().__init__()
        n_users, n_items, of_user, of_item = sizes
        dim, hidden = config.dim, config.hidden
        linear = torch.nn.Linear
        dense = (linear(of_item, hidden), torch.nn.GELU(), linear(hidden, dim)) if hidden else (linear(of_item, dim),)
        self.item = torch.nn.Sequential(*dense)
        self.item_own = Residual(n_items, dim) if config.item_vectors else None
        self.user_own = Residual(n_users, dim) if config.user_vectors else None
        self.user_input = linear(of_user, dim) if of_user else None
        self.item_bias = linear(of_item, 1, bias=False) if config.content_bias else None
        attentive = config.pooling == "attention"
        self.attention = (
            torch.nn.Sequential(linear(dim, dim), torch.nn.Tanh(), linear(dim, 1, bias=False)) if attentive else None
        )

    def items(self, features: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of items; features have shape (len(ids), any)."""
        found: torch.Tensor = self.item(features)
        return found if self.item_own is None else found + self.item_own(ids)

    def pooled(self, vectors: torch.Tensor, bags: Bags) -> torch.Tensor:
        """Return sum of w_i v_i / sum of w_i over each bag, w = exp(q . tanh(W v + b)) or 1; 0 of an empty one."""
        values = vectors.new_zeros(len(vectors), 1) if self.attention is None else self.attention(vectors)
        weights = (values - values.detach().max()).exp()
        weighted = torch.cat([vectors * weights, weights], 1)
        ends = np.concatenate([[0], np.cumsum(bags.counts)])
        places, pointers = (torch.from_numpy(x).to(vectors.device) for x in (bags.neighbours, ends))
        sums = embedding_bag(places, weighted, pointers, mode="sum", include_last_offset=True)
        return sums[:, :-1] / sums[:, -1:].clamp_min(1e-12)

    def users(self, pooled: torch.Tensor, features: torch.Tensor | None, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of users from what they took, what is known of them, and who they are."""
        if self.user_input is not None and features is not None:
            pooled = pooled + self.user_input(features)
        return pooled if self.user_own is None else pooled + self.user_own(ids)


class TwoTower(DeepRecommender):
    """score = x_u . y_i + b_i, y and b from the item's features, x pooled over the y of what the user took."""

    Config: ClassVar[type[RecommenderConfig]] = TwoTowerConfig
    config: TwoTowerConfig

    def content(self, graph: InteractionGraph) -> NDArray[np.float32]:
        """Return what the item tower reads, shape (n_items, any)."""
        return item_content(graph, self.config.model)

    def module(self, graph: InteractionGraph) -> Towers:
        """Return both towers."""
        known = self.known(graph)
        of_user = 0 if known is None else known.shape[1]
        sizes = (graph.n_users, graph.n_items, of_user, self.content(graph).shape[1])
        return Towers(sizes, self.config)

    def known(self, graph: InteractionGraph) -> NDArray[np.float32] | None:
        """Return what is known of users, shape (n_users, any), where it is used.

        Raises:
            InputError: it is used and there is nothing, or some are no finite numbers.
        """
        if not self.config.user_features:
            return None
        if graph.features.users is None:
            remedy = "name them in the study, e.g. features: {users: {columns: [age]}}, or set user_features: false"
            raise InputError(f"{self.config.model} is to use features of users, without any", "features.users", remedy)
        return checked(graph.features.users, graph.n_users, "features.users")

    def encode(self, module: Towers, view: InteractionGraph, users: IntArray, items: IntArray, key: int) -> Encoded:
        """Return vectors, those of users from a few of the items they took."""
        bags = sample_neighbours(of_users(view), users, self.config.history, key_of("history", key))
        return self._encoded(module, view, (users, np.asarray(items)), bags)

    def whole(self, module: Towers, graph: InteractionGraph, layer: str) -> Encoded:
        """Return all vectors, those of users from all they took."""
        del layer
        everyone = np.arange(graph.n_users)
        return self._encoded(
            module, graph, (everyone, np.arange(graph.n_items)), all_neighbours(of_users(graph), everyone)
        )

    def _encoded(
        self, module: Towers, graph: InteractionGraph, wanted: tuple[IntArray, IntArray], bags: Bags
    ) -> Encoded:
        """Return the vectors of the wanted users and items; every item's is computed once."""
        users, items = wanted
        read = np.union1d(items, bags.neighbours)
        like = next(module.parameters())
        features = torch.from_numpy(self.content(graph)[read]).to(like)
        vectors = module.items(features, torch.from_numpy(read).to(like.device))
        pooled = module.pooled(vectors, Bags(bags.counts, np.searchsorted(read, bags.neighbours)))
        known = self.known(graph)
        about = None if known is None else torch.from_numpy(known[users]).to(like)
        places = torch.from_numpy(np.searchsorted(read, items)).to(like.device)
        bias = None if module.item_bias is None else module.item_bias(features[places])[:, 0]
        return Encoded(module.users(pooled, about, torch.from_numpy(users).to(like.device)), vectors[places], bias)
