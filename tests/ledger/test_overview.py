"""Runs are found by the beginning of a name; what several names share is listed."""

import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.ledger.overview import show

STACK, FIT, OTHER = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def store(tmp_path):
    """A store with a stack of two models and a fit, each with its untrained twin, and a step without models."""
    store = Folder.at(tmp_path)
    places = {
        "politics-001-s1": f"steps/stack/{STACK}/0",
        "politics-002-s1": f"steps/stack/{STACK}/1",
        "mf-s1": f"steps/fit/{FIT}",
        "gone-s1": f"steps/fit/{'9' * 32}",
    }
    models = [(name + end, place) for name, place in places.items() for end in ("", "-untrained")]
    rows = [{"id": f"{n:x}" * 32, "name": name, "folder": place} for n, (name, place) in enumerate(models)]
    study = store / "studies" / "x-12345678"
    study.write_json("plan.json", {"config": {}, "steps": []})
    (study / "tables").write_table("records", pa.Table.from_pylist(rows))
    for kind, fingerprint in {"stack": STACK, "fit": FIT, "probe": OTHER}.items():
        step = store / "steps" / kind / fingerprint
        step.write_json("manifest.json", {"kind": kind, "seconds": 1.0})
        step.finish()
    return store


@pytest.mark.parametrize(
    ("called", "kind"),
    [
        ("politics-001-s1", "stack"),
        ("politics-001-s1-untrained", "stack"),
        ("politics-001", "stack"),
        ("m", "fit"),
        ("5" * 12, "fit"),
        (STACK, "stack"),
        ("bbb", "fit"),
        ("c", "probe"),
    ],
)
def test_the_beginning_of_a_name_or_a_fingerprint_is_enough(store, called, kind):
    assert show(called, store)["kind"] == kind


def test_a_whole_name_wins_over_longer_ones(store):
    tables = store / "studies" / "x-12345678" / "tables"
    more = {"id": "e" * 32, "name": "mf-s10", "folder": f"steps/probe/{OTHER}"}
    tables.write_table("records", pa.Table.from_pylist([*tables.read_table("records").to_pylist(), more]))
    assert show("mf-s1", store)["kind"] == "fit"
    with pytest.raises(InputError, match="2 runs are called 'mf-s'"):
        show("mf-s", store)


def test_several_runs_are_listed(store):
    with pytest.raises(InputError, match="2 runs are called 'politics'") as caught:
        show("politics", store)
    listed = f"there are: politics-001-s1 (stack {STACK[:12]}), politics-002-s1 (stack {STACK[:12]})"
    assert listed in str(caught.value)


def test_a_long_list_is_cut(store):
    for n in range(10, 30):
        (store / "steps" / "map" / f"d{n}".ljust(32, "0")).write_json("manifest.json", {})
    with pytest.raises(InputError, match=r"20 runs are called 'd'[\s\S]* and 10 more"):
        show("d", store)


def test_what_is_not_there_is_not_found(store):
    for name in ("nothing", "gone-s1"):
        with pytest.raises(InputError, match=r"0 runs are called .*\n.*population list STUDY"):
            show(name, store)
