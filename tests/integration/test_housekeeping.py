"""Looking after a store: two drivers at once, killed ones, clearing, archives, full disks, foreign folders."""

import contextlib
import errno
import json
import shutil
import signal
import sys
import zipfile

import pandas as pd
import pyarrow.fs as pafs
import pytest

from hemicycle import api
from hemicycle.cli import main
from hemicycle.core import storage
from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.core.storage import DONE, Folder, StorageError
from hemicycle.ledger.garbage import Wanted
from hemicycle.studies import probing
from hemicycle.studies.locks import LEASE, hold, take
from hemicycle.studies.marker import MARKER

TINY = """\
name: tiny
data: {source: voteview, congress: 96}
seeds: 1
train: {epochs: 2, validate_every: 1}
population:
  mf: {recommender: {model: mf, dim: 2}}
tracking: {wandb: disabled}
"""
PRIVATE = """\
name: private
data: {source: synthetic, users: 60, items: 20, follows: {per_user: 5}}
seeds: 1
train: {epochs: 1}
population:
  mf: {recommender: {model: mf, dim: 2}}
tracking: {wandb: disabled}
"""


@pytest.fixture(autouse=True)
def _plain(no_figures):
    """Reports without figures."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Stores of studies that have been run: of public people, and of others."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMICYCLE_KEY", "k" * 32)
        patch.setattr(api, "write_report", lambda facts, tables, folder: folder.write_bytes("report.html", b"<h1>"))
        for text in (TINY, PRIVATE):
            path = root / f"{text.split()[1]}.yaml"
            path.write_text(text)
            api.run(path, executor=api.local(), store=Folder.at(root / path.stem))
    return root


@pytest.fixture
def copy(finished, tmp_path, monkeypatch):
    """Return a function that copies a finished store and gives it with its configuration."""
    monkeypatch.setenv("HEMICYCLE_KEY", "k" * 32)

    def take(name="tiny"):
        shutil.copytree(finished / name, tmp_path / name)
        return finished / f"{name}.yaml", Folder.at(tmp_path / name)

    return take


@pytest.fixture
def hemicycle(monkeypatch, capsys, tmp_path):
    """Run a command in this process; returns its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hemicycle", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def again(config, store, **options):
    return api.run(config, executor=options.pop("executor", api.local()), store=store, **options)


def tree(store):
    """Every file of a store with its contents."""
    return {file.name: store.read_bytes(file.name) for file in store.files()}


def step(store, kind):
    """The first step of a kind."""
    return store / "steps" / kind / (store / "steps" / kind).names()[0]


# -- two drivers -------------------------------------------------------------------------------------------------------


def test_a_second_driver_is_told_who_the_first_is(copy, hemicycle):
    config, store = copy()
    study = api.find_study("tiny", store)
    with hold(study) as lease:
        before = tree(store)
        code, out, err = hemicycle("run", config, "--executor", "local", "--store", store.uri)
        assert (code, out) == (2, "")
        for part in (f"process {lease.driver.pid} on {lease.driver.host}, started 2", "hemicycle status"):
            assert part in err
        assert tree(store) == before
    assert not study.exists(LEASE)
    assert again(config, store).outcome.count("cached") > 0


def test_two_studies_may_run_in_one_store(copy):
    config, store = copy()
    with hold(api.find_study("tiny", store)):
        other = again(config, store, overrides=["name=other"])
    assert set(other.outcome.states.values()) == {"cached"}
    assert len(api.status(store)) == 2


def test_what_a_killed_driver_left_is_taken_over_with_a_line(copy, caplog):
    config, store = copy()
    study = api.find_study("tiny", store)
    with hold(study) as lease:
        dead = vars(lease.driver) | {"pid": 2**22 + 1}
    study.write_json(LEASE, dead)
    again(config, store)
    assert f"{study.name}: taking over from process {2**22 + 1} on" in caplog.text
    assert not study.exists(LEASE)


@pytest.mark.slow
def test_a_killed_run_is_named_refused_while_it_lives_and_taken_over(programs, small_config, tmp_path, eventually):
    command = ["hemicycle", "run", small_config, "--store", tmp_path, "--executor", "local"]
    first = programs.start(*command)
    eventually(lambda: list(tmp_path.glob("steps/*/*/DONE")))
    first.send_signal(signal.SIGSTOP)
    code, _, err = programs.run(*command)
    assert code == 2
    assert f"is being worked on by process {first.pid} on" in err
    cleared = api.gc(Folder.at(tmp_path), delete=True)
    assert (cleared.items, "left alone while a driver works" in cleared.notes[0]) == ([], True)
    first.kill()
    first.communicate()
    assert f"died: process {first.pid} on" in api.status(Folder.at(tmp_path))["running"][0]
    code, _, err = programs.run(*command)
    assert code == 0
    assert f"taking over from process {first.pid}" in err


# -- status and retry --------------------------------------------------------------------------------------------------


@pytest.fixture
def failed(small_study, tmp_path, small_config, monkeypatch):
    """A store in which the probes failed."""
    shutil.copytree(small_study[1].local, tmp_path / "store")
    store = Folder.at(tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "steps" / "probe")

    def fail(*_):
        raise InputError("no [number]", "somewhere", "count again")

    with monkeypatch.context() as patch:
        patch.setattr(probing, "probe_targets", fail)
        again(small_config, store)
    return store


def test_status_puts_failures_first_then_who_works_then_the_rest(failed, finished, hemicycle):
    store = failed
    with_failures = api.find_study("small", store).name
    again(finished / "tiny.yaml", store)
    again(finished / "tiny.yaml", store, overrides=["name=busy"])
    busy = api.find_study("busy", store)
    with hold(busy) as lease:
        lease.tell(write=True, done=10, total=40, ran=5, seconds=20.0, slots=2, planned=True)
        found = api.status(store)
        assert [name.rpartition("-")[0] for name in found["study"]] == ["small", "busy", "tiny"]
        assert list(found["failed"]) == [3, 0, 0]
        assert found["left"][1] == 30 * 4 / 2
        code, out, _ = hemicycle("status", "--store", store.uri)
    assert code == 0
    assert f"process {lease.driver.pid} on {lease.driver.host}, started " in out
    assert ", 10 of 40 steps\tabout 60 s\t" in out
    assert out.splitlines()[-1] == f"Next: hemicycle status {with_failures} --store {store.uri}"


def test_status_of_a_study_names_errors_and_remedies(failed, hemicycle):
    code, out, _ = hemicycle("status", "small", "--store", failed.uri)
    name = api.find_study("small", failed).name
    assert code == 0
    assert "3 failed" in out
    assert "failed: probe mf-s0: somewhere: no [number]\n    -> count again\n" in out
    assert out.splitlines()[-1] == f"Next: hemicycle retry {name} --store {failed.uri}"


def test_retry_needs_no_file(failed, small_study, hemicycle):
    code, out, _ = hemicycle("retry", "small", "--failed", "--executor", "local", "--store", failed.uri)
    assert code == 0
    assert "Trying again: 3 failed, 0 missing steps." in out
    assert "probe mf-s0: somewhere: no [number]" in out
    assert "Done: 3 steps run" in out
    table = pd.read_parquet(next(failed.local.glob("studies/small-*/tables/probe_results.parquet")))
    pd.testing.assert_frame_equal(table, small_study[0].tables["probe_results"])
    code, out, _ = hemicycle("retry", "small", "--store", failed.uri)
    assert code == 0
    assert "Every known step is finished." in out


def test_retry_failed_leaves_missing_steps_alone(copy, hemicycle):
    _, store = copy()
    step(store, "fit").delete()
    code, out, _ = hemicycle("retry", "tiny", "--failed", "--store", store.uri)
    assert code == 0
    assert "1 steps are missing: leave --failed out." in out
    code, out, _ = hemicycle("retry", "tiny", "--executor", "local", "--store", store.uri)
    assert "Trying again: 0 failed, 1 missing steps." in out
    assert "Done: 1 steps run" in out


# -- clearing ----------------------------------------------------------------------------------------------------------


def litter(store):
    """Leave one of everything; returns the paths that should go."""
    orphan = store / "steps" / "fit" / ("0" * 32)
    orphan.write_bytes("a.npy", b"x" * 5000)
    orphan.write_json("manifest.json", {"seconds": 1, "inputs": {}})
    orphan.finish()
    (store / "steps" / "fit" / ("1" * 32) / "resume").write_bytes("state.npy", b"x" * 300)
    fit = next(
        folder
        for folder in ((store / "steps" / "fit" / n) for n in (store / "steps" / "fit").names())
        if folder.exists("checkpoints.json")
    )
    (fit / "train" / fit.name).write_bytes("result.json", b"x" * 200)
    (fit / "epoch-00099").write_bytes("table.npy", b"x" * 100)
    fit.write_bytes("a.npy.part-0123abcd", b"x" * 50)
    (store / "studies" / "never-12345678").write_json(LEASE, {})
    return [
        f"steps/fit/{'0' * 32}",
        f"steps/fit/{'1' * 32}",
        f"steps/fit/{fit.name}/train",
        f"steps/fit/{fit.name}/epoch-00099",
        f"steps/fit/{fit.name}/a.npy.part-0123abcd",
        "studies/never-12345678",
    ]


def test_gc_lists_first_and_deletes_only_when_told(copy, hemicycle):
    config, store = copy()
    kept = tree(store)
    paths = litter(store)
    littered = tree(store)
    code, out, _ = hemicycle("gc", "--store", store.uri)
    assert code == 0
    assert [line.split("\t")[2] for line in out.splitlines()[1:-2]] == paths  # largest first
    assert "orphan: no study uses it" in out
    assert "interrupted; no study uses it" in out
    assert out.splitlines()[-1] == f"Nothing was changed. Next: hemicycle gc --yes --store {store.uri}"
    assert tree(store) == littered
    code, out, _ = hemicycle("gc", "--yes", "--store", store.uri)
    assert "Deleted: 6 items" in out
    assert tree(store) == kept
    assert set(again(config, store).outcome.states.values()) == {"cached"}


def test_gc_by_size_and_age(copy):
    _, store = copy()
    paths = litter(store)
    assert [item.path for item in api.gc(store, Wanted(larger_than=250)).items] == paths[:2]
    assert api.gc(store, Wanted(older_than=3600)).items == []
    assert len(api.gc(store, Wanted(older_than=0.0)).items) == len(paths)


def test_gc_forgets_a_study_and_what_only_it_uses(copy):
    config, store = copy()
    before = tree(store)
    again(config, store, overrides=["name=wider", "population.mf.recommender.dim=3"])
    name = api.find_study("wider", store).name
    found = api.gc(store, Wanted(study=name), delete=True)
    assert {item.path.split("/")[0] for item in found.items} == {"steps", "studies"}
    assert tree(store) == before
    with pytest.raises(InputError, match="there is no study 'wider'"):
        api.gc(store, Wanted(study="wider"))


def test_gc_keeps_what_followed_from_the_results_of_an_interrupted_study(small_study, tmp_path):
    shutil.copytree(small_study[1].local, tmp_path / "store")
    store = Folder.at(tmp_path / "store")
    study = api.find_study("small", store)
    plan = study.read_json("plan.json")
    plan["steps"] = [row for row in plan["steps"] if row["kind"] not in ("probe", "map", "assess")]
    study.write_json("plan.json", plan | {"complete": False})
    assert api.gc(store).items == []
    study.write_json("plan.json", plan | {"complete": True})
    assert {item.path.split("/")[1] for item in api.gc(store).items} == {"probe", "map", "assess"}


def test_gc_does_not_touch_what_a_driver_works_on(copy):
    _, store = copy()
    paths = litter(store)
    with hold(api.find_study("tiny", store)) as lease:
        with pytest.raises(InputError, match="is just being started by process"):
            api.gc(store)
        lease.tell(write=True, planned=True)
        found = api.gc(store, delete=True)
        assert [item.path for item in found.items] == [paths[0], "studies/never-12345678"]
        with pytest.raises(InputError, match="is being worked on by"):
            api.gc(store, Wanted(study=api.find_study("tiny", store).name))


def test_a_driver_does_not_start_while_a_store_is_cleared(copy):
    config, store = copy()
    with hold(store, "gc.json"), pytest.raises(InputError, match="is being cleared by process"):
        again(config, store)


def test_gc_follows_no_link(copy, tmp_path):
    _, store = copy()
    outside = tmp_path / "outside"
    (outside / ("2" * 32)).mkdir(parents=True)
    (outside / "precious").write_text("x")
    (outside / ("2" * 32) / "a").write_text("x")
    (store.local / "steps" / "linked").symlink_to(outside)
    (store.local / "steps" / "fit" / ("3" * 32)).symlink_to(outside)
    orphan = store / "steps" / "fit" / ("4" * 32)
    orphan.write_bytes("a", b"x")
    (orphan.local / "inner").symlink_to(outside)
    found = api.gc(store, delete=True)
    assert [item.path for item in found.items] == [f"steps/fit/{'4' * 32}"]
    assert not orphan.exists()
    assert sorted(path.name for path in outside.rglob("*")) == ["2" * 32, "a", "precious"]


@pytest.mark.parametrize("options", [("--older-than", "soon"), ("--larger-than", "much"), ("--study", "none")])
def test_gc_refuses_what_it_does_not_understand(copy, hemicycle, options):
    _, store = copy()
    code, _, err = hemicycle("gc", *options, "--yes", "--store", store.uri)
    assert code == 2
    assert options[0] in err
    assert "    -> " in err


# -- foreign and damaged -----------------------------------------------------------------------------------------------


def test_a_foreign_folder_is_no_store(finished, tmp_path, hemicycle):
    (tmp_path / "home" / "studies").mkdir(parents=True)
    (tmp_path / "home" / "thesis.tex").write_text("x")
    for command in (["run", finished / "tiny.yaml", "--executor", "local"], ["gc", "--yes"]):
        code, _, err = hemicycle(*command, "--store", tmp_path / "home")
        assert code == 2
        assert "is no store of hemicycle: it holds studies, thesis.tex" in err
    assert sorted(path.name for path in (tmp_path / "home").rglob("*")) == ["studies", "thesis.tex"]


def test_a_store_from_before_the_mark_is_adopted(copy):
    config, store = copy()
    store.remove(MARKER)
    api.gc(store)
    assert not store.exists(MARKER), "looking changes nothing"
    (store.local / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"holds other things than a store: notes\.txt"):
        api.gc(store)
    again(config, store)
    assert store.read_json(MARKER) == {"format": 1}


@pytest.mark.parametrize(
    ("content", "what"), [('{"format": 99}', "has format 99"), ("[", "damaged"), ("[]", "damaged")]
)
def test_a_store_of_another_time(copy, content, what):
    config, store = copy()
    store.write_bytes(MARKER, content.encode())
    with pytest.raises(InputError, match=what):
        again(config, store)


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b'{"steps": [{"kind": "../..", "fingerprint": "x"}]}'])
def test_a_damaged_plan(copy, content):
    config, store = copy()
    study = api.find_study("tiny", store)
    before = tree(store)
    study.write_bytes("plan.json", content)
    for verb in (lambda s: api.archive("tiny", None, s), lambda s: api.failures("tiny", s)):
        with pytest.raises(InputError, match=f"the plan of study {study.name} is damaged"):
            verb(store)
    found = api.gc(store)
    assert (found.items, f"the plan of study {study.name} is damaged" in found.notes[0]) == ([], True)
    assert "damaged" in api.status(store)["report"][0]
    assert set(again(config, store).outcome.states.values()) == {"cached"}
    assert tree(store) == before
    study.write_bytes("plan.json", content)
    api.gc(store, Wanted(study=study.name), delete=True)
    assert not study.exists()


@pytest.mark.parametrize("content", [b"{", b'[{"id": 3}]'])
def test_damaged_documents_of_a_step_are_named(copy, content):
    config, store = copy()
    fit = step(store, "fit")
    good = tree(store)
    for name in ("records.json", "manifest.json"):
        if (name, content) == ("records.json", b"[]"):
            continue  # no records: nothing wrong with the file
        fit.write_bytes(name, content)
        api.find_study("tiny", store).reopen()
        with pytest.raises(InputError, match="the file is damaged") as caught:
            again(config, store)
        assert str(caught.value).startswith(f"{fit.uri}/{name}: ")
        assert f"delete the folder {fit.uri}" in str(caught.value)
        fit.write_bytes(name, good[f"steps/fit/{fit.name}/{name}"])
    again(config, store)
    assert tree(store).keys() == good.keys()


def test_a_damaged_step_is_shown_not_archived_and_made_again(copy, hemicycle, tmp_path):
    _, store = copy()
    fit, name = step(store, "fit"), api.find_study("tiny", store).name
    assert " damaged\n" not in hemicycle("status", "tiny", "--store", store.uri)[1]
    for document in ("manifest.json", "records.json"):
        fit.write_bytes(document, b"garbage")
    code, out, _ = hemicycle("status", "tiny", "--store", store.uri)
    assert (code, ", 1 damaged\n" in out) == (0, True)
    assert f"step 'fit mf-s0' is damaged: {fit.uri}/records.json" in out
    remedy = f"    -> delete the folder {fit.uri}, then run the study again: hemicycle retry {name}"
    assert out.count(f"{remedy} --store {store.uri}\n") == 1
    code, _, err = hemicycle("archive", "tiny", "-o", "tiny.zip", "--store", store.uri)
    assert (code, err.count("step 'fit mf-s0' is damaged"), remedy in err) == (2, 2, True)
    assert not (tmp_path / "tiny.zip").exists()
    fit.delete()
    assert hemicycle("retry", "tiny", "--executor", "local", "--store", store.uri)[0] == 0
    assert hemicycle("archive", "tiny", "-o", "tiny.zip", "--store", store.uri)[0] == 0


# -- archives ----------------------------------------------------------------------------------------------------------


def test_an_archive_opens_in_another_laboratory(copy, tmp_path, hemicycle):
    config, store = copy()
    code, out, _ = hemicycle("archive", "tiny", "-o", "tiny.zip", "--store", store.uri)
    assert code == 0
    assert "Left out" not in out
    assert str(tmp_path).encode() not in b"".join(
        zipfile.ZipFile("tiny.zip").read(n) for n in zipfile.ZipFile("tiny.zip").namelist()
    )
    shutil.move(store.local, tmp_path / "gone")
    there = tmp_path / "elsewhere" / "lab"
    code, out, _ = hemicycle("restore", "tiny.zip", "--store", there)
    assert code == 0
    assert (
        out.splitlines()[-1]
        == f"Next:   hemicycle status {api.find_study('tiny', Folder.at(there)).name} --store {there}"
    )
    assert tree(Folder.at(there)) == tree(Folder.at(tmp_path / "gone"))
    code, out, _ = hemicycle("run", config, "--executor", "local", "--store", there)
    assert out.startswith("Nothing to do")
    assert hemicycle("report", config, "--store", there)[0] == 0
    assert "Nothing to do" in hemicycle("restore", "tiny.zip", "--store", there)[1]
    api.archive("tiny", "again.zip", Folder.at(there))


def test_the_same_study_gives_the_same_bytes(copy, tmp_path):
    _, store = copy()
    first, index = api.archive("tiny", tmp_path / "a.zip", store)
    second, _ = api.archive("tiny", tmp_path / "b.zip", store)
    assert first.read_bytes() == second.read_bytes()
    assert index["steps"] == index["of"]
    assert all(len(about["sha256"]) == 64 for about in index["files"].values())


def test_without_checkpoints_models_are_trained_again(copy, tmp_path):
    config, store = copy()
    path, index = api.archive("tiny", tmp_path / "a.zip", store, checkpoints=False)
    assert {row["why"] for row in index["left_out"]} == {"checkpoints were not asked for"}
    assert not any(".npy" in name and "/fit/" in name for name in index["files"])
    there = Folder.at(tmp_path / "there")
    api.restore(path, there)
    assert api.status(there)["missing"][0] == 1
    study = again(config, there)
    assert study.outcome.count("finished") == 1
    for name, table in again(config, store).tables.items():
        pd.testing.assert_frame_equal(study.tables[name], table, check_column_type=False)


def test_people_who_are_not_public_stay_inside(copy, tmp_path, hemicycle):
    config, store = copy("private")
    code, out, _ = hemicycle("archive", "private", "-o", "p.zip", "--store", store.uri)
    assert code == 0
    assert "Left out:" in out
    assert "row by row" in out
    with zipfile.ZipFile("p.zip") as archive:
        names = archive.namelist()
        index = json.loads(archive.read("hemicycle-archive.json"))
        inside = b"".join(archive.read(name) for name in names)
    assert not [
        n for n in names if n.endswith(".npy") or "/data/" in n.replace("provenance/data", "") or "ranking_users" in n
    ]
    assert not [n for n in names if "users.parquet" in n or "relation-" in n]
    assert any("/provenance/data/" in name and name.endswith("manifest.json") for name in names)
    assert b"k" * 32 not in inside
    data = api.look(api.load(config), store)[0]
    assert not [i for i in data.users["id"].to_pylist() if len(i) > 5 and i.encode() in inside]
    assert {row["what"].split()[0] for row in index["left_out"]} >= {"data", "graph", "fit"}
    with pytest.raises(DisclosureError, match="row by row"):
        api.archive("private", tmp_path / "q.zip", store, data=True)
    assert not (tmp_path / "q.zip").exists()


def test_what_was_restored_without_people_is_made_again_from_the_data(copy, tmp_path):
    config, store = copy("private")
    path, index = api.archive("private", tmp_path / "p.zip", store)
    there = Folder.at(tmp_path / "there")
    api.restore(path, there)
    assert api.status(there)["finished"][0] == index["steps"] > 0
    assert (api.find_study("private", there) / "tables").exists("records.parquet")
    study = again(config, there)
    assert study.outcome.count("cached") >= index["steps"] - 1
    for name, table in again(config, store).tables.items():
        pd.testing.assert_frame_equal(study.tables[name], table, check_column_type=False)


def test_public_data_can_stay_at_home(copy, tmp_path):
    _, store = copy()
    _, index = api.archive("tiny", tmp_path / "a.zip", store, data=False)
    assert {row["why"] for row in index["left_out"]} == {"the data were not asked for"}
    assert not [name for name in index["files"] if name.startswith("steps/data")]


@pytest.fixture
def archived(copy, tmp_path):
    """An archive, and a function that writes it again with changes: name -> bytes, None to leave an entry out."""
    _, store = copy()
    path, _ = api.archive("tiny", tmp_path / "a.zip", store)

    def change(changes, index=None):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
            entries = {name: old.read(name) for name in old.namelist()}
            if index is not None:
                about = json.loads(entries["hemicycle-archive.json"])
                index(about)
                entries["hemicycle-archive.json"] = json.dumps(about).encode()
            for name, content in (entries | changes).items():
                if content is not None:
                    new.writestr(name, content)
        return tmp_path / "b.zip"

    return path, change


def refused(path, tmp_path, match):
    store = Folder.at(tmp_path / "there")
    with pytest.raises(InputError, match=match):
        api.restore(path, store)
    assert not store.exists(), "nothing is visible"


def test_damaged_archives_are_refused(archived, tmp_path):
    path, change = archived
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        refused(tmp_path / "cut.zip", tmp_path, "cannot be opened")
    for place in range(60, len(whole) - 60, len(whole) // 9):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        (tmp_path / "broken.zip").write_bytes(broken)
        with contextlib.suppress(InputError):  # a byte of a date or a name's padding may not matter
            api.restore(tmp_path / "broken.zip", Folder.at(tmp_path / "maybe"))
            assert tree(Folder.at(tmp_path / "maybe")) == tree(Folder.at(tmp_path / "tiny"))
        shutil.rmtree(tmp_path / "maybe", ignore_errors=True)
    name = next(n for n in zipfile.ZipFile(path).namelist() if n.endswith("records.parquet"))
    content = zipfile.ZipFile(path).read(name)
    refused(change({name: content[:-1] + b"x"}), tmp_path, f"the checksum of {name} is wrong")
    refused(change({name: content + b"x"}), tmp_path, "another size")
    refused(change({name: None}), tmp_path, f"{name} is missing")
    refused(change({"hemicycle-archive.json": b"{"}), tmp_path, "is damaged")


def test_foreign_and_newer_archives_are_refused(archived, tmp_path):
    _, change = archived
    refused(change({"hemicycle-archive.json": None}), tmp_path, "none of hemicycle")
    refused(change({}, lambda about: about.update(format=2)), tmp_path, "it has format 2.*this version knows 1")
    refused(change({}, lambda about: about.update(files=3)), tmp_path, "is damaged")
    refused(change({}, lambda about: about.pop("study")), tmp_path, "is damaged")
    refused(tmp_path / "none.zip", tmp_path, "there is no file")
    (tmp_path / "text.zip").write_text("text")
    refused(tmp_path / "text.zip", tmp_path, "no zip")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/evil",
        "steps/../../evil",
        "studies/x/../../../evil",
        "studies/other-1/plan.json",
        "steps/fit/x/a",
        "C:\\evil",
        "studies\\x\\evil",
        f"steps/fit/{'0' * 32}/../../../../evil",
        f"steps/fit/{'0' * 32}/.hidden",
        "x",
    ],
)
def test_entries_that_lead_elsewhere_are_refused(archived, tmp_path, name):
    _, change = archived

    def listed(about):
        about["files"][name] = {"sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "size": 1}

    refused(change({name: b"x"}, listed), tmp_path, "a place where nothing of a study lies")
    assert not list(tmp_path.rglob("evil"))


def test_finished_steps_that_differ_stay(archived, copy, tmp_path):
    path, _ = archived
    there = Folder.at(tmp_path / "there")
    api.restore(path, there)
    fit = step(there, "fit")
    fit.write_json("manifest.json", fit.read_json("manifest.json") | {"seconds": 99})
    assert api.restore(path, there).written == 0, "when and where it was made may differ"
    fit.write_bytes("history.parquet", b"mine")
    before = tree(there)
    with pytest.raises(InputError, match="1 finished steps of the store differ") as caught:
        api.restore(path, there)
    assert "--store NEW" in str(caught.value)
    assert tree(there) == before


def test_an_interrupted_restoration_goes_on(archived, tmp_path):
    path, _ = archived
    there = Folder.at(tmp_path / "there")
    with full_after(20_000), pytest.raises(StorageError, match="no space left"):
        api.restore(path, there)
    there = Folder.at(there.uri)
    assert api.status(there).empty
    api.restore(path, there)
    assert tree(there) == tree(Folder.at(tmp_path / "tiny"))


# -- full disks --------------------------------------------------------------------------------------------------------


class Full(pafs.LocalFileSystem):
    """A file system on which only so many bytes fit."""

    budget = 0

    def open_output_stream(self, path, **options):
        return _Stream(super().open_output_stream(path, **options))


class _Stream:
    def __init__(self, inner):
        self.inner, self.closed = inner, False

    def write(self, content):
        size = memoryview(content).nbytes
        fits, Full.budget = Full.budget, Full.budget - size
        if fits < size:
            self.inner.write(bytes(memoryview(content).cast("B")[: max(0, fits)]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.inner.write(content)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inner.close()

    def __getattr__(self, name):
        return getattr(self.inner, name)


@contextlib.contextmanager
def full_after(size):
    """Let the disk be full after so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Full, "budget", size)
        patch.setattr(storage.pafs, "LocalFileSystem", Full)
        yield


ALMOST = [pytest.param(size, marks=pytest.mark.slow) for size in (0, 40, 900, 3000, 70_000, 100_000, 115_000, 120_000)]


@pytest.mark.parametrize("size", [40_000, *ALMOST])
@pytest.mark.usefixtures("copy")
def test_a_full_disk_leaves_nothing_that_looks_finished(finished, tmp_path, size):
    config, store, whole = finished / "tiny.yaml", Folder.at(tmp_path / "store"), Folder.at(finished / "tiny")
    with full_after(size), contextlib.suppress(StorageError, InputError):
        study = again(config, store)
        assert study.outcome.count("failed"), "the disk was large enough: no test"
    store = Folder.at(store.uri)
    expected, found = tree(whole), tree(store)
    assert not [name for name in found if ".part-" in name]
    for done in [name for name in found if name.startswith("steps/") and name.endswith(f"/{DONE}")]:
        root = done.removesuffix(DONE)
        files = {n: b for n, b in expected.items() if n.startswith(root) and not n.endswith("manifest.json")}
        assert {n: found.get(n) for n in files} == files
    assert not any(name.startswith("studies/") and name.endswith(f"/{DONE}") for name in found)
    study = again(config, store)
    assert study.outcome.count("failed") == 0
    for name, table in again(config, whole).tables.items():
        pd.testing.assert_frame_equal(study.tables[name], table, check_column_type=False)


def test_an_archive_on_a_full_disk_leaves_no_file(copy, tmp_path):
    _, store = copy()
    (tmp_path / "out").mkdir()
    with full_after(50_000), pytest.raises(StorageError, match="no space left"):
        api.archive("tiny", tmp_path / "out" / "a.zip", store)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_lease_on_a_full_disk_is_not_taken(tmp_path):
    folder = Folder.at(tmp_path / "study")
    with full_after(10), pytest.raises(StorageError, match="no space left"):
        take(folder)
    assert folder.files() == []
