"""What may leave in an archive is decided file by file; what nobody knows stays inside."""

import json
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from planted import s3_bucket

from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, Relation, tag
from hemicycle.ledger.archive import Wishes, contents, public_people, write_archive
from hemicycle.ledger.restore import restore
from hemicycle.studies.locks import hold

FINGERPRINTS = {"data": "d" * 32, "fit": "f" * 32, "probe": "a" * 32}


def people(*, public):
    """A data set of two people."""
    users = tag(pa.table({"id": ["anna", "boris"], "lean": [0.1, -0.1]}), {"id": "id", "lean": "label"}, public=public)
    edges = pa.table({"user": pa.array([0, 1], pa.int32()), "item": pa.array([1, 0], pa.int32())})
    return Dataset("people", users, None, {"follows": Relation(edges, social=True)}, public)


@pytest.fixture
def study(tmp_path):
    """Return a function that makes a store with a study of people who are public or not."""

    def make(*, public):
        store = Folder.at(tmp_path / "store")
        steps = {kind: store / "steps" / kind / fingerprint for kind, fingerprint in FINGERPRINTS.items()}
        people(public=public).write(steps["data"])
        (steps["fit"] / "epoch-00001").write_array("table", np.ones((2, 3)))
        steps["fit"].write_table("history", pa.table({"epoch": [0], "loss": [1.0]}))
        steps["fit"].write_json("records.json", [])
        private = pa.table({"user": [0, 1], "ndcg@20": [0.5, 0.7]})
        (steps["fit"] / "ranking_users").write_table("x", private)
        steps["probe"].write_table("probe_results", pa.table({"probe": ["ridge"], "value": [0.5]}))
        for kind, step in steps.items():
            step.write_json("manifest.json", {"kind": kind, "seconds": 1.0})
            step.finish()
        folder = store / "studies" / "x-12345678"
        rows = [{"kind": kind, "fingerprint": f, "title": f"make {kind}"} for kind, f in FINGERPRINTS.items()]
        folder.write_json("plan.json", {"name": "x", "config": {}, "steps": rows})
        folder.write_bytes("report.html", b"<h1>")
        folder.write_bytes("driver.json.part-01234567", b"half")
        (folder / "wandb").write_bytes("run.log", b"log")
        (folder / "tables").write_table("probe_results", pa.table({"value": [0.5]}))
        (folder / "tables").write_table("of_people", private)
        folder.finish()
        return folder, store

    return make


def test_of_public_people_everything_leaves(study):
    folder, store = study(public=True)
    found = contents(folder, store, Wishes())
    assert found.public
    assert (found.steps, found.total) == (3, 3)
    assert {row.what for row in found.left_out} == {"driver.json.part-01234567", "wandb/run.log"}
    everything = {file.name for file in store.files() if "part-" not in file.name and "wandb" not in file.name}
    assert set(found.files) == everything


def test_of_others_only_results_leave(study):
    folder, store = study(public=False)
    found = contents(folder, store, Wishes())
    root = "studies/x-12345678"
    fit = f"{root}/provenance/fit/{'f' * 32}"
    assert set(found.files) == {
        f"{root}/DONE",
        f"{root}/plan.json",
        f"{root}/report.html",
        f"{root}/tables/probe_results.parquet",
        f"{root}/provenance/data/{'d' * 32}/manifest.json",
        f"{fit}/history.parquet",
        f"{fit}/manifest.json",
        f"{fit}/records.json",
        f"steps/probe/{'a' * 32}/DONE",
        f"steps/probe/{'a' * 32}/manifest.json",
        f"steps/probe/{'a' * 32}/probe_results.parquet",
    }
    assert (found.steps, found.total) == (1, 3)
    why = {(row.what.split()[0], row.files): row.why for row in found.left_out}
    assert "row by row" in why["data", 3]
    assert "values of single people" in why["fit", 1] or "rows of single people" in why["fit", 1]
    assert "rows of single people" in why["tables/of_people.parquet", 1]
    with pytest.raises(DisclosureError, match="--with-data"):
        contents(folder, store, Wishes(data=True))


@pytest.mark.parametrize("damage", ["dataset.json", "users.parquet", "DONE"])
def test_people_count_as_not_public_unless_everything_says_so(study, damage):
    _, store = study(public=True)
    data = store / "steps" / "data" / ("d" * 32)
    assert public_people([data])
    data.remove(damage)
    assert not public_people([data])
    assert not public_people([])


def test_a_flag_alone_makes_nobody_public(study):
    _, store = study(public=False)
    data = store / "steps" / "data" / ("d" * 32)
    data.write_json("dataset.json", data.read_json("dataset.json") | {"public": True})
    assert not public_people([data])


def test_options_leave_out_more(study):
    folder, store = study(public=True)
    found = contents(folder, store, Wishes(checkpoints=False, data=False))
    assert found.steps == 1
    assert {row.why for row in found.left_out} >= {"checkpoints were not asked for", "the data were not asked for"}
    assert not [name for name in found.files if "epoch-" in name or "users.parquet" in name]


def test_an_unfinished_step_is_left_out_and_a_running_study_refused(study):
    folder, store = study(public=True)
    (store / "steps" / "probe" / ("a" * 32)).reopen()
    found = contents(folder, store, Wishes())
    assert ("probe aaaaaaaaaaaa (make probe)", "it is not finished") in {(row.what, row.why) for row in found.left_out}
    with hold(folder), pytest.raises(InputError, match="is being worked on"):
        contents(folder, store, Wishes())


def test_every_damaged_step_is_named_and_the_study_refused(study):
    folder, store = study(public=True)
    (store / "steps" / "fit" / ("f" * 32)).write_bytes("records.json", b"garbage")
    (store / "steps" / "probe" / ("a" * 32)).write_bytes("manifest.json", b"garbage")
    with pytest.raises(InputError, match="step 'make fit' is damaged") as caught:
        contents(folder, store, Wishes())
    fit, probe = caught.value.problems
    assert fit.where.endswith(f"steps/fit/{'f' * 32}/records.json")
    assert probe.what == "step 'make probe' is damaged"
    assert f"delete the folder {store.uri}/steps/probe/" in probe.remedy


@pytest.mark.parametrize("public", [True, False])
def test_the_way_there_and_back(study, tmp_path, public):
    folder, store = study(public=public)
    found = contents(folder, store, Wishes())
    index = write_archive(found, store, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert json.loads(archive.read("hemicycle-archive.json")) == index
        assert b"hemicycle restore FILE" in archive.read("README.txt")
        assert set(archive.namelist()) == {*found.files, "README.txt", "hemicycle-archive.json"}
    done = restore(tmp_path / "x.zip", Folder.at(tmp_path / "there"))
    assert done.written == len(found.files)
    for name, source in found.files.items():
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "store" / source).read_bytes()
    assert restore(tmp_path / "x.zip", Folder.at(tmp_path / "there")).written == 0


def test_archives_of_and_into_an_object_store(study, tmp_path):
    folder, store = study(public=True)
    with s3_bucket():
        there = Folder.at("s3://bucket/archives")  # stand-ins in one process share what they hold
        store.copy_to(there)
        inside = there / "studies" / folder.name
        write_archive(contents(inside, there, Wishes()), there, tmp_path / "x.zip")
        other = there / "other"
        restore(tmp_path / "x.zip", other)
        expected = {file.name: store.read_bytes(file.name) for file in store.files()}
        found = {file.name: other.read_bytes(file.name) for file in other.files()}
        assert found.keys() - expected.keys() == {"hemicycle-store.json"}
        assert all(expected[name] == content for name, content in found.items() if name in expected)
        assert restore(tmp_path / "x.zip", other).written == 0


def test_a_study_with_other_tables_stays(study, tmp_path):
    folder, store = study(public=True)
    write_archive(contents(folder, store, Wishes()), store, tmp_path / "x.zip")
    (folder / "tables").write_table("probe_results", pa.table({"value": [0.7]}))
    with pytest.raises(InputError, match="has a study x-12345678 with other tables"):
        restore(tmp_path / "x.zip", store)


def test_a_disk_that_is_too_small_is_told_before(study, tmp_path, monkeypatch):
    folder, store = study(public=True)
    write_archive(contents(folder, store, Wishes()), store, tmp_path / "x.zip")
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 10)
    with pytest.raises(InputError, match="GB are needed"):
        restore(tmp_path / "x.zip", Folder.at(tmp_path / "there"))
    assert not (tmp_path / "there").exists()
