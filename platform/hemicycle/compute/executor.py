"""RayExecutor: steps as Ray tasks, with a bounded number in flight."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import ray
from ray.exceptions import RayError

from hemicycle.compute import session
from hemicycle.compute.train import run_group
from hemicycle.studies.executor import Result, Task, run_task
from hemicycle.training.group import Group

IN_FLIGHT_PER_CORE = 2
"""Submissions under way for each core: one that runs and one that waits."""


class RayExecutor:
    """Runs tasks on a Ray cluster; it is joined when the first task comes.

    A task whose worker dies is run again by Ray; its folder is only closed at its end, so nothing half-made counts.

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
        elsewhere = self.address or os.environ.get("RAY_ADDRESS") or ray.is_initialized()
        return None if elsewhere else float(psutil.virtual_memory().available)

    def check(self) -> None:
        """Join the cluster, or start one."""
        self._ours = self._ours or not ray.is_initialized()
        session.start(self.address, self.cpus)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Send tasks as one Ray task; one that is shared by workers gets a driver that takes no core."""
        shared = tasks[0].workers > 1
        options = {"num_cpus": 0 if shared else max(t.threads for t in tasks), "max_retries": 3}
        name = tasks[0].title if len(tasks) == 1 else f"{tasks[0].title} and {len(tasks) - 1} more"
        remote = ray.remote(_run_all).options(name=name, **options)
        self._pending[remote.remote(list(tasks))] = tasks

    def wait(self) -> list[Result]:
        """Wait for one submission; tasks that Ray lost for good become failed results."""
        ready, _ = ray.wait(list(self._pending), num_returns=1)
        tasks = self._pending.pop(ready[0])
        try:
            results: list[Result] = ray.get(ready[0])
        except RayError as error:
            text = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            return [Result(task.fingerprint, 0.0, text, str(error)) for task in tasks]
        return results

    def close(self) -> None:
        """Cancel what is under way and leave the cluster, if it is ours."""
        for reference in self._pending:
            ray.cancel(reference, force=True)
        self._pending.clear()
        if self._ours:
            session.stop()


def _run_all(tasks: list[Task]) -> list[Result]:
    return [run_task(task, _launch_train) for task in tasks]


def _launch_train(function: Callable[[Group], None], task: Task) -> None:
    run_group(function, task.workers, threads=task.threads, storage=task.work.out / "train", name=task.fingerprint)
