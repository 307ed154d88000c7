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
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions, Sources

Proposals = NDArray[np.integer[Any]]
"""Users proposed to each user, shape (n_users, k); -1 pads."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What all arms of one seed share, and the lists of the arm's model.

    Args:
        graph: social graph; row u holds whom u follows, the users whose opinions reach u.
        seed: seed of the simulation.
        lists: users recommended to each user by a trained model, best first, int32, shape (n_users, length); -1 pads.
    """

    graph: InteractionGraph
    seed: int
    lists: NDArray[np.int32] | None = None


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
    """Users proposed to each user."""
    strength: float = Field(default=0.3, ge=0, le=1)
    """Share of the exposure that proposals take from the neighbours; 0 is bit-identical to ``none``."""


class Mediated(Exposure):
    """W = (1 - strength) neighbours + strength proposals, each user's proposals alike in weight."""

    config: MediatedConfig

    @abstractmethod
    def proposals(self, scene: Scene, step: int) -> Proposals:
        """Return the users proposed to each user, shape (n_users, k); -1 pads."""

    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return the neighbours mixed with the proposals of this step."""
        followed = neighbours(scene.graph, opinions)
        if self.config.strength == 0:
            return followed
        return mixed(followed, self.proposals(scene, step), self.config.strength)


def neighbours(graph: InteractionGraph, opinions: Opinions) -> Sources:
    """Return the exposure of a social graph: each user sees whom it follows, weighted as the graph is."""
    return Sources(np.asarray(graph.indptr), np.asarray(graph.indices), graph.weights, opinions)


def mixed(followed: Sources, proposals: Proposals, strength: float) -> Sources:
    """Mix proposals into an exposure; the total weight of a user's row stays what it was.

    A row with sources of total weight d keeps them at (1 - strength) times their weight, and its proposals share
    strength * d equally. So W, the rows brought to sum 1, is (1 - strength) neighbours + strength proposals, and a
    user's own opinion (bounded confidence, susceptibility by degree) weighs as much in every arm. A user without
    neighbours listens to itself with the weight 1 - strength, so that the exposure is continuous in the strength; a
    user without proposals keeps its row.

    Args:
        followed: exposure to the neighbours.
        proposals: users proposed to each user, shape (n_users, k); -1 pads.
        strength: share of the proposals, in [0, 1].
    """
    degrees, counts = np.diff(followed.indptr), (proposals >= 0).sum(axis=1)
    alone = (degrees == 0) & (counts > 0)
    indptr = np.concatenate([[0], np.cumsum(degrees + alone + counts)]).astype(np.int64)
    old = np.arange(len(followed.indices)) + np.repeat(indptr[:-1] - followed.indptr[:-1], degrees)
    new = np.arange(counts.sum()) + np.repeat(indptr[1:] - np.cumsum(counts), counts)
    indices, weights = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    kept = np.where(counts > 0, 1 - strength, 1.0)
    share = strength * (followed.totals + alone) / np.maximum(counts, 1)
    indices[old] = followed.indices
    weights[old] = np.repeat(kept, degrees) * (1 if followed.weights is None else followed.weights)
    indices[indptr[:-1][alone]], weights[indptr[:-1][alone]] = np.flatnonzero(alone), 1 - strength
    indices[new], weights[new] = proposals[proposals >= 0], np.repeat(share, counts)
    return Sources(indptr, indices, weights, followed.positions)
