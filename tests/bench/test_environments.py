"""Throwaway environments, without the network."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from hemicycle.bench import environments
from hemicycle.bench.cases import OWN
from hemicycle.bench.environments import NoPeerError, environment, pins


@pytest.fixture
def calls(monkeypatch):
    """Commands that would have been run."""
    seen = []

    def call(*command):
        seen.append(command)
        if command[1:3] == ("-m", "venv"):
            Path(command[3]).mkdir()
        return "peer==1.0\nnumpy==2.0\n"

    monkeypatch.setattr(environments, "_call", call)
    return seen


def test_our_own_is_this_interpreter(tmp_path):
    assert environment(OWN, tmp_path).python == Path(sys.executable)


def test_everything_is_pinned_and_torch_is_the_one_we_have():
    assert all("==" in pin for wanted in pins().values() for pin in wanted)
    assert f"torch=={version('torch').partition('+')[0]}" in pins()["recbole"]


def test_an_environment_is_made_once_and_remembers_what_it_holds(tmp_path, calls):
    made = environment("factors", tmp_path)
    assert made.packages == ("peer==1.0", "numpy==2.0")
    assert made.python.is_relative_to(tmp_path)
    assert [pin for pin in pins()["factors"] if pin in calls[1]] == list(pins()["factors"])
    count = len(calls)
    assert environment("factors", tmp_path) == made
    assert len(calls) == count


def test_one_that_was_not_finished_is_made_again(tmp_path, calls):
    made = environment("factors", tmp_path)
    (made.python.parents[1] / "installed.txt").unlink()
    count = len(calls)
    assert environment("factors", tmp_path) == made
    assert len(calls) == 2 * count


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            subprocess.CalledProcessError(1, "pip", stderr="WARNING: x\nERROR: No matching distribution\n"),
            "No matching",
        ),
        (subprocess.TimeoutExpired("pip", 5), "no end after"),
        (OSError("no space left"), "no space left"),
    ],
)
def test_what_cannot_be_installed_says_why(tmp_path, monkeypatch, error, said):
    def fail(*args, **more):
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(NoPeerError, match=said):
        environment("recbole", tmp_path)
