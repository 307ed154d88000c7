"""A whole benchmark, with a measurement that is quick to make, and one that is real."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from hemicycle.bench import run
from hemicycle.bench.environments import NoPeerError
from hemicycle.bench.measure import Measurement
from hemicycle.bench.run import BenchOptions, bench, command
from hemicycle.core.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def options(tmp_path):
    given = {"suites": ("ials",), "quick": True, "out": str(tmp_path / "out"), "cache": str(tmp_path / "cache")}
    return BenchOptions.model_validate(given)


@pytest.fixture
def seen(monkeypatch):
    """Names of cases in the order in which they were measured."""
    names = []

    def quickly(case, environment, data, device, limit):
        names.append(case.name)
        return Measurement(({"cpu": 1.0 + case.name.startswith("implicit"), "wall": 1.0},), 1e8)

    monkeypatch.setattr(run, "measure", quickly)
    monkeypatch.setattr(run, "workload", lambda name, cache: run.Workload(Path(), {}))
    monkeypatch.setattr(run, "environment", lambda name, cache: run.Environment(Path(sys.executable), (f"{name}==1",)))
    return names


def quiet():
    return Console(file=io.StringIO())


def test_rounds_go_back_and_forth_and_all_files_are_written(options, seen, tmp_path):
    folder = bench(options.replace(quick=False, repeats=3, suites=("evaluate",)), quiet())
    once = ["ours", "torch.topk", "implicit", "RecBole, as it comes", "RecBole, 512 users at a time"]
    assert seen == once + once[::-1] + once
    assert sorted(path.name for path in folder.iterdir()) == ["bench.csv", "bench.md", "bench.svg", "machine.json"]
    rows = pd.read_csv(folder / "bench.csv")
    assert dict(zip(rows["name"], rows["ratio"], strict=True))["implicit"] == 2
    machine = json.loads((folder / "machine.json").read_text())
    assert machine["environments"]["recbole"] == ["recbole==1"]
    assert machine["cores"] >= 1
    assert folder.parent == tmp_path / "out"


@pytest.mark.usefixtures("seen")
def test_a_peer_that_cannot_be_installed_is_a_row_that_says_why(options, monkeypatch):
    def none(name, cache):
        if name != "own":
            raise NoPeerError("no network")
        return run.Environment(Path(sys.executable))

    monkeypatch.setattr(run, "environment", none)
    rows = pd.read_csv(bench(options, quiet()) / "bench.csv").set_index("name")
    assert rows.loc["implicit ALS (CG)", "problem"] == "cannot be installed: no network"
    assert rows.loc["ours", "least"] == 1.0


def test_what_failed_once_is_not_tried_again(options, seen, monkeypatch):
    monkeypatch.setattr(run, "measure", lambda case, *_: seen.append(case.name) or Measurement(problem="broken"))
    bench(options.replace(quick=False, repeats=4), quiet())
    assert seen == ["ours", "implicit ALS (CG)"]


def test_what_does_not_fit_into_memory_is_not_started(options, seen, monkeypatch):
    monkeypatch.setattr(run.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1e9, "total": 2e9}))
    cases = [c for c in run.SUITES["propagation"](run.Scale()) if c.memory][:1]
    monkeypatch.setitem(run.SUITES, "ials", lambda scale: cases)
    rows = pd.read_csv(bench(options.replace(quick=False, repeats=1), quiet()) / "bench.csv")
    assert rows["problem"].tolist() == ["needs about 16 GB of memory, 1 GB were free"]
    assert seen == []


@pytest.mark.usefixtures("seen")
def test_an_interrupted_run_writes_what_it_has(options, monkeypatch, capsys):
    def interrupted(case, *_):
        if case.role == "peer":
            raise KeyboardInterrupt
        return Measurement(({"cpu": 1.0, "wall": 1.0},), 1e8)

    monkeypatch.setattr(run, "measure", interrupted)
    assert command(options) == 130
    (folder,) = Path(options.out).iterdir()
    assert pd.read_csv(folder / "bench.csv")["calls"].tolist() == [1, 0]
    assert "what was measured is written" in capsys.readouterr().err


@pytest.mark.usefixtures("seen")
def test_without_peers_nothing_of_theirs_is_touched(options):
    folder = bench(options.replace(peers="none"), quiet())
    assert pd.read_csv(folder / "bench.csv")["role"].unique().tolist() == ["ours"]
    assert json.loads((folder / "machine.json").read_text())["environments"] == {"own": ["own==1"]}


@pytest.mark.usefixtures("seen")
def test_the_suite_of_workers_adds_the_projection(options):
    folder = bench(options.replace(suites=("workers",)), quiet())
    rows = pd.read_csv(folder / "projection.csv")
    assert set(rows["gpus"]) == {1, 8, 64}
    assert "Projected, not measured" in (folder / "bench.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"suites": ("speed",)}, "no suite 'speed'"),
        ({"subject": "opinions"}, "no suite 'ials'"),
        ({"device": "tpu"}, "'tpu'"),
    ],
)
def test_mistakes_are_refused_before_anything_starts(options, change, said, capsys):
    with pytest.raises(InputError, match=said):
        bench(options.replace(**change), quiet())
    assert command(options.replace(**change)) == 2
    assert said in capsys.readouterr().err
    assert not Path(options.out).exists()


def test_a_real_miniature_of_one_suite(options, capsys):
    assert command(options.replace(peers="none")) == 0
    out = capsys.readouterr().out
    assert "A miniature" in out
    assert "| ours | 0.0" in out


IN_ONE_PROCESS = """
import json, runpy, sys
from pathlib import Path
from hemicycle.bench import measure
from hemicycle.bench.peers import harness

apart, itself = measure._run, ("hemicycle.bench.ours.executing", "hemicycle.bench.ours.workers")

def run(command, variables, limit):
    if json.loads(command[2].read_text())["module"] in itself:  # these start processes
        return apart(command, variables, limit)
    try:
        harness.main(command[2], command[3])
    except Exception as error:
        return 1, f"{type(error).__name__}: {error}"
    return 0, ""

measure._run = run
sys.path.append(str(Path(harness.__file__).parent))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_the_job_runs_every_suite_in_miniature(tmp_path):
    """In one process, for a start of Python takes longer than most cases do."""
    command = [sys.executable, "-c", IN_ONE_PROCESS, ROOT / "jobs" / "bench.py", "recommenders", "--quick"]
    command += ["--peers", "none", "--out", tmp_path / "out", "--cache", tmp_path / "cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "out").iterdir()
    rows = pd.read_csv(folder / "bench.csv")
    assert rows["problem"].isna().all(), rows["problem"].dropna().tolist()
    assert (rows["least"] > 0).all()
    assert rows["group"].nunique() == 19
