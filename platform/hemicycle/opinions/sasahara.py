"""Sasahara et al.'s social influence through a feed of messages."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.counters import below, row_key, uniform_of
from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled, over_rows
from hemicycle.opinions.base import OpinionConfig, OpinionModel, Opinions, Sources
from hemicycle.opinions.distances import squared_distance, weight_of
from hemicycle.opinions.meetings import A_USER, entries, positions_of, source_of
from hemicycle.opinions.parameters import Limits, PerUser, confidence_problems


class Sasahara(OpinionModel):
    """x_i' = x_i + mu * mean of (m - x_i) over the concordant messages m of the feed, |m - x_i| < epsilon.

    Sasahara et al. (J. Comput. Soc. Sci. 4, 2021). A feed of ``messages`` messages comes from as many sources, drawn
    by weight with replacement. A message says what its author thinks now; with probability ``repost`` a user passes on
    one that is concordant with itself, drawn from a feed of its own. ``messages: 0`` takes every source once with its
    weight instead: for exposures that are a feed already, such as ``chronological``. A user without sources or
    without concordant messages stays.

    The paper's other half is conduct: an active user drops with probability q the author of a discordant message and
    follows another. Combine this model with a simulation's ``conduct: {unfollow: q, tolerance: epsilon, keep_degree:
    true, follow: random}`` (or ``shared``, ``proposed``). The end is stationary when no component of the network is
    wider than the confidence (:func:`hemicycle.opinions.phases.stationary`).

    ``schedule: random`` is the paper's: ``updates_per_step`` users, drawn one after the other, act in one step.
    ``synchronous`` updates every user once from the opinions before the step. In the paper opinions lie in [-1, 1],
    messages = 10, epsilon = .4, mu = q = repost = .5, on random networks of 100 users and 400 links.
    """

    class Config(OpinionConfig):
        """Options of influence through a feed."""

        opinion: str = "sasahara"
        confidence: Annotated[PerUser, Limits(gt=0)] = 0.4
        """epsilon: messages nearer than this are concordant, in units of the opinions."""
        influence: Annotated[PerUser, Limits(ge=0, le=1)] = 0.5
        """mu: share of the way to the mean of the concordant messages."""
        messages: int = Field(default=10, ge=0)
        """Length l of the feed; 0: every source once, by weight, without reposts."""
        repost: Annotated[PerUser, Limits(ge=0, le=1)] = 0.5
        """p: probability that a user's message is a repost."""
        schedule: Literal["random", "synchronous"] = "random"
        """Updates one after the other of users drawn at random, or of all users at once."""
        updates_per_step: int | None = Field(default=None, ge=1)
        """Updates in one step of the random schedule; null: as many as users."""

    config: Config

    def problems(self, width: float) -> list[Problem]:
        """Report a confidence wider than the opinions' range."""
        return confidence_problems(self.config.confidence, width)

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after ``updates_per_step`` updates in random order, or one of every user."""
        del innate
        n, now = len(opinions), positions_of(sources, opinions)
        rules = (self._traits(n), self.config.messages)
        if self.config.schedule == "random":
            after = now
            _in_turn(entries(sources), now, rules, np.uint64(key), self.config.updates_per_step or n)
        else:
            after, work = now[:n].copy(), A_USER * n * max(1, self.config.messages)
            over_rows(_at_once, n, entries(sources), now, rules, np.uint64(key), after, work=work)
        return self.held(opinions, after[:n].astype(opinions.dtype))

    def _traits(self, n: int) -> NDArray[np.float64]:
        """Squared confidence, influence and chance of reposts, shape (n, 3); zealots have influence 0."""
        traits = np.stack([self.values(name, n) for name in ("confidence", "influence", "repost")], axis=1)
        traits[:, 0] **= 2
        traits[self.fixed(n), 1] = 0
        return traits


@compiled
def _in_turn(rows: Any, now: Any, rules: Any, key: Any, n_updates: Any) -> Any:
    moved = np.zeros(now.shape[1])
    for k in range(n_updates):
        drawn = row_key(key, k)
        i = below(len(rules[0]), uniform_of(drawn, 0))
        _update(rows, now, rules, drawn, (i, now, moved))


@compiled
def _at_once(span: Any, rows: Any, now: Any, rules: Any, key: Any, after: Any) -> Any:  # noqa: PLR0913, PLR0917 - numba takes arrays
    moved = np.zeros(now.shape[1])
    for i in range(span[0], span[1]):
        _update(rows, now, rules, row_key(key, i), (i, after, moved))


@compiled
def _update(rows: Any, now: Any, rules: Any, drawn: Any, user: Any) -> Any:
    """Move one user in ``after``, which may be ``now`` itself; ``moved`` is scratch."""
    traits, messages = rules
    i, after, moved = user
    if traits[i, 1] == 0.0:
        return
    moved[:] = 0.0
    total = 0.0
    if messages == 0:
        total = _hear_all(rows, now, traits, i, moved)
    for slot in range(messages):
        said = _message(rows, now, rules, (drawn, 1 + slot * (messages + 2)), i)
        if said >= 0:
            total += _hear(now, i, said, (1.0, traits[i, 0]), moved)
    if total > 0.0:
        for d in range(now.shape[1]):
            after[i, d] = now[i, d] + traits[i, 1] * (moved[d] / total)


@compiled
def _message(rows: Any, now: Any, rules: Any, draw: Any, i: Any) -> Any:
    """Return whose opinion one message of user i's feed holds; -1 when i has no sources."""
    traits, messages = rules
    drawn, slot = draw
    author = source_of(rows, i, uniform_of(drawn, slot))
    if author < 0 or author >= len(traits) or uniform_of(drawn, slot + 1) >= traits[author, 2]:
        return author
    for k in range(messages):  # the first concordant message of a feed is one drawn from its concordant ones
        other = source_of(rows, author, uniform_of(drawn, slot + 2 + k))
        if other >= 0 and squared_distance(now, author, other) < traits[author, 0]:
            return other
    return author


@compiled
def _hear_all(rows: Any, now: Any, traits: Any, i: Any, moved: Any) -> Any:
    """Add what all concordant sources of user i say to ``moved``; return their total weight."""
    indptr, indices, weights = rows
    total = 0.0
    for e in range(indptr[i], indptr[i + 1]):
        weight = weight_of(weights, e)
        total += _hear(now, i, indices[e], (weight, traits[i, 0]), moved)
    return total


@compiled
def _hear(now: Any, i: Any, j: Any, how: Any, moved: Any) -> Any:
    """Add weight * (x_j - x_i) to ``moved`` when j is concordant; return the weight that was added."""
    weight, limit = how
    if squared_distance(now, i, j) >= limit:
        return 0.0
    for d in range(now.shape[1]):
        moved[d] += weight * (now[j, d] - now[i, d])
    return weight
