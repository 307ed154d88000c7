"""Agenda dynamics with known influence: who follows whom, how strongly, how late, and what happens outside.

Influence is an elasticity: the strength s of an edge from a leader to a follower at lag l says that log attention of
the follower, or its log odds, rises by s times what the leader's stood above its usual level l days before. Together
with inertia these are the coefficients A_1 ... A_L of a vector autoregression, so that all dynamics here have the same
truth, the same condition to be stable, and the same long-run response (1 - sum A_l)^-1.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.agenda.responses.roots import largest_roots
from hemicycle.core.config import Options
from hemicycle.core.errors import Problem

Model = Literal["capacity", "panel var", "hawkes"]
_EDGE_OF_STABILITY = 0.999


class Influence(Options):
    """One group that follows another."""

    leader: str
    """Group whose attention is followed."""
    follower: str
    """Group that follows."""
    strength: float = Field(ge=-2, le=2)
    """Rise of the follower's log attention where the leader's stands one unit above its usual level; of Hawkes events:
    mean number of posts of the follower that a post of the leader brings about."""
    lag: int = Field(default=1, ge=1, le=60)
    """Days until the follower follows."""


class Shock(Options):
    """Something outside that raises a topic on known days."""

    topic: str
    """Name of the topic."""
    day: int = Field(ge=0)
    """First day, counted from 0."""
    size: float = Field(default=1.0, ge=-20, le=20)
    """Log odds gained on each of these days."""
    days: int = Field(default=1, ge=1)
    """Number of days."""
    groups: tuple[str, ...] = ()
    """Who hears of it; empty: everybody."""


class News(Options):
    """Events that raise a topic for all groups at once: what makes groups move together although none leads."""

    rate: float = Field(default=0.0, ge=0, le=1)
    """Probability that an event begins, of each topic and day."""
    size: float = Field(default=1.0, ge=0, le=20)
    """Mean of the log odds gained on the first day; sizes are exponential."""
    half_life: float = Field(default=1.0, gt=0)
    """Days after which half of it is left."""


class AgendaSimulation(Options):
    """A simulated agenda."""

    groups: tuple[str, ...] = Field(default=("media", "politicians", "public"), min_length=1)
    """Names of the groups."""
    topics: int | tuple[str, ...] = 20
    """Names of the topics, or their number: they are then called ``topic-0``, ``topic-1`` ..."""
    days: int = Field(default=365, ge=2, le=100_000)
    """Length of the series."""
    start: dt.date = dt.date(2013, 1, 1)
    """First day."""
    model: Model = "capacity"
    """``capacity``: topics compete for attention that is limited; ``panel var``: the log odds of each topic follow a
    vector autoregression of their own; ``hawkes``: posts bring about posts, and are counted by day."""
    inertia: float | dict[str, float] = 0.5
    """How much of a group's deviation from its usual attention is left after a day: one number, or one a group."""
    influence: tuple[Influence, ...] = ()
    """Who follows whom."""
    matrix: tuple[tuple[float, ...], ...] = ()
    """Instead of ``influence``: strengths at lag 1, a row for each follower and a column for each leader."""
    signal: Literal["log share", "share"] = "log share"
    """What is followed under limited capacity: how far the leader's log attention stands above its usual level, or how
    many times its attention exceeds it, less one. The two agree for small deviations."""
    shocks: tuple[Shock, ...] = ()
    """What happens outside on known days."""
    news: News = News()
    """What happens outside by chance."""
    noise: float = Field(default=0.3, ge=0, le=10)
    """Standard deviation of what each group, topic and day adds to log attention."""
    shared: float = Field(default=0.0, ge=0, lt=1)
    """Correlation of this noise between groups."""
    spread: float = Field(default=0.7, ge=0, le=5)
    """Standard deviation over topics of usual log attention, common to all groups."""
    taste: float = Field(default=0.3, ge=0, le=5)
    """Standard deviation of each group's own part of it."""
    share: float | None = Field(default=None, gt=0, lt=1)
    """Usual share of a topic in a panel VAR or of Hawkes events; null: one over the number of topics, at most 0.5."""
    posts: int | dict[str, int] = 1000
    """Posts a day from which shares are counted: one number, or one a group; 0: exact shares. Of Hawkes events: posts
    of a day that no other post brought about."""
    unit: float = Field(default=0.0, ge=0, le=0.1)
    """Unit to which shares are rounded in the end, such as 0.001; 0: not rounded."""
    decay: float = Field(default=1.0, gt=0, le=1000)
    """Rate a day at which posts bring about posts (Hawkes): 1 over the mean delay in days."""
    burn_in: int = Field(default=100, ge=0, le=100_000)
    """Days before the first one, which are left out, so that the series does not begin at rest."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        problems = [*self._name_problems(), *self._shape_problems()] or [*self._value_problems()]
        if problems:
            raise ValueError("; ".join(f"{p.what} -> {p.remedy}" for p in problems))
        return self

    def _name_problems(self) -> Iterator[Problem]:
        for what, all_names in (("groups", self.groups), ("topics", self.topic_names)):
            if len(set(all_names)) < len(all_names):
                yield Problem(f"{what} with the same name", remedy="give each a name of its own")
        named = {"inertia": self.inertia, "posts": self.posts}
        given = [(key, name) for key, value in named.items() if isinstance(value, dict) for name in value]
        given += [("influence", name) for edge in self.edges for name in (edge.leader, edge.follower)]
        given += [("shocks", name) for shock in self.shocks for name in shock.groups]
        for key, name in given:
            if name not in self.groups:
                yield Problem(f"{key} names no group {name!r}", remedy=f"groups are {', '.join(self.groups)}")
        for shock in self.shocks:
            if shock.topic not in self.topic_names:
                names = ", ".join(self.topic_names[:10])
                yield Problem(f"shocks name no topic {shock.topic!r}", remedy=f"topics are {names}")

    def _shape_problems(self) -> Iterator[Problem]:
        n = len(self.groups)
        rows = self.matrix
        if rows and self.influence:
            yield Problem("influence is given as edges and as a matrix", remedy="give one of them")
        if rows and [len(row) for row in rows] != [n] * n:
            yield Problem("the influence matrix has not one row and one column a group", remedy=f"make it {n} x {n}")
        if rows and len(rows) == n and any(row[g] for g, row in enumerate(rows) if g < len(row)):
            yield Problem("the influence matrix has a diagonal", remedy="write what stays in a group as inertia")
        pairs = [(edge.leader, edge.follower, edge.lag) for edge in self.edges]
        if len(set(pairs)) < len(pairs):
            yield Problem("an edge of influence stands twice", remedy="write one edge for each pair and lag")
        if any(edge.leader == edge.follower for edge in self.edges):
            yield Problem("a group influences itself", remedy="write what stays in a group as inertia")
        if len(self.topic_names) < (2 if self.model == "capacity" else 1):
            yield Problem(f"{len(self.topic_names)} topics", remedy="topics that compete are two at least")

    def _value_problems(self) -> Iterator[Problem]:
        given = [value for value in (self.inertia, self.posts) if isinstance(value, dict)]
        missing = [group for value in given for group in self.groups if group not in value]
        if missing:
            yield Problem(f"no inertia or posts for {', '.join(missing)}", remedy="give every group one, or one number")
            return
        radius = float(largest_roots(coefficients(self)[None])[0])
        if radius >= _EDGE_OF_STABILITY:
            what = f"inertia and influence are unstable: their spectral radius is {radius:.3f}"
            yield Problem(what, remedy="weaken them until it is below 1")
        if any(shock.day >= self.days for shock in self.shocks):
            yield Problem("a shock comes after the last day", remedy=f"there are {self.days} days")
        if self.model == "hawkes":
            yield from self._hawkes_problems()

    def _hawkes_problems(self) -> Iterator[Problem]:
        if any(edge.lag != 1 for edge in self.edges):
            yield Problem("Hawkes events with lags", remedy="leave lags out; decay says how late posts follow")
        if (influence_lags(self) < 0).any() or (inertia(self) < 0).any():
            yield Problem("Hawkes events with negative influence", remedy="posts can only bring about posts")
        if self.shocks or self.news.rate:
            yield Problem("Hawkes events with shocks", remedy="choose the model capacity or panel var")
        if (volumes(self) == 0).any():
            yield Problem("Hawkes events without posts", remedy="give the mean number of posts of a day")

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Names of the topics."""
        if isinstance(self.topics, tuple):
            return self.topics
        return tuple(f"topic-{k}" for k in range(self.topics))

    @property
    def edges(self) -> tuple[Influence, ...]:
        """Edges of influence, those of a matrix that are not 0."""
        filled = [
            Influence(leader=leader, follower=follower, strength=strength)
            for follower, row in zip(self.groups, self.matrix, strict=False)
            for leader, strength in zip(self.groups, row, strict=False)
            if strength and leader != follower
        ]
        return (*self.influence, *filled)

    @property
    def lags(self) -> int:
        """Longest lag."""
        return max((edge.lag for edge in self.edges), default=1)

    def with_influence(self, *edges: Influence) -> "AgendaSimulation":
        """Return the same agenda with other edges; those of strength 0 are left out."""
        return self.replace(influence=tuple(edge for edge in edges if edge.strength), matrix=())


def inertia(options: AgendaSimulation) -> NDArray[np.float64]:
    """Return the inertia of each group, shape (groups,)."""
    return _by_group(options, options.inertia).astype(np.float64)


def volumes(options: AgendaSimulation) -> NDArray[np.int64]:
    """Return the posts a day of each group, shape (groups,)."""
    return _by_group(options, options.posts).astype(np.int64)


def _by_group(options: AgendaSimulation, values: float | dict[str, float] | dict[str, int]) -> NDArray[np.float64]:
    if isinstance(values, dict):
        return np.array([values[group] for group in options.groups], np.float64)
    return np.full(len(options.groups), values, np.float64)


def influence_lags(options: AgendaSimulation) -> NDArray[np.float64]:
    """Return influence without inertia, shape (lags, followers, leaders)."""
    n = len(options.groups)
    out = np.zeros((options.lags, n, n))
    place = {name: g for g, name in enumerate(options.groups)}
    for edge in options.edges:
        out[edge.lag - 1, place[edge.follower], place[edge.leader]] = edge.strength
    return out


def coefficients(options: AgendaSimulation) -> NDArray[np.float64]:
    """Return A_1 ... A_L of the vector autoregression: influence and, at lag 1, inertia; (lags, groups, groups)."""
    out = influence_lags(options)
    out[0] += np.diag(inertia(options))
    return out
