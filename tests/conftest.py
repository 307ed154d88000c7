"""Fixtures of all tests."""

import gc
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads that spin take the cores of other processes

import pytest
import torch
from hypothesis import settings
from hypothesis.internal.conjecture import providers

if "PYTEST_XDIST_WORKER" in os.environ or not any(word.startswith(("-n", "--numprocesses")) for word in sys.argv):
    gc.disable()  # until all tests are collected, which the process that leads others does not do

settings.register_profile("no clock", deadline=None)  # a busy machine is no failure
settings.load_profile("no clock")
if hasattr(providers, "_get_local_constants"):  # parses the whole package in every process, for half a minute
    providers._get_local_constants = lambda: providers._local_constants

torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Let one process of several have all that share a costly start, and leave out tests whose data are not at hand."""
    for item in items:
        if item.get_closest_marker("data") and "HEMICYCLE_DATA" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="HEMICYCLE_DATA is not set"))
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))
        elif shares_a_fixture(item):  # else every process would make the module's fixtures again
            item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))


def pytest_collection_finish():
    """Keep thousands of collected tests out of every later collection of garbage."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish():
    """Let the interpreter clear what it holds when it ends."""
    gc.unfreeze()


def shares_a_fixture(item):
    """True where a test waits for a fixture that is made once in its module."""
    known = item._fixtureinfo.name2fixturedefs
    return any(fixture.scope == "module" for name in item.fixturenames for fixture in known.get(name, ()))


@pytest.fixture(scope="session")
def ray_session():
    """One Ray of two CPUs on this machine for the whole session, whatever cluster the shell knows."""
    platform = str(Path(__file__).parents[1] / "platform")
    paths = filter(None, [platform, os.environ.get("PYTHONPATH")])
    os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "RAY_AUTH_MODE": "disabled", "RAY_TRAIN_V2_ENABLED": "1"}
    os.environ |= {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    os.environ |= {"RAY_worker_niceness": "0"}  # else Ray's tasks wait for the tests of other processes
    os.environ.pop("RAY_ADDRESS", None)
    import ray

    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own, on what it will change
        ray.init(address="local", num_cpus=2, **quiet)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a local stand-in for S3, found as any other."""
    from planted import s3_bucket

    with s3_bucket():
        yield "s3://bucket"


SMALL = """\
name: small
title: A small study
data: {source: voteview, congress: 96}
seeds: 1
train: {epochs: 2, validate_every: 1}
population:
  popularity: {recommender: popularity}
  mf: {recommender: {model: mf, dim: 4}}
probes: [{probe: ridge, labels: [nominate_dim1], permutations: 20}]
society: {users: 60, positions_from: [nominate_dim1], groups_from: party, follows: {per_user: 5}, items: 0}
simulations:
  talk:
    opinions: [{opinion: friedkin_johnsen}]
    arms: [none, {exposure: random, k: 3}, {exposure: recommended, k: 3}]
    mediators: {mf: {model: mf, dim: 4}}
    mediator_train: {epochs: 1}
    steps: 3
    seeds: 2
tracking: {wandb: disabled}
"""


@pytest.fixture(scope="session")
def small_config(tmp_path_factory):
    """A study of a few seconds, with every kind of step."""
    path = tmp_path_factory.mktemp("configs") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def plain_report(facts, tables, folder):
    """Stand for the report, whose figures take seconds to draw."""
    folder.write_bytes("report.html", f"<h1>{facts.title}</h1> {len(tables)} tables".encode())


@pytest.fixture(scope="session")
def small_study(small_config, tmp_path_factory):
    """The small study run once in this process, and its store; tests that change the store copy it."""
    from hemicycle import api
    from hemicycle.core.storage import Folder

    store = Folder.at(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "write_report", plain_report)
        return api.run(small_config, executor=api.local(), store=store), store


@pytest.fixture
def no_figures(monkeypatch):
    """Reports without figures."""
    from hemicycle import api

    monkeypatch.setattr(api, "write_report", plain_report)
