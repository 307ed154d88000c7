"""What an opinion model is: a pure map from opinions, innate opinions and exposure to the next opinions.

A new model is one file with a class that derives from :class:`OpinionModel` and one line in
``opinions/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import Problem

Opinions = NDArray[np.floating[Any]]
"""Opinions or positions, float32 or float64, shape (n, n_dims)."""


@dataclass(frozen=True, eq=False)
class Sources:
    """Exposure of one step: whom or what every user sees, as compressed sparse rows users x sources.

    Sources are the users, in their order, and after them whatever else has a position (items, outlets). Only the
    proportions within a row are an exposure; its total says how much the sources weigh against the user's own
    opinion, in the models where that counts.

    Args:
        indptr: int64, shape (n_users + 1,): user u sees ``indices[indptr[u]:indptr[u + 1]]``.
        indices: int32, shape (n_entries,); a source may stand twice in a row, its weights then add up.
        weights: float32, shape (n_entries,), not negative, or None when all are 1.
        positions: shape (n_sources, n_dims), n_sources >= n_users.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32] | None
    positions: Opinions

    @property
    def n_users(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @property
    def totals(self) -> NDArray[np.float64]:
        """Total weight of each user's sources, shape (n_users,); without weights their number."""
        counts = np.diff(self.indptr)
        rows = np.repeat(np.arange(self.n_users), counts)
        sums = counts if self.weights is None else np.bincount(rows, self.weights, self.n_users)
        return sums.astype(np.float64)

    def at(self, opinions: Opinions) -> "Sources":
        """Return the same exposure with the users at ``opinions``, shape (n_users, n_dims); other sources stay."""
        rest = self.positions[self.n_users :]
        return replace(self, positions=np.concatenate([opinions, rest]) if len(rest) else opinions)


class OpinionConfig(Options):
    """Base of every opinion model's configuration."""

    opinion: str
    """Short name of the opinion model, or ``package.module:Class``."""
    name: str = ""
    """Name in tables and figures; empty: the model's short name. Two variants of one model need one each."""

    @property
    def label(self) -> str:
        """Name in tables and figures."""
        return self.name or self.opinion


class OpinionModel(ABC):
    """An opinion model: how opinions answer to what their holders see."""

    Config: ClassVar[type[OpinionConfig]]

    def __init__(self, config: OpinionConfig) -> None:
        self.config = config

    def problems(self, width: float) -> list[Problem]:
        """What is wrong with the configuration for opinions in an interval of this width; empty when nothing is."""
        del width
        return []

    @abstractmethod
    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after one synchronous step; no argument is changed.

        Args:
            opinions: shape (n_users, n_dims).
            innate: opinions that the users would hold without influence, shape (n_users, n_dims).
            sources: what they see in this step.
            key: 64-bit key of this step's random numbers (:mod:`hemicycle.core.seeding`).

        Returns:
            Array of the shape and type of ``opinions``.
        """
