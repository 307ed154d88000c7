"""Progress of a run: a live table on a terminal, plain lines elsewhere; failures as they happen, best values so far."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import MappingProxyType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hemicycle.reports.tally import Best, Tally, duration
from hemicycle.studies.engine import Event, Listener

LINE_EVERY = 5.0
"""Seconds between two plain lines, unless a further tenth of the steps is done, or something failed."""
REFRESH = 4.0
"""Live tables drawn per second."""
MOST_TITLE = 60
Clock = Callable[[], float]
NO_DIRECTIONS: Mapping[str, str] = MappingProxyType({})


@contextmanager
def progress(
    console: Console, directions: Mapping[str, str] = NO_DIRECTIONS, clock: Clock = time.monotonic
) -> Iterator[Listener]:
    """Yield a listener that shows progress until the block ends.

    Args:
        console: where; a terminal gets a live table, anything else (a job's log) plain lines.
        directions: what finished steps tell (``Event.told``) -> ``maximize`` or ``minimize``, whose best is shown. Of
            what is not named, the least and the greatest are shown; where some are named, nothing else is.
        clock: seconds, ascending.
    """
    if console.is_terminal:
        with _live(console, Board(directions, clock)) as listener:
            yield listener
    else:
        yield _Lines(console, Board(directions, clock))


class Board:
    """What has happened so far, and how it is shown."""

    def __init__(self, directions: Mapping[str, str], clock: Clock) -> None:
        self.tally, self.best, self.lock = Tally(clock), Best(directions), Lock()

    def take(self, event: Event) -> None:
        """Count an event."""
        with self.lock:
            self.tally.take(event)
            self.best.take(event)

    def numbers(self) -> dict[str, float]:
        """What there is to say as numbers by name, the best values as ``best/NAME``; for dashboards."""
        with self.lock:
            best = {f"best/{name}": value for name, value in self.best.numbers().items()}
            return self.tally.numbers() | best

    def draw(self) -> RenderableType:
        """The live table, the best values and the step that runs longest; may be called from another thread."""
        with self.lock:
            parts: list[RenderableType] = [self._table()]
            parts += [Text(f"best so far: {text}") for text in [self.best.text()] if text]
            parts += [Text(f"running: {text}", style="dim") for text in [self._longest()] if text]
        return Group(*parts)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("step", no_wrap=True)
        for name in ("done", "running", "failed", "per minute", "mean", "left"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in self.tally.rows():
            table.add_row(*row.cells(), style="red" if row.failed else "")
        table.add_row(*self.tally.sum_row().cells(), style="bold")
        return table

    def _longest(self) -> str:
        found = self.tally.longest()
        return f"{found[0][:MOST_TITLE]} ({duration(found[1])})" if found else ""


@contextmanager
def _live(console: Console, board: Board) -> Iterator[Listener]:
    with Live(get_renderable=board.draw, console=console, transient=True, refresh_per_second=REFRESH) as live:

        def listen(event: Event) -> None:
            board.take(event)
            if event.state == "failed":
                live.console.print(failure(event), markup=False, highlight=False)

        yield listen


def failure(event: Event) -> str:
    """One line on a step that failed."""
    return f"failed: {event.step.title}: {(event.message.splitlines() or [''])[0]}"


class _Lines:
    """One line now and then, with what is left at the present speed and the best so far."""

    def __init__(self, console: Console, board: Board) -> None:
        self.console, self.board = console, board
        self.last, self.tenth = board.tally.clock(), 0

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        self.board.take(event)
        if event.state == "failed":
            self._print(failure(event))
        if event.state == "finished" and self._due(event):
            self._print(self._line(event))

    def _due(self, event: Event) -> bool:
        now, tenth = self.board.tally.clock(), 10 * event.done // max(event.total, 1)
        due = now - self.last > LINE_EVERY or tenth > self.tenth
        if due:
            self.last, self.tenth = now, max(tenth, self.tenth)
        return due

    def _line(self, event: Event) -> str:
        tally = self.board.tally
        parts = [f"{event.done}/{event.total} steps", f"{event.failed} failed", f"{tally.elapsed:.0f} s"]
        speed, left = tally.sum_row().per_minute, tally.left()
        parts += [f"{speed:.3g} steps a minute"] if speed else []
        parts += [f"about {duration(left)} left"] if left and left >= 1 else []
        line = f"{', '.join(parts)}; last: {event.step.title} ({event.seconds:.1f} s)"
        best = self.board.best.text()
        return f"{line}; best so far: {best}" if best else line

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)
