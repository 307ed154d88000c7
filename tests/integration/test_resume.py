"""Runs that are interrupted or killed at a random moment and go on with the same command."""

import os
import random
import signal
import time

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder

INTERRUPTED = "Interrupted. Nothing that was finished is lost: the same command goes on from here."


@pytest.fixture
def undisturbed(small_study):
    """Number of steps and the store of a run that nothing happened to."""
    study, store = small_study
    return len(study.outcome.steps), store.uri


def n_done(store):
    """Number of finished steps."""
    return len(list(store.glob("steps/*/*/DONE")))


def reach(process, store, steps, eventually):
    """Wait until some more steps are finished, and a moment longer."""
    wanted = n_done(store) + steps
    eventually(lambda: process.poll() is not None or n_done(store) >= wanted, 300)
    time.sleep(random.random() / 2)  # noqa: S311 - any moment will do
    assert process.poll() is None


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_a_killed_local_run_goes_on(programs, small_study, small_config, tmp_path, eventually):
    expected, _ = small_study
    process = programs.start("hemicycle", "run", small_config, "--store", tmp_path, "--executor", "local")
    reach(process, tmp_path, random.randint(1, 5), eventually)  # noqa: S311 - any step will do
    process.kill()
    process.communicate(timeout=300)
    before = n_done(tmp_path)
    study = api.run(small_config, executor=api.local(), store=Folder.at(tmp_path))
    assert 0 < before <= study.outcome.count("cached") + 1 < len(study.outcome.steps)
    assert study.outcome.count("failed") == 0
    assert set(study.tables) == set(expected.tables)
    for name, table in expected.tables.items():
        assert study.tables[name].equals(table), name


WAIT = """
import signal
import time
from pathlib import Path
from hemicycle.training.launch import run_group

def wait(group):
    Path(f"rank-{group.rank}").touch()
    time.sleep(300)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        run_group(wait, 2)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted\n"), (signal.SIGKILL, "")])
def test_workers_of_this_machine_end_with_the_run(programs, tmp_path, eventually, number, said):
    script = tmp_path / "script.py"
    script.write_text(WAIT.replace('Path(f"', f'Path(f"{tmp_path}/'), encoding="utf-8")
    process = programs.start("python", script)
    eventually(lambda: len(list(tmp_path.glob("rank-*"))) == 2)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # what a terminal does
    else:
        process.kill()
    out, err = process.communicate(timeout=300)
    assert (out, "Traceback" in err) == (said, False)
    eventually(lambda: programs.left() == [], 10)


@pytest.fixture
def command(small_config, tmp_path):
    """Run the small study on Ray."""
    return ["hemicycle", "run", small_config, "--store", tmp_path]


@pytest.mark.ray
def test_a_ray_run_goes_on_after_ctrl_c_and_after_a_kill(
    programs, command, undisturbed, eventually, assert_same_tables
):
    (tmp_path, steps, store) = command[-1], *undisturbed
    process = programs.start(*command)
    reach(process, tmp_path, random.randint(1, 4), eventually)  # noqa: S311 - any step will do
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == INTERRUPTED
    assert [line for line in err.splitlines()[:-1] if " steps, 0 failed, " not in line] == []
    eventually(lambda: programs.left() == [], 5)
    assert n_done(tmp_path) < steps

    process = programs.start(*command)
    reach(process, tmp_path, random.randint(1, 4), eventually)  # noqa: S311 - any step will do
    process.kill()
    process.communicate(timeout=300)
    eventually(lambda: not any("::" in name and "Agent" not in name for name in programs.names()), 30)
    programs.end()

    code, _, err = programs.run(*command)
    assert code == 0, err
    assert_same_tables(tmp_path, store)
