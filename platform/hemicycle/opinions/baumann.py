"""Baumann et al.'s radicalization by activity-driven contacts, in one or several topics."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from hemicycle.core.errors import Problem, raise_problems
from hemicycle.opinions.activity import Influences, Meeting, contacts, influences
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.draws import PowerLawDraw
from hemicycle.opinions.parameters import Limits, PerUser
from hemicycle.opinions.radicalization import Drive, euler, runge_kutta

Overlap = float | tuple[tuple[float, ...], ...]
"""Cosine between any two topics, or the matrix of all."""


class Baumann(OpinionModel):
    """dx_i/dt = -x_i + K sum_j A_ij(t) tanh(alpha (Phi x_j)), elementwise over topics.

    Baumann, Lorenz-Spreen, Sokolov and Starnini (PRL 124, 048301, 2020); several topics: the same (PRX 11, 011012,
    2021), with Phi the cosines between topics and distances d(x, y)^2 = (x - y)' Phi (x - y). One step of the model is
    one step ``dt`` of the integration, with a network A of its own: each user is active with the probability of its
    activity, and an active user i contacts m distinct sources j, drawn with probability ~ w_ij d(x_i, x_j)^-beta. The
    contact gives A_ji = 1 (i influences j), and with the reciprocity r also A_ij = 1; A is 0 or 1, however often two
    users meet. Contacts last for the whole of dt; it is integrated by Runge and Kutta's fourth-order step, or Euler's.

    ``direction: received`` turns contacts round: i is influenced by those it contacts, and they by i with probability
    r, the sense of a feed. Sources that are not users (outlets) influence but never move. All users forget: without
    contacts opinions decay to 0, which alone is a consensus that stays. Opinions have no bounds; in a simulation with
    bounds they are cut off there. Everyone's contacts among everyone is a complete graph of sources.

    Phases (K = 3, m = 10, r = .5, activities ~ a^-2.1 on [.01, 1], 1,000 users from U(-1, 1)): consensus at 0 for alpha
    = .05, beta = 2; one-sided radicalization for alpha = 3, beta = 0; polarization for alpha = beta = 3. The threshold
    is :func:`hemicycle.opinions.phases.critical_controversialness`.
    """

    class Config(OpinionConfig):
        """Options of activity-driven radicalization; the defaults are the paper's polarized phase."""

        opinion: str = "baumann"
        influence: Annotated[PerUser, Limits(ge=0)] = 3.0
        """K: strength of social influence on a user."""
        controversialness: Annotated[PerUser, Limits(ge=0)] = 3.0
        """alpha: how steeply a user answers to what others say."""
        homophily: Annotated[PerUser, Limits(ge=0)] = 3.0
        """beta: exponent with which contacts become rarer with distance."""
        activity: Annotated[PerUser, Limits(ge=0, le=1)] = Field(
            default=PowerLawDraw(draw="power_law", exponent=2.1, low=0.01, high=1.0)
        )
        """a: probability of being active in one step."""
        contacts: int = Field(default=10, ge=1)
        """m: sources that an active user contacts (all of them, when there are fewer)."""
        reciprocity: float = Field(default=0.5, ge=0, le=1)
        """r: probability that a contact works both ways."""
        overlap: Overlap = 0.0
        """Cosine Phi_uv between topics: one number for all pairs, or the symmetric matrix with ones on its diagonal."""
        direction: Literal["sent", "received"] = "sent"
        """Whether a contact influences the user contacted (the paper's) or the active one."""
        dt: float = Field(default=0.05, gt=0, le=1)
        """Time that one step integrates."""
        method: Literal["rk4", "euler"] = "rk4"
        """How a step is integrated."""

        @field_validator("overlap")
        @classmethod
        def _cosines(cls, value: Overlap) -> Overlap:
            matrix = np.array([[1.0, value], [value, 1.0]] if isinstance(value, float) else value, dtype=np.float64)
            square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
            if not square or (matrix != matrix.T).any() or (np.diag(matrix) != 1).any() or (np.abs(matrix) > 1).any():
                raise ValueError("cosines form a symmetric matrix of numbers in [-1, 1] with ones on its diagonal")
            return value

    config: Config

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """Report bounds, which would cut opinions off, and an overlap of another number of topics."""
        found = self._overlap_problems(opinions.shape[1])
        if bounds is not None:
            what = f"these opinions grow without bounds, but the bounds [{bounds[0]:g}, {bounds[1]:g}] cut them off"
            found.append(Problem(what, "bounds", "set bounds: null"))
        return found

    def _overlap_problems(self, dims: int) -> list[Problem]:
        given = self.config.overlap
        if not isinstance(given, float) and len(given) != dims:
            what = f"an overlap of {len(given)} topics, but opinions have {dims}"
            return [Problem(what, "overlap", "give one row and column for each topic, or one number")]
        if np.linalg.eigvalsh(overlap_matrix(given, dims))[0] < -1e-12:
            remedy = "no directions have such cosines; give smaller ones"
            return [Problem(f"the overlap of {dims} topics is not positive semidefinite", "overlap", remedy)]
        return []

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after the time dt.

        Raises:
            InputError: the overlap is of another number of topics.
        """
        del innate
        raise_problems(self._overlap_problems(opinions.shape[1]))
        positions = sources.at(opinions).positions.astype(np.float64, copy=False)
        overlap = overlap_matrix(self.config.overlap, opinions.shape[1])
        meeting = self._meeting(len(opinions))
        met = contacts(sources, positions @ _root(overlap), meeting, key)
        drive = self._drive(influences(sources, met, meeting, key), overlap)
        integrate = runge_kutta if self.config.method == "rk4" else euler
        return self._cut(opinions, integrate(drive, positions, self.config.dt))

    def _meeting(self, n: int) -> Meeting:
        config = self.config
        given = (self.values("activity", n), self.values("homophily", n))
        return Meeting(*given, config.contacts, config.reciprocity, config.direction == "received")

    def _drive(self, met: Influences, overlap: NDArray[np.float64]) -> Drive:
        n = len(met[0]) - 1
        return Drive(met, self.values("influence", n), self.values("controversialness", n), overlap, self.fixed(n))

    def _cut(self, before: Opinions, after: NDArray[np.float64]) -> Opinions:
        """Return new opinions in the type of the old ones, within the bounds, the zealots' to the last bit."""
        if self.people is not None and self.people.bounds is not None:
            np.clip(after, *self.people.bounds, out=after)
        return self.held(before, after.astype(before.dtype))


def overlap_matrix(overlap: Overlap, dims: int) -> NDArray[np.float64]:
    """Return the cosines between topics as a matrix, shape (dims, dims); a number stands for all pairs."""
    if not isinstance(overlap, float):
        return np.array(overlap, dtype=np.float64)
    return np.full((dims, dims), overlap) + (1 - overlap) * np.eye(dims)


def _root(overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric root R of Phi: Euclidean distances of x R are those of the topics' skew basis."""
    if len(overlap) == 1:
        return overlap
    values, vectors = np.linalg.eigh(overlap)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
