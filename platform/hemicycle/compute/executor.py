"""RayExecutor: steps as Ray tasks, with a bounded number in flight."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import psutil
import ray
from ray.exceptions import RayError

from hemicycle.compute import session
from hemicycle.compute.train import run_group
from hemicycle.core.storage import Folder
from hemicycle.search.trials import Trial
from hemicycle.studies.executor import Launch, Result, Task, run_task
from hemicycle.studies.searching import journal_of
from hemicycle.studies.trial_steps import TrialSteps
from hemicycle.training.group import Group

IN_FLIGHT_PER_CORE = 2
"""Submissions under way for each core: one that runs and one that waits."""
SEARCH = "search"
"""Kind of a step that starts processes of its own for its trials."""


class RayExecutor:
    """Runs tasks on a Ray cluster; it is joined when the first task comes.

    A task whose worker dies is run again by Ray; its folder is only closed at its end, so nothing half-made counts.
    On a cluster of our own a task never asks for more cores than there are; elsewhere the cluster may grow.

    Args:
        address: as for :func:`hemicycle.compute.session.start`.
        cpus: cores of a cluster of our own.
    """

    def __init__(self, address: str | None = None, cpus: int | None = None) -> None:
        self.address, self.cpus = address, cpus
        self._pending: dict[Any, Sequence[Task]] = {}
        self._ours = False

    @property
    def slots(self) -> int:
        """Cores of the cluster."""
        if not ray.is_initialized():
            return self.cpus or os.cpu_count() or 1
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    @property
    def free(self) -> int:
        """How many more submissions may be in flight."""
        return IN_FLIGHT_PER_CORE * self.slots - len(self._pending)

    @property
    def memory(self) -> float | None:
        """What is available here, for a cluster of our own."""
        return None if self._elsewhere else float(psutil.virtual_memory().available)

    @property
    def _elsewhere(self) -> bool:
        """Tell whether the cluster is one that others started."""
        return bool(self.address or os.environ.get("RAY_ADDRESS") or (ray.is_initialized() and not self._ours))

    def check(self) -> None:
        """Join the cluster, or start one."""
        self._ours = self._ours or not ray.is_initialized()
        session.start(self.address, self.cpus)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Send tasks as one Ray task; one whose work is done by others, workers or trials, itself takes no core."""
        cores = float("inf") if self._elsewhere else self.slots
        drives = tasks[0].workers > 1 or tasks[0].about["kind"] == SEARCH
        wanted = 0 if drives else min(cores, max(t.threads for t in tasks))
        name = tasks[0].title if len(tasks) == 1 else f"{tasks[0].title} and {len(tasks) - 1} more"
        remote = ray.remote(_run_all).options(name=name, num_cpus=wanted, max_retries=3)
        self._pending[remote.remote(list(tasks), cores)] = tasks

    def wait(self) -> list[Result]:
        """Wait for one submission; tasks that Ray lost for good become failed results."""
        ready, _ = ray.wait(list(self._pending), num_returns=1)
        tasks = self._pending.pop(ready[0])
        try:
            results: list[Result] = ray.get(ready[0])
        except RayError as error:
            text = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
            return [Result(task.fingerprint, 0.0, text, str(error)) for task in tasks]
        return results

    def close(self) -> None:
        """Leave a cluster that was joined or started here, which ends what is under way; else cancel that."""
        if self._ours:
            session.stop()
        else:
            for reference in self._pending:
                ray.cancel(reference)
        self._pending.clear()


def _run_all(tasks: list[Task], cores: float) -> list[Result]:
    """Run tasks in turn, except those that were finished before the worker of an earlier attempt died."""
    launch = partial(_launch_train, cores=cores)
    search = partial(_search, launch=launch)
    return [Result(task.fingerprint) if task.work.out.done else run_task(task, launch, search) for task in tasks]


def _search(trials: TrialSteps, out: Folder, launch: Launch) -> list[Trial]:
    """Carry out an asynchronous search by Ray Tune."""
    from hemicycle.compute.tune import tune_search  # noqa: PLC0415 - slow to import, and only needed here

    return tune_search(
        trials.config,
        trials.space,
        replace(trials, launch=launch),
        journal_of(out),
        storage=out,
        name=out.name,
        threads=trials.threads,
    )


def _launch_train(function: Callable[[Group], None], task: Task, cores: float) -> None:
    run_group(
        function,
        task.workers,
        threads=task.threads,
        cpus=min(task.threads, cores / task.workers),
        storage=task.work.out / "train",
        name=task.fingerprint,
    )
