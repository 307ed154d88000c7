"""Axelrod, Daymude and Forrest's attraction and repulsion."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled, over_rows
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.distances import squared_distance
from hemicycle.opinions.meetings import A_USER, entries, positions_of, source_of
from hemicycle.opinions.parameters import Limits, PerUser

_USER, _SOURCE, _MEETS, _INTEREST = range(4)  # columns of the draws of one update


class AttractionRepulsion(OpinionModel):
    """x_i' = x_i +- R_i (x_j - x_i), within the bounds (Axelrod, Daymude and Forrest, PNAS 118(50), 2021).

    A user i is drawn, then one source j by weight. They interact with probability (1/2)^delta, where delta =
    sqrt(sum_d ((x_id - x_jd) / E_d)^2) is their distance in units of the exposure E. If they do, i moves the share R
    of their difference: towards j when their Euclidean distance is at most the tolerance T, else away from it. With
    self-interest P > 0, an active user moves instead, with probability P, the share R towards its innate opinion.

    ``schedule: random`` is the paper's: updates one after the other, each seen by the next, one step of the model
    being ``updates_per_step`` of the paper's steps (whatever their outcome). ``synchronous`` updates every user once
    from the opinions before the step. Complete mixing is a complete graph of sources. The paper's opinions lie in
    [0, 1] with E = .1, T = R = .25; the defaults are the same shares of [-1, 1].
    """

    class Config(OpinionConfig):
        """Options of attraction and repulsion."""

        opinion: str = "attraction_repulsion"
        tolerance: Annotated[PerUser, Limits(ge=0)] = 0.5
        """T: largest distance that attracts, in units of the opinions; a distance of exactly T attracts."""
        exposure: Annotated[PerUser, Limits(gt=0)] = 0.2
        """E: distance at which two users interact half of the times, in units of the opinions."""
        responsiveness: Annotated[PerUser, Limits(gt=0, le=1)] = 0.25
        """R: share of the distance that one interaction moves."""
        self_interest: Annotated[PerUser, Limits(ge=0, le=1)] = 0.0
        """P: probability that an active user moves towards its innate opinion instead of meeting anyone."""
        scales: tuple[Annotated[float, Field(gt=0)], ...] = ()
        """Exposure in each dimension, in units of ``exposure``, one number a dimension; empty: 1 in all."""
        schedule: Literal["random", "synchronous"] = "random"
        """Updates one after the other of users drawn at random, or of all users at once."""
        updates_per_step: int | None = Field(default=None, ge=1)
        """Updates in one step of the random schedule; null: as many as users."""

    config: Config

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """Report scales for another number of dimensions, and opinions that repulsion drives to infinity."""
        found, dims = [], opinions.shape[1]
        if self.config.scales and len(self.config.scales) != dims:
            what = f"scales for {len(self.config.scales)} dimensions, but opinions have {dims}"
            found.append(Problem(what, "scales", "give one number for each dimension, or none"))
        if bounds is None:
            remedy = "give bounds, e.g. [-1, 1]"
            found.append(Problem("without bounds repulsion drives opinions to infinity", "bounds", remedy))
        return found

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after ``updates_per_step`` updates in random order, or one of every user."""
        n, dims = opinions.shape
        now = positions_of(sources, opinions)
        scales = np.array(self.config.scales or np.ones(dims))
        rules = (self._traits(n), scales, self._bounds(), innate.astype(np.float64, copy=False))
        if self.config.schedule == "random":
            after = now
            _in_turn(entries(sources), now, rules, np.uint64(key), self.config.updates_per_step or n)
        else:
            after = now[:n].copy()
            over_rows(_at_once, n, entries(sources), now, rules, np.uint64(key), after, work=A_USER * n)
        return self.held(opinions, after[:n].astype(opinions.dtype))

    def _traits(self, n: int) -> NDArray[np.float64]:
        """Tolerance, exposure, responsiveness and self-interest, shape (n, 4); zealots have responsiveness 0."""
        names = ("tolerance", "exposure", "responsiveness", "self_interest")
        traits = np.stack([self.values(name, n) for name in names], axis=1)
        traits[self.fixed(n), 2] = 0
        return traits

    def _bounds(self) -> NDArray[np.float64]:
        """Least and greatest opinion."""
        bounds = (-1.0, 1.0) if self.people is None else self.people.bounds
        return np.array((-np.inf, np.inf) if bounds is None else bounds)


@compiled
def _in_turn(rows: Any, now: Any, rules: Any, key: Any, n_updates: Any) -> Any:
    for k in range(n_updates):
        drawn = row_key(key, k)
        i = below(len(rules[0]), uniform_of(drawn, _USER))
        _update(rows, now, rules, drawn, (i, now))


@compiled
def _at_once(span: Any, rows: Any, now: Any, rules: Any, key: Any, after: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    for i in range(span[0], span[1]):
        _update(rows, now, rules, row_key(key, i), (i, after))


@compiled
def _update(rows: Any, now: Any, rules: Any, drawn: Any, user: Any) -> Any:
    """Move one user in ``after``, which may be ``now`` itself."""
    traits, scales, _, innate = rules
    i, _ = user
    if traits[i, 2] == 0.0:
        return
    if traits[i, 3] > 0.0 and uniform_of(drawn, _INTEREST) < traits[i, 3]:
        _move(now, innate[i], traits[i, 2], rules[2], user)
        return
    j = source_of(rows, i, uniform_of(drawn, _SOURCE))
    if j < 0:
        return
    delta = 0.0
    for d in range(len(scales)):
        delta += ((now[j, d] - now[i, d]) / (traits[i, 1] * scales[d])) ** 2
    if uniform_of(drawn, _MEETS) <= 0.5 ** np.sqrt(delta):
        attracted = np.sqrt(squared_distance(now, i, j)) <= traits[i, 0]
        _move(now, now[j], traits[i, 2] if attracted else -traits[i, 2], rules[2], user)


@compiled
def _move(now: Any, other: Any, share: Any, bounds: Any, user: Any) -> Any:
    """Move user i the given share of its difference to another position, within the bounds."""
    i, after = user
    low, high = bounds[0], bounds[1]
    for d in range(now.shape[1]):
        after[i, d] = min(max(now[i, d] + share * (other[d] - now[i, d]), low), high)
