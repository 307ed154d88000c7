"""The whole path on Ray against the same path in one process."""

import json
import re

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder

OURS = re.compile(
    r"\d+/\d+ steps, 0 failed, \d+ s(, [\d.]+ steps a minute)?(, about [\d.]+ (s|min) left)?; last: .+ \(\d+\.\d s\)"
)
STUDY = "quickstart_debug"
QUIET = "tracking.wandb=disabled"


@pytest.mark.ray
def test_ray_gives_the_tables_of_one_process(programs, tmp_path, no_figures, assert_same_tables):
    store = tmp_path / "ray"
    running = programs.start("hemicycle", "run", STUDY, QUIET, "--store", store)
    alone = api.run(STUDY, [QUIET], executor=api.local(), store=Folder.at(tmp_path / "alone"))
    out, err = running.communicate(timeout=500)
    assert (running.returncode, alone.outcome.count("failed")) == (0, 0), err
    assert out.startswith("Done: ")
    assert [line for line in err.splitlines() if not OURS.fullmatch(line)] == []
    assert [path.name for path in programs.ray.iterdir()] == ["ray"]
    assert_same_tables(store, tmp_path / "alone")
    workers = {step.workers for step in alone.outcome.finished("fit")}
    assert workers == {1, 2}

    code, out, err = programs.run("hemicycle", "run", STUDY, QUIET, "--store", store, RAY_TMPDIR=str(tmp_path / "no"))
    assert (code, err) == (0, "")
    assert re.match(r"Nothing to do: all \d+ steps were finished before\.\n", out)
    assert not (tmp_path / "no").exists()


@pytest.mark.ray
def test_a_step_that_fails_is_a_row_and_exit_code_3_and_the_next_run_tries_it_again(
    programs, small_config, tmp_path, tables
):
    command = ["hemicycle", "run", small_config, "population.mf.train.lr=1e38", "--store", tmp_path]
    code, out, err = programs.run(*command)
    assert (code, out.startswith("Done: ")) == (3, True), out + err
    assert "failed: fit mf-s0: DivergenceError: training diverged in epoch " in err
    assert "1 step failed, 0 could not run. More: hemicycle show " in err
    found = tables(tmp_path)
    assert list(found["failures"]["title"]) == ["fit mf-s0"]
    assert set(found["probe_results"]["name"]) == {"popularity-s0"}
    assert len(found["simulation_results"]) > 0

    code, out, err = programs.run(*command, "--executor", "local")
    assert (code, "0 steps run" in out, "1 failed" in out) == (3, True, True), out + err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--address", "$RAY_ADDRESS"])
def test_an_unreachable_cluster_is_an_input_error_and_nothing_is_started(programs, small_config, tmp_path, how):
    command = ["hemicycle", "run", small_config, "--store", tmp_path / "store"]
    if how == "--address":
        code, out, err = programs.run(*command, "--address", "127.0.0.1:1")
    else:
        code, out, err = programs.run(*command, RAY_ADDRESS="127.0.0.1:1")
    assert (code, out) == (2, "")
    assert err.startswith(f"{how}: no Ray cluster answers at 127.0.0.1:1 (")
    assert "    -> give host:port of a running head" in err
    assert not (tmp_path / "store" / "steps").exists()
    assert list(programs.ray.iterdir()) == []


FEW_CORES = """
import sys
import numba
import torch
from hemicycle import api
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.studies.engine import execute
from hemicycle.studies.steps import Step

def threads(work):
    work.out.write_json("threads.json", torch.get_num_threads())

def ranks(work):
    work.out.write_json(f"rank-{work.group.rank}.json", work.group.all_reduce_sum(torch.ones(1)).item())

executor = api.ray(cpus=1)
steps = [Step("t", "t", threads, Options(), threads=3), Step("r", "r", ranks, Options(), workers=2)]
outcome = execute(steps, Folder.at(sys.argv[1]), executor, api.silent)
executor.close()
print(sorted(outcome.states.values()), outcome.errors)
"""


@pytest.mark.ray
def test_a_machine_of_one_core_runs_what_asks_for_more(programs, tmp_path):
    code, out, err = programs.run("python", "-c", FEW_CORES, tmp_path)
    assert (code, out) == (0, "['finished', 'finished'] {}\n"), out + err
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("steps/*/*/*.json")}
    assert found == {"manifest.json": found["manifest.json"], "threads.json": 3, "rank-0.json": 2, "rank-1.json": 2}
