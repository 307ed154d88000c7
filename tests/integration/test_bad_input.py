"""What a user gets wrong: every message names the place and the remedy, and nothing has been started."""

import sys
from pathlib import Path

import pytest
import yaml

from hemicycle.cli import main
from hemicycle.core.storage import Folder
from hemicycle.studies.executor import LocalExecutor

EDGES = "user,item,weight\n" + "".join(f"u{i},i{j},1\n" for i in range(20) for j in range(3 + i % 4))
PEOPLE = "id,lean,party,age\n" + "".join(f"u{i},{i / 10 - 1},{'ab'[i % 2]},{20 + i}\n" for i in range(20))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEMICYCLE_KEY", "k" * 32)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    Path("edges.csv").write_text(EDGES)
    Path("people.csv").write_text(PEOPLE)


def config():
    columns = {"lean": "label", "party": "group", "age": "covariate"}
    return {
        "name": "mine",
        "data": {
            "source": "tabular",
            "edges": {"path": "edges.csv", "weight": "weight"},
            "attributes": [{"path": "people.csv", "columns": columns}],
        },
        "seeds": 1,
        "train": {"epochs": 1},
        "population": {"mf": {"recommender": {"model": "mf", "dim": 4}}},
        "probes": [{"probe": "ridge", "labels": ["lean"]}],
    }


def refused(monkeypatch, capsys, *arguments, values=None, store="store"):
    """Run a study that cannot run; returns the message."""
    Path("mine.yaml").write_text(yaml.safe_dump(values or config(), sort_keys=False))
    where = () if "--address" in arguments else ("--executor", "local")
    monkeypatch.setattr(sys, "argv", ["hemicycle", "run", "mine.yaml", *arguments, *where, "--store", store])
    with pytest.raises(SystemExit) as end:
        main()
    written = capsys.readouterr()
    assert end.value.code == 2, written.err
    assert written.out == ""
    assert "Traceback" not in written.err
    assert "    -> " in written.err, "a message has a remedy"
    assert not Path(store, "steps").exists()
    assert not Path(store, "studies").exists()
    return written.err


@pytest.fixture
def message(monkeypatch, capsys):
    return lambda *arguments, **options: refused(monkeypatch, capsys, *arguments, **options)


def edit(name, old, new):
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new, 1))


# -- data ------------------------------------------------------------------------------------------------------------


def test_a_missing_file(message):
    Path("edges.csv").rename("edgs.csv")
    found = message()
    assert "there is no file 'edges.csv'; near names there: edgs.csv" in found
    assert "correct the path" in found


def test_a_missing_column(message):
    edit("people.csv", "lean", "leaning")
    found = message()
    assert "people.csv:1: there is no column 'lean' (columns.lean); did you mean 'leaning'?" in found


def test_not_a_number(message):
    edit("people.csv", "u3,-0.7,", "u3,left,")
    found = message()
    assert "people.csv:5 column 'lean': 1 values are not numbers" in found
    assert "left" not in found.split("->")[0]


def test_weights_that_are_missing(message):
    edit("edges.csv", "u0,i1,1", "u0,i1,NaN")
    assert "edges.csv:3 column 'weight': 1 values are empty or NaN" in message()


def test_weights_that_are_no_numbers(message):
    edit("edges.csv", "u0,i1,1", "u0,i1,much")
    assert "edges.csv:3 column 'weight': 1 values are not numbers" in message()


def test_people_who_stand_twice(message):
    edit("people.csv", "u4,", "u3,")
    found = message()
    assert "people.csv:5,6 column 'id': 2 values are ids of 1 users that stand more than once" in found
    assert "keep one row for each" in found
    assert "u3" not in found


def test_a_label_with_one_class(message):
    Path("people.csv").write_text("id,lean,party,age\n" + "".join(f"u{i},0.5,a,30\n" for i in range(20)))
    found = message()
    assert "people.csv column 'lean': the label has one class only" in found


def test_an_empty_graph(message):
    Path("edges.csv").write_text("user,item,weight\n")
    assert "edges.csv: the graph has no edge" in message()


def test_everything_at_once(message):
    edit("edges.csv", "u0,i1,1", "u0,i1,-1")
    edit("people.csv", "u4,", "u3,")
    found = message()
    assert "edges.csv:3" in found
    assert "people.csv:5,6" in found


def test_a_label_that_is_not_there(message):
    values = config() | {"probes": [{"probe": "ridge", "labels": ["leaning"]}]}
    found = message(values=values)
    assert "probes.0.labels: the data has no label 'leaning'" in found
    assert "labels: lean" in found


# -- configuration ---------------------------------------------------------------------------------------------------


def test_an_unknown_key(message):
    values = config() | {"prbes": []}
    found = message(values=values)
    assert "mine.yaml:25 prbes: unknown key 'prbes'; did you mean 'probes'?" in found


def test_an_unknown_key_inside_a_recommender(message):
    values = config()
    values["population"]["mf"]["recommender"]["dims"] = 3
    assert "population.mf.recommender.dims: unknown key 'dims'; did you mean 'dim'?" in message(values=values)


@pytest.mark.parametrize("override", ["train.epochs=-1", "k=0", "seeds=0", "split.test=2", "threads=many"])
def test_a_value_out_of_range(message, override):
    key, _, value = override.partition("=")
    found = message(override)
    assert f"command line {key}: " in found
    assert value in found
    assert found.count("->") == 1


# -- surroundings ----------------------------------------------------------------------------------------------------


def test_a_store_that_cannot_be_written(message):
    Path("file").write_text("x")
    found = message(store="file/store")
    assert "file/store is not writable" in found
    assert "--store PATH or the variable HEMICYCLE_STORE" in found


def test_a_disk_that_is_too_small(message, monkeypatch):
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 1000)
    found = message()
    assert "disk of " in found
    assert "0.0 GB free" in found
    assert "choose another --store" in found


def test_memory_that_is_too_small(message, monkeypatch):
    monkeypatch.setattr(LocalExecutor, "memory", 1e8)
    found = message()
    assert "memory: about 0.6 GB of memory needed" in found
    assert "0.1 GB available" in found


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_a_ray_cluster_that_does_not_answer(message, address):
    import ray

    before = ray.is_initialized()  # by the session of other tests
    found = message("--address", address)
    assert address in found
    assert "ray start --head" in found
    assert ray.is_initialized() == before


def test_the_input_itself_is_good(monkeypatch, capsys):
    """What all of the above start from runs."""
    from hemicycle import api

    monkeypatch.setattr(api, "write_report", lambda *_: None)
    Path("mine.yaml").write_text(yaml.safe_dump(config()))
    study = api.run("mine.yaml", ["tracking.wandb=disabled"], executor=api.local(), store=Folder.at("store"))
    assert study.tables["failures"].empty
    assert len(study.tables["probe_results"])
