"""From a configuration to steps: identities, what is checked against the data, what follows from a record."""

import re

import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.voteview import Voteview
from hemicycle.population.population import write_records
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.plan import build_plan, check, data_step_of, foreign_steps_of, hash_file, named
from hemicycle.studies.steps import closure

BASE = {"name": "x", "data": {"source": "voteview"}, "seeds": 2, "train": {"epochs": 2}}
MF = {"recommender": {"model": "mf", "dim": 4}}
PROBES = [{"probe": "ridge", "labels": ["nominate_dim1"]}]
EDGES = "user,item\n" + "".join(f"u{i},i{j}\n" for i in range(6) for j in range(i % 3 + 1))


def study(**values):
    return StudyConfig.model_validate({**BASE, "population": {"mf": MF}, "probes": PROBES, **values})


@pytest.fixture(scope="module")
def senate():
    return Voteview(Voteview.Config()).read()


def identities(config, dataset):
    return {step.title: step.fingerprint for step in closure(build_plan(config, dataset))}


@pytest.fixture
def tabular(tmp_path):
    (tmp_path / "edges.csv").write_text(EDGES)
    edges = {"path": str(tmp_path / "edges.csv")}
    return study(data={"source": "tabular", "public": True, "edges": edges}, probes=[]), tmp_path / "edges.csv"


def test_one_fit_a_seed_on_one_graph(senate):
    steps = build_plan(study(population={"mf": MF, "pop": {"recommender": "popularity", "seeds": [5]}}), senate)
    assert [step.title for step in steps] == ["build and split the graph", "fit mf-s0", "fit mf-s1", "fit pop-s5"]
    assert {step.inputs["graph"].fingerprint for step in steps[1:]} == {steps[0].fingerprint}


@pytest.mark.parametrize(
    "change",
    [{"train": {"epochs": 3}}, {"k": 5}, {"threads": 2}, {"split": {"test": 0.2}}, {"relation": "nays"}],
    ids=str,
)
def test_what_changes_a_result_changes_the_identity_of_its_step(senate, change):
    a, b = identities(study(), senate), identities(study(**change), senate)
    assert a["fit mf-s0"] != b["fit mf-s0"]
    assert a["read voteview"] == b["read voteview"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "y"},
        {"title": "t"},
        {"question": "q"},
        {"seeds": 5},
        {"probes": []},
        {"tracking": {"wandb": "offline"}},
    ],
    ids=str,
)
def test_what_does_not_change_a_result_does_not_change_its_identity(senate, change):
    a, b = identities(study(), senate), identities(study(**change), senate)
    assert a.items() <= b.items()


def test_members_are_known_by_what_they_are_not_by_their_names(senate):
    a, b = identities(study(), senate), identities(study(population={"other": MF}), senate)
    assert a["fit mf-s0"] == b["fit other-s0"]


def test_the_contents_of_files_are_part_of_the_identity(tabular):
    config, path = tabular
    before = data_step_of(config).fingerprint
    assert data_step_of(config).fingerprint == before
    path.write_text(EDGES + "u9,i1\n")
    assert data_step_of(config).fingerprint != before


def test_files_of_one_name_in_two_folders_both_count(tmp_path):
    paths = [tmp_path / folder / "edges.csv" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(EDGES)
    edges = {name: {"path": str(path)} for name, path in zip(("one", "two"), paths, strict=True)}
    config = study(data={"source": "tabular", "edges": edges}, probes=[])
    before = data_step_of(config).fingerprint
    paths[0].write_text(EDGES + "u9,i1\n")
    assert data_step_of(config).fingerprint != before


def test_the_key_is_part_of_the_identity_of_people_who_are_not_public(tabular, monkeypatch):
    config, _ = tabular
    private = config.replace(data=config.data.replace(public=False))
    monkeypatch.setenv("HEMICYCLE_KEY", "a" * 32)
    first, public = data_step_of(private), data_step_of(config)
    assert "a" * 32 not in first.options.model_dump_json()
    monkeypatch.setenv("HEMICYCLE_KEY", "b" * 32)
    assert data_step_of(private).fingerprint != first.fingerprint
    assert data_step_of(config).fingerprint == public.fingerprint


def test_a_file_is_hashed_by_its_contents(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"one")
    b.write_bytes(b"one")
    assert hash_file(a) == hash_file(b)
    b.write_bytes(b"two!")
    assert hash_file(a) != hash_file(b)


def test_a_missing_foreign_file_is_told_by_its_key(tmp_path):
    config = study(population={"theirs": {"embeddings": str(tmp_path / "none.parquet")}})
    with pytest.raises(InputError, match=r"population\.theirs.*none\.parquet"):
        foreign_steps_of(config, data_step_of(config))


# -- the study against the data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"probes": [{"probe": "ridge", "labels": ["dim1"]}]}, r"probes\.0\.labels: the data has no label 'dim1'"),
        ({"probes": [{"probe": "logistic"}]}, r"probes\.0\.labels: there is no label that logistic"),
        (
            {"probes": [{"probe": "ridge", "labels": ["party"]}]},
            "no label 'party'\n    -> give the column 'party' the role label",
        ),
        ({"probes": [{"probe": "logistic", "labels": ["nominate_dim1"]}]}, "more than 50 values\n    -> probe it with"),
        ({"relation": "likes"}, "relation: no relation 'likes' in the data\n    -> there are: votes, nays"),
        ({"split": {"kind": "temporal"}}, r"split\.kind: a temporal split needs times"),
        ({"society": {"positions_from": ["party"]}}, r"society\.positions_from: no numeric label 'party'"),
        ({"society": {"groups_from": "state"}}, r"society\.groups_from: no group 'state'\n    -> groups: party"),
    ],
)
def test_what_the_data_does_not_have_is_refused(senate, values, message):
    with pytest.raises(InputError, match=message):
        check(study(**values), senate)


def test_every_problem_is_told_at_once(senate):
    config = study(probes=[{"probe": "ridge", "labels": ["a", "b"]}], relation="likes", society={"groups_from": "c"})
    with pytest.raises(InputError) as caught:
        check(config, senate)
    assert [re.findall(r"'(\w+)'", problem.what)[0] for problem in caught.value.problems] == ["a", "b", "c", "likes"]


def test_ridge_does_not_read_classes(tabular):
    config, path = tabular
    people = path.with_name("people.csv")
    people.write_text("id,side\n" + "".join(f"u{i},{'left' if i % 2 else 'right'}\n" for i in range(6)))
    table = {"path": str(people), "columns": {"side": "label"}}
    data = config.data.model_validate({**config.data.model_dump(), "attributes": [table]})
    probes = [{"probe": "ridge", "labels": ["side"]}]
    from hemicycle.data.catalogue import SOURCE

    dataset = SOURCE.build(data).read()
    with pytest.raises(InputError, match=r"ridge reads numbers.*\n.*logistic"):
        check(config.model_validate({**config.model_dump(), "data": data, "probes": probes}), dataset)


# -- what follows ----------------------------------------------------------------------------------------------------


def test_an_untrained_twin_is_named_after_its_model():
    record = ModelRecord(id="1", name="", family="mf", seed=0, status="trained")
    assert named(record, "mf-s0").name == "mf-s0"
    twin = ModelRecord(id="2", name="", family="mf", seed=0, status="untrained")
    assert named(twin, "mf-s0").name == "mf-s0-untrained"


def test_every_record_of_a_fit_is_probed_and_mapped_and_the_lists_of_trained_ones_assessed(small_study):
    study_, store = small_study
    fits = [s for s in build_plan(study_.config, study_.dataset) if s.title == "fit mf-s0"]
    titles = [step.title for step in fits[0].then(fits[0].folder(store))]
    assert titles == ["assess mf-s0", "probe mf-s0", "map mf-s0", "probe mf-s0-untrained", "map mf-s0-untrained"]


def test_lists_alone_are_assessed_without_probes(senate, tmp_path):
    folder = Folder.at(tmp_path)
    write_records(folder, [ModelRecord("a", "", "mf", 0, "trained", layers=("readout",), epochs=(0,))])
    fits = [step for step in build_plan(study(probes=[]), senate) if step.kind == "fit"]
    assert fits
    assert all([step.kind for step in fit.then(folder)] == ["assess"] for fit in fits)


def test_the_lists_of_a_foreign_model_are_ranked(senate, tmp_path):
    folder = Folder.at(tmp_path)
    write_records(folder, [ModelRecord("a", "", "foreign", -1, "foreign", epochs=(0,))])
    fit = next(step for step in build_plan(study(probes=[]), senate) if step.kind == "fit")
    assert [step.kind for step in fit.then(folder)] == ["rank", "assess"]
