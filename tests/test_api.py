"""The verbs as functions."""

import json
import shutil

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import yaml

from hemicycle import api
from hemicycle.core.config import find
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset

STEPS = {"cached", "to run"}


class Listed:
    """Remembers what it is told."""

    def __init__(self):
        self.runs = []

    def record(self, run):
        self.runs.append(run)


@pytest.fixture
def store(small_study, tmp_path):
    shutil.copytree(small_study[1].local, tmp_path / "store")
    return Folder.at(tmp_path / "store")


# -- run and report --------------------------------------------------------------------------------------------------


def test_the_tracker_is_told_of_every_model_and_arm(small_config, store, monkeypatch):
    monkeypatch.setattr(api, "write_report", lambda *_: None)
    api.find_study("small", store).delete()
    tracker = Listed()
    api.run(small_config, executor=api.local(), store=store, tracker=tracker)
    assert {run.kind for run in tracker.runs} == {"model", "simulation"}
    assert {run.name for run in tracker.runs if run.kind == "model"} >= {"mf-s0", "popularity-s0"}
    assert {run.group for run in tracker.runs} == {"small"}
    again = Listed()
    api.run(small_config, executor=api.local(), store=store, tracker=again)
    assert again.runs == []


def test_a_report_is_written_again_without_running_anything(small_config, small_study, store, monkeypatch):
    told = []
    monkeypatch.setattr(api, "write_report", lambda facts, tables, folder: told.append((facts, tables)))
    assert api.report(small_config, store=store) == f"{api.find_study('small', store).uri}/report.html"
    ((facts, tables),) = told
    assert facts.title == "A small study"
    assert facts.data["users"] == 101
    assert facts.public
    assert any("voteview" in text.lower() for text in facts.citations)
    pd.testing.assert_frame_equal(tables["records"], small_study[0].tables["records"])


def test_a_report_of_an_unfinished_study_is_refused(small_config, tmp_path):
    store = Folder.at(tmp_path)
    with pytest.raises(InputError, match="not finished"):
        api.report(small_config, store=store)
    assert store.names() == []


def test_headlines_are_sentences(small_study):
    lines = api.headlines(small_study[0])
    assert any("nominate_dim1" in line for line in lines)
    assert all(line.endswith(".") for line in lines)


def test_overrides_belong_to_files(small_config):
    config = api.load(small_config)
    assert api.load(config) is config
    with pytest.raises(InputError, match="replace"):
        api.load(config, ["k=3"])


# -- look ------------------------------------------------------------------------------------------------------------


def test_a_plan_of_a_new_study(small_config, tmp_path):
    store = Folder.at(tmp_path / "nowhere")
    plan = api.plan(small_config, store=store)
    assert {planned.state for planned in plan.steps} == {"to run"}
    assert {planned.reason for planned in plan.steps} == {"new"}
    kinds = [planned.step.kind for planned in plan.steps]
    assert kinds.index("data") < kinds.index("graph") < kinds.index("fit")
    assert plan.problems == []
    assert not store.exists()


def test_a_plan_says_what_is_there_and_why_the_rest_runs(small_config, store):
    assert api.plan(small_config, store=store).todo == []
    fits = [store / "steps" / "fit" / name for name in (store / "steps" / "fit").names()]
    fits[0].reopen()
    fits[1].reopen()
    fits[1].write_json("failed.json", {"error": "ValueError: bad luck\nmore", "title": "fit"})
    reasons = {p.reason for p in api.plan(small_config, store=store).steps if p.state == "to run"}
    assert reasons == {"interrupted before", "failed before: ValueError: bad luck"}


def test_a_change_leaves_the_rest_cached(small_config, store):
    plan = api.plan(small_config, ["population.mf.recommender.dim=5"], store=store)
    assert [step.title for step in plan.todo] == ["fit mf-s0"]


def test_a_plan_that_does_not_fit_says_so(small_config, tmp_path, monkeypatch):
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 10)
    (problem,) = api.plan(small_config, store=Folder.at(tmp_path)).problems
    assert "GB needed" in problem


def test_the_status_of_a_store(small_study, store, tmp_path):
    (row,) = api.status(store).to_dict("records")
    assert row["steps"] == row["finished"] == len(small_study[0].outcome.steps)
    assert (row["failed"], row["missing"]) == (0, 0)
    assert row["report"].endswith("report.html")
    fit = store / "steps" / "fit"
    (fit / fit.names()[0]).delete()
    (fit / fit.names()[0]).reopen()
    (fit / fit.names()[0]).write_json("failed.json", {"error": "x"})
    (row,) = api.status(store).to_dict("records")
    assert (row["failed"], row["missing"]) == (1, 1)
    assert api.status(Folder.at(tmp_path / "empty")).empty


def test_a_study_is_found_by_its_name(store):
    (name,) = (store / "studies").names()
    assert api.find_study("small", store).name == api.find_study(name, store).name == name
    with pytest.raises(InputError, match=r"no study 'smal'[\s\S]*studies: small-"):
        api.find_study("smal", store)
    shutil.copytree(store.local / "studies" / name, store.local / "studies" / "small-00000000")
    with pytest.raises(InputError, match="several studies are called 'small'"):
        api.find_study("small", store)


def test_the_provenance_of_a_run(small_study, store):
    record = small_study[0].tables["records"].set_index("name").loc["mf-s0"]
    for name in ("mf-s0", record["id"], record["id"][:10]):
        found = api.show(name, store)
        assert found["finished"]
        assert found["title"] == "fit mf-s0"
        assert found["options"]["recommender"]["dim"] == 4
        assert found["packages"]["torch"]
    json.dumps(found)
    with pytest.raises(InputError, match="0 runs are called"):
        api.show("nothing", store)
    with pytest.raises(InputError, match="runs are called ''"):
        api.show("", store)


def test_the_provenance_of_what_is_not_finished(store):
    fit = store / "steps" / "fit"
    folder = fit / fit.names()[0]
    folder.reopen()
    assert api.show(folder.name, store) == {"folder": folder.uri, "finished": False}
    folder.write_json("failed.json", {"error": "x", "trace": "y"})
    assert api.show(folder.name, store)["trace"] == "y"


def test_tables_are_exported(small_study, store):
    study = small_study[0]
    for name in ("records", "probe_results", "simulation_contrasts"):
        assert api.export("small", name, store).num_rows == len(study.tables[name])
    assert api.export("small", "users", store)["party"].to_pylist()  # senators are public
    assert api.export("small", "relation-votes", store).num_rows > 1000
    with pytest.raises(InputError, match=r"no table 'probes'[\s\S]*tables: .*probe_results.*users"):
        api.export("small", "probes", store)
    assert list(api.population("small", store)["name"]) == list(study.tables["records"]["name"])


# -- population add --------------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(small_study, tmp_path):
    ids = small_study[0].dataset.users["id"].to_pylist()
    path = tmp_path / "theirs.parquet"
    pd.DataFrame({"id": ids, "vector": list(np.random.default_rng(0).normal(size=(len(ids), 3)))}).to_parquet(path)
    return path


def test_a_foreign_model_joins_a_study(small_config, theirs, store, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "write_report", lambda *_: None)
    path = api.population_add(str(small_config), "theirs", theirs, tmp_path / "more.yaml")
    assert yaml.safe_load(path.read_text())["name"] == "small-theirs"
    study = api.run(path, executor=api.local(), store=store)
    assert {study.outcome.steps[key].title for key, state in study.outcome.states.items() if state == "finished"} == {
        "take in theirs",
        "assess theirs",
        "probe theirs",
        "map theirs",
    }
    row = study.tables["records"].set_index("name").loc["theirs"]
    assert (row["status"], row["family"], row["seed"]) == ("foreign", "foreign", -1)
    assert "theirs" in set(study.tables["probe_results"]["name"])


@pytest.mark.parametrize(("name", "reason"), [("mf", "has a member 'mf' already"), ("a b", "no name for a model")])
def test_a_name_that_cannot_be_is_refused(small_config, theirs, tmp_path, name, reason):
    with pytest.raises(InputError, match=reason):
        api.population_add(str(small_config), name, theirs, tmp_path / "more.yaml")
    assert not (tmp_path / "more.yaml").exists()


def test_a_file_of_another_data_set_is_refused(small_config, tmp_path):
    pd.DataFrame({"id": ["x"], "vector": [[1.0]]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="none of its ids is in the data"):
        api.population_add(str(small_config), "theirs", tmp_path / "other.parquet", tmp_path / "more.yaml")
    assert not (tmp_path / "more.yaml").exists()


# -- data and machine ------------------------------------------------------------------------------------------------


def test_a_society_is_written(tmp_path):
    lines = api.data_synthesize(tmp_path / "society", ["users=50", "follows.per_user=4", "items=0", "seed=1"])
    assert lines[0] == "users: 50"
    folder = Folder.at(tmp_path / "society")
    assert folder.done
    assert folder.read_table("users").num_rows == 50
    with pytest.raises(InputError, match="unknown key 'user'; did you mean 'users'"):
        api.data_synthesize(tmp_path / "other", ["user=50"])
    assert not (tmp_path / "other").exists()


def test_data_are_described_by_study_or_name(small_config):
    table = api.data_describe(str(small_config))
    assert {"users", "items"} <= set(table["table"])
    assert {"table", "column", "statistic", "value"} <= set(table.columns)


def test_known_data_sets_have_a_licence_and_a_state():
    found = api.data_status()
    assert found
    assert all(status.licence and status.state for status in found)


def test_the_store_is_chosen_by_argument_variable_or_default(tmp_path, monkeypatch):
    monkeypatch.delenv("HEMICYCLE_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert api.open_store().uri == str(tmp_path / "hemicycle-store")
    monkeypatch.setenv("HEMICYCLE_STORE", str(tmp_path / "a"))
    assert api.open_store().uri == str(tmp_path / "a")
    assert api.open_store(tmp_path / "b").uri == str(tmp_path / "b")


def test_a_shipped_study_is_known_by_its_name():
    assert api.load("quickstart").name == "quickstart"
    assert find("quickstart").name == "quickstart.yaml"


# -- the store's ledger ----------------------------------------------------------------------------------------------


def test_a_damaged_study_hides_no_other(store):
    (store / "studies" / "broken-00000000").write_bytes("plan.json", b"")
    rows = api.status(store).set_index("study")
    assert "damaged" in rows.loc["broken-00000000", "report"]
    healthy = rows.drop("broken-00000000").iloc[0]
    assert healthy["missing"] == 0
    assert healthy["finished"] == healthy["steps"] > 0


def test_an_added_model_overwrites_no_file(small_config, theirs, tmp_path):
    (tmp_path / "more.yaml").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        api.population_add(str(small_config), "theirs", theirs, tmp_path / "more.yaml")
    assert (tmp_path / "more.yaml").read_text() == "mine"


def test_the_graph_of_public_people_is_written_for_gephi(small_study, tmp_path):
    path = api.export_graph("small", "nays", tmp_path / "nays.graphml", small_study[1])
    graph = nx.read_graphml(path)
    assert graph.number_of_nodes() > 100
    assert graph.number_of_edges() == small_study[0].dataset.relations["nays"].table.num_rows


def test_the_lists_of_a_foreign_model_are_ranked_on_withheld_edges(small_config, store, tmp_path):
    dataset = Dataset.read(store / "steps" / "data" / (store / "steps" / "data").names()[0])
    users, items = dataset.users["id"].to_pylist(), dataset.items["id"].to_pylist()
    rows = [{"user": u, "item": items[rank], "rank": rank + 1} for u in users for rank in range(20)]
    pd.DataFrame(rows).to_parquet(tmp_path / "lists.parquet")
    path = api.population_add(str(small_config), "shop", tmp_path / "lists.parquet", tmp_path / "more.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "write_report", lambda *_: None)
        study = api.run(path, executor=api.local(), store=store)
    ranked = study.tables["ranking_results"].query("name == 'shop' and metric == 'ndcg@20'")
    assert len(ranked) == 1
    assert 0 <= ranked["ci_low"].item() <= ranked["value"].item() <= ranked["ci_high"].item() < 1
