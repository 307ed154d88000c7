"""Counts of a run in progress by kind of step: what is done, how fast, what is left, and the best values told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from hemicycle.studies.config import StudyConfig
from hemicycle.studies.engine import Event

MOST_TOLD = 6
ALL = "all"


def duration(seconds: float) -> str:
    """A length of time for people: ``8 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 99.5:
        return f"{seconds:.1f} s" if 0 < seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class Row:
    """One kind of step.

    Args:
        kind: e.g. ``fit``; ALL for the sum.
        total: steps of the kind that are known of; 0 when that is not told.
        done: steps that have come to an end in any way.
        run: steps that were run and finished.
        failed: steps that failed.
        seconds: time that the steps that were run took together.
        running: fingerprint -> title, and when it began.
        per_minute: steps run per minute, since the first of the kind began.
        left: seconds that are left; None when that cannot be said.
    """

    kind: str
    total: int = 0
    done: int = 0
    run: int = 0
    failed: int = 0
    seconds: float = 0.0
    running: dict[str, tuple[str, float]] = field(default_factory=dict)
    per_minute: float = 0.0
    left: float | None = None

    @property
    def mean(self) -> float | None:
        """Mean seconds of a step."""
        return self.seconds / self.run if self.run else None

    def numbers(self) -> dict[str, float]:
        """The row as numbers by name; what cannot be said is left out."""
        found = {"done": self.done, "total": self.total, "failed": self.failed, "running": len(self.running)}
        timed = {"per_minute": self.per_minute, "mean_seconds": self.mean, "seconds_left": self.left}
        return found | {name: value for name, value in timed.items() if value is not None}

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.kind,
            f"{self.done}/{self.total}" if self.total else str(self.done),
            str(len(self.running)) if self.running else "",
            str(self.failed) if self.failed else "",
            f"{self.per_minute:.3g}" if self.per_minute else "",
            "" if self.mean is None else duration(self.mean),
            "" if self.left is None else duration(self.left),
        )


class Tally:
    """Counts the events of one run.

    Args:
        clock: seconds, ascending.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.start = clock()
        self.kinds: dict[str, Row] = {}
        self.began: dict[str, float] = {}
        self.done = self.total = self.failed = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.start

    def take(self, event: Event) -> None:
        """Count an event."""
        self.done, self.total, self.failed = event.done, event.total, event.failed
        for kind, total in getattr(event, "totals", {}).items():  # told by engines that count by kind
            self.kinds.setdefault(kind, Row(kind)).total = total
        row = self.kinds.setdefault(event.step.kind, Row(event.step.kind))
        if event.state == "started":
            row.running[event.step.fingerprint] = (event.step.title, self.clock())
            self.began.setdefault(event.step.kind, self.clock())
            return
        row.running.pop(event.step.fingerprint, None)
        row.done += 1
        row.failed += event.state == "failed"
        if event.state == "finished":
            row.run, row.seconds = row.run + 1, row.seconds + event.seconds

    def rows(self) -> list[Row]:
        """One row a kind, in the order in which they first appeared, with speed and what is left."""
        for row in self.kinds.values():
            passed = self.clock() - self.began.get(row.kind, self.clock())
            row.per_minute = 60 * row.run / passed if passed > 0 else 0.0
            row.left = self._left_of(row)
        return list(self.kinds.values())

    def _left_of(self, row: Row) -> float | None:
        missing = row.total - row.done
        if missing <= 0 or row.mean is None:
            return None
        return missing * row.mean / self.parallel()

    def parallel(self) -> float:
        """How many steps ran at once on average: their time over the time that passed; at least 1."""
        busy = sum(row.seconds for row in self.kinds.values())
        return max(1.0, busy / self.elapsed) if self.elapsed > 0 else 1.0

    def sum_row(self) -> Row:
        """All kinds together."""
        run, seconds = (sum(getattr(row, name) for row in self.kinds.values()) for name in ("run", "seconds"))
        running = self._running()
        speed = 60 * run / self.elapsed if self.elapsed > 0 else 0.0
        return Row(ALL, self.total, self.done, run, self.failed, seconds, running, speed, self.left())

    def left(self) -> float | None:
        """Seconds that are left: of every kind at its own mean where totals are told, else at the present speed."""
        run = sum(row.run for row in self.kinds.values())
        if not run or self.done >= self.total:
            return None
        known = {row.kind: self._left_of(row) for row in self.kinds.values() if row.total > row.done}
        if known and all(value is not None for value in known.values()):
            return sum(value for value in known.values() if value is not None)
        return (self.total - self.done) * self.elapsed / run

    def numbers(self) -> dict[str, float]:
        """All counts as numbers by name, those of a kind as ``KIND/NAME``; what cannot be said is left out."""
        rows = [("steps", self.sum_row()), *((row.kind, row) for row in self.rows())]
        found = {f"{name}/{key}": value for name, row in rows for key, value in row.numbers().items()}
        return {"seconds": self.elapsed, **found}

    def longest(self) -> tuple[str, float] | None:
        """The step that has run longest: its title, and for how many seconds."""
        running = list(self._running().values())
        if not running:
            return None
        title, began = min(running, key=itemgetter(1))
        return title, self.clock() - began

    def _running(self) -> dict[str, tuple[str, float]]:
        return {key: step for row in self.kinds.values() for key, step in row.running.items()}


def directions_of(config: StudyConfig) -> dict[str, str]:
    """What a study's searches are after -> ``maximize`` or ``minimize``."""
    return {one.name: one.direction for search in config.searches.values() for one in search.objectives}


class Best:
    """The best of what finished steps tell.

    Args:
        directions: what is told -> ``maximize`` or ``minimize``; where empty, both ends of everything are kept.
    """

    def __init__(self, directions: Mapping[str, str]) -> None:
        self.directions = dict(directions)
        self.least: dict[str, tuple[float, str]] = {}
        self.greatest: dict[str, tuple[float, str]] = {}

    def take(self, event: Event) -> None:
        """Take in what an event tells; numbers that are not finite are left out."""
        for name, value in event.told.items():
            if (self.directions and name not in self.directions) or not abs(value) < float("inf"):
                continue
            found = (float(value), event.step.title)
            self.least[name] = min(self.least.get(name, found), found, key=itemgetter(0))
            self.greatest[name] = max(self.greatest.get(name, found), found, key=itemgetter(0))

    def numbers(self) -> dict[str, float]:
        """The best of each by name; of what has no direction the least and the greatest, ``NAME/least``."""
        ends = {"least": self.least, "greatest": self.greatest}
        found = {f"{name}/{end}": value for end, values in ends.items() for name, (value, _) in values.items()}
        better = {name: "least" if how == "minimize" else "greatest" for name, how in self.directions.items()}
        best = {name: found[f"{name}/{end}"] for name, end in better.items() if f"{name}/{end}" in found}
        return best if self.directions else found

    def text(self) -> str:
        """The best of each, e.g. ``ndcg@20 0.431 (fit politics-007-s7)``; empty when nothing was told."""
        names = [name for name in self.directions if name in self.least] or list(self.least)[:MOST_TOLD]
        return "; ".join(self._one(name) for name in names)

    def _one(self, name: str) -> str:
        least, greatest = self.least[name], self.greatest[name]
        if name not in self.directions:
            ends = f"{least[0]:.3g} to {greatest[0]:.3g}" if least[0] < greatest[0] else f"{least[0]:.3g}"
            return f"{name} {ends}"
        value, title = least if self.directions[name] == "minimize" else greatest
        return f"{name} {value:.3g} ({title})"
