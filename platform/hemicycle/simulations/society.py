"""A society: who follows whom, what people think, and what else is known of them when a simulation begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import Problem
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions


@dataclass(frozen=True, eq=False)
class Society:
    """Users, their follows and their opinions, the same for all arms of a seed.

    Args:
        graph: social graph; row u holds whom u follows, the users whose opinions reach u.
        opinions: observed opinions, float32 or float64, shape (n_users, n_dims).
        groups: group of each user, such as a party, shape (n_users,).
        columns: numeric columns of the users' table, shape (n_users,) each.
        items: positions of sources that are no users (items, outlets), shape (n_items, n_dims).
        fixed: zealots, who never move, shape (n_users,).
        public: True when users are public entities or synthetic, so that distributions need no suppression.
    """

    graph: InteractionGraph
    opinions: Opinions
    groups: NDArray[np.str_] | None = None
    columns: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    items: Opinions | None = None
    fixed: NDArray[np.bool_] | None = None
    public: bool = False

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.graph.n_users

    def problems(self, bounds: tuple[float, float] | None) -> list[Problem]:
        """What is wrong with the society for opinions between ``bounds``; empty when nothing is."""
        found = [*opinion_problems(self.opinions, bounds), *self._graph_problems()]
        parts = {"opinions": self.opinions, "groups": self.groups, "zealots": self.fixed, **self.columns}
        for name, values in parts.items():
            if values is not None and len(values) != self.n_users:
                found.append(Problem(f"{len(values)} {name} for the {self.n_users} users of the graph"))
        if self.items is not None and self.items.shape[1:] != self.opinions.shape[1:]:
            shapes = f"{self.items.shape} beside opinions of shape {self.opinions.shape}"
            found.append(Problem(f"positions of items of shape {shapes}", remedy="give both as many dimensions"))
        return found

    def _graph_problems(self) -> list[Problem]:
        found, weights = [], self.graph.weights
        if not self.graph.social:
            remedy = "name a relation between users, e.g. who follows whom"
            found.append(Problem("opinions spread between users, but the graph's columns are items", remedy=remedy))
        if weights is not None and not (np.isfinite(weights) & (weights >= 0)).all():
            found.append(
                Problem("the graph has weights that are negative or not finite", remedy="give weights from 0 on")
            )
        return found


def opinion_problems(opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
    """What is wrong with opinions that should be finite numbers within bounds; empty when nothing is."""
    if opinions.ndim != 2 or not np.issubdtype(opinions.dtype, np.floating):
        what = f"opinions of shape {opinions.shape} and type {opinions.dtype}"
        return [Problem(what, remedy="give float32 or float64 of shape (n_users, n_dims)")]
    low, high = bounds or (np.finfo(opinions.dtype).min, np.finfo(opinions.dtype).max)
    missing = int(np.isnan(opinions).any(axis=1).sum())
    outside = int(((opinions < low) | (opinions > high)).any(axis=1).sum())
    found = []
    if missing:
        found.append(Problem(f"{missing} users have no opinion (NaN)", remedy="leave them out of the graph, or impute"))
    if outside:
        what = f"{outside} users have opinions outside the bounds [{low:g}, {high:g}]"
        found.append(Problem(what, remedy="rescale the opinions, or set the simulation's 'bounds'"))
    return found
