"""Shocks of attention: the days on which a topic rises, found in the series or given by a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Attention, unknown
from hemicycle.agenda.leads.options import EventOptions
from hemicycle.core.errors import Problem, raise_problems
from hemicycle.data.columns import TEXT, TableFile, locate

Floats = NDArray[np.float64]
EVERYBODY = "all groups"
GIVEN = "given"
_NORMAL = 1.4826  # a normal variable's standard deviation over its median absolute deviation
_SMALLEST = 1e-4  # share below which a rise is none, where shares are not rounded


@dataclass(frozen=True, eq=False)
class Shocks:
    """Days on which attention to a topic rises.

    Args:
        group: whose attention rises; :data:`EVERYBODY` for the mean of all groups, :data:`GIVEN` for a file's dates.
        topics: topic of each event, shape (events,).
        times: its day.
        possible: days on which a random event may be placed, shape (topics, times).
    """

    group: str
    topics: NDArray[np.int64]
    times: NDArray[np.int64]
    possible: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.topics)


def rises(series: Floats, unit: float, options: EventOptions) -> NDArray[np.bool_]:
    """Return the days that stand out of the running median of the days around them.

    A day rises where its residual from that median is more than ``threshold`` robust standard deviations of the
    residuals of its topic; these are at least the unit to which shares are rounded, so that a topic that is mostly 0
    does not rise with every post.

    Args:
        series: shares, shape (topics, times); NaN: missing.
        unit: rounding unit of the shares; 0: none.
        options: threshold and width of the median.
    """
    days = pd.DataFrame(series.T)
    residuals = days - days.rolling(options.around, center=True, min_periods=options.around // 3).median()
    spread = (residuals - residuals.median()).abs().median() * _NORMAL
    least = np.maximum(spread.to_numpy(), unit or _SMALLEST)[:, None]
    return np.asarray(residuals.to_numpy().T / least > options.threshold)


def quiet(rising: NDArray[np.bool_], options: EventOptions) -> NDArray[np.bool_]:
    """Return the days with no rise in the window and baseline before, and room for these and the window after.

    A rise in the baseline would make the days after it look low. Random events are placed on such days too, so that
    what follows quiet days in any case is part of the control.

    Args:
        rising: shape (topics, times).
        options: window and baseline.
    """
    before = options.window + options.baseline
    total = np.cumsum(np.pad(rising, ((0, 0), (before + 1, 0))), 1)
    none = total[:, before:-1] == total[:, : rising.shape[1]]
    return np.asarray(none & room(rising.shape[1], options))


def room(times: int, options: EventOptions) -> NDArray[np.bool_]:
    """Return the days that have window and baseline before them and the window after, shape (times,)."""
    day = np.arange(times)
    return np.asarray((day >= options.window + options.baseline) & (day < times - options.window))


def _found(group: str, series: Floats, unit: float, options: EventOptions) -> Shocks:
    rising = rises(series, unit, options)
    possible = quiet(rising, options)
    topics, times = np.nonzero(rising & possible)
    return Shocks(group, topics, times, possible)


def shocks(attention: Attention, options: EventOptions) -> list[Shocks]:
    """Return the events of each group, of the mean of all groups, or of a file.

    Raises:
        InputError: the file names unknown topics or days; a group is unknown.
    """
    if options.file:
        return [given(attention, options.file, options)]
    everybody = np.mean(attention.shares, 2)
    named = {group: attention.shares[:, :, i] for i, group in enumerate(attention.groups)} | {EVERYBODY: everybody}
    chosen = options.groups or (*attention.groups, EVERYBODY)
    raise_problems(replace(problem, where="groups") for problem in unknown("group", chosen, named))
    return [_found(group, named[group], attention.unit, options) for group in chosen]


def given(attention: Attention, path: str, options: EventOptions) -> Shocks:
    """Read events from a file with the columns date and topic (id or label).

    Events without room for window and baseline are left out.

    Raises:
        InputError: unknown topics, or dates that are none or outside the data, each with its line.
    """
    file = TableFile(locate(path))
    raise_problems(file.missing({"date": "date", "topic": "topic"}))
    table = file.read({"date": TEXT, "topic": TEXT})
    dates, topics = (table[name].cast(pa.string()).to_pylist() for name in ("date", "topic"))
    numbers = {**_index(attention.labels), **_index(attention.topics)}
    rows = np.array([numbers.get(name, -1) for name in topics], np.int64)
    days = pd.to_datetime(pd.Series(dates, dtype=object), errors="coerce", format="ISO8601").to_numpy()
    places = pd.Index(attention.times).get_indexer(pd.Index(days.astype("datetime64[s]")))
    raise_problems([*_wrong(file, "date", dates, places), *_wrong(file, "topic", topics, rows)])
    possible = room(len(attention.times), options)
    kept = possible[places]
    return Shocks(GIVEN, rows[kept], places[kept].astype(np.int64), np.tile(possible, (len(attention.topics), 1)))


def _index(names: tuple[str, ...]) -> dict[str, int]:
    return {name: i for i, name in enumerate(names)}


def _wrong(
    file: TableFile, column: str, values: Sequence[object], places: NDArray[np.integer[Any]]
) -> Iterator[Problem]:
    rows = np.flatnonzero(places < 0)
    if len(rows):
        named = ", ".join(dict.fromkeys(repr(values[int(row)]) for row in rows[:5]))
        allowed = "a topic's id or label" if column == "topic" else "a time of the data, such as 2024-05-31"
        yield Problem(
            f"{len(rows)} values of {column} are not in the data: {named}",
            file.where(column, rows),
            f"write {allowed}, or remove these lines",
        )
