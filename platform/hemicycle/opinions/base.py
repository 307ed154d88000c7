"""What an opinion model is: a pure map from opinions, innate opinions and exposure to the next opinions.

A new model is one file with a class that derives from :class:`OpinionModel` and one line in
``opinions/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.opinions.parameters import per_user_options, resolved
from hemicycle.opinions.people import People

__all__ = ["OpinionConfig", "OpinionModel", "Opinions", "People", "Sources"]

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
        counts = np.diff(self.indptr).astype(np.float64)
        seeing = np.flatnonzero(counts)
        if self.weights is not None and len(seeing):
            counts[seeing] = np.add.reduceat(self.weights, self.indptr[seeing], dtype=np.float64)
        return counts

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
    """An opinion model: how opinions answer to what their holders see.

    A model is made from its configuration; :meth:`bound` returns one that knows its users, which options with a value
    for each user and zealots need. Without it every option must be a plain number.
    """

    Config: ClassVar[type[OpinionConfig]]
    people: People | None = None
    """The users, once bound."""
    _values: Mapping[str, NDArray[np.float64]] = {}

    def __init__(self, config: OpinionConfig) -> None:
        self.config = config

    def problems(self, width: float) -> list[Problem]:
        """What is wrong with the configuration for opinions in an interval of this width; empty when nothing is."""
        del width
        return []

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """What is wrong with starting opinions, shape (n_users, n_dims), for this model; empty when nothing is."""
        del opinions, bounds
        return []

    def bound(self, people: People) -> Self:
        """Return a copy that knows its users.

        Raises:
            InputError: per-user options name an unknown column or group, or give values that are NaN or out of range.
        """
        known, values, found = copy.copy(self), dict[str, NDArray[np.float64]](), list[Problem]()
        for name, limits in per_user_options(type(self.config).model_fields):
            value = getattr(self.config, name)
            if isinstance(value, str) and value in limits.words:
                continue
            try:
                values[name] = resolved(name, value, limits, people)
            except InputError as error:
                found += error.problems
        raise_problems(found)
        known.people, known._values = people, values  # noqa: SLF001 - a copy of itself
        return known

    def values(self, name: str, n_users: int | None = None) -> NDArray[np.float64]:
        """Return each user's value of a per-user option, shape (n_users,).

        Args:
            name: of the option.
            n_users: how many, for a model that is not bound; with neither, the shape is (1,).

        Raises:
            InputError: the model is not bound and the option is no plain number.
        """
        if name in self._values:
            return self._values[name]
        value = getattr(self.config, name)
        if not isinstance(value, float):
            what = f"the option {name!r} has a value for each user, but the model does not know its users"
            raise InputError(what, remedy="call model.bound(people) before the first step")
        return np.full(1 if n_users is None else n_users, value)

    def fixed(self, n_users: int) -> NDArray[np.bool_]:
        """Tell which users never move (zealots), shape (n_users,), for compiled loops."""
        given = None if self.people is None else self.people.fixed
        return np.zeros(n_users, dtype=np.bool_) if given is None else given

    def held(self, before: Opinions, after: Opinions) -> Opinions:
        """Return ``after`` with the zealots as in ``before``, in place; what every synchronous model returns."""
        if self.people is not None and self.people.fixed is not None:
            after[self.people.fixed] = before[self.people.fixed]
        return after

    @abstractmethod
    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after one step; no argument is changed.

        Args:
            opinions: shape (n_users, n_dims).
            innate: opinions that the users would hold without influence, shape (n_users, n_dims).
            sources: what they see in this step; the first ``n_users`` of its positions are ``opinions``.
            key: 64-bit key of this step's random numbers (:mod:`hemicycle.core.seeding`).

        Returns:
            Array of the shape and type of ``opinions``.
        """
