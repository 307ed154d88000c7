"""What a recommender of news has to choose from, day by day, and what its lists show each group.

On each day the candidates are the items published within a window that ends with it. Every sampled member of a group
gets the k best by the recommender's own score; the exposure of the group to a topic is its share of all these entries.
What a group is shown beyond the day's supply is this share less the topic's share of the candidates: on average 0 where
lists are drawn at random, so that only what the algorithm selects counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.data.schema import Dataset
from hemicycle.recommenders.scoring import Scores

Floats = NDArray[np.float64]
_DAY = 86400.0
_USERS_AT_ONCE = 256


class FeedOptions(Options):
    """Which columns of a data set say what an agenda needs to know."""

    topic: str = "topic"
    """Column of the items with their topic, such as ``category``."""
    published: str = "published"
    """Column of the items with the time of their publication, in seconds."""
    group: str = "party"
    """Column of the users that tells their group."""
    members: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Group of the agenda -> values of that column; empty: the values are the names of the groups."""
    topics: int | tuple[str, ...] = Field(default=20)
    """Topics of the agenda, or how many of the most frequent ones."""


@dataclass(frozen=True, eq=False)
class Newsfeed:
    """Items with their topic and day, and users with their group.

    Args:
        topics: names.
        item_topic: topic of each item, -1 for none of these, shape (n_items,).
        item_day: day of publication, from 0; -1: unknown, never listed; shape (n_items,).
        groups: names of the groups that have members.
        user_group: group of each user, -1 for none of these, shape (n_users,).
    """

    topics: tuple[str, ...]
    item_topic: NDArray[np.int64]
    item_day: NDArray[np.int64]
    groups: tuple[str, ...]
    user_group: NDArray[np.int64]

    @property
    def days(self) -> int:
        """Number of days."""
        return int(self.item_day.max()) + 1

    def candidates(self, day: int, window: int) -> NDArray[np.int64]:
        """Return items of the agenda's topics published in the last ``window`` days up to ``day``."""
        recent = (self.item_day <= day) & (self.item_day > max(day - window, -1))
        return np.flatnonzero(recent & (self.item_topic >= 0))

    def members(self, group: int, limit: int, seed: int) -> NDArray[np.int64]:
        """Return a group's users, at most ``limit``: always the same for a seed, whatever other groups there are."""
        users = np.flatnonzero(self.user_group == group)
        if len(users) <= limit:
            return users
        draws = keyed_uniform(key_of("members", seed, self.groups[group]), users, np.zeros(1, np.int64))[:, 0]
        return np.sort(users[np.argsort(draws, kind="stable")[:limit]])


def newsfeed(dataset: Dataset, options: FeedOptions) -> Newsfeed:
    """Return what a data set of news offers day by day.

    Raises:
        InputError: a column is missing, holds no times, or a group has no member.
    """
    if dataset.items is None:
        raise InputError(f"the data set {dataset.name!r} has no items", remedy="give a data set of news")
    raise_problems(
        Problem(f"the {what} have no column {name!r}", remedy=f"columns are {', '.join(table.column_names)}")
        for what, table, name in (
            ("items", dataset.items, options.topic),
            ("items", dataset.items, options.published),
            ("users", dataset.users, options.group),
        )
        if name not in table.column_names
    )
    topics, item_topic = _topics(dataset.items[options.topic], options.topics)
    groups, user_group = _groups(dataset.users[options.group], options)
    return Newsfeed(topics, item_topic, _days(dataset.items[options.published], options.published), groups, user_group)


def _topics(column: pa.ChunkedArray, wanted: int | tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    values = pc.cast(column, pa.string())
    counts = {row["values"]: row["counts"] for row in pc.value_counts(values.combine_chunks()).to_pylist()}
    known = sorted((name for name in counts if name is not None), key=lambda name: (-counts[name], name))
    names = tuple(sorted(known[:wanted])) if isinstance(wanted, int) else wanted
    missing = [name for name in names if name not in counts]
    if missing or len(names) < 2:
        remedy = f"topics are {', '.join(known[:20])}"
        raise InputError(f"topics without items: {', '.join(missing) or 'fewer than two are left'}", remedy=remedy)
    return names, _codes(values, names)


def _groups(column: pa.ChunkedArray, options: FeedOptions) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    values = pc.cast(column, pa.string())
    names = sorted(name for name in pc.unique(values).to_pylist() if name is not None)
    wanted = {g: (v,) if isinstance(v, str) else v for g, v in options.members.items()} or {n: (n,) for n in names}
    out = np.full(len(values), -1, np.int64)
    for code, chosen in enumerate(wanted.values()):
        out[_codes(values, chosen) >= 0] = code
    empty = [group for code, group in enumerate(wanted) if not (out == code).any()]
    if empty:
        what = f"groups without members: {', '.join(empty)}"
        raise InputError(what, "members", f"name values of the column {options.group!r}")
    return tuple(wanted), out


def _codes(values: pa.ChunkedArray, names: tuple[str, ...]) -> NDArray[np.int64]:
    found = pc.fill_null(pc.index_in(values, value_set=pa.array(names, pa.string())), -1)
    return np.asarray(found.to_numpy(), np.int64)


def _days(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    kind = column.type
    values = pc.cast(column, pa.timestamp("s")).cast(pa.int64()) if pa.types.is_temporal(kind) else column
    try:
        seconds = pc.cast(values, pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise InputError(f"the items' column {name!r} holds no times", remedy="give seconds or timestamps") from error
    known = np.isfinite(seconds)
    if not known.any():
        raise InputError(f"the items' column {name!r} is empty", remedy="give seconds or timestamps")
    days = np.floor(np.where(known, seconds, 0) / _DAY).astype(np.int64)
    return np.asarray(np.where(known, days - days[known].min(), -1))


# -- what groups are shown -------------------------------------------------------------------------------------------


class ListOptions(Options):
    """Lists of news that members of a group are given."""

    k: int = Field(default=10, ge=1)
    """Items of a list."""
    users: int = Field(default=200, ge=1)
    """Members of each group who are asked, at most; drawn once, keyed by the seed and the group."""
    window: int = Field(default=1, ge=1)
    """Days during which an item can be listed."""
    baseline: Literal["supply", "equal"] = "supply"
    """What exposure is compared with: the day's candidates, or equal shares of all topics."""
    recycle: bool = False
    """Whether the feed begins again where it is shorter than the agenda; otherwise that is refused."""


def exposure(feed: Newsfeed, scores: Scores, options: ListOptions, days: range, seed: int) -> Floats:
    """Return the share of each topic in what groups are shown, less the baseline.

    Args:
        feed: items and users.
        scores: of the recommender.
        options: of the lists.
        days: days of the agenda.
        seed: key of the sample of members.

    Returns:
        Shape (days, groups of the feed, topics); rows sum to 0; 0 on a day without candidates.

    Raises:
        InputError: the feed is shorter than the agenda.
    """
    check_days(feed, options, days.stop)
    own = sorted({day % feed.days for day in days})
    asked = [feed.members(group, options.users, seed) for group in range(len(feed.groups))]
    shown = np.stack([_shown(feed, scores, options, own, users) for users in asked], axis=1)
    return np.asarray(shown[np.searchsorted(own, np.asarray(days) % feed.days)])


def check_days(feed: Newsfeed, options: ListOptions, days: int) -> None:
    """Refuse an agenda that is longer than its feed.

    Raises:
        InputError: see above.
    """
    if days > feed.days and not options.recycle:
        remedy = f"simulate {feed.days} days at most, give a longer data set, or let it begin again: recycle: true"
        raise InputError(f"{days} days of an agenda for {feed.days} days of news", remedy=remedy)


def _shown(feed: Newsfeed, scores: Scores, options: ListOptions, days: list[int], users: NDArray[np.int64]) -> Floats:
    """Exposure of some users, shape (days, topics)."""
    pools = [feed.candidates(day, options.window) for day in days]
    counts = np.zeros((len(days), len(feed.topics)))
    for start in range(0, len(users), _USERS_AT_ONCE):
        values = np.asarray(scores(users[start : start + _USERS_AT_ONCE]), np.float64)
        for row, pool in enumerate(pools):
            listed = pool[best(values[:, pool], options.k)]
            counts[row] += np.bincount(feed.item_topic[listed].ravel(), minlength=len(feed.topics))
    usual = np.stack([_baseline(feed, pool, options.baseline) for pool in pools])
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1) - usual, 0.0)


def best(values: Floats, k: int) -> NDArray[np.int64]:
    """Return the columns of the k largest values of each row, fewer where there are not as many, best first.

    Args:
        values: scores, shape (rows, columns); NaN: none, which comes last.
        k: how many.

    Returns:
        Shape (rows, at most k).
    """
    kept = np.where(np.isnan(values), -np.inf, values)
    return np.asarray(np.argsort(-kept, axis=1, kind="stable")[:, :k])


def _baseline(feed: Newsfeed, pool: NDArray[np.int64], kind: str) -> Floats:
    n = len(feed.topics)
    if kind == "equal" or not len(pool):
        return np.full(n, 1 / n)
    return np.asarray(np.bincount(feed.item_topic[pool], minlength=n) / len(pool))


def placed(
    shown: Floats, feed: Newsfeed, groups: tuple[str, ...], weights: Mapping[str, float] | float
) -> NDArray[Any]:
    """Return what a mediator adds to attractiveness: weight times exposure, 0 for groups without members.

    Args:
        shown: exposure less the baseline, shape (days, groups of the feed, topics).
        feed: whose groups they are.
        groups: those of the agenda.
        weights: one number, or one for each mediated group.

    Returns:
        Shape (days, groups, topics).
    """
    out = np.zeros((len(shown), len(groups), shown.shape[2]))
    for column, name in enumerate(feed.groups):
        if name in groups:
            weight = weights.get(name, 0.0) if isinstance(weights, Mapping) else weights
            out[:, groups.index(name)] = weight * shown[:, column]
    return out
