"""A user's own data and somebody else's models, from two CSV files and a short configuration to a report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemicycle import api
from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder

N_USERS, N_ITEMS = 300, 40
USERS = [f"quuxling.{i:03d}@mail.example" for i in range(N_USERS)]
ITEMS = [f"zyzzyva-story-{j:03d}" for j in range(N_ITEMS)]

CONFIG = """\
name: mine
title: Who reads what
data:
  source: tabular
  edges: {path: reads.csv, user: reader, item: story}
  attributes:
    - path: survey.csv
      id: account
      columns: {left_right: label, voted: label, party: group, age: covariate}
seeds: 1
train: {epochs: 3, validate_every: 1}
population:
  mf: {recommender: {model: mf, dim: 4}}
probes:
  - {probe: ridge, labels: [left_right]}
  - {probe: logistic, labels: [voted]}
society: {users: 60, positions_from: [left_right], follows: {per_user: 5}, items: 0}
simulations:
  talk:
    opinions: [friedkin_johnsen]
    arms: [none, {exposure: random, k: 3}]
    steps: 3
    seeds: 2
"""
FOREIGN = """\
name: theirs
data:
  source: tabular
  edges: {path: reads.csv, user: reader, item: story}
  attributes: [{path: survey.csv, id: account, columns: {left_right: label, party: group}}]
population:
  vectors: {embeddings: vectors.parquet, family: word2vec}
  lists: {lists: lists.parquet, family: shop}
probes: [{probe: ridge}]
tracking: {wandb: disabled}
"""


def write(folder):
    """Write people whose reading follows their position, and two models of others that know it more or less."""
    rng = np.random.default_rng(7)
    position = np.linspace(-1, 1, N_USERS)
    leaning = np.linspace(-1, 1, N_ITEMS)
    chance = 1 / (1 + np.exp(-3 * np.outer(position, leaning)))
    users, items = np.nonzero(rng.random((N_USERS, N_ITEMS)) < 0.6 * chance)
    reads = pd.DataFrame({"reader": np.array(USERS)[users], "story": np.array(ITEMS)[items]})
    reads.to_csv(folder / "reads.csv", index=False)
    party = np.where(position + rng.normal(0, 0.4, N_USERS) > 0, "blue", "red")
    survey = {"account": USERS, "left_right": position.round(3), "party": party, "age": rng.integers(18, 80, N_USERS)}
    voted = np.where(position + rng.normal(0, 0.3, N_USERS) > 0, "yes", "no")
    pd.DataFrame(survey | {"voted": voted}).sample(frac=1, random_state=1).to_csv(folder / "survey.csv", index=False)
    vectors = np.column_stack([position, rng.normal(size=(N_USERS, 3))])
    known = rng.permutation(N_USERS)[:250]
    chosen = {"id": np.array(USERS)[known], "vector": list(vectors[known])}
    pd.DataFrame(chosen).to_parquet(folder / "vectors.parquet")
    ranked = np.argsort(-chance + rng.normal(0, 0.1, chance.shape), axis=1)[:, :10]
    rows = [(USERS[u], ITEMS[i], r + 1) for u in range(N_USERS) for r, i in enumerate(ranked[u])]
    pd.DataFrame(rows, columns=["user", "item", "rank"]).to_parquet(folder / "lists.parquet")
    (folder / "mine.yaml").write_text(CONFIG)
    (folder / "theirs.yaml").write_text(FOREIGN)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    write(folder)
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    monkeypatch.setenv("HEMICYCLE_KEY", "only for this test " * 2)


# -- what may be found in files --------------------------------------------------------------------------------------


def raw_bytes(path):
    """What a file says, its compression undone."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        content += str(table.to_pydict()).encode() + str(table.schema.metadata).encode()
    if path.suffix == ".npy":
        content += np.load(path, allow_pickle=False).tobytes()
    return content


def leaks(folder):
    """Files below a folder that hold a raw id, in UTF-8 or UTF-16 or as part of a path."""
    wanted = [text.encode(code) for text in ("quuxling", "zyzzyva") for code in ("utf-8", "utf-16-le", "utf-32-le")]
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    return [path for path in files if any(text in raw_bytes(path) + str(path).encode() for text in wanted)]


def test_the_search_finds_what_it_looks_for(tmp_path):
    """The search below can fail: it finds an id in every kind of file."""
    table = pa.table({"id": USERS * 100})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    np.save(tmp_path / "b.npy", np.array(ITEMS))
    (tmp_path / "c.json").write_text(json.dumps({"x": USERS[3]}))
    (tmp_path / USERS[0]).write_text("")
    (tmp_path / "clean.txt").write_text("quux")
    assert {path.name for path in leaks(tmp_path)} == {"a.parquet", "b.npy", "c.json", USERS[0]}


# -- own data --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(place):
    """The own-data study as a user runs it, its dashboard offline."""
    environment = {**os.environ, "HOME": str(place / "home"), "HEMICYCLE_KEY": "only for this test " * 2}
    environment.pop("WANDB_API_KEY", None)
    script = "import sys; from hemicycle.cli import main; sys.argv[0] = 'hemicycle'; main()"
    command = [sys.executable, "-c", script, "run", "mine.yaml", "--executor", "local", "--store", "store"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
    assert done.returncode == 0, done.stderr
    (place / "store" / "captured.log").write_text(done.stdout + done.stderr)
    return Folder.at(place / "store"), done


def test_the_configuration_is_short():
    assert len(CONFIG.splitlines()) < 25
    assert len(FOREIGN.splitlines()) < 15


@pytest.mark.slow
def test_own_data_become_a_report(finished):
    store, done = finished
    study = api.find_study("mine", store)
    page = (study.local / "report.html").read_text()
    assert "Who reads what" in page
    assert "left_right" in page
    assert "0 failed" in done.stdout
    assert set(api.export("mine", "probe_results", store)["probe"].to_pylist()) == {"ridge", "logistic"}
    assert len(api.export("mine", "simulation_contrasts", store))


@pytest.mark.slow
def test_no_raw_id_is_left_anywhere(finished):
    store, _ = finished
    kinds = {path.suffix for path in store.local.rglob("*") if path.is_file()}
    assert {".parquet", ".npy", ".json", ".html", ".log", ".wandb"} <= kinds
    assert leaks(store.local) == []


@pytest.mark.slow
def test_the_dashboard_is_read_back_without_a_persons_attitude(finished):
    store, _ = finished
    folder = api.find_study("mine", store).local
    found = [read_back(path) for path in sorted(folder.rglob("*.wandb"))]
    assert len(found) >= 3  # a model and two arms at least
    assert all(summary["config"] for summary, _ in found)
    assert any(any("ndcg" in key for key in summary["summary"]) for summary, _ in found)
    assert any(len(history) >= 3 for _, history in found)
    pseudonyms = set(Folder.at(data_folder(store)).read_table("users")["id"].to_pylist())
    text = json.dumps(found)
    assert not any(pseudonym in text for pseudonym in pseudonyms)
    assert max(len(history) for _, history in found) < N_USERS


def read_back(path):
    """Summary and history of an offline run."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json"]
    summary = subprocess.run([*command, "--summary", str(path)], capture_output=True, check=True).stdout
    lines = subprocess.run([*command, str(path)], capture_output=True, check=True, text=True).stdout.splitlines()
    return json.loads(summary), [json.loads(line) for line in lines if '"type":"history"' in line]


def data_folder(store):
    (name,) = (store / "steps" / "data").names()
    return f"{store.uri}/steps/data/{name}"


@pytest.mark.slow
def test_rows_of_people_do_not_leave(finished, monkeypatch, capsys, tmp_path):
    from hemicycle.cli import main

    store, _ = finished
    target = tmp_path / "users.csv"
    arguments = ["hemicycle", "export", "mine", "users", "-o", str(target), "--store", store.uri]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        main()
    written = capsys.readouterr()
    assert end.value.code == 2
    assert "sensitive values of people who are not public: left_right, voted, party" in written.err
    assert written.out == ""
    assert not target.exists()
    with pytest.raises(DisclosureError, match="what users did"):
        api.export("mine", "relation-interactions", store)


@pytest.mark.slow
def test_no_cell_of_the_map_shows_fewer_than_ten(finished):
    points = api.export("mine", "map_points", finished[0]).to_pandas()
    assert len(points)
    assert (points["n"] >= 10).all()
    assert not points["entity_name"].fillna("").any()


# -- models of others ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("HEMICYCLE_KEY", "only for this test " * 2)
        patch.setattr(api, "write_report", lambda facts, tables, folder: folder.write_bytes("report.html", b"<html>"))
        return api.run("theirs.yaml", executor=api.local(), store=Folder.at(place / "foreign"))


def test_foreign_models_are_probed_like_ours(theirs):
    assert theirs.tables["failures"].empty
    records = theirs.tables["records"].set_index("name")
    assert records["family"].to_dict() == {"lists": "shop", "vectors": "word2vec"}
    probes = theirs.tables["probe_results"]
    assert {"permuted", "party"} <= set(probes["control"])
    scores = probes[(probes["control"] == "permuted") & (probes["scope"] == "all")].set_index("name")["score"]
    assert scores["vectors"] > 0.9
    assert scores["lists"] > 0.5


def test_only_people_with_a_vector_are_probed(theirs):
    probes = theirs.tables["probe_results"]
    assert set(probes[probes["scope"] == "all"].groupby("name")["n"].first().items()) == {
        ("lists", 300),
        ("vectors", 250),
    }


def test_foreign_models_leave_no_raw_id(theirs, place):
    assert theirs.dataset.public is False
    assert leaks(place / "foreign") == []
    text = " ".join(api.headlines(theirs)) + json.dumps(api.facts(theirs).config, default=str)
    assert not any(user in text for user in USERS)


def test_another_key_makes_other_pseudonyms_and_the_same_scores(theirs, monkeypatch, tmp_path, no_figures):
    monkeypatch.setenv("HEMICYCLE_KEY", "another key for the same people")
    again = api.run("theirs.yaml", executor=api.local(), store=Folder.at(tmp_path))
    assert set(again.dataset.users["id"].to_pylist()).isdisjoint(theirs.dataset.users["id"].to_pylist())
    columns = ["name", "scope", "control", "score", "control_score"]
    pd.testing.assert_frame_equal(again.tables["probe_results"][columns], theirs.tables["probe_results"][columns])
