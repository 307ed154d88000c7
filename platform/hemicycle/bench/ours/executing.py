"""What carrying out many short steps costs beside the steps: through Ray, and the same work without anything."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from hemicycle.compute.executor import RayExecutor
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.studies.engine import Event, execute
from hemicycle.studies.steps import Cost, Step, Work

Spec = Mapping[str, Any]
Part = Callable[[], dict[str, Any]]


class Busy(Options):
    """A step that computes."""

    number: int
    """Which of many."""
    seconds: float
    """How long, in CPU seconds."""


def by_ray(spec: Spec) -> Part:
    """``count`` steps of ``seconds`` CPU seconds each on ``cores`` cores, with all that the store writes of them."""
    executor = RayExecutor(cpus=spec["cores"])
    _execute(executor, 2 * spec["cores"], 0.0)  # starts the workers, which then import what they need

    def run() -> dict[str, Any]:
        _execute(executor, spec["count"], spec["seconds"])
        return {"steps": spec["count"]}

    return run


def alone(spec: Spec) -> Part:
    """The same CPU seconds in as many processes, and nothing else."""
    share = spec["count"] * spec["seconds"] / spec["cores"]

    def run() -> dict[str, Any]:
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=_spin, args=(share,)) for _ in range(spec["cores"])]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return {"steps": spec["count"]}

    return run


def _execute(executor: RayExecutor, count: int, seconds: float) -> None:
    steps = [Step("busy", f"{n:05d}", _work, Busy(number=n, seconds=seconds), cost=Cost(seconds)) for n in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        outcome = execute(steps, Folder.at(folder), executor, _ignore)
    if outcome.count("finished") != count:
        raise RuntimeError(f"{outcome.count('failed')} of {count} steps failed: {outcome.failures()[:1]}")


def _work(work: Work) -> None:
    _spin(work.options.seconds)


def _spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def _ignore(event: Event) -> None:
    del event
