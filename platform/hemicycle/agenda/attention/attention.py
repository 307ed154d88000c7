"""Attention of groups to topics over time: what every estimator and simulation of agenda setting takes."""

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.storage import Folder

Times: TypeAlias = NDArray[np.datetime64]
Moment: TypeAlias = str | np.datetime64
_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, eq=False)
class Attention:
    """Shares of attention on a regular grid of times.

    Args:
        shares: share of a group's attention that a topic has, shape (topics, times, groups), in [0, 1]; NaN: missing
            (no row, or a time at which the group attends to nothing).
        topics: ids.
        groups: names.
        times: regular grid, ``datetime64[s]``, UTC; a week starts on the weekday of the first.
        unit: rounding unit of the shares, such as .001; 0: not rounded.
        labels: what people call each topic; empty: the ids.
        categories: issue area of each topic; empty: none.

    Raises:
        ValueError: shapes do not fit, or the times are not a regular grid.
    """

    shares: NDArray[np.float64]
    topics: tuple[str, ...]
    groups: tuple[str, ...]
    times: Times
    unit: float = 0.0
    labels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wanted = (len(self.topics), len(self.times), len(self.groups))
        if self.shares.shape != wanted:
            raise ValueError(f"shares have shape {self.shares.shape}, but there are {wanted} topics, times and groups")
        for name in ("labels", "categories"):
            if len(getattr(self, name)) not in (0, len(self.topics)):
                raise ValueError(f"{name} must be empty or one a topic")
        if len(np.unique(np.diff(self.times))) > 1:
            raise ValueError("times must be a regular grid")

    @property
    def names(self) -> tuple[str, ...]:
        """What each topic is called: its label where there is one, else its id."""
        labels = self.labels or ("",) * len(self.topics)
        return tuple(label or topic for label, topic in zip(labels, self.topics, strict=True))

    @property
    def step(self) -> np.timedelta64:
        """Time between two neighbours of the grid."""
        return np.timedelta64(self.times[1] - self.times[0]) if len(self.times) > 1 else np.timedelta64(1, "D")

    def select(
        self,
        topics: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        categories: Collection[str] | None = None,
        first: Moment | None = None,
        last: Moment | None = None,
    ) -> "Attention":
        """Return some topics (ids or labels), groups (in the order given), categories and times (both ends included).

        Raises:
            InputError: an unknown name, with the nearest known ones; nothing is left.
        """
        raise_problems(self._unknown(topics, groups, categories))
        rows = self._rows(topics, categories)
        columns = range(len(self.groups)) if groups is None else [self.groups.index(group) for group in groups]
        kept = self._between(first, last)
        for what, left in (("topic", len(rows)), ("time", int(kept.sum())), ("group", len(columns))):
            if not left:
                raise InputError(f"no {what} is left of {self}", remedy=f"select at least one {what}")
        places = np.ix_(np.array(rows, np.int64), np.flatnonzero(kept), np.array(columns, np.int64))
        return replace(
            self,
            shares=self.shares[places],
            topics=_at(self.topics, rows),
            groups=_at(self.groups, columns),
            times=self.times[kept],
            labels=_at(self.labels, rows),
            categories=_at(self.categories, rows),
        )

    def __str__(self) -> str:
        """Say how large it is and from when to when."""
        ends = f"{_day(self.times[0])} to {_day(self.times[-1])}" if len(self.times) else "no time"
        return f"{len(self.topics)} topics, {len(self.groups)} groups, {len(self.times)} times ({ends})"

    def _unknown(
        self,
        topics: Sequence[str] | None,
        groups: Sequence[str] | None,
        categories: Collection[str] | None,
    ) -> Iterator[Problem]:
        yield from unknown("topic", topics or (), (*self.topics, *self.labels))
        yield from unknown("group", groups or (), self.groups)
        yield from unknown("category", categories or (), self.categories)

    def _rows(self, topics: Sequence[str] | None, categories: Collection[str] | None) -> list[int]:
        position = {name: row for row, name in reversed(list(enumerate(self.labels)))}
        position |= {topic: row for row, topic in enumerate(self.topics)}
        chosen = range(len(self.topics)) if topics is None else dict.fromkeys(position[topic] for topic in topics)
        return [row for row in chosen if categories is None or self.categories[row] in categories]

    def _between(self, first: Moment | None, last: Moment | None) -> NDArray[np.bool_]:
        low, high = moment(first, "first"), moment(last, "last", end=True)
        kept = np.ones(len(self.times), bool)
        if low is not None:
            kept &= self.times >= low
        return kept if high is None else kept & (self.times <= high)

    # -- on disk ---------------------------------------------------------------------------------------------------

    def write(self, folder: Folder) -> None:
        """Write ``attention.parquet`` (topic, time, a column a group) and ``attention.json``."""
        n_topics, n_times, _ = self.shares.shape
        columns = {
            "topic": pa.array(np.repeat(np.asarray(self.topics, dtype=object), n_times), pa.string()),
            "time": pa.array(np.tile(self.times.astype("datetime64[s]"), n_topics)),
            **{f"group {row}": pa.array(self.shares[:, :, row].ravel()) for row in range(len(self.groups))},
        }
        folder.write_table("attention", pa.table(columns))
        about = {"unit": self.unit, "times": len(self.times)}
        names = {name: list(getattr(self, name)) for name in ("topics", "groups", "labels", "categories")}
        folder.write_json("attention.json", about | names)

    @classmethod
    def read(cls, folder: Folder) -> "Attention":
        """Read what :meth:`write` wrote."""
        about, table = folder.read_json("attention.json"), folder.read_table("attention")
        topics, groups, labels, categories = (tuple(about[n]) for n in ("topics", "groups", "labels", "categories"))
        shape = (len(topics), int(about["times"]))
        series = [table[f"group {row}"].to_numpy().reshape(shape) for row in range(len(groups))]
        times = table["time"].to_numpy()[: shape[1]].astype("datetime64[s]")
        return cls(np.stack(series, axis=-1), topics, groups, times, float(about["unit"]), labels, categories)


def unknown(kind: str, given: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each name that is not known, with the nearest ones.

    Args:
        kind: what the names are of, for the message.
        given: names.
        known: those there are.
    """
    names = list(dict.fromkeys(known))
    for name in dict.fromkeys(given):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"there are: {_few(names)}"
            yield Problem(f"there is no {kind} {name!r}; {hint}", remedy=f"correct the {kind}'s name")


def moment(value: Moment | None, what: str, *, end: bool = False) -> np.datetime64 | None:
    """Return a date or time as ``datetime64[s]``; as an end, a date means its last second.

    Args:
        value: a date or time; None stays None.
        what: it is, for the message.
        end: whether it ends a period.

    Raises:
        InputError: it is no date.
    """
    if value is None or isinstance(value, np.datetime64):
        return None if value is None else value.astype("datetime64[s]")
    try:
        found = pd.Timestamp(value if _DATE.match(value) else "no date")  # "May" would be a day of this year
    except ValueError as error:
        raise InputError(f"{what}: {value!r} is no date", remedy="write 2024-05-31 or 2024-05-31T12:00") from error
    found = found.tz_convert("UTC").tz_localize(None) if found.tzinfo else found
    if end and found == found.normalize() and len(value.strip()) <= len("2024-05-31"):
        found += pd.Timedelta(days=1, seconds=-1)
    return np.datetime64(found, "s")


def _at(values: Sequence[str], rows: Collection[int]) -> tuple[str, ...]:
    return tuple(values[row] for row in rows) if values else ()


def _day(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).removesuffix("T00:00")


def _few(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(map(repr, names[:most])) or "none") + more
