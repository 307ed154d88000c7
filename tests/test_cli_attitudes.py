from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hemicycle.cli import app
from hemicycle.core.disclosure import sensitive_columns
from hemicycle.core.errors import InputError

KEY = "a key of tests, long enough"


@pytest.fixture
def files(monkeypatch, tmp_path):
    monkeypatch.setenv("HEMICYCLE_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    parties = random.uniform(0, 10, (12, 2))
    codes = np.arange(60) % 12
    actors = parties[codes] + random.normal(0, 0.4, (60, 2))
    users = random.uniform(0, 10, (400, 2))
    near = 1 / (1 + np.exp(0.3 * ((users[:, None] - actors[None]) ** 2).sum(axis=2) - 2))
    edges = np.argwhere(random.random(near.shape) < near)
    follows = pd.DataFrame({"user": [f"raw{i}" for i in edges[:, 0]], "actor": [f"mp{i}" for i in edges[:, 1]]})
    pd.concat([follows, follows.head(3), follows.head(2).assign(actor="stranger")]).to_csv("follows.csv", index=False)
    known = pd.DataFrame({"actor": [f"mp{i}" for i in range(60)], "party": [f"Party {i}" for i in codes]})
    known.to_csv("actors.csv", index=False)
    table = pd.DataFrame({"party": [f"Party {i}" for i in range(12)], "lr": parties[:, 0], "eu": parties[:, 1]})
    table.to_parquet("parties.parquet")
    return ["attitudes", "follows.csv", "actors.csv", "parties.parquet", "--out", "found"]


def invoke(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


def test_follows_and_parties_become_attitudes(files):
    done = invoke(*files)
    assert done.exit_code == 0, done.output
    assert "Next:  hemicycle run found/study.yaml" in done.output
    assert "2 of " in done.output, "edges to strangers are counted"
    assert "rows lead to others than the actors" in done.output
    table = pq.read_table("found/attitudes.parquet")
    ids = table["id"].to_pylist()
    assert all(len(own) == 32 and not own.startswith("raw") for own in ids)
    assert {"lr", "lr_low", "lr_high", "eu"} <= set(sensitive_columns(table))
    results = pd.read_parquet("found/map_results.parquet")
    assert (results["r2_nested"] > 0.6).all()
    assert results["control_mean"].notna().all()
    for name in ("attitude_map.svg", "map_scores.svg", "actors.parquet", "attitude_points.parquet"):
        assert (Path("found") / name).is_file()


def test_no_raw_id_is_written(files):
    assert invoke(*files).exit_code == 0
    written = b"".join(path.read_bytes() for path in Path("found").iterdir())
    assert b"raw1" not in written
    follows = pd.read_parquet("found/follows.parquet")
    assert set(follows["user"]) == set(pd.read_parquet("found/attitudes.parquet")["id"])


def test_the_study_that_follows_is_valid(files):
    assert invoke(*files).exit_code == 0
    from hemicycle.core.config import load
    from hemicycle.studies.config import StudyConfig

    assert load(StudyConfig, "found/study.yaml").name == "attitudes"


def test_public_users_keep_their_ids(files):
    assert invoke(*files, "--public").exit_code == 0
    assert "raw1" in set(pd.read_parquet("found/attitudes.parquet")["id"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: Path("actors.csv").unlink(), "there is no file 'actors.csv'"),
        (lambda: rename("follows.csv", "actor", "acter"), "no column 'actor' (actor); did you mean 'acter'"),
        (lambda: rewrite("actors.csv", "Party ", "Praty "), "(nearest: Party"),
        (lambda: rewrite("actors.csv", "mp", "MP"), "none of the 60 actors is followed"),
        (lambda: Path("actors.csv").write_text("actor,party\nmp1,Party 1\nmp1,Party 1\n"), "actors that stand twice"),
    ],
)
def test_mistakes_are_told_before_anything_is_computed(files, change, message):
    change()
    done = invoke(*files)
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)
    assert "raw1" not in str(done.exception)
    assert not Path("found").exists()


def rename(path, old, new):
    pd.read_csv(path).rename(columns={old: new}).to_csv(path, index=False)


def rewrite(path, old, new):
    Path(path).write_text(Path(path).read_text().replace(old, new))
