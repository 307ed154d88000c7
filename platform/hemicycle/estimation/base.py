"""What a mechanism of opinion change is: how fast opinions move, linear in all its parameters but at most one.

Between two waves x and x' of n users, x' = x + o + C b + drift + noise, where the columns C (n, p) and the offset o
(n,) depend on the opinions, the graph and perhaps one shape parameter (a confidence, a tolerance, a scale), b are the
coefficients, and the noise is normal. A new mechanism is one file with a class that derives from :class:`Mechanism`
and one line in ``estimation/catalogue.py``; from another package it is named ``"package.module:Class"``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.estimation.kernels import Floats, confident_pull, weighted_pull

KNOTS = 1025
"""Distances at which an influence function is tabulated; between them it is interpolated."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What users see between two waves.

    Args:
        indptr: int64, shape (n_users + 1,): user u sees ``indices[indptr[u]:indptr[u + 1]]``.
        indices: int32, shape (n_edges,).
        weights: float32, shape (n_edges,), or (0,) when all are 1.
        innate: opinions that anchor the users, shape (n_users,).
        width: largest distance of two opinions.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32]
    innate: Floats
    width: float

    def pull(self, opinions: Floats, influence: Floats | None = None) -> Floats:
        """Mean of g(|x_j - x_i|) (x_j - x_i) over the sources j of each user i, shape (n_users,); 0 without sources.

        Args:
            opinions: shape (n_users,).
            influence: g at :meth:`distances`; None: 1 everywhere.
        """
        table = np.ones(2) if influence is None else influence
        step = self.width / (len(table) - 1)
        return weighted_pull(self.indptr, self.indices, self.weights, opinions, (table, step))

    def confident(self, opinions: Floats, confidence: float) -> Floats:
        """Way to the mean of oneself, of weight 1, and the sources within a confidence, shape (n_users,)."""
        return confident_pull(self.indptr, self.indices, self.weights, opinions, confidence)

    def distances(self) -> Floats:
        """Distances at which an influence function is given, shape (KNOTS,)."""
        return np.linspace(0.0, self.width, KNOTS)

    def only(self, users: NDArray[np.bool_]) -> "Scene":
        """Return the scene in which all but some users, shape (n_users,), see nobody; those keep all their sources."""
        degrees = np.diff(self.indptr)
        keep = np.repeat(users, degrees)
        indptr = np.concatenate([[0], np.cumsum(np.where(users, degrees, 0))])
        weights = self.weights[keep] if len(self.weights) else self.weights
        return replace(self, indptr=indptr, indices=self.indices[keep], weights=weights)

    def without(self, seen: NDArray[np.bool_]) -> "Scene":
        """Return the scene in which the users who are not ``seen``, shape (n_users,), are nobody's source."""
        if seen.all():
            return self
        keep = seen[self.indices]
        before = np.concatenate([[0], np.cumsum(keep)])
        weights = self.weights[keep] if len(self.weights) else self.weights
        return replace(self, indptr=before[self.indptr], indices=self.indices[keep], weights=weights)


class MechanismConfig(Options):
    """Base of every mechanism's configuration."""

    mechanism: str
    """Short name of the mechanism, or ``package.module:Class``."""


class Mechanism(ABC):
    """A mechanism of opinion change.

    Attributes:
        Config: its options.
        coefficients: names of the p coefficients.
        shape: name of the parameter that enters otherwise; empty: none.
        threshold: the likelihood jumps where the shape parameter crosses an edge's distance.
        linear: the columns are linear in the opinions, so that errors of measurement can be corrected exactly.
        anchored: it needs innate opinions.
        formula: the equation and its source, one sentence for people.
    """

    Config: ClassVar[type[MechanismConfig]]
    coefficients: ClassVar[tuple[str, ...]] = ()
    shape: ClassVar[str] = ""
    threshold: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    anchored: ClassVar[bool] = False
    formula: ClassVar[str]

    def __init__(self, config: MechanismConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        """Short name."""
        return self.config.mechanism

    def offset(self, scene: Scene, opinions: Floats) -> Floats:
        """Return the part o of the movement without a coefficient, shape (n_users,)."""
        del scene
        return np.zeros_like(opinions)

    @abstractmethod
    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return the parts C of the movement that the coefficients multiply, shape (n_users, p).

        Args:
            scene: what users see.
            opinions: shape (n_users,).
            shape: the shape parameter; 0 where the mechanism has none.
        """

    def shapes(self, width: float, number: int) -> Floats:
        """Candidates of the shape parameter for opinions of this width; a single 0 where there is none."""
        return np.linspace(width / number, width, number) if self.shape else np.zeros(1)

    def move(self, scene: Scene, opinions: Floats, parameters: tuple[Floats, float]) -> Floats:
        """Return the opinions one step later, without drift and noise; ``parameters`` are coefficients and shape."""
        coefficients, shape = parameters
        moved: Any = opinions + self.offset(scene, opinions)
        return np.asarray(moved + self.columns(scene, opinions, shape) @ coefficients, np.float64)
