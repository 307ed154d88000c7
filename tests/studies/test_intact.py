"""Damaged documents of a store are named; what else goes wrong is not blamed on them."""

import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.studies.intact import blaming_damage, damage, damaged_steps, read_plan, step_folders

RECORD = {"id": "a", "name": "", "family": "mf", "seed": 0, "status": "trained"}


@pytest.fixture
def step(tmp_path):
    folder = Folder.at(tmp_path / "steps" / "fit" / ("a" * 32))
    folder.write_json("manifest.json", {"seconds": 1.5})
    folder.write_json("records.json", [RECORD])
    folder.finish()
    return folder


@pytest.mark.parametrize(
    "plan",
    [
        b"",
        b"[]",
        b"null",
        b"3",
        b'{"steps": []}',
        b'{"config": {}, "steps": 3}',
        b'{"config": {}, "steps": [3]}',
        b'{"config": {}, "steps": [{"kind": "fit"}]}',
        b'{"config": {}, "steps": [{"kind": "../..", "fingerprint": "' + b"a" * 32 + b'"}]}',
        b'{"config": {}, "steps": [{"kind": "fit", "fingerprint": "../../home"}]}',
        b'{"config": [], "steps": []}',
    ],
)
def test_damaged_plans(tmp_path, plan):
    study = Folder.at(tmp_path / "x-1")
    study.write_bytes("plan.json", plan)
    with pytest.raises(InputError, match="the plan of study x-1 is damaged") as caught:
        read_plan(study)
    assert "hemicycle gc --study x-1" in str(caught.value)


def test_a_good_plan(tmp_path):
    study, store = Folder.at(tmp_path / "x-1"), Folder.at(tmp_path)
    study.write_json("plan.json", {"config": {}, "steps": [{"kind": "fit", "fingerprint": "a" * 32}]})
    assert step_folders(read_plan(study), store) == [store / "steps" / "fit" / ("a" * 32)]


def test_a_good_step_has_no_damage(step):
    assert damage(step) == []
    step.remove("records.json")
    assert damage(step) == []


@pytest.mark.parametrize("name", ["manifest.json", "records.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"3", b"null", b'{"seconds": null}', b'[{"id": "a"}]'])
def test_damage_is_named(step, name, content):
    step.write_bytes(name, content)
    (problem,) = damage(step)
    assert problem.where == f"{step.uri}/{name}"
    assert "delete the folder" in problem.remedy
    with pytest.raises(InputError, match="is damaged") as caught, blaming_damage(lambda: [step]):
        raise TypeError("something else")
    assert isinstance(caught.value.__cause__, TypeError)


def test_damaged_steps_of_a_study_have_titles_and_a_remedy(step, tmp_path):
    store = Folder.at(tmp_path)
    study, other = store / "studies" / "x-1", store / "steps" / "fit" / ("b" * 32)
    rows = [{"kind": "fit", "fingerprint": f.name, "title": f"fit {f.name[0]}-s0"} for f in (step, other)]
    study.write_json("plan.json", {"config": {}, "steps": rows})
    other.write_bytes("manifest.json", b"{")  # not finished: it will be made anew anyway
    assert damaged_steps(study, store) == []
    step.write_bytes("records.json", b"\xff\x00")
    (problem,) = damaged_steps(study, store)
    assert (problem.what, problem.where) == ("step 'fit a-s0' is damaged", f"{step.uri}/records.json")
    assert problem.remedy == f"delete the folder {step.uri}, then run the study again: hemicycle retry x-1"


@pytest.mark.parametrize("error", [StorageError("a"), TypeError("b"), KeyError("c"), ValueError("d")])
def test_without_damage_an_error_stays_what_it_is(step, error):
    with pytest.raises(type(error)) as caught, blaming_damage(lambda: [step]):
        raise error
    assert caught.value is error
