"""A panel of topics x times x groups as complete runs of observations, in which lags can be taken.

In panel mode a run ends at a topic's last time and at a missing value; in stacked mode topics follow one another as if
they were one series, and runs end at missing values alone. An observation is a time of a topic at which no group's
value is missing; a row is an observation whose ``lags`` predecessors lie in its own run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panel:
    """Runs of complete observations, laid one after the other.

    Args:
        values: scaled attention, shape (observations, groups).
        bounds: run r holds observations ``bounds[r]`` to ``bounds[r + 1]``, all runs longer than ``lags``.
        topic: topic of each observation.
        series: series of each run: its topic, or 0 when topics are stacked.
        time: place of each observation in its series.
        lags: number of lags.
        n_topics: number of topics, those without a row included.
        fixed_effects: whether each topic has a constant of its own.
    """

    values: Floats
    bounds: Ints
    topic: Ints
    series: Ints
    time: Ints
    lags: int
    n_topics: int
    fixed_effects: bool = True

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.values.shape[1])

    @property
    def rows(self) -> Ints:
        """Observations that have all their lags."""
        place = np.arange(len(self.values)) - np.repeat(self.bounds[:-1], np.diff(self.bounds))
        return np.flatnonzero(place >= self.lags)

    @property
    def row_series(self) -> Ints:
        """Series of each row."""
        return np.repeat(self.series, np.diff(self.bounds) - self.lags)

    @property
    def effect(self) -> Ints:
        """Constant of each observation: that of its topic, or 0."""
        return self.topic if self.fixed_effects else np.zeros_like(self.topic)

    @property
    def n_effects(self) -> int:
        """Number of constants, those of topics without a row included."""
        return self.n_topics if self.fixed_effects else 1

    def windows(self) -> Floats:
        """Return each row with its lags, newest first, shape (rows, 1 + lags, groups)."""
        return np.asarray(self.values[self.rows[:, None] - np.arange(self.lags + 1)])


def panel_of(values: Floats, lags: int, *, stacked: bool = False, fixed_effects: bool = True) -> Panel:
    """Lay out the complete runs of a panel.

    Args:
        values: scaled attention, shape (topics, times, groups); NaN: missing.
        lags: number of lags.
        stacked: whether lags run across topic borders.
        fixed_effects: whether each topic has a constant of its own.

    Raises:
        InputError: too few days for the lags, or a group without change.
    """
    n_topics, n_times, n_groups = values.shape
    complete = np.asarray(~np.isnan(values).any(2))
    grid = complete.reshape(1, -1) if stacked else complete
    start, stop = _runs(grid, lags)
    kept = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)] or [np.empty(0, int)])
    panel = Panel(
        values=np.ascontiguousarray(values.reshape(-1, n_groups)[kept]),
        bounds=np.concatenate([[0], np.cumsum(stop - start)]).astype(np.int64),
        topic=kept // n_times,
        series=start // grid.shape[1],
        time=kept % grid.shape[1],
        lags=lags,
        n_topics=n_topics,
        fixed_effects=fixed_effects,
    )
    check_size(panel)
    return panel


def _runs(grid: NDArray[np.bool_], lags: int) -> tuple[Ints, Ints]:
    """Return the flat start and stop of each complete run that is longer than the lags."""
    walled = np.pad(grid, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(walled, axis=1)
    series, start = np.nonzero(change == 1)
    stop = np.nonzero(change == -1)[1]
    long = stop - start > lags
    offset = series[long] * grid.shape[1]
    return offset + start[long], offset + stop[long]


def check_size(panel: Panel) -> None:
    """Refuse a panel with fewer rows than its coefficients need.

    Raises:
        InputError: too few days for the lags; says how many are needed.
    """
    n_rows = len(panel.rows)
    effects = len(np.unique(panel.effect[panel.rows])) or 1
    coefficients = panel.n_groups * panel.lags + effects
    needed = coefficients + panel.n_groups
    if n_rows < needed:
        series = max(1, len(np.unique(panel.series)))
        days = panel.lags + -(-needed // series)
        raise InputError(
            f"{panel.lags} lags of {panel.n_groups} groups take {coefficients} coefficients an equation, but only "
            f"{n_rows} times have a value of every group at them and at the {panel.lags} times before",
            "lags",
            f"give at least {days} times without gaps{' per topic' if series > 1 else ''}, fewer lags, fewer groups "
            "or more topics",
        )
