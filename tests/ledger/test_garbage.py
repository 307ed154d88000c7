"""Ages and sizes that people write, and what follows from the results of an interrupted study."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.ledger.garbage import Garbage, Wanted, _following, collect, look_around, parse_age, parse_size
from hemicycle.studies import locks
from hemicycle.studies.locks import hold


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("2w", 1_209_600), ("1.5 m", 90), ("0s", 0)]
)
def test_ages(text, seconds):
    assert parse_age(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("1GB", 1e9), ("500 MB", 5e8), ("2g", 2e9), ("0", 0), ("17", 17), ("1.5kb", 1500), ("1TB", 1e12)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@given(st.text(max_size=6))
def test_anything_else_is_refused_or_a_number(text):
    for parse in (parse_age, parse_size):
        try:
            assert parse(text) >= 0
        except InputError as error:
            assert "write e.g." in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1y"])
def test_no_ages(text):
    with pytest.raises(InputError, match="--older-than"):
        parse_age(text)


def test_both_filters_hold():
    item = Garbage("steps/fit/x", "", 100, 1000.0)
    assert Wanted(older_than=50, larger_than=100).covers(item, 1050.0)
    assert not Wanted(older_than=51).covers(item, 1050.0)
    assert not Wanted(larger_than=101).covers(item, 1050.0)


def test_what_follows():
    inputs = {"probe/p": {"f", "g"}, "late/l": {"p"}, "probe/other": {"f", "x"}, "data/d": set()}
    assert _following({"fit/f", "graph/g"}, inputs) == {"probe/p", "late/l"}
    assert _following(set(), inputs) == set()


@given(st.dictionaries(st.integers(1, 30), st.sets(st.integers(0, 29)), max_size=15))
def test_following_equals_the_slow_way(graph):
    inputs = {f"k/{step}": {str(i) for i in needs} for step, needs in graph.items()}
    known = {"0"}
    for _ in range(40):
        known |= {str(step) for step, needs in graph.items() if needs and {str(i) for i in needs} <= known}
    assert _following({"k/0"}, inputs) | {"k/0"} == {f"k/{name}" for name in known}


# -- on an object store ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["disk", "s3"])
def store(request, tmp_path, monkeypatch):
    """A store with a study of one step, on disk and on an object store."""
    monkeypatch.setattr(locks, "SETTLE", 0.0)
    base = tmp_path if request.param == "disk" else request.getfixturevalue("bucket")
    store = Folder.at(f"{base}/{uuid.uuid4().hex}/store")
    plan = {"name": "x", "config": {}, "complete": True}
    rows = [{"kind": "fit", "fingerprint": "a" * 32, "title": "fit x"}]
    (store / "studies" / "x-1").write_json("plan.json", plan | {"steps": rows})
    for letter in "ab":
        step = store / "steps" / "fit" / (letter * 32)
        step.write_json("manifest.json", {"seconds": 1, "inputs": {}})
        step.finish()
    (store / "steps" / "fit" / ("c" * 32)).write_bytes("half.npy", b"x" * 1000)
    (store / "steps" / "fit" / ("a" * 32) / "train" / ("a" * 32)).write_bytes("run.json", b"x" * 500)
    (store / "steps" / "graph" / ("a" * 32) / "train").write_bytes("graph.json", b"x")
    return store


def test_a_store_is_cleared_wherever_it_lies(store):
    expected = [
        f"steps/fit/{'c' * 32}",
        f"steps/fit/{'a' * 32}/train",
        f"steps/fit/{'b' * 32}",
        f"steps/graph/{'a' * 32}",
    ]
    assert [item.path for item in look_around(store, Wanted()).items] == expected
    found = collect(store, Wanted())
    assert [item.path for item in found.items] == expected
    assert found.size > 1500
    assert [file.name for file in store.files()] == [
        "hemicycle-store.json",
        f"steps/fit/{'a' * 32}/DONE",
        f"steps/fit/{'a' * 32}/manifest.json",
        "studies/x-1/plan.json",
    ]
    assert found.kept == store.size()
    collect(store, Wanted(study="x-1"))
    assert [file.name for file in store.files()] == ["hemicycle-store.json"]


def test_what_a_driver_works_on_stays_wherever_it_lies(store):
    with hold(store / "studies" / "x-1") as lease:
        lease.tell(write=True, planned=True)
        found = collect(store, Wanted())
    assert [item.path for item in found.items] == [f"steps/fit/{'b' * 32}"]
    assert "left alone while a driver works: x-1" in found.notes[0]
    assert not store.exists("gc.json")


def test_the_folder_train_of_a_graph_is_no_garbage(store):
    (store / "steps" / "graph" / ("a" * 32)).finish()
    study = store / "studies" / "x-1"
    plan = study.read_json("plan.json")
    plan["steps"].append({"kind": "graph", "fingerprint": "a" * 32, "title": "graph"})
    study.write_json("plan.json", plan)
    assert not [item for item in look_around(store, Wanted()).items if "graph" in item.path]


@pytest.fixture
def damaged(store):
    """A store in which the plan of a second study, to which any step may belong, is damaged."""
    (store / "studies" / "y-2").write_bytes("plan.json", b"garbage")
    for letter in "abc":  # of a step in use, of one that is not, of an unfinished one
        (store / "steps" / "fit" / (letter * 32)).write_bytes("x.npy.part-0123abcd", b"x")
    return store


def test_beside_a_damaged_plan_only_part_files_go(damaged):
    before = {file.name for file in damaged.files()}
    found = collect(damaged, Wanted())
    gone = {f"steps/fit/{letter * 32}/x.npy.part-0123abcd" for letter in "abc"}
    assert {item.path for item in found.items} == gone
    assert {file.name for file in damaged.files()} - {"hemicycle-store.json"} == before - gone
    (note,) = found.notes
    assert note.startswith("the plan of study y-2 is damaged; any step may be its own")
    assert "hemicycle gc --study y-2" in note


def test_beside_a_damaged_plan_a_forgotten_study_leaves_its_steps(damaged):
    found = look_around(damaged, Wanted(study="x-1"))
    assert [item.path for item in found.items] == ["studies/x-1"]
    assert "y-2 is damaged" in found.notes[0]
    with pytest.raises(InputError, match="studies: x-1, y-2"):
        look_around(damaged, Wanted(study="none"))


def test_a_forgotten_damaged_plan_frees_the_others(damaged):
    assert [item.path for item in collect(damaged, Wanted(study="y-2")).items] == ["studies/y-2"]
    assert f"steps/fit/{'b' * 32}" in {item.path for item in look_around(damaged, Wanted()).items}


def test_beside_a_damaged_plan_a_driver_keeps_its_part_files(damaged):
    with hold(damaged / "studies" / "y-2"):
        assert look_around(damaged, Wanted()).items == []
