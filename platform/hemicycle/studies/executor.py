"""Run steps: in this process (LocalExecutor), or wherever an :class:`Executor` takes them."""

import importlib.metadata
import os
import platform
import subprocess
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import numba
import psutil
import threadpoolctl
import torch

from hemicycle import __version__
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.studies.steps import Step, Work
from hemicycle.training.group import Group
from hemicycle.training.launch import run_group

PACKAGES = ("torch", "torch-geometric", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "ray", "numba")


@dataclass(frozen=True)
class Task:
    """A step on its way to a process: picklable, and all that a worker needs.

    Args:
        fingerprint: identity of the step.
        title: for people.
        function: the step's function.
        work: what it is given.
        threads: threads to compute with.
        workers: processes that share it.
        about: what the manifest says of the step beside what the worker knows.
    """

    fingerprint: str
    title: str
    function: Callable[[Work], None]
    work: Work
    threads: int
    workers: int
    about: dict[str, Any]

    @classmethod
    def of(cls, step: Step, work: Work) -> "Task":
        """Return the task of a step."""
        about = {
            "kind": step.kind,
            "title": step.title,
            "version": step.version,
            "options": step.options.model_dump(mode="json"),
            "inputs": {name: s.fingerprint for name, s in step.inputs.items()},
        }
        return cls(step.fingerprint, step.title, step.function, work, step.threads, step.workers, about)


@dataclass(frozen=True)
class Result:
    """How a task ended; ``error`` is empty when it is finished."""

    fingerprint: str
    seconds: float = 0.0
    error: str = ""
    trace: str = ""


Launch = Callable[[Callable[[Group], None], Task], None]
"""Runs a function once in each of a task's workers."""
Search = Callable[[Any, Folder], Any]
"""Carries out an asynchronous search in a folder, as :attr:`hemicycle.studies.steps.Work.search`."""


class Executor(Protocol):
    """Takes tasks and hands back results, in any order."""

    @property
    def slots(self) -> int:
        """How many tasks can run at the same time."""

    @property
    def free(self) -> int:
        """How many more submissions it takes now."""

    @property
    def memory(self) -> float | None:
        """Bytes of memory that tasks share; None when other machines run them."""

    def check(self) -> None:
        """Raise an InputError when no task could run here."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Take tasks that may run in one go."""

    def wait(self) -> list[Result]:
        """Wait for at least one result."""

    def close(self) -> None:
        """Give back what was started."""


class LocalExecutor:
    """Runs every task in this process, in the order of submission; shared ones in processes of their own."""

    slots = 1

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    @property
    def free(self) -> int:
        """One submission at a time."""
        return 0 if self._tasks else 1

    @property
    def memory(self) -> float:
        """What is available here."""
        return float(psutil.virtual_memory().available)

    def check(self) -> None:
        """Nothing can be missing."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        self._tasks.extend(tasks)

    def wait(self) -> list[Result]:
        """Run the next task."""
        return [run_task(self._tasks.popleft(), launch_processes)]

    def close(self) -> None:
        """Forget what was not run."""
        self._tasks.clear()


def launch_processes(function: Callable[[Group], None], task: Task) -> None:
    """Run a function in processes of this machine."""
    run_group(function, task.workers, threads=task.threads)


def run_task(task: Task, launch: Launch, search: Search | None = None) -> Result:
    """Run one task to its end; an exception becomes a result, and only a finished folder gets its DONE."""
    start = time.perf_counter()
    try:
        complete(task, launch, search)
    except InputError as error:
        return Result(task.fingerprint, time.perf_counter() - start, str(error))
    except Exception as error:  # noqa: BLE001 - a failed item is a recorded row, whatever failed
        text = f"{type(error).__name__}: {error}"
        return Result(task.fingerprint, time.perf_counter() - start, text, traceback.format_exc())
    return Result(task.fingerprint, time.perf_counter() - start)


def complete(task: Task, launch: Launch, search: Search | None = None) -> None:
    """Run one task, write its manifest and close its folder; exceptions pass."""
    start = time.perf_counter()
    if task.workers > 1:
        launch(partial(_member, task), task)
    else:
        with fixed_threads(task.threads):
            task.function(replace(task.work, search=search))
    task.work.out.write_json("manifest.json", manifest(task, time.perf_counter() - start))
    task.work.out.finish()


def _member(task: Task, group: Group) -> None:
    """Do one worker's part of a shared task."""
    with fixed_threads(task.threads):
        task.function(replace(task.work, group=group))


@contextmanager
def fixed_threads(threads: int) -> Iterator[None]:
    """Compute with this number of threads in torch, numba and BLAS, whatever the surroundings say."""
    before_torch, before_numba = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpoolctl.threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before_torch)
        numba.set_num_threads(before_numba)


# -- provenance ------------------------------------------------------------------------------------------------------


def manifest(task: Task, seconds: float) -> dict[str, Any]:
    """Say where a result comes from: configuration, inputs, versions, hardware, time."""
    return {
        **task.about,
        "fingerprint": task.fingerprint,
        "threads": task.threads,
        "workers": task.workers,
        "seconds": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **provenance(),
    }


@cache
def provenance() -> dict[str, Any]:
    """Versions, commit and hardware of this process; looked up once, since git and package metadata take 20 ms."""
    return {
        "hemicycle": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        },
    }


def _commit() -> str | None:
    """Commit of the source tree that runs, with ``+`` when it has changes; None outside a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    git = partial(subprocess.run, cwd=root, capture_output=True, text=True, check=False)
    try:
        head = git(["git", "rev-parse", "HEAD"])
        dirty = git(["git", "status", "--porcelain"])
    except OSError:
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "") if head.returncode == 0 else None
