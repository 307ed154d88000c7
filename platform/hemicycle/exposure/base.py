"""What an exposure is: whom or what every user is shown, as compressed sparse rows users x sources.

A new exposure is one file with a class that derives from :class:`Exposure` (or from :class:`Mediated`, when it
proposes sources beside the neighbours) and one line in ``exposure/catalogue.py``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import Problem
from hemicycle.exposure.kernels import fill_mixed, mixed_lengths
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions, Sources

Proposals = NDArray[np.integer[Any]]
"""Sources proposed to each user (from n_users on: items), shape (n_users, k); -1 pads."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is known before a step to whatever decides what users are shown.

    Args:
        graph: social graph as it is now; row u holds whom u follows, the users whose opinions reach u.
        seed: seed of the simulation.
        lists: of the arm's model: sources recommended to each user, best first, int32, shape (n_users, length); ids
            from n_users on are items; -1 pads.
        scores: float32, of the lists and of their shape.
        items: positions of the sources beyond the users, shape (n_items, n_dims).
        groups: group of each user, shape (n_users,).
        earlier: the graph as it was before, for what goes by change; None where nothing is known of it.
    """

    graph: InteractionGraph
    seed: int
    lists: NDArray[np.int32] | None = None
    scores: NDArray[np.float32] | None = None
    items: Opinions | None = None
    groups: NDArray[np.str_] | None = None
    earlier: InteractionGraph | None = None


class ExposureConfig(Options):
    """Base of every exposure's configuration: one arm of a simulation."""

    exposure: str
    """Short name of the exposure, or ``package.module:Class``."""
    name: str = ""
    """Name of the arm; empty: the exposure's short name. Two arms of one exposure need one each."""

    @property
    def label(self) -> str:
        """Name of the arm."""
        return self.name or self.exposure


class Exposure(ABC):
    """An exposure: what each user is shown, from a step until it is next redrawn."""

    Config: ClassVar[type[ExposureConfig]]

    def __init__(self, config: ExposureConfig) -> None:
        self.config = config

    def problems(self, scene: Scene) -> list[Problem]:
        """What is wrong with the scene for this exposure; empty when nothing is."""
        del scene
        return []

    def redraws(self, step: int) -> bool:
        """Tell whether what is shown changes at a step (other than by the users' own moves); always at step 0."""
        return step == 0

    @abstractmethod
    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return what each user is shown from ``step`` on, with the users at ``opinions``, (n_users, n_dims)."""


class MediatedConfig(ExposureConfig):
    """Options of an exposure that mixes proposals into what the neighbours say."""

    k: int = Field(default=10, ge=1)
    """Sources proposed to each user."""
    strength: float = Field(default=0.3, ge=0, le=1)
    """Share of the exposure that proposals take from the neighbours; 0 is bit-identical to ``none``."""
    heard: bool = True
    """False: proposals are there to be followed alone (people to follow rather than posts to read): users hear their
    neighbours, and a proposal from when they follow it."""
    refresh: int = Field(default=10, ge=0)
    """Steps between two draws of proposals; 0: drawn once, at the start."""


class Mediated(Exposure):
    """W = (1 - strength) neighbours + strength proposals, each user's proposals alike in weight."""

    config: MediatedConfig

    def redraws(self, step: int) -> bool:
        """Tell whether this step draws proposals anew."""
        return due(step, self.config.refresh)

    @abstractmethod
    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> Proposals:
        """Return the sources proposed to each user at ``opinions``, shape (n_users, k); -1 pads."""

    def followed(self, scene: Scene, opinions: Opinions) -> Sources:
        """Return the exposure that proposals are mixed into; its positions are those of all sources proposed."""
        return neighbours(scene.graph, opinions, scene.items)

    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return the neighbours mixed with the proposals of this step."""
        followed = self.followed(scene, opinions)
        if self.config.strength == 0 or not self.config.heard:
            return followed
        return mixed(followed, self.proposals(scene, step, opinions), self.config.strength)


def due(step: int, refresh: int) -> bool:
    """Tell whether something redrawn at the start and every ``refresh`` steps is redrawn at a step; 0: at the start."""
    return step == 0 or (refresh > 0 and step % refresh == 0)


def neighbours(graph: InteractionGraph, opinions: Opinions, items: Opinions | None = None) -> Sources:
    """Return the exposure of a social graph: each user sees whom it follows, weighted as the graph is.

    Args:
        graph: row u holds whom u follows.
        opinions: the users', shape (n_users, n_dims).
        items: positions of sources beyond the users, which nobody sees yet, shape (n_items, n_dims).
    """
    positions = opinions if items is None else np.concatenate([opinions, items.astype(opinions.dtype)])
    return Sources(np.asarray(graph.indptr), np.asarray(graph.indices), graph.weights, positions)


def mixed(followed: Sources, proposals: Proposals, strength: float) -> Sources:
    """Mix proposals into an exposure; the total weight of a user's row stays what it was.

    A row with sources of total weight d keeps them at (1 - strength) times their weight, and its proposals share
    strength * d equally. So W, the rows brought to sum 1, is (1 - strength) neighbours + strength proposals, and a
    user's own opinion (bounded confidence, susceptibility by degree) weighs as much in every arm. A user without
    neighbours listens to itself with the weight 1 - strength, so that the exposure is continuous in the strength; a
    user without proposals keeps its row. At strength 1 neighbours are left out where there are proposals.

    Args:
        followed: exposure to the neighbours.
        proposals: sources proposed to each user, shape (n_users, k); -1 pads.
        strength: share of the proposals, in [0, 1].
    """
    lengths = mixed_lengths(followed.indptr, proposals, strength == 1)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices, weights = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    rows = (followed.indptr, followed.indices)
    fill_mixed(rows, followed.weights, proposals, float(strength), (indptr, indices, weights))
    return Sources(indptr, indices, weights, followed.positions)
