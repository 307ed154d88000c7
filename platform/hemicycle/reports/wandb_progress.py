"""Progress of a run on a Weights & Biases dashboard while it runs: what the table on the terminal shows, as curves.

All of it happens in a thread of its own: a dashboard that is slow, far or broken costs the run nothing.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import wandb

from hemicycle.core.disclosure import scrub
from hemicycle.core.storage import Folder, StorageError
from hemicycle.reports.progress import Board
from hemicycle.reports.tally import directions_of
from hemicycle.reports.wandb_tracker import Mode, local_directory, quiet_settings, resolve
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.engine import Event, Listener
from hemicycle.studies.run import study_folder
from hemicycle.studies.steps import Step
from hemicycle.training.checkpoints import history_so_far

EVERY = 5.0
"""Seconds between two points; a run that is over sooner is told nothing of."""
PATIENCE = 10.0
"""Seconds that the end of a run waits for a dashboard."""
MOST_POINTS = 500
"""Finished trials that wait to be told of; older ones are dropped."""
MOST_CURVES = 20
"""Fits of a run whose curves are told while they train; the final ones are runs of their own."""
FITS = ("fit", "rung")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often a dashboard is told, and how long the end of a run waits for it; in seconds."""

    every: float = EVERY
    patience: float = PATIENCE


@contextmanager
def wandb_progress(
    config: StudyConfig,
    store: Folder,
    mode: Mode = "auto",
    pace: Pace | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Listener]:
    """Yield a listener that tells a dashboard of a run's progress until the block ends.

    One wandb run of the type ``progress`` is started when steps have run for a while: steps done, failed and running,
    their speed and what is left, altogether and by kind, the best values so far (``best/METRIC``), and what every
    finished trial reached (``trial/METRIC``); loss and validation of long fits while they train, as far as they have
    saved a state (``fit/NAME/loss``); all against seconds. Whatever goes wrong is logged once, and then nothing
    more is told.

    Args:
        config: the study.
        store: where results lie; wandb's files go to the study's folder.
        mode: as of :class:`~hemicycle.reports.wandb_tracker.WandbTracker`.
        pace: how often.
        clock: seconds, ascending.
    """
    found = resolve(mode)
    about = {
        "project": config.tracking.project,
        "name": f"{config.name} progress",
        "group": config.name,
        "config": {"study": config.fingerprint()},
        "mode": "online" if found == "online" else "offline",
    }
    heard = _Heard(Board(directions_of(config), clock), store)
    teller = _Teller(heard, study_folder(config, store), about, pace or Pace())
    if found == "disabled":
        yield heard.board.take
        return
    failed = True
    try:
        yield teller
        failed = False
    finally:
        teller.close(exit_code=int(failed))


class _Heard:
    """What a listener heard, as points of curves.

    Args:
        board: what has happened so far.
        store: where steps lie.
    """

    def __init__(self, board: Board, store: Folder) -> None:
        self.board, self.store = board, store
        self.reached: deque[dict[str, float]] = deque(maxlen=MOST_POINTS)
        self.fits: dict[str, Step] = {}
        self.told: dict[str, int] = {}

    def take(self, event: Event) -> None:
        """Take in an event; quick, since the run waits for it."""
        self.board.take(event)
        if event.told:
            values = {f"trial/{name}": float(value) for name, value in event.told.items()}
            self.reached.append({"seconds": self.board.tally.elapsed, **values})
        if event.state != "started":
            self.fits.pop(event.step.fingerprint, None)
        elif event.step.kind in FITS:
            self.fits[event.step.fingerprint] = event.step

    def points(self) -> list[dict[str, float]]:
        """What finished trials reached, what running fits came to, and how things stand; only what is new."""
        waiting = [self.reached.popleft() for _ in range(len(self.reached))]
        curves = [point for step in list(self.fits.values()) for point in self._curve(step)]
        return [*waiting, *curves, self.board.numbers()]

    def _curve(self, step: Step) -> list[dict[str, float]]:
        """New epochs of a running fit, or of a stretch of one."""
        name = step.title.rsplit(" ", 1)[-1]
        if name not in self.told and len(self.told) >= MOST_CURVES:
            return []
        try:
            rows = history_so_far(step.folder(self.store))
        except StorageError:  # its files come and go while it trains
            return []
        new = [row for row in rows if row["epoch"] > self.told.get(name, -1)]
        if new:
            self.told[name] = int(new[-1]["epoch"])
        now = self.board.tally.elapsed
        return [{"seconds": now} | {f"fit/{name}/{key}": value for key, value in row.items()} for row in new]


class _Teller:
    """A listener, and the thread that tells of what it heard.

    Args:
        heard: what has happened so far.
        folder: where wandb's files go.
        about: of the wandb run.
        pace: how often.
    """

    def __init__(self, heard: _Heard, folder: Folder, about: Mapping[str, Any], pace: Pace) -> None:
        self.heard, self.folder, self.about, self.pace = heard, folder, about, pace
        self.over, self.exit_code = threading.Event(), 0
        self.thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Take in an event; the first step that starts, starts the thread."""
        self.heard.take(event)
        if self.thread is None and event.state == "started":
            self.thread = threading.Thread(target=self._work, name="wandb progress", daemon=True)
            self.thread.start()

    def close(self, exit_code: int) -> None:
        """Tell the last of it, and wait for that, but not for long."""
        self.exit_code = exit_code
        self.over.set()
        if self.thread is not None:
            self.thread.join(self.pace.patience)
            if self.thread.is_alive():
                _LOG.warning("wandb does not answer: the end of this run's progress may be missing there")

    def _work(self) -> None:
        """Wait, start a wandb run and tell of everything in turn; runs in the thread."""
        if self.over.wait(self.pace.every):
            return
        try:
            with local_directory(self.folder) as directory:
                self._tell(directory)
        except Exception as error:  # noqa: BLE001 - whatever a dashboard does, the run goes on
            first = next(iter(str(error).splitlines()), "")
            _LOG.warning("wandb: %s: %s; it is told no more of this run's progress", type(error).__name__, first)

    def _tell(self, directory: Any) -> None:
        run = wandb.init(
            **self.about,
            id=uuid.uuid4().hex,
            job_type="progress",
            reinit="create_new",
            dir=directory,
            settings=quiet_settings(),
        )
        run.define_metric("seconds")
        run.define_metric("*", step_metric="seconds")
        over = False
        while not over:
            over = self.over.is_set()  # asked before the points are taken: the last of them are told, too
            for point in self.heard.points():
                run.log(scrub(point, "progress"))
            self.over.wait(self.pace.every)
        run.finish(exit_code=self.exit_code)
