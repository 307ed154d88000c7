"""Progress of a run: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hemicycle.studies.engine import Event, Listener

LINE_EVERY = 5.0
"""Seconds between two plain lines, unless something failed."""


@contextmanager
def progress(console: Console) -> Iterator[Listener]:
    """Yield a listener that shows progress until the block ends."""
    if console.is_terminal:
        with _bar(console) as listener:
            yield listener
    else:
        yield _Lines(console)


@contextmanager
def _bar(console: Console) -> Iterator[Listener]:
    columns = (
        TextColumn("{task.description}", table_column=None),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("steps", total=None)

        def listen(event: Event) -> None:
            if event.state == "started":
                bar.update(task, description=event.step.title[:40].ljust(40))
            bar.update(task, completed=event.done, total=event.total)
            if event.state == "failed":
                bar.console.print(f"failed: {event.step.title}: {event.message.splitlines()[0]}", markup=False)

        yield listen


class _Lines:
    """One line now and then, with what is left at the present speed."""

    def __init__(self, console: Console) -> None:
        self.console, self.start, self.last, self.cached = console, time.monotonic(), 0.0, 0

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        self.cached += event.state == "cached"
        if event.state == "failed":
            self._print(f"failed: {event.step.title}: {event.message.splitlines()[0]}")
        now = time.monotonic()
        if event.state == "finished" and (now - self.last > LINE_EVERY or event.done == event.total):
            self.last = now
            self._print(
                f"{event.done}/{event.total} steps, {event.failed} failed, {now - self.start:.0f} s"
                f"{self._left(event, now)}; last: {event.step.title} ({event.seconds:.1f} s)"
            )

    def _left(self, event: Event, now: float) -> str:
        run = event.done - self.cached
        left = (event.total - event.done) * (now - self.start) / max(run, 1)
        return f", about {left:.0f} s left" if left >= 1 else ""

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)
