"""``hemicycle estimate``: what it reads, prints, writes and refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from estimation import planted_waves
from typer.testing import CliRunner

from hemicycle.cli import app
from hemicycle.core.errors import InputError


@pytest.fixture(autouse=True)
def undrawn(monkeypatch, request):
    """Figures take seconds: they are drawn in one test alone."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("hemicycle.cli.estimate_files._draw", lambda *_: None)


@pytest.fixture
def drawn():
    """Ask for figures."""


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Waves of bounded confidence among 300 users; returns the command."""
    monkeypatch.chdir(tmp_path)
    measured, graph, innate = planted_waves.waves("bounded_confidence", np.random.default_rng(0), n=300)
    ids = np.array([f"raw{i}" for i in range(300)])
    table = pd.DataFrame({"id": ids, "wave_1": measured[:, 0], "wave_2": measured[:, 1], "first": innate})
    table.loc[4, "wave_2"] = np.nan
    table.assign(party=np.where(measured[:, 0] > 0, "right", "left")).to_csv("waves.csv", index=False)
    follows = pd.DataFrame({"user": ids[graph.rows()], "item": ids[graph.indices]})
    pd.concat([follows, pd.DataFrame({"user": ["raw1"], "item": ["stranger"]})]).to_parquet("follows.parquet")
    follows.sample(frac=0.8, random_state=0).to_parquet("later.parquet")
    return ["estimate", "waves.csv", "--follows", "follows.parquet", "--columns", "wave_1,wave_2", "--out", "found"]


def invoke(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


def test_waves_become_tables_a_verdict_and_the_next_command(files):
    done = invoke(*files)
    assert done.exit_code == 0, done.output
    assert "bounded_confidence fits best" in done.output
    assert "Next:  hemicycle run found/study.yaml" in done.output
    assert "1 users are known at only one of waves 1 and 2" in done.output
    assert "follows are not between users of the waves" in done.output
    results = pd.read_parquet("found/estimation_results.parquet").set_index(["mechanism", "parameter"])
    confidence = results.loc[("bounded_confidence", "confidence")]
    assert confidence["ci_low"] <= confidence["value"] <= confidence["ci_high"]
    assert confidence["value"] == pytest.approx(0.5, abs=0.15)
    plain = pd.read_csv("found/estimation_comparison.csv")
    assert plain["mechanism"].tolist() == pq.read_table("found/estimation_comparison.parquet")["mechanism"].to_pylist()
    assert "Hegselmann and Krause" in Path("found/methods.md").read_text()


def test_the_study_that_follows_is_valid(files):
    assert invoke(*files).exit_code == 0
    from hemicycle.core.config import load
    from hemicycle.studies.config import StudyConfig

    study = load(StudyConfig, "found/study.yaml")
    model = study.simulations["mediation"].opinions[0]
    assert model.opinion == "bounded_confidence"
    assert 0 < model.confidence < 2


@pytest.mark.usefixtures("drawn")
def test_figures_are_drawn(files):
    words = ["--mechanism", "bounded_confidence", "--mechanism", "none"]
    assert invoke(*files, *words).exit_code == 0
    for name in ("estimation_comparison", "estimation_profile_bounded_confidence"):
        assert Path(f"found/{name}.svg").read_text().startswith("<svg")
        assert Path(f"found/{name}.png").stat().st_size > 1000


def test_no_user_is_in_what_is_written(files):
    assert invoke(*files, "--group", "party", "--innate", "first").exit_code == 0
    written = b"".join(path.read_bytes() for path in Path("found").iterdir())
    assert b"raw" not in written
    assert max(len(pd.read_csv(path)) for path in Path("found").glob("*results.csv")) < 120
    results = pd.read_csv("found/estimation_results.csv", keep_default_na=False)
    assert set(results["group"]) == {"", "left", "right"}
    assert "friedkin_johnsen" in set(results["mechanism"])


def test_later_follows_tell_of_ties(files):
    done = invoke(*files, "--later-follows", "later.parquet", "--mechanism", "none")
    assert done.exit_code == 0, done.output
    table = pd.read_csv("found/estimation_selection.csv")
    assert set(table["process"]) == {"dissolution"}
    assert "Next:  the same command with --error" in done.output


def test_options_reach_the_estimation(files):
    words = ["--mechanism", "assimilation", "--no-drift", "--steps", "1,2", "--error", "0.02", "--level", "0.8"]
    done = invoke(*files, *words, "--bounds", "-3,3")
    assert done.exit_code == 0, done.output
    results = pd.read_csv("found/estimation_results.csv").set_index("parameter")
    assert set(results.index) == {"susceptibility", "noise_sd", "steps"}
    assert "80% interval" in done.output
    assert "0.02 were corrected" in Path("found/methods.md").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--columns", "wave_1"], "change needs two or more"),
        (["--columns", "wave_1,wave_1"], "1 different column"),
        (["--columns", "wave_1,wav_2"], "did you mean 'wave_2'"),
        (["--columns", "wave_1,party"], "are no numbers"),
        (["--follows", "follow.parquet"], "follows.parquet"),
        (["--user-column", "who"], "--user-column"),
        (["--innate", "nothing"], "--innate"),
        (["--steps", "two"], "is no list of numbers"),
        (["--steps", "0"], "greater than or equal to 1"),
        (["--mechanism", "magic"], "there is no mechanism 'magic'"),
        (["--error", "estimate"], "two waves cannot tell"),
        (["--bounds", "0,1"], "outside the bounds"),
        (["--followed-column", "user"], "no follow leads from one user"),
    ],
)
def test_mistakes_are_told(files, words, told):
    done = invoke(*files, *words)
    assert isinstance(done.exception, InputError), done.output
    assert told in str(done.exception)
    assert "raw" not in str(done.exception)
    assert not Path("found").exists()


def test_users_who_stand_twice_and_bad_ids_are_told_by_line(files):
    table = pd.read_csv("waves.csv", dtype={"id": object})
    table.loc[9, "id"] = "raw3"
    table.loc[12, "id"] = None
    table.to_csv("waves.csv", index=False)
    done = invoke(*files)
    assert "waves.csv:5,11 column 'id': 2 values are users who stand twice" in str(done.exception).replace(
        str(Path.cwd()) + "/", ""
    )
    assert "1 values are empty where an id is needed" in str(done.exception)


def test_a_file_in_the_place_of_the_folder_is_told(files):
    Path("found").touch()
    assert "is no folder" in str(invoke(*files).exception)
