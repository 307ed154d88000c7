"""Group majority: users take what their group took of similar items. What party discipline alone foretells."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, RecommenderConfig
from hemicycle.recommenders.content_knn import similar_items, unit_rows
from hemicycle.recommenders.message_passing import checked
from hemicycle.recommenders.scoring import Scores
from hemicycle.recommenders.two_tower import item_content


class GroupMajorityConfig(RecommenderConfig):
    """The share of a user's group that took similar items."""

    model: str = "group_majority"
    """Short name."""
    k: int = Field(20, ge=1)
    """Similar items, the nearest that anyone took."""


class GroupMajority(ClosedFormRecommender):
    """s_ui = sum over the k items j most similar to i of cos(i, j) share_gj / sum of cos(i, j).

    share_gj is the part of the users of u's group g who took j; users with equal features are a group, so that the
    study names the column of groups under ``features``.
    """

    Config: ClassVar[type[RecommenderConfig]] = GroupMajorityConfig
    config: GroupMajorityConfig

    def fit(self, graph: InteractionGraph, rng: np.random.Generator) -> Parameters:
        """Return the expected share of every group for every item.

        Raises:
            InputError: users or items have no features.
        """
        del rng
        groups = groups_of(graph, self.config.model)
        shares = group_shares(graph, groups)
        items, similarity = similar_items(unit_rows(item_content(graph, self.config.model)), graph, self.config.k)
        weights = similarity / np.maximum(similarity.sum(1, keepdims=True), 1e-12)
        expected = np.stack([(share[items] * weights).sum(1) for share in shares])
        return {"expected": expected.astype(np.float32), "groups": groups.astype(np.float64)}

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> Scores:
        """Return the function from users to the expected shares of their group."""
        del graph
        expected, groups = np.asarray(parameters["expected"]), np.asarray(parameters["groups"]).astype(np.int64)

        def score(batch: NDArray[np.integer]) -> NDArray[np.floating]:
            found: NDArray[np.floating] = expected[groups[batch]]
            return found

        return score


def groups_of(graph: InteractionGraph, model: str) -> NDArray[np.int64]:
    """Return the group of every user: users with equal features are one.

    Raises:
        InputError: users have no features, not one row each, or some are no finite numbers.
    """
    if graph.features.users is None:
        remedy = "name the column of groups in the study: features: {users: {columns: [party], allow_groups: true}}"
        raise InputError(f"{model} needs to know the users' groups", "features.users", remedy)
    known = checked(graph.features.users, graph.n_users, "features.users")
    _, groups = np.unique(known, axis=0, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def group_shares(graph: InteractionGraph, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the part of each group's users with edges who took each item, shape (n_groups, n_items)."""
    n_groups = int(groups.max()) + 1
    sizes = np.bincount(groups[graph.degrees > 0], minlength=n_groups)
    keys = groups[graph.rows()] * graph.n_items + graph.indices
    taken = np.bincount(keys, minlength=n_groups * graph.n_items).reshape(n_groups, graph.n_items)
    shares: NDArray[np.float64] = taken / np.maximum(sizes, 1)[:, None]
    return shares
