"""The whole path on Ray against the same path in one process."""

import re

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder

OURS = re.compile(r"\d+/\d+ steps, 0 failed, \d+ s(, about \d+ s left)?; last: .+ \(\d+\.\d s\)")
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
