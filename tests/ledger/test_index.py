"""The index: what it holds, that it follows the store, that damage is a row, and that losing it loses nothing."""

import json
import os
import shutil
import threading

import planted
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.ledger import index, index_rows
from hemicycle.ledger.index import refresh
from hemicycle.ledger.index_rows import SCHEMAS, dotted, with_options
from hemicycle.population.population import RECORDS as WRITTEN_RECORDS
from hemicycle.studies import engine, listing, run
from hemicycle.studies.listing import Finished, stamps


@pytest.fixture
def store(tmp_path):
    """A store with one planted study of two families and three seeds."""
    folder = Folder.at(tmp_path / "store")
    planted.plant_population(folder)
    return folder


def rows(found, name):
    return found[name].to_pylist()


def same(one, other):
    return all(one[name].equals(other[name]) for name in SCHEMAS)


def test_the_names_of_files_are_those_that_are_written():
    assert (index_rows.PLAN, index_rows.ABOUT) == (run.PLAN, run.ABOUT)
    assert (index_rows.RECORDS, index_rows.FAILED) == (WRITTEN_RECORDS, engine.FAILED)


# -- what it holds -----------------------------------------------------------------------------------------------------


def test_models_have_a_row_with_their_study_and_their_options(store):
    models = rows(refresh(store), "models")
    assert [m["name"] for m in models] == [f"{f}-s{s}" for f in ("lightgcn", "mf") for s in (0, 1, 2)]
    first = models[0]
    assert (first["study"], first["family"], first["best_epoch"]) == ("one-12345678", "lightgcn", 3)
    assert first["recommender"] == {"dim": 8, "model": "lightgcn", "reg": 0.01}
    assert first["train"] == {"epochs": 3, "lr": 0.1}
    assert json.loads(first["config"])["k"] == 20


def test_a_real_study_has_the_models_of_its_population(small_study):
    study, store = small_study
    found = refresh(store)
    names = [m["name"] for m in rows(found, "models") if m["study"] == study.folder.name]
    assert names == sorted(study.tables["records"]["name"])
    assert {s["state"] for s in rows(found, "steps")} == {"finished"}
    assert {t["table"] for t in rows(found, "tables")} == set(study.tables)
    assert rows(found, "problems") == []
    shutil.rmtree((store / index.INDEX).local)


def test_steps_say_how_long_they_took_and_by_which_version(store):
    step = next(s for s in rows(refresh(store), "steps") if s["kind"] == "fit")
    assert (step["state"], step["seconds"], step["threads"]) == ("finished", 0.5, 1)
    assert (step["hemicycle"], step["commit"]) == ("0.1.0", "c" * 40)


def test_a_model_of_two_studies_has_a_row_for_each_under_its_name_there(store):
    key = rows(refresh(store), "models")[0]["id"]
    planted.plant_study(store, "two", [("fit", key, "fit other-s0")])
    found = [(m["study"], m["name"]) for m in rows(refresh(store), "models") if m["id"] == key]
    assert found == [("one-12345678", "lightgcn-s0"), ("two-12345678", "other-s0")]


def test_untrained_twins_are_called_so_and_models_of_no_study_have_no_name(store):
    twin = planted.record("twin", status="untrained", parent="alone")
    planted.plant_named(store, "fit", "alone", "x", records=[planted.record("alone"), twin])
    assert [m["name"] for m in rows(refresh(store), "models") if m["step"] == "alone"] == ["", ""]
    planted.plant_study(store, "two", [("fit", "alone", "fit x-s0")])
    names = [m["name"] for m in rows(refresh(store), "models") if m["step"] == "alone"]
    assert names == ["x-s0", "x-s0-untrained"]


def test_stretches_of_a_trial_count_once_it_is_evaluated_and_mediators_never(store):
    for key in ("first", "second"):
        planted.plant_named(store, "rung", key, "t", records=[planted.record(key)])
    planted.plant_named(store, "mediator", "media", "m", records=[planted.record("media")])
    planted.plant_named(store, "evaluate", "eval", "t", about={"inputs": {"model": "second"}})
    last = {m["id"]: m["last"] for m in rows(refresh(store), "models")}
    assert (last["first"], last["second"]) == (False, True)
    assert "media" not in last
    planted.plant_named(store, "evaluate", "eval2", "t", about={"inputs": {"model": "first"}})
    assert {m["id"]: m["last"] for m in rows(refresh(store), "models")}["first"]


def test_failed_and_unfinished_steps_are_rows_too(store):
    (store / "steps" / "fit" / "bad").write_json("failed.json", {"title": "fit bad", "error": "boom\nmore"})
    (store / "steps" / "fit" / "half").write_json("part.json", {})
    found = {s["fingerprint"]: s for s in rows(refresh(store), "steps")}
    assert (found["bad"]["state"], found["bad"]["error"]) == ("failed", "boom")
    assert found["half"]["state"] == "unfinished"


def test_values_of_several_types_become_text_and_case_does_not_clash():
    models = [{"id": str(i), "config": json.dumps({"recommender": r})} for i, r in enumerate(({"a": 1}, {"a": "x"}))]
    models.append({"id": "2", "config": json.dumps({"recommender": {"A": 2, "deep": {"b": [1, 2]}, "none": None}})})
    table = index.pa.Table.from_pylist(models)
    assert with_options(table)["recommender"].to_pylist() == [
        {"A": None, "deep.b": None, "none": None},
        {"A": None, "deep.b": None, "none": None},
        {"A": 2, "deep.b": [1, 2], "none": None},
    ]
    assert with_options(table.slice(0, 2))["recommender"].to_pylist() == [{"a": "1"}, {"a": '"x"'}]


def test_dotted_numbers_lists_of_mappings():
    assert dotted({"a": [{"b": 1}, {"b": 2}], "c": {"d": [1]}}) == {"a.0.b": 1, "a.1.b": 2, "c.d": [1]}


# -- it follows the store ----------------------------------------------------------------------------------------------


def test_only_what_changed_is_read_again(store):
    assert refresh(store).read == 9  # data, graph, six fits, one study
    assert refresh(store).read == 0
    planted.plant_step(store, "fit", "new", records=[planted.record("new")])
    assert refresh(store).read == 1
    study = store / "studies" / "one-12345678"
    study.write_json("plan.json", {"name": "one", "config": {}, "steps": []})
    found = refresh(store)
    assert found.read == 1
    assert {m["study"] for m in rows(found, "models")} == {""}
    assert same(found, refresh(store, rebuild=True))


def test_what_is_gone_from_the_store_is_gone_from_the_index(store):
    key = rows(refresh(store), "models")[0]["step"]
    (store / "steps" / "fit" / key).delete()
    found = refresh(store)
    assert key not in {m["step"] for m in rows(found, "models")} | {s["fingerprint"] for s in rows(found, "steps")}
    (store / "studies" / "one-12345678").delete()
    assert not rows(refresh(store), "tables")


def test_a_step_that_is_made_again_replaces_its_rows(store):
    key = rows(refresh(store), "models")[0]["step"]
    shutil.rmtree((store / "steps" / "fit" / key).local)
    planted.plant_named(store, "fit", key, "lightgcn-s0", records=[planted.record(key, "lightgcn", best_epoch=7)])
    found = [m for m in rows(refresh(store), "models") if m["id"] == key]
    assert [m["best_epoch"] for m in found] == [7]


def test_deleting_the_index_loses_nothing(store):
    before = refresh(store)
    (store / index.INDEX).delete()
    assert same(before, refresh(store))


def test_copies_are_whole_and_old_ones_go(store):
    for number in range(4):
        planted.plant_step(store, "fit", f"new {number}")
        refresh(store)
    copies = (store / index.INDEX / index.LAYOUT).names()
    assert len(copies) == index.KEPT


def test_a_damaged_or_unfinished_copy_is_made_again(store):
    before = refresh(store)
    copies = store / index.INDEX / index.LAYOUT
    (copies / copies.names()[0]).write_bytes("models.parquet", b"no parquet")
    (copies / "99999999999999999999-half").write_bytes("models.parquet", b"half")
    again = refresh(store)
    assert again.read == before.read
    assert same(before, again)


def test_refreshes_at_once_leave_a_whole_index(store):
    found = []
    threads = [threading.Thread(target=lambda: found.append(refresh(store, rebuild=True))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert same(found[0], refresh(store))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_indexed_all_the_same(store):
    store.local.chmod(0o555)
    try:
        assert "ermission" in refresh(store).unsaved
    finally:
        store.local.chmod(0o755)


def test_a_copy_that_cannot_be_kept_is_told(store, monkeypatch):
    def full(self, name, table):
        raise StorageError("no space left")

    monkeypatch.setattr(Folder, "write_table", full)
    found = refresh(store)
    assert found.unsaved == "no space left"
    assert found["models"].num_rows == 6


# -- damage and foreign folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"title": 1}', b"\xff\xfe"])
def test_a_damaged_manifest_is_a_problem_and_no_exception(store, content):
    key = rows(refresh(store), "models")[0]["step"]
    (store / "steps" / "fit" / key).write_bytes("manifest.json", content)
    found = refresh(store)
    assert [(p["place"], p["file"]) for p in rows(found, "problems")] == [(f"steps/fit/{key}", "manifest.json")]
    assert next(s for s in rows(found, "steps") if s["fingerprint"] == key)["state"] == "damaged"
    assert found["models"].num_rows == 6


@pytest.mark.parametrize(
    ("name", "content"),
    [("plan.json", b"{}"), ("study.json", b"[1]"), ("tables/probe_results.parquet", b"PAR1 no"), ("plan.json", b"nul")],
)
def test_a_damaged_study_is_a_problem_and_no_exception(store, name, content):
    folder, _, file = name.rpartition("/")
    place = store / "studies" / "one-12345678"
    (place / folder if folder else place).write_bytes(file, content)
    found = refresh(store)
    assert [(p["place"], p["file"]) for p in rows(found, "problems")] == [("studies/one-12345678", name)]
    assert found["steps"].num_rows == 8


def test_a_problem_goes_when_it_is_mended(store):
    place = store / "studies" / "one-12345678"
    plan = place.read_bytes("plan.json")
    place.write_bytes("plan.json", b"{")
    assert rows(refresh(store), "problems")
    place.write_bytes("plan.json", plan)
    assert rows(refresh(store), "problems") == []


@pytest.mark.parametrize("name", ["photos", ""])
def test_a_folder_that_is_no_store_is_refused_and_left_alone(tmp_path, name):
    if name:
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"no study|no store"):
        refresh(Folder.at(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ([name] if name else [])


# -- listing -----------------------------------------------------------------------------------------------------------


def test_stamps_change_with_the_files_and_leave_out_parts(tmp_path):
    folder = Folder.at(tmp_path)
    (folder / "a" / "tables").write_bytes("x.parquet", b"1")
    (folder / "a" / "tables").write_bytes("y.part-1234abcd", b"1")
    (folder / "a").write_bytes("DONE", b"")
    (folder / "b").write_bytes("other", b"")
    before = stamps(folder, ["DONE", "tables/"])
    assert {name: sorted(files) for name, files in before.items()} == {"a": ["DONE", "tables/x.parquet"], "b": []}
    (folder / "a" / "tables").write_bytes("x.parquet", b"12")
    after = stamps(folder, ["DONE", "tables/"])
    assert after["a"]["tables/x.parquet"] != before["a"]["tables/x.parquet"]
    assert after["a"]["DONE"] == before["a"]["DONE"]
    assert stamps(folder / "none", ["DONE"]) == {}


def test_a_bucket_is_listed_as_a_disk_is(tmp_path, monkeypatch):
    folder = Folder.at(tmp_path)
    (folder / "fit" / "a").finish()
    (folder / "fit" / "a" / "tables").write_bytes("x", b"1")
    (folder / "fit" / "b").write_bytes("other", b"")
    listed = listing._in_bucket(folder / "fit", ["DONE", "tables/"])
    assert {name: sorted(files) for name, files in listed.items()} == {"a": ["DONE", "tables/x"]}


def test_finished_asks_for_few_steps_and_lists_many(tmp_path, monkeypatch):
    store = Folder.at(tmp_path)
    (store / "steps" / "fit" / "a").finish()
    (store / "steps" / "fit" / "b").write_bytes("half", b"")
    on_disk = Finished(store)
    assert [on_disk("fit", name) for name in "abc"] == [True, False, False]
    monkeypatch.setattr(Folder, "local", None)
    monkeypatch.setattr(listing, "stamps", lambda root, wanted: {"a": {"DONE": "1"}, "b": {}})
    monkeypatch.setattr(listing, "FEW", 2)
    in_bucket = Finished(store)
    assert [in_bucket("fit", name) for name in "abcabc"] == [True, False, False] * 2
    (store / "steps" / "fit" / "b").finish()
    assert not in_bucket("fit", "b")
    assert in_bucket("probe", "b") is False
