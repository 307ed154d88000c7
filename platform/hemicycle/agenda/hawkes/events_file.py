"""Events of sources in continuous time: who spoke when.

.. code-block:: yaml

    path: posts.csv.gz
    time: created_at
    source: account
    unit: hour
    exogenous: [newspapers]

Times that were rounded tie, and a point process has no ties: where two events share a time, all times are spread
uniformly within their rounding unit by keyed numbers. That blurs the kernels by at most the unit: a decay faster than
one a unit cannot be told from such data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.data.columns import ID, NUMBER, TableFile, ids_of, in_order, locate, numbers, seconds

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
"""Length of a unit in seconds."""
_ROUNDINGS = (86400.0, 3600.0, 60.0, 1.0, 1e-3)
_LEAST_EVENTS = 2


@dataclass(frozen=True, eq=False)
class Events:
    """Events (time, source) observed from ``start`` to ``horizon``.

    Args:
        times: strictly increasing, in units of time, shape (n,).
        marks: position of each event's source in ``sources``, shape (n,).
        sources: their names.
        horizon: end of the observation.
        start: its beginning; a cycle of a day begins at time 0.
        exogenous: names of sources whose events act on others but are not explained themselves.

    Raises:
        InputError: times that do not increase or lie outside the observation, an unknown exogenous source, or one
            without events.
    """

    times: NDArray[np.float64]
    marks: NDArray[np.int64]
    sources: tuple[str, ...]
    horizon: float
    start: float = 0.0
    exogenous: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        raise_problems([*_time_problems(self), *_source_problems(self)])

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.sources)

    @cached_property
    def targets(self) -> NDArray[np.int64]:
        """Positions of the sources that are explained."""
        return np.array([k for k, name in enumerate(self.sources) if name not in self.exogenous], np.int64)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Events of each source."""
        return np.bincount(self.marks, minlength=self.n_sources)

    def until(self, time: float) -> "Events":
        """Return the events up to a time, which becomes the horizon."""
        end = int(np.searchsorted(self.times, time, "right"))
        return Events(self.times[:end], self.marks[:end], self.sources, float(time), self.start, self.exogenous)


def _time_problems(events: Events) -> list[Problem]:
    times = events.times
    if not times.size:
        return [Problem("there are no events", remedy="check the period and the names of the sources")]
    found = []
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        found.append(Problem("the events' times do not increase strictly", remedy="sort them and spread ties"))
    if times[0] < events.start or times[-1] > events.horizon:
        what = f"events lie outside the observation from {events.start:g} to {events.horizon:g}"
        found.append(Problem(what, remedy="give a start and an end that hold all events"))
    return found


def _source_problems(events: Events) -> list[Problem]:
    unknown = [name for name in events.exogenous if name not in events.sources]
    found = [Problem(f"there is no source {name!r}", "exogenous", _known(events.sources)) for name in unknown]
    if not found and len(set(events.exogenous)) == len(events.sources):
        found.append(Problem("every source is exogenous", "exogenous", "leave at least one to be explained"))
    few = np.flatnonzero(events.counts < _LEAST_EVENTS)
    if few.size:
        names = ", ".join(repr(events.sources[k]) for k in few[:5])
        what = f"{few.size} of {events.n_sources} sources have fewer than {_LEAST_EVENTS} events: {names}"
        found.append(Problem(what, remedy="leave them out, or observe longer"))
    return found


def _known(names: Sequence[str]) -> str:
    return f"known: {', '.join(names[:20])}"


class EventsConfig(Options):
    """Where events are and what their columns are called."""

    path: str
    """CSV, TSV (also .gz) or Parquet, one row an event in any order; relative paths start at the current folder, then
    at ``$HEMICYCLE_DATA``."""
    time: str = "time"
    """Column of times: ISO 8601 dates (UTC unless they say otherwise) or numbers."""
    source: str = "source"
    """Column of who spoke; each value is a source."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between fields; default: a tab for .tsv and .txt, else a comma."""
    numbers: Literal["seconds", "units"] = "seconds"
    """Whether times that are numbers are seconds since 1970 or already in the unit, from 0 on."""
    unit: Literal["second", "minute", "hour", "day"] = "hour"
    """Unit of all times, rates and decays. Time 0 is midnight (UTC) before the first event."""
    rounding: float | None = Field(None, ge=0)
    """What times were rounded down to, in seconds (in units where numbers are units); 0: not rounded; default: found
    from the times."""
    sources: tuple[str, ...] = ()
    """Sources to keep, in this order; empty: all."""
    exogenous: tuple[str, ...] = ()
    """Sources whose events act on others but are not explained themselves."""
    least_events: int = Field(30, ge=2)
    """A source with fewer events is an error, or dropped."""
    few: Literal["error", "drop"] = "error"
    """What to do with sources of too few events."""
    duration: float | None = Field(None, gt=0)
    """Length of the observation in units from time 0; default: to the last event."""


def read_events(config: EventsConfig, seed: int = 0) -> Events:
    """Read, check and sort events; ties are spread within the rounding unit by numbers keyed with ``seed``.

    Raises:
        InputError: missing file or column, times that are none or negative, unknown sources, too few events.
    """
    table = TableFile(locate(config.path), config.separator)
    raise_problems(table.missing({"time": config.time, "source": config.source}))
    columns = table.read({config.time: NUMBER, config.source: ID})
    raw = _times(table, config, columns[config.time])
    names, codes = _sources(table, config, columns[config.source])
    kept = codes >= 0
    times, unit = _in_units(raw[kept], config)
    return _assembled(config, names, _spread(times, unit, seed), codes[kept])


def _times(table: TableFile, config: EventsConfig, column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Times as they stand: seconds, or units."""
    values, bad = (numbers if config.numbers == "units" else seconds)(column)
    kind = "are not numbers" if config.numbers == "units" else "are neither numbers of seconds nor ISO 8601 dates"
    given = ~np.isnan(values) | bad
    raise_problems(
        [
            *table.problem(kind, config.time, bad, "correct or remove the rows"),
            *table.problem("are missing", config.time, ~given, "correct or remove the rows"),
            *table.problem("are negative", config.time, values < 0, "count time from the start of the observation"),
        ]
    )
    return values


def _sources(
    table: TableFile, config: EventsConfig, column: pa.ChunkedArray
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the kept sources, and each row's position among them, -1 where it is not kept."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, pa.string())
    ids = ids_of(column)
    raise_problems(table.problem("are missing", config.source, ids.codes < 0, "name a source on every row"))
    found = in_order(ids.values)
    _check_known(config, found)
    names = list(config.sources) or found
    names = _enough(config, names, ids.at({name: k for k, name in enumerate(names)}))
    return tuple(names), ids.at({name: k for k, name in enumerate(names)})


def _check_known(config: EventsConfig, found: Sequence[str]) -> None:
    problems = []
    for key in ("sources", "exogenous"):
        asked: tuple[str, ...] = getattr(config, key)
        missing = [name for name in asked if name not in found]
        remedy = f"{config.source!r} has {len(found)} sources; write one of them, or observe longer"
        problems += [
            Problem(f"the source {name!r} has no events", f"{key} of {config.path}", remedy) for name in missing
        ]
    raise_problems(problems)


def _enough(config: EventsConfig, names: list[str], codes: NDArray[np.int64]) -> list[str]:
    """Names of the sources with enough events."""
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    few = counts < config.least_events
    if config.few == "drop":
        names = [name for name, less in zip(names, few, strict=True) if not less]
    elif few.any():
        what = f"{few.sum()} of {len(names)} sources have fewer than {config.least_events} events"
        raise InputError(what, config.path, "write 'few: drop', name the 'sources' to keep, or lower 'least_events'")
    if not names:
        what = f"no source has {config.least_events} events"
        raise InputError(what, config.path, "observe longer, or lower 'least_events'")
    return names


def _in_units(raw: NDArray[np.float64], config: EventsConfig) -> tuple[NDArray[np.float64], float]:
    """Times in units since midnight before the first, and the rounding unit (0: none)."""
    scale = 1.0 if config.numbers == "units" else SECONDS[config.unit]
    origin = 0.0 if config.numbers == "units" else np.floor(raw.min() / 86400.0) * 86400.0
    rounding = config.rounding
    if rounding is None:
        ties = len(np.unique(raw)) < len(raw)
        rounding = rounding_of(raw) if ties else 0.0
    return (raw - origin) / scale, rounding / scale


def rounding_of(times: NDArray[np.float64]) -> float:
    """Largest of a day, an hour, a minute, 1 and .001 that all times are multiples of; else the smallest gap."""
    for unit in _ROUNDINGS:
        if np.allclose(times, unit * np.round(times / unit), rtol=0, atol=1e-6):
            return unit
    gaps = np.diff(np.unique(times))
    return float(gaps.min()) if gaps.size else 0.0


def _spread(times: NDArray[np.float64], unit: float, seed: int) -> NDArray[np.float64]:
    """Add to each time a number in (0, unit), keyed by its row."""
    if unit == 0:
        return times
    rows = np.arange(len(times))
    uniform = keyed_uniform(key_of("ties of events", seed), rows, np.zeros(1, np.int64))[:, 0]
    return np.asarray(times + unit * uniform)


def _assembled(
    config: EventsConfig, names: tuple[str, ...], times: NDArray[np.float64], codes: NDArray[np.int64]
) -> Events:
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    if (np.diff(ordered) <= 0).any():
        what = "events share a time"
        raise InputError(what, f"{config.path} column {config.time!r}", "say what times were rounded to: 'rounding'")
    horizon = config.duration or float(np.nextafter(ordered[-1], np.inf))
    if ordered[-1] > horizon:
        what = f"{int((ordered > horizon).sum())} events lie after the duration of {horizon:g} {config.unit}s"
        raise InputError(what, config.path, f"give a duration of at least {ordered[-1]:.6g}, or leave it out")
    exogenous = tuple(name for name in config.exogenous if name in names)
    return Events(ordered, codes[order], names, horizon, exogenous=exogenous)
