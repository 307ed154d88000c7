"""Programs started by tests, and all that these start in turn, Ray's processes included."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pandas as pd
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent


class Programs:
    """Starts programs whose environment carries a mark, by which everything that they started is found again."""

    def __init__(self):
        self.mark, self.started = uuid.uuid4().hex, []
        self.ray = Path(tempfile.mkdtemp(prefix="hc-"))  # short, since sockets lie below it
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "HEMICYCLE_", "WANDB_"))}
        self.environment = ours | {
            "HEMICYCLE_TEST_MARK": self.mark,
            "RAY_TMPDIR": str(self.ray),
            "PYTHONPATH": str(ROOT / "platform"),
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
            "RAY_worker_niceness": "0",
        }

    def start(self, *command, **environment):
        """Start a program of this Python in a process group of its own."""
        process = subprocess.Popen(
            [str(SCRIPTS / command[0]), *map(str, command[1:])],
            env=self.environment | environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *command, **environment):
        """Run a program to its end; returns exit code, output and errors."""
        process = self.start(*command, **environment)
        out, err = process.communicate(timeout=500)
        return process.returncode, out, err

    def left(self):
        """Everything that still runs of what was started."""
        return [process for process in psutil.process_iter() if self._ours(process)]

    def _ours(self, process):
        with contextlib.suppress(psutil.Error):
            return process.environ().get("HEMICYCLE_TEST_MARK") == self.mark and process.status() != "zombie"
        return False

    def names(self):
        """Names of what still runs."""
        found = []
        for process in self.left():
            with contextlib.suppress(psutil.Error):
                found.append(process.name())
        return found

    def end(self):
        """Kill what still runs, and wait until it is gone."""
        for process in (left := self.left()):
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=30)
        for process in self.started:
            process.__exit__(None, None, None)


@pytest.fixture
def programs():
    """Programs that end with the test."""
    found = Programs()
    yield found
    found.end()
    shutil.rmtree(found.ray, ignore_errors=True)


@pytest.fixture(scope="module")
def lasting_programs():
    """Programs that end with the module."""
    found = Programs()
    yield found
    found.end()
    shutil.rmtree(found.ray, ignore_errors=True)


@pytest.fixture(scope="session")
def tables():
    """Read all tables of the only study in a store."""

    def read(store):
        (folder,) = Path(store).glob("studies/*/tables")
        return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}

    return read


@pytest.fixture(scope="session")
def assert_same_tables(tables):
    """Compare the tables of two stores, bit by bit."""

    def check(store, other):
        found, expected = tables(store), tables(other)
        assert list(found) == list(expected)
        assert sum(map(len, expected.values())) > 50
        for name, frame in expected.items():
            pd.testing.assert_frame_equal(found[name], frame, check_exact=True, obj=name)

    return check


@pytest.fixture(scope="session")
def eventually():
    """Wait for a condition."""

    def wait(condition, seconds=300.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.05)

    return wait
