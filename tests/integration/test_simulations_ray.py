"""Simulations with everything in the loop: how many workers there are, in which order they work and whether they live
to the end leaves no trace in the tables.
"""

import os
import signal

import pandas as pd
import pytest
import yaml

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.studies import mediation
from hemicycle.studies.executor import LocalExecutor

FRIENDS = {"exposure": "recommended", "k": 3, "candidates": "friends_of_friends", "most_candidates": 40, "refresh": 3}
LOOP = {
    "opinions": [{"opinion": "bounded_confidence", "confidence": 0.5}],
    "arms": [
        "none",
        {"exposure": "random", "k": 3},
        {**FRIENDS, "update": "re-embed"},
        {**FRIENDS, "name": "retrained", "update": "retrain", "retrain": {"epochs": 1}},
    ],
    "mediators": {"lightgcn": {"model": "lightgcn", "dim": 4, "layers": 1}},
    "mediator_train": {"epochs": 1},
    "conduct": {"accept": 0.1, "unfollow": 0.05, "tolerance": 0.7, "choice": {"model": "position"}},
    "noise": 0.1,
    "steps": 8,
    "seeds": 6,
    "costly_every": 4,
    "densities": 3,
}
STUDY = {
    "name": "loop",
    "data": {"source": "voteview", "congress": 96},
    "society": {"users": 300, "dimensions": 2, "parties": "cross-cutting", "items": 0, "follows": {"per_user": 6}},
    "simulations": {"loop": LOOP},
    "tracking": {"wandb": "disabled"},
}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "loop.yaml"
    path.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
    """Store of the study run in one process without Ray."""
    store = tmp_path_factory.mktemp("alone")
    finish(config, store)
    return store


def finish(config, store, executor=None):
    """Run to the tables, without figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "write_report", lambda facts, tables, folder: folder.write_bytes("report.html", b"-"))
        study = api.run(config, executor=executor or api.local(), store=Folder.at(store))
    assert study.outcome.count("failed") + study.outcome.count("blocked") == 0
    return study


def test_the_loop_is_closed_and_every_arm_is_in_the_tables(alone, tables):
    found = tables(alone)
    results = found["simulation_results"]
    assert set(results.arm) == {"none", "random", "recommended", "retrained"}
    assert set(results.seed) == set(range(6))
    last = results[results.step == 8].pivot_table(index="seed", columns=["metric", "arm"], values="value")
    assert (last["variance"].nunique(axis=1) == 4).all(), "every arm goes its own way"
    assert len(found["simulation_densities"])


class Backwards(LocalExecutor):
    """Takes everything that is ready at once, and does the last first."""

    slots, free = 8, 1000

    def wait(self):
        self._tasks.rotate(1)
        return super().wait()


def test_another_order_of_tasks_gives_the_same_tables(config, alone, tmp_path, assert_same_tables):
    order = [s.title for s in finish(config, tmp_path, Backwards()).outcome.finished("simulate")]
    states = list(finish(config, alone).outcome.steps.values())
    assert sorted(order) == sorted(step.title for step in states if step.kind == "simulate")
    assert_same_tables(tmp_path, alone)


# -- interrupted in the middle of a step -------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.simulations.state import State
from hemicycle.studies.scratch import Scratch

config, store, after = sys.argv[1:]
write, written = State.write, []

def write_and_die(state, folder):
    write(state, folder)
    written.append(state.step)
    if len(written) == int(after):
        os.kill(os.getpid(), signal.SIGKILL)

Scratch.due = lambda self: True
State.write = write_and_die
api.run(config, executor=api.local(), store=Folder.at(store))
"""


@pytest.fixture
def killed(programs, config, tmp_path):
    """Store of a run that was killed in the middle of an arm."""
    script, store = tmp_path / "killed.py", tmp_path / "store"
    script.write_text(KILLED, encoding="utf-8")
    after = 8 + 8 + 8 + 5  # three arms of a seed, and five steps of the one that is retrained
    code, _, err = programs.run("python", script, config, store, after)
    assert code == -signal.SIGKILL, err
    return store


def test_a_step_that_is_killed_goes_on_from_its_snapshot(killed, config, alone, monkeypatch, assert_same_tables):
    (unfinished,) = killed.glob("steps/simulate/*/unfinished")
    begun, real = [], mediation.simulate_run

    def watched(config, run, *args, start, **kwargs):
        begun.append((run.seed, run.arm.label, 0 if start is None else start.step))
        return real(config, run, *args, start=start, **kwargs)

    monkeypatch.setattr(mediation, "simulate_run", watched)
    finish(config, killed)
    assert [what for what in begun if what[2]] == [(begun[0][0], "retrained", 5)]
    assert len(begun) == 6 * 4 - 3, "arms that were finished are not run again"
    assert not unfinished.exists()
    assert_same_tables(killed, alone)


# -- workers -----------------------------------------------------------------------------------------------------------

WORKERS = """
import sys
from hemicycle import api
from hemicycle.core.storage import Folder

api.write_report = lambda facts, tables, folder: folder.write_bytes("report.html", b"-")
for cpus in (1, 2, 4):
    store = Folder.at(f"{sys.argv[2]}/{cpus}")
    study = api.run(sys.argv[1], executor=api.ray(cpus=cpus), store=store)
    print(cpus, study.outcome.count("finished"), study.outcome.count("failed"))
"""


@pytest.mark.ray
@pytest.mark.slow
def test_1_2_and_4_workers_give_the_same_tables(programs, config, alone, tmp_path, assert_same_tables):
    script = tmp_path / "workers.py"
    script.write_text(WORKERS, encoding="utf-8")
    code, out, err = programs.run("python", script, config, tmp_path)
    n = len(finish(config, alone).outcome.steps)
    assert (code, out.split("\n")[:3]) == (0, [f"{cpus} {n} 0" for cpus in (1, 2, 4)]), out + err
    for cpus in (1, 2, 4):
        assert_same_tables(tmp_path / str(cpus), alone)


LOSS = """
import contextlib, os, sys, time
import psutil
from hemicycle import api
from hemicycle.core.storage import Folder

killed = []

def simulating():
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name().startswith("ray::simulate"):
                if process.environ().get("HEMICYCLE_TEST_MARK") == os.environ["HEMICYCLE_TEST_MARK"]:
                    yield process

def kill_one(event):
    if event.step.kind == "simulate" and event.state == "finished" and not killed:
        for process in simulating():
            process.kill()
            killed.append(process.pid)
            return

study = api.run(sys.argv[1], sys.argv[3:], executor=api.ray(cpus=2), store=Folder.at(sys.argv[2]), listener=kill_one)
print(len(killed), study.outcome.count("failed"), (study.folder.local / "report.html").stat().st_size > 10_000)
"""
MANY = ["simulations.loop.seeds=12", "simulations.loop.steps=30", "society.users=500"]


@pytest.mark.ray
@pytest.mark.slow
def test_paired_runs_survive_a_killed_worker_and_finish_in_the_report(
    programs, config, tmp_path, no_figures, assert_same_tables
):
    script = tmp_path / "loss.py"
    script.write_text(LOSS, encoding="utf-8")
    code, out, err = programs.run("python", script, config, tmp_path / "ray", *MANY)
    assert (code, out.splitlines()[-1:]) == (0, ["1 0 True"]), out + err
    api.run(config, MANY, executor=api.local(), store=Folder.at(tmp_path / "alone"))
    assert_same_tables(tmp_path / "ray", tmp_path / "alone")
    found = pd.read_parquet(next((tmp_path / "ray").glob("studies/*/tables/simulation_contrasts.parquet")))
    assert set(found.arm) == {"random", "recommended", "retrained"}
    assert "HEMICYCLE_TEST_MARK" not in os.environ
