"""Short steps travel together, and what workers read from the store is not theirs alone."""

import gc
import sys

import numpy as np
import psutil
import pytest

from hemicycle.bench.ours import executing
from hemicycle.compute.executor import RayExecutor
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.studies.engine import execute
from hemicycle.studies.steps import Cost, Step

pytestmark = [pytest.mark.ray, pytest.mark.slow]
EDGES = 50
USERS = 1_000_000


class Number(Options):
    value: int


class Counting(RayExecutor):
    """Counts what it sends."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def submit(self, tasks):
        self.sent.append(len(tasks))
        super().submit(tasks)


@pytest.fixture
def by_ray(ray_session):
    executor = Counting()
    yield executor
    executor.close()


def silent(event):
    del event


def double(work):
    work.out.write_json("doubled.json", 2 * work.options.value)


def test_three_hundred_short_steps_are_some_thirty_tasks(by_ray, tmp_path):
    steps = [Step("double", f"{n:04}", double, Number(value=n), cost=Cost(0.05)) for n in range(300)]
    outcome = execute(steps, Folder.at(tmp_path), by_ray, silent)
    assert outcome.count("finished") == sum(by_ray.sent) == 300
    assert len(by_ray.sent) <= 300 / 8
    assert [step.folder(Folder.at(tmp_path)).read_json("doubled.json") for step in steps] == [*range(0, 600, 2)]


def test_the_benchmark_of_short_steps_runs_them_all(ray_session):
    spec = {"count": 6, "seconds": 0.001, "cores": 2}
    assert executing.by_ray(spec)() == executing.alone(spec)() == {"steps": 6}


def large_graph():
    """A million users with 50 items each: 200 MB of indices."""
    items = (np.arange(EDGES, dtype=np.int32) * 1000)[None, :] + (np.arange(USERS, dtype=np.int32) % 1000)[:, None]
    return InteractionGraph(np.arange(0, USERS * EDGES + 1, EDGES), items.reshape(-1), 1000 * EDGES)


def memory():
    """MB of this process that no file stands behind, and MB of files that it has mapped."""
    gc.collect()
    info = psutil.Process().memory_info()
    return np.array([info.rss - info.shared, info.shared]) / 1e6


def compute(work):
    before = memory()
    graph = Split.read(work.inputs["split"]).train
    degrees = graph.item_degrees
    total = int(graph.indices.sum(dtype=np.int64))
    own, mapped = memory() - before
    facts = {"edges": int(degrees.sum()), "total": total, "own": own, "mapped": mapped, "pid": psutil.Process().pid}
    work.out.write_json("facts.json", facts)


def write(work):
    train = large_graph()
    empty = InteractionGraph(np.zeros(USERS + 1, np.int64), np.zeros(0, np.int32), train.n_items)
    Split(train, empty, empty).write(work.out)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what of a process is shared")
def test_workers_share_the_graph_that_they_read(by_ray, tmp_path):
    store = Folder.at(tmp_path)
    split = Step("split", "split", write, Number(value=0))
    steps = [Step("compute", f"{n}", compute, Number(value=n), {"split": split}, cost=Cost(10)) for n in range(4)]
    outcome = execute(steps, store, by_ray, silent)
    assert outcome.count("finished") == 5, outcome.errors
    found = [step.folder(store).read_json("facts.json") for step in steps]
    assert {(facts["edges"], facts["total"]) for facts in found} == {(USERS * EDGES, int(large_graph().indices.sum()))}
    assert max(facts["own"] for facts in found) < 50, found
    assert max(facts["mapped"] for facts in found) > 190, found
