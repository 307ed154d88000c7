"""Runs told to a dashboard: read back offline, told once, nothing of the machine, nothing of a person."""

import getpass
import json
import platform
import sys
from pathlib import Path

import pytest
from contracts.wandb_files import history, inspect, logs

from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder
from hemicycle.core.tracking import TrackedRun
from hemicycle.reports import wandb_tracker
from hemicycle.reports.tracking import tracked_runs
from hemicycle.reports.wandb_tracker import WandbTracker, has_key, resolve


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def run(facts, tables):
    return next(run for run in tracked_runs(facts, tables) if run.name == "lightgcn-s1")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # wandb leaves a socket to its service
def test_an_offline_run_is_read_back_and_told_once(run, tmp_path, capfd):
    tracker = WandbTracker(Folder.at(tmp_path / "store"), "hemicycle", "offline")
    tracker.record(run)
    tracker.record(run)
    assert capfd.readouterr() == ("", "")
    (path,) = logs(tmp_path / "store")
    summary = json.loads(inspect(path, "--summary"))
    assert summary["config"] == dict(run.config)
    assert {name: summary["summary"][name] for name in run.summary} == pytest.approx(dict(run.summary))
    assert not any(name.startswith("valid/") for name in summary["summary"])
    assert len(history(path)) == len(run.history)
    content = path.read_bytes()
    assert run.id.encode() in path.name.encode() or run.id.encode() in content
    assert b"member 7" not in content
    for private in (platform.node(), str(Path.cwd()), sys.argv[0]):
        assert private.encode() not in content
    assert getpass.getuser() == "root" or getpass.getuser().encode() not in content


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # wandb leaves a socket to its service
def test_a_trial_is_read_back_with_its_hyperparameters_and_objectives(facts, searched, tmp_path):
    run = next(run for run in tracked_runs(facts, searched(trials=8)) if run.name == "politics-007-s7")
    WandbTracker(Folder.at(tmp_path / "store"), "hemicycle", "offline").record(run)
    (path,) = logs(tmp_path / "store")
    told = json.loads(inspect(path, "--summary"))
    assert {key: told["config"][key] for key in ("search", "trial")} == {"search": "politics", "trial": 7}
    assert told["config"]["params"] == pytest.approx(dict(run.config["params"]))
    for metric in ("search/ndcg@20", "search/probe:party"):
        assert told["summary"][metric] == pytest.approx(run.summary[metric])
    assert not any("entity" in key or "user" in key for key in told["config"])


def test_nothing_is_told_when_disabled(run, tmp_path):
    WandbTracker(Folder.at(tmp_path / "store"), "hemicycle", "disabled").record(run)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "bad",
    [
        {"summary": {"users": [0.1] * 100}},
        {"config": {f"user {i}": 0.5 for i in range(20)}},
        {"history": [{"step": 0, "x": object()}]},
    ],
)
def test_rows_of_people_are_refused_before_anything_is_told(bad, tmp_path, monkeypatch):
    monkeypatch.setattr(wandb_tracker.wandb, "init", lambda **_: pytest.fail("told"))
    bad_run = TrackedRun(id="a", name="a", group="g", kind="model", **bad)
    with pytest.raises(DisclosureError):
        WandbTracker(Folder.at(tmp_path), "hemicycle", "offline").record(bad_run)


def test_modes_without_and_with_a_key(monkeypatch, tmp_path):
    assert [resolve(mode) for mode in ("auto", "online", "offline", "disabled")] == [
        "offline",
        "offline",
        "offline",
        "disabled",
    ]
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert [resolve(mode) for mode in ("auto", "online", "offline")] == ["online", "online", "offline"]


def test_a_login_in_netrc_is_a_key(tmp_path):
    assert not has_key()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert has_key()


def test_a_marker_prevents_doubling(run, tmp_path, monkeypatch):
    told = []
    tracker = WandbTracker(Folder.at(tmp_path), "hemicycle", "offline")
    monkeypatch.setattr(tracker, "_tell", lambda run, *_: told.append(run.id))
    tracker.record(run)
    tracker.record(run)
    assert told == [run.id]


def test_on_an_object_store_files_are_copied(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Folder, "local", None)
    tracker = WandbTracker(Folder.at(tmp_path), "hemicycle", "offline")

    def tell(run, directory, payload):
        (directory / "wandb" / "offline-run").mkdir(parents=True)
        (directory / "wandb" / "offline-run" / "run.wandb").write_bytes(b"log")

    monkeypatch.setattr(tracker, "_tell", tell)
    tracker.record(run)
    assert (tmp_path / "wandb" / "offline-run" / "run.wandb").read_bytes() == b"log"


def test_the_settings_hide_the_machine():
    settings = wandb_tracker.quiet_settings()
    assert settings.silent
    assert settings.x_disable_meta
    assert settings.x_disable_stats
    assert not settings.save_code
    assert not settings.host
    assert settings.console == "off"
