"""A reproducible search: its driver is killed, its steps run on other executors, and its tables stay the same."""

import pandas as pd
import pytest

from hemicycle import api
from hemicycle.core.storage import Folder

pytestmark = [pytest.mark.ray, pytest.mark.slow]
CONFIG = """
name: searched
data: {source: voteview, congress: 96}
relation: votes
train: {epochs: 4, validate_every: 1}
searches:
  politics:
    trials: 8
    generation: 4
    startup: 4
    halving: {first: 1, factor: 2}
    objectives: [{metric: ndcg@20}, {metric: coverage}]
    space:
      recommender.dim: {choice: [4, 8]}
      train.lr: {low: 0.01, high: 0.1, log: true}
    branches: {mf: {recommender: mf}, lightgcn: {recommender: lightgcn}}
tracking: {wandb: disabled}
"""
TABLES = ("trials", "trial_values", "trial_params", "search_progress", "records", "ranking_results", "list_results")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "searched.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def evaluated(store):
    return len(list(store.glob("steps/rung/*/DONE")))


@pytest.mark.usefixtures("no_figures")
def test_a_search_is_the_same_after_kills_and_on_one_or_two_cores(programs, config, tmp_path, eventually):
    expected = api.run(config, executor=api.local(), store=Folder.at(tmp_path / "undisturbed")).tables
    store = tmp_path / "killed"
    for rungs in (2, 6):
        process = programs.start("hemicycle", "run", config, "--store", store, "--executor", "local")
        eventually(lambda process=process, rungs=rungs: process.poll() is not None or evaluated(store) >= rungs, 300)
        process.kill()
        process.communicate(timeout=300)
    assert 0 < evaluated(store) < len(expected["trials"]) + 6
    went_on = api.run(config, executor=api.local(), store=Folder.at(store))
    assert went_on.outcome.count("cached") > 0
    two = api.run(config, executor=api.ray(cpus=2), store=Folder.at(tmp_path / "two")).tables
    for found in (went_on.tables, two):
        for name in TABLES:
            pd.testing.assert_frame_equal(found[name], expected[name])
