"""Execute a plan: what is finished is skipped, what fails is a recorded row, what follows is added as it appears."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hemicycle.core.storage import Folder
from hemicycle.studies.executor import Executor, Result, Task
from hemicycle.studies.listing import Finished
from hemicycle.studies.steps import Step

State = Literal["cached", "finished", "failed", "blocked"]
FAILED = "failed.json"
BATCH_SECONDS = 0.5
"""Steps of one kind that are expected to take less than this together travel as one task."""


@dataclass(frozen=True)
class Event:
    """Something happened to a step; counts are those of the whole plan as far as it is known, ``totals`` by kind."""

    step: Step
    state: State | Literal["started"]
    done: int
    total: int
    failed: int
    seconds: float = 0.0
    message: str = ""
    told: Mapping[str, float] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)


Listener = Callable[[Event], None]


@dataclass
class Outcome:
    """State of every step of an executed plan, in the order in which they came to an end."""

    states: dict[str, State] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def count(self, state: State) -> int:
        """Number of steps in a state."""
        return sum(found == state for found in self.states.values())

    def finished(self, kind: str) -> list[Step]:
        """Finished steps of a kind, in the plan's order."""
        ok = ("cached", "finished")
        return [s for key, s in self.steps.items() if s.kind == kind and self.states.get(key) in ok]

    def failures(self) -> list[dict[str, str]]:
        """Rows of the failures table."""
        return [
            {"step": key, "title": self.steps[key].title, "error": self.errors[key].splitlines()[0]}
            for key, state in self.states.items()
            if state in ("failed", "blocked")
        ]


class _Run:
    """The moving parts of one execution."""

    def __init__(self, store: Folder, executor: Executor, listener: Listener, remake: Callable[[Step], bool]) -> None:
        self.store, self.executor, self.listener, self.remake = store, executor, listener, remake
        self.outcome = Outcome()
        self.waiting: dict[str, Step] = {}
        self.running: dict[str, Step] = {}
        self.built_on: set[str] = set()
        self.batches: deque[list[Step]] | None = None
        self.totals: Counter[str] = Counter()
        self.n_failed = 0
        self.finished = Finished(store)
        self.checked = False

    def add(self, steps: Iterable[Step]) -> None:
        """Take in steps and what they build on; finished ones count at once and bring what follows from them."""
        for step in steps:
            if step.fingerprint in self.outcome.steps:
                continue
            self.add(step.inputs.values())
            self.outcome.steps[step.fingerprint] = step
            again = self.remake(step)
            if not again and self.finished(step.kind, step.fingerprint):
                self._end(step, "cached")
            else:
                if again:
                    step.folder(self.store).delete()
                self.waiting[step.fingerprint] = step
                self.built_on.update(before.fingerprint for before in step.inputs.values())
                self.batches = None

    def ready(self) -> list[Step]:
        """Steps whose inputs are finished; those whose inputs failed are blocked on the way."""
        found = []
        for step in list(self.waiting.values()):
            states = {name: self.outcome.states.get(s.fingerprint) for name, s in step.inputs.items()}
            bad = {name for name, state in states.items() if state in ("failed", "blocked")}
            if bad - step.tolerates:
                del self.waiting[step.fingerprint]
                self._end(step, "blocked", message="not run: a step that it builds on failed")
            elif None not in states.values():
                found.append(step)
        return found

    def start(self) -> None:
        """Submit as many batches as the executor takes; they are made anew only when there are other steps to do."""
        if self.batches is None:
            ready = self.ready()
            self.batches = deque(_batches(ready, self.executor.slots))
        while self.batches:
            if not self.checked:
                self.executor.check()
                self.checked = True
            if self.executor.free < 1:
                return
            batch = self.batches.popleft()
            for step in batch:
                self.running[step.fingerprint] = self.waiting.pop(step.fingerprint)
                self._tell(step, "started")
            self.executor.submit([Task.of(step, step.work(self.store)) for step in batch])

    def collect(self) -> None:
        """Take in what has ended."""
        for result in self.executor.wait():
            step = self.running.pop(result.fingerprint)
            if result.error:
                self._record_failure(step, result)
            self._end(step, "failed" if result.error else "finished", result.seconds, result.error)

    def _record_failure(self, step: Step, result: Result) -> None:
        row = {"title": step.title, "error": result.error, "trace": result.trace, "time": time.time()}
        step.folder(self.store).write_json(FAILED, row)

    def _end(self, step: Step, state: State, seconds: float = 0.0, message: str = "") -> None:
        self.outcome.states[step.fingerprint] = state
        self.n_failed += state == "failed"
        if step.fingerprint in self.built_on:
            self.batches = None
        if message:
            self.outcome.errors[step.fingerprint] = message
        self._tell(step, state, seconds, message)
        if state in ("cached", "finished") and step.then is not None:
            self.add(step.then(step.folder(self.store)))

    def _tell(self, step: Step, state: State | Literal["started"], seconds: float = 0.0, message: str = "") -> None:
        counts = (len(self.outcome.states), len(self.outcome.steps), self.n_failed)
        told = step.folder(self.store).read_json(step.tells) if step.tells and state == "finished" else {}
        self.listener(Event(step, state, *counts, seconds, message, told, self.totals))


def execute(
    steps: Iterable[Step],
    store: Folder,
    executor: Executor,
    listener: Listener,
    remake: Callable[[Step], bool] = lambda _: False,
) -> Outcome:
    """Bring steps, what they build on and what follows from them to an end.

    Args:
        steps: what is wanted.
        store: where results lie.
        executor: who computes.
        listener: told of everything that happens.
        remake: tells which finished steps are made again.

    Returns:
        The state of every step. A failed step blocks only those that build on it.

    Raises:
        InputError: the executor cannot take tasks; nothing was started.
    """
    run = _Run(store, executor, listener, remake)
    run.add(steps)
    while run.waiting or run.running:
        run.start()
        if run.running:
            run.collect()
    return run.outcome


def _batches(steps: list[Step], slots: int) -> list[list[Step]]:
    """Group short steps of one kind, longest steps first, keeping every slot busy."""
    ordered = sorted(steps, key=lambda step: (-step.cost.seconds * step.workers, step.title))
    limit = max(1, -(-len(ordered) // max(1, 2 * slots)))
    batches: list[list[Step]] = []
    for step in ordered:
        last = batches[-1] if batches else []
        room = last and last[0].kind == step.kind and step.workers == 1 and len(last) < limit
        if room and sum(s.cost.seconds for s in last) + step.cost.seconds <= BATCH_SECONDS:
            last.append(step)
        else:
            batches.append([step])
    return batches
