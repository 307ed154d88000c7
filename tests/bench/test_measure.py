"""A case in a process of its own."""

import sys
import time
from pathlib import Path

import pytest

from hemicycle.bench import measure as module
from hemicycle.bench.cases import Case
from hemicycle.bench.environments import Environment
from hemicycle.bench.measure import measure

TASKS = """
import os, subprocess, sys, time
def fine(spec):
    return lambda: {"threads": os.environ["OMP_NUM_THREADS"], "data": spec["data"], "more": spec["more"]}
def broken(spec):
    raise ValueError("no such thing")
def endless(spec):
    def run():
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        open(spec["note"], "w").write(str(child.pid))
        time.sleep(60)
    return run
"""
HERE = Environment(Path(sys.executable))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that measures a task of TASKS."""
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def measured(task, limit=60.0, **arguments):
        case = Case("group", "name", "ours", "tasks", task, arguments, threads=2, calls=3)
        return measure(case, HERE, tmp_path, "cpu", limit)

    return measured


def gone(pid):
    """Tell whether a process has ended, or is about to be collected."""
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_case_is_told_its_data_and_threads(run, tmp_path):
    found = run("fine", more=1)
    assert found.problem == ""
    assert len(found.calls) == 3
    assert {"threads": "2", "data": str(tmp_path), "more": 1}.items() <= found.calls[0].items()
    assert 1e6 < found.peak_bytes < 2e8


def test_a_broken_case_says_why(run):
    found = run("broken")
    assert found.problem == "ValueError: no such thing"
    assert found.calls == ()


def test_a_case_without_end_is_ended_with_all_that_it_started(run, tmp_path):
    note = tmp_path / "pid"
    found = run("endless", limit=3.0, note=str(note))
    assert found.problem == "ended from outside: more than 3 s, or out of memory"
    assert gone(int(note.read_text()))


def test_an_interrupted_case_leaves_nothing_behind(run, tmp_path, monkeypatch):
    note = tmp_path / "pid"

    class Interrupted(module.subprocess.Popen):
        def wait(self, timeout=None):
            if timeout is None:
                return super().wait()
            while not (note.exists() and note.read_text()):
                time.sleep(0.02)
            raise KeyboardInterrupt

    monkeypatch.setattr(module.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("endless", note=str(note))
    assert gone(int(note.read_text()))
