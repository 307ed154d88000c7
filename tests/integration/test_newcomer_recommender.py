"""A newcomer's recommenders, each a short file outside the package, trained, ranked, probed and reported by name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hemicycle
from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.recommenders.catalogue import RECOMMENDER, RECOMMENDERS

TABLE = '''\
"""Own vectors and the mean of one's neighbours, half and half: one table, trained by the package's loop."""

from hemicycle.recommenders.base import EmbeddingConfig, EmbeddingRecommender


class Halves(EmbeddingRecommender):
    """E + S E, over two."""

    class Config(EmbeddingConfig):
        model: str = "newcomer.table:Halves"

    def vectors(self, table, propagate, layer="readout"):
        return propagate.polynomial(table, [0.5, 0.5])
'''
WALK = '''\
"""Three steps of a random walk from user to item to user to item (Cooper et al., WWW 2014): fitted at once."""

import numpy as np
from hemicycle.recommenders.base import ClosedFormRecommender, RecommenderConfig


class Walk(ClosedFormRecommender):
    """P = D_u^-1 A (D_i^-1 A^T D_u^-1 A)^alpha, entry by entry."""

    class Config(RecommenderConfig):
        model: str = "newcomer.walk:Walk"
        alpha: float = 1.0

    def fit(self, graph, rng):
        taken = graph.to_scipy().toarray() > 0
        of_user = taken / np.maximum(graph.degrees, 1)[:, None]
        of_item = taken.T / np.maximum(graph.item_degrees, 1)[:, None]
        return {"steps": (of_item @ of_user) ** self.config.alpha}

    def scores(self, parameters, graph):
        taken = graph.to_scipy().tocsr()
        return lambda users: taken[users] @ parameters["steps"]
'''
POWER = '''\
"""Leading singular vectors by subspace iteration: brings its own loop, one product with the matrix an epoch."""

import numpy as np
import torch
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.recommenders.base import Embedding, IterativeRecommender, RecommenderConfig
from hemicycle.recommenders.scoring import DotScores


class Power(IterativeRecommender):
    """x_u = A_u V, y_i = V_i, with V the subspace that the epochs have reached."""

    layers = ("readout",)

    class Config(RecommenderConfig):
        model: str = "newcomer.power:Power"
        rank: int = 4

    def start(self, graph, options, seed, workers):
        if workers.world_size > 1:
            raise InputError("power iteration runs on one worker", "workers", "leave workers out")
        return Loop(graph, options.epochs, rng("power", seed).normal(size=(graph.n_items, self.config.rank)))

    def embed(self, parameters, graph, layer="readout"):
        items = np.array(parameters["items"])
        return Embedding(graph.to_scipy() @ items, items)

    def scores(self, parameters, graph):
        found = self.embed(parameters, graph)
        return DotScores(torch.from_numpy(found.users), torch.from_numpy(found.items))


class Loop:
    def __init__(self, graph, epochs, start):
        self.matrix, self.items = graph.to_scipy().astype(np.float64), np.linalg.qr(start)[0]
        self.step, self.total_steps = 0, epochs

    def epoch(self, number):
        grown = self.matrix.T @ (self.matrix @ self.items)
        self.items, self.step = np.linalg.qr(grown)[0], number
        return float((self.matrix.power(2)).sum() - ((self.matrix @ self.items) ** 2).sum())

    def parameters(self):
        return {"items": self.items}

    def state(self):
        return self.parameters()

    def restore(self, state, step):
        self.items, self.step = np.array(state["items"]), step
'''
FILES = {"table": TABLE, "walk": WALK, "power": POWER}
CLASSES = {"table": "newcomer.table:Halves", "walk": "newcomer.walk:Walk", "power": "newcomer.power:Power"}
STUDY = """\
name: newcomers
title: What three newcomers learn
data: {source: voteview, congress: 96}
seeds: 1
train: {epochs: 3, validate_every: 1}
population:
  random: {recommender: random}
  tabled: {recommender: {model: "newcomer.table:Halves", dim: 8}}
  walked: {recommender: {model: "newcomer.walk:Walk", alpha: 0.9}}
  powered: {recommender: {model: "newcomer.power:Power", rank: 6}}
probes: [{probe: ridge, labels: [nominate_dim1], permutations: 20}]
tracking: {wandb: disabled}
"""
MEMBERS = {"tabled-s0": "halves", "walked-s0": "walk", "powered-s0": "power"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the newcomers' package and the study."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "newcomer").mkdir()
    for name, text in {"__init__": "", **FILES}.items():
        (folder / "newcomer" / f"{name}.py").write_text(text)
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture(autouse=True)
def _importable(place, monkeypatch):
    monkeypatch.syspath_prepend(str(place))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "newcomer"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def study(place):
    """The study, run in this process without figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setattr(api, "write_report", lambda facts, tables, folder: folder.write_bytes("report.html", b"<html>"))
        return api.run(place / "study.yaml", executor=api.local(), store=Folder.at(place / "store"))


@pytest.mark.parametrize("name", list(FILES))
def test_a_newcomers_recommender_is_a_short_file_that_the_package_does_not_know(place, name):
    file = place / "newcomer" / f"{name}.py"
    assert len(file.read_text().splitlines()) <= 60
    assert CLASSES[name] not in RECOMMENDERS.values()
    assert not file.is_relative_to(Path(hemicycle.__file__).parent)
    made = RECOMMENDER.build(RECOMMENDER.validate(CLASSES[name]))
    assert RECOMMENDER.validate(made.config.model_dump(mode="json")) == made.config


def test_newcomers_are_recorded_with_what_was_kept_of_them(study):
    assert study.tables["failures"].empty
    records = study.tables["records"].set_index("name")
    assert records.loc[list(MEMBERS), "family"].to_dict() == MEMBERS
    assert {"tabled-s0-untrained", "powered-s0-untrained"} <= set(records.index)
    assert "walked-s0-untrained" not in records.index  # without vectors there is nothing to compare
    assert records.loc["powered-s0", "best_epoch"] in range(1, 4)


def test_newcomers_are_ranked_and_better_than_chance(study):
    found = study.tables["ranking_results"]
    test = found[(found["split"] == "test") & (found["metric"] == "ndcg@20")].set_index("name")
    assert set(MEMBERS) <= set(test.index)
    values = test.loc[list(MEMBERS), ["value", "ci_low", "ci_high"]].to_numpy(float)
    assert np.isfinite(values).all()
    assert (test.loc[list(MEMBERS), "ci_low"] > test.loc["random-s0", "ci_high"]).all()
    validated = found[found["name"].eq("powered-s0") & found["split"].eq("valid")]
    assert set(validated["epoch"]) == {0, 1, 2, 3}


def test_newcomers_are_probed(study):
    found = study.tables["probe_results"]
    plain = found[found["name"].isin(MEMBERS) & found["scope"].eq("all") & found["control"].eq("permuted")]
    assert set(plain["name"]) == set(MEMBERS)
    assert np.isfinite(plain["score"].astype(float)).all()
    scores = plain.groupby("name")["score"].max()
    assert scores["powered-s0"] > 0.5  # the leading vectors of votes are ideology
    assert set(study.tables["map_points"]["name_of_model"]) >= {"tabled-s0", "powered-s0"}


def test_what_a_newcomer_refuses_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "shared.yaml").write_text(STUDY.replace("rank: 6}", "rank: 6}, workers: 2"))
    with pytest.raises(InputError, match=r"population\.powered \(workers\): power iteration runs on one worker"):
        api.run(tmp_path / "shared.yaml", executor=api.local(), store=Folder.at(tmp_path / "store"))
    assert not (tmp_path / "store" / "steps").exists()


@pytest.mark.slow
def test_two_workers_share_a_newcomers_table(tmp_path, no_figures):
    members = STUDY.replace("dim: 8}", "dim: 8}, workers: 2").splitlines(keepends=True)
    others = ("  random:", "  walked:", "  powered:", "probes:")
    (tmp_path / "shared.yaml").write_text("".join(line for line in members if not line.startswith(others)))
    found = api.run(tmp_path / "shared.yaml", executor=api.local(), store=Folder.at(tmp_path / "store"))
    assert found.tables["failures"].empty
    assert set(found.tables["records"]["name"]) == {"tabled-s0", "tabled-s0-untrained"}


@pytest.mark.slow
def test_the_command_reports_newcomers_by_name(place, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(place), "OMP_NUM_THREADS": "1"}
    script = "import sys; from hemicycle.cli import main; sys.argv[0] = 'hemicycle'; main()"
    arguments = ["run", str(place / "study.yaml"), "--executor", "local", "--store", "store"]
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "0 failed" in done.stdout
    (report,) = tmp_path.glob("store/studies/*/report.html")
    page = re.sub(r"<script.*?</script>", "", report.read_text(), flags=re.DOTALL)
    assert "What three newcomers learn" in page
    for name in ("tabled", "walked", "powered"):
        assert name in page
    (tables,) = tmp_path.glob("store/studies/*/tables")
    assert set(MEMBERS) <= set(pd.read_parquet(tables / "probe_results.parquet")["name"])


def test_a_name_that_cannot_be_imported_is_refused(place):
    with pytest.raises(ValueError, match=r"cannot import recommender 'newcomer\.table:Thirds'"):
        RECOMMENDER.validate("newcomer.table:Thirds")
