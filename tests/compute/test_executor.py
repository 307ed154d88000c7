"""Steps as Ray tasks: killed workers, steps that raise, and many small ones."""

import collections
import os
import signal
import time

import pytest

from hemicycle.compute.executor import RayExecutor
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.studies.engine import FAILED, execute
from hemicycle.studies.executor import LocalExecutor, Result
from hemicycle.studies.steps import Cost, Step


class Number(Options):
    value: int
    folder: str = ""


def square(work):
    work.out.write_json("square", work.options.value**2)


def die_once(work):
    """Kill this worker the first time."""
    count(work)
    if not Folder.at(work.options.folder).exists("died"):
        Folder.at(work.options.folder).write_bytes("died", b"")
        os.kill(os.getpid(), signal.SIGKILL)
    square(work)


def count(work):
    """Leave a trace of every call."""
    Folder.at(work.options.folder).write_bytes(f"{work.options.value}-{time.time_ns()}", b"")


def count_and_square(work):
    count(work)
    square(work)


def raise_once(work):
    """Fail the first time."""
    if not Folder.at(work.options.folder).exists("raised"):
        Folder.at(work.options.folder).write_bytes("raised", b"")
        raise ValueError("broken\nin detail")
    square(work)


def step(function, value, folder="", **changes):
    return Step("number", f"number {value:03}", function, Number(value=value, folder=str(folder)), **changes)


def silent(event):
    del event


def results(steps, store):
    return [s.folder(store).read_json("square") for s in steps]


@pytest.fixture
def by_ray(ray_session):
    executor = RayExecutor()
    yield executor
    executor.close()
    assert ray_session.is_initialized()  # it was there before


@pytest.mark.ray
def test_many_small_steps_travel_together(by_ray, tmp_path):
    steps = [step(square, value, cost=Cost(0.001)) for value in range(200)]
    execute([step(square, -1)], Folder.at(tmp_path), by_ray, silent)  # workers are warm
    start = time.monotonic()
    outcome = execute(steps, Folder.at(tmp_path), by_ray, silent)
    assert time.monotonic() - start < 20  # 1 to 2 s on an idle machine
    assert outcome.count("finished") == 200
    assert results(steps, Folder.at(tmp_path)) == [value**2 for value in range(200)]


@pytest.mark.ray
def test_a_killed_worker_costs_only_the_step_it_was_at(by_ray, tmp_path):
    traces = Folder.at(tmp_path / "traces")
    cheap = {"folder": traces.uri, "cost": Cost(0.01)}
    steps = [step(count_and_square, 0, **cheap), step(die_once, 1, **cheap), step(count_and_square, 2, **cheap)]
    steps += [step(square, value, cost=Cost(0.001)) for value in range(10, 20)]  # so that the three are one batch
    outcome = execute(steps, Folder.at(tmp_path), by_ray, silent)
    assert outcome.count("finished") == 13
    calls = [name.partition("-")[0] for name in traces.names() if name != "died"]
    assert calls == ["0", "1", "1", "2"]
    alone = execute(steps, Folder.at(tmp_path / "alone"), LocalExecutor(), silent)
    assert alone.count("finished") == 13
    assert results(steps, Folder.at(tmp_path)) == results(steps, Folder.at(tmp_path / "alone"))


@pytest.mark.ray
def test_a_step_that_raises_is_a_row_and_is_tried_again(by_ray, tmp_path):
    store = Folder.at(tmp_path / "store")
    broken, fine = step(raise_once, 1, tmp_path), step(square, 2)
    first = execute([broken, fine], store, by_ray, silent)
    assert [first.count(state) for state in ("finished", "failed")] == [1, 1]
    assert first.failures() == [{"step": broken.fingerprint, "title": "number 001", "error": "ValueError: broken"}]
    assert "raise_once" in broken.folder(store).read_json(FAILED)["trace"]
    second = execute([broken, fine], store, by_ray, silent)
    assert second.states == {broken.fingerprint: "finished", fine.fingerprint: "cached"}


@pytest.mark.ray
def test_a_lost_task_is_a_failed_row(by_ray, tmp_path):
    outcome = execute([step(die_always, 1)], Folder.at(tmp_path), by_ray, silent)
    (row,) = outcome.failures()
    assert "WorkerCrashedError" in row["error"]


def die_always(work):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.ray
def test_what_is_under_way_is_bounded_by_the_cores(by_ray):
    assert (by_ray.slots, by_ray.free, by_ray.memory) == (2, 4, None)


class Instantly:
    """Claims to have run everything."""

    slots, memory = 8, None

    def __init__(self):
        self.tasks = collections.deque()

    @property
    def free(self):
        return 16 - len(self.tasks)

    def check(self):
        pass

    def submit(self, tasks):
        self.tasks.append(tasks)

    def wait(self):
        return [Result(task.fingerprint) for task in self.tasks.popleft()]


def test_dealing_out_thousands_of_long_steps_takes_no_time(tmp_path):
    steps = [step(square, value, cost=Cost(60)) for value in range(5000)]
    start = time.monotonic()
    outcome = execute(steps, Folder.at(tmp_path), Instantly(), silent)
    assert outcome.count("finished") == 5000
    assert time.monotonic() - start < 10  # 0.2 s on an idle machine; half a minute if every step looked at all others
