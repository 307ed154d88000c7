from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from hemicycle.cli import app
from hemicycle.cli.attitude_files import study_of
from hemicycle.core.disclosure import sensitive_columns
from hemicycle.core.errors import InputError

KEY = "a key of tests, long enough"


@pytest.fixture(autouse=True)
def undrawn(monkeypatch, request):
    """Figures take seconds: they are drawn in one test alone."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("hemicycle.cli.attitude_files._draw", lambda *_: None)


@pytest.fixture
def drawn():
    """Ask for figures."""


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


@pytest.mark.usefixtures("drawn")
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


@pytest.fixture
def evidence(files):
    """Labels, texts and shares of the same users; the survey in a second wave."""
    random = np.random.default_rng(1)
    users = sorted(set(pd.read_csv("follows.csv")["user"]))
    left = pd.read_csv("follows.csv").merge(pd.read_csv("actors.csv"), on="actor")
    left = left.merge(pd.read_parquet("parties.parquet"), on="party").groupby("user")["lr"].mean().reindex(users)
    known = pd.DataFrame({"user": users, "self": left + random.normal(0, 1, len(users))})
    known.assign(vote=np.where(left > 5, "no", "yes"))[:150].to_csv("survey.csv", index=False)
    words = np.where(left > 5, "tax border", "union welfare")
    texts = [
        (user, f"{own} w{random.integers(9)} w{random.integers(9)}") for user, own in zip(users, words, strict=True)
    ]
    pd.DataFrame(texts * 4, columns=["user", "text"]).to_csv("posts.csv", index=False)
    Path("words.yaml").write_text("left: [union]\nright: [tax]\n", encoding="utf-8")
    shares = [(user, f"outlet{random.integers(4)}") for user in users for _ in range(3)]
    pd.DataFrame([*shares, ("raw1", "rare")], columns=["user", "item"]).to_csv("shares.csv", index=False)
    pd.read_parquet("parties.parquet").assign(lr=lambda t: t["lr"] + 0.5).to_csv("later.csv", index=False)
    options = ["--labels", "survey.csv", "--texts", "posts.csv", "--words", "words.yaml", "--items", "shares.csv"]
    return [*files, *options, "--wave", "later.csv"]


def test_evidence_stands_beside_attitudes(evidence):
    done = invoke(*evidence)
    assert done.exit_code == 0, done.output
    validation = pd.read_parquet("found/validation_results.parquet")
    assert set(validation["label"]) == {"self", "vote", "text_stance"}
    row = validation.set_index(["attitude", "label", "measure"]).loc[("lr", "self", "pearson")]
    assert row["low"] > row["null_high"]
    assert "vote = yes" in done.output
    assert set(pd.read_parquet("found/audience_positions.parquet")["item"]) == {f"outlet{i}" for i in range(4)}
    assert np.allclose(pd.read_parquet("found/wave_results.parquet").query("attitude == 'lr'")["shift"], 0.5)
    labels = pq.read_table("found/labels.parquet")
    assert {"self", "vote", "text_stance"} <= set(sensitive_columns(labels))
    study = Path("found/study.yaml").read_text(encoding="utf-8")
    assert "{probe: logistic, labels: [vote]}" in study
    assert b"raw1" not in b"".join(path.read_bytes() for path in Path("found").iterdir())


def test_labels_called_like_attitudes_are_refused(evidence):
    rename("survey.csv", "self", "lr")
    done = invoke(*evidence)
    assert "labels are called like attitudes: lr" in str(done.exception)
    assert not Path("found").exists()


@pytest.mark.slow
def test_ideal_points_are_a_method(files):
    assert invoke(*files, "--method", "ideal_points").exit_code == 0
    assert (pd.read_parquet("found/map_results.parquet")["r2_nested"] > 0.6).all()


def test_names_that_yaml_would_misread_are_quoted():
    text = study_of(["lr", "no", "a b"], {}, public=True)
    assert yaml.safe_load(text)["probes"][0]["labels"] == ["lr", "no", "a b"]


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
