"""Steps that read a population: which sites, which labels, what a model without vectors is read by."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.schema import tag
from hemicycle.population.population import Population
from hemicycle.probes.logistic import LogisticConfig
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.ridge import Ridge
from hemicycle.probes.target import Target
from hemicycle.studies import probing
from hemicycle.studies.probing import (
    ProbeOptions,
    _names,
    kind_of,
    labels_of,
    list_sites,
    listed_vectors,
    probe_step,
    representation,
    sites,
    target_of,
)
from hemicycle.studies.steps import Work
from hemicycle.studies.tables import records_of

ABOUT = {"record_id": "r", "name": "m", "family": "f", "seed": 0, "status": "trained", "layer": "lists", "epoch": 0}
ROLES = {"id": "id", "left": "label", "vote": "label", "party": "group", "age": "covariate", "name": "name"}


def record(**changes):
    base = {"id": "a", "name": "a", "family": "f", "seed": 0, "status": "trained"}
    return ModelRecord(**base | {"layers": ("0", "1", "readout"), "epochs": (0, 2, 5), "best_epoch": 2} | changes)


def users(*, public=True):
    columns = {
        "id": ["a", "b", "c"],
        "left": [0.5, None, -1.0],
        "vote": ["yes", "no", None],
        "party": ["x", "y", "x"],
        "age": [30.0, 40.0, None],
        "name": ["Ann", "Bo", "Cy"],
    }
    return tag(pa.table(columns), ROLES, public=public)


# -- sites -----------------------------------------------------------------------------------------------------------


def test_every_layer_at_the_best_checkpoint_and_the_readout_along_training():
    assert sites(record()) == [("readout", 0), ("readout", 5), ("0", 2), ("1", 2), ("readout", 2)]


def test_all_layers_at_all_checkpoints_where_that_is_wanted():
    found = sites(record(), every_layer=True)
    assert len(found) == len(set(found)) == 9
    assert found[-1] == ("readout", 2)


def test_lists_are_read_once_a_checkpoint():
    assert list_sites(record()) == [("lists", 0), ("lists", 5), ("lists", 2)]


def test_a_model_without_vectors_has_one_place_to_look():
    assert sites(record(layers=(), epochs=(0,), best_epoch=0)) == [("readout", 0)]


def test_foreign_models_are_probed_wherever_they_have_vectors():
    found = sites(record(status="foreign", layers=("a", "b"), epochs=(1, 2)))
    assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


# -- labels ----------------------------------------------------------------------------------------------------------


def test_a_probe_without_labels_reads_all_that_it_can():
    known = tag(users().set_column(1, "left", [[0.5, 0.0, -1.0]]), ROLES, public=True)
    assert kind_of(known, "left") == "number"
    assert kind_of(known, "vote") == "class"
    assert labels_of(Ridge.Config(), known) == ["left"]
    assert labels_of(Ridge.Config(labels=["x"]), known) == ["x"]


def test_a_number_of_two_values_names_two_classes():
    assert kind_of(users(), "left") == "class"
    assert labels_of(Ridge.Config(), users()) == []


def test_a_target_carries_its_groups_and_covariates():
    target = target_of(users(), "left", np.array([0.0, 1.0, 3.0]))
    assert list(target.groups) == ["party"]
    assert list(target.covariates) == ["age", "degree"]
    np.testing.assert_allclose(target.covariates["degree"], np.log([1, 2, 4]))
    assert np.isnan(target.values[1])


def test_a_group_is_not_its_own_control():
    assert "party" not in target_of(users(), "party", np.zeros(3)).groups


def test_only_public_users_have_names():
    assert list(_names(users())) == ["Ann", "Bo", "Cy"]
    assert _names(users(public=False)) is None


# -- representation --------------------------------------------------------------------------------------------------


@pytest.fixture
def population(small_study):
    study, store = small_study
    graph = next(s for s in study.outcome.steps.values() if s.title == "build and split the graph")
    return Population(store, graph.folder(store), tuple(records_of(study.outcome, store)))


def test_a_model_with_vectors_is_read_by_them(population):
    found = representation(population, population["mf-s0"], "readout", 2)
    np.testing.assert_array_equal(found, population.embedding(population["mf-s0"], "readout", 2).users)


def test_a_model_without_vectors_is_read_by_its_scores_or_its_lists(population, monkeypatch):
    popularity = population["popularity-s0"]
    dense = representation(population, popularity, "readout", 0)
    monkeypatch.setattr(probing, "DENSE", 0)
    lists = representation(population, popularity, "readout", 0)
    assert len(dense) == len(lists) == population.train.n_users
    assert np.isfinite(dense).all()
    assert np.isfinite(lists).all()


def test_lists_reveal_what_a_model_recommends_and_nothing_else(population, monkeypatch):
    """Two blocs: a model that recommends by bloc gives it away, one that recommends by chance does not."""
    n, n_items, rng = population.train.n_users, population.train.n_items, np.random.default_rng(0)
    bloc, of_item = rng.integers(0, 2, n), rng.integers(0, 2, n_items)
    noise = rng.random((n, n_items))
    told = {"bloc": noise + 5 * (bloc[:, None] == of_item), "chance": noise}
    reached = {}
    for name, scores in told.items():
        monkeypatch.setattr(Population, "scores", lambda *_, scores=scores: lambda users: scores[users])
        vectors = listed_vectors(population, population["mf-s0"], 0)
        known = np.isfinite(vectors).all(axis=1)
        target = Target("bloc", np.where(bloc, "x", "y").astype(object)).select(known)
        reached[name] = probe_embedding(vectors[known], target, LogisticConfig(penalties=(0.01,)), ABOUT)[0]
    assert reached["bloc"]["score"] > 0.9
    assert reached["chance"]["score"] < reached["chance"]["control_high"] + 0.1


def test_lists_of_items_and_of_people_to_whom_nothing_is_recommended(population, monkeypatch):
    n, n_items = population.train.n_users, population.train.n_items
    scores = np.full((n, n_items), -np.inf)
    scores[5:, :10] = np.random.default_rng(0).random((n - 5, 10))
    monkeypatch.setattr(Population, "scores", lambda *_: lambda users: scores[users])
    assert np.isnan(listed_vectors(population, population["mf-s0"], 0)[:5]).all()
    assert np.isfinite(listed_vectors(population, population["mf-s0"], 0, of_items=True)).all(axis=1).sum() <= 10
    monkeypatch.setattr(Population, "scores", lambda *_: None)
    with pytest.raises(InputError, match="nobody knows"):
        listed_vectors(population, population["mf-s0"], 0)


def test_a_step_probes_vectors_and_lists_and_pairs(small_study, population, tmp_path):
    study, store = small_study
    steps = {step.title: step for step in study.outcome.steps.values()}
    named = {"data": next(s for s in steps.values() if s.kind == "data"), "model": steps["fit mf-s0"]}
    named["graph"] = steps["build and split the graph"]
    probes = [{"probe": "ridge", "labels": ["nominate_dim1"], "reads": reads} for reads in ("vectors", "lists")]
    probes += [{"probe": "ridge", "entity": "edge", "labels": ["nominate_dim1"]}, {"probe": "ridge", "entity": "item"}]
    options = ProbeOptions(record=population["mf-s0"].to_json(), probes=probes)
    out = Folder.at(tmp_path)
    probe_step(Work(options, {name: step.folder(store) for name, step in named.items()}, out))
    rows = out.read_table("probe_results").to_pandas()
    assert set(rows["layer"]) == {"readout", "lists"}
    assert set(rows["entity"]) == {"user"}
    assert rows[rows["layer"] == "lists"]["epoch"].nunique() == rows[rows["layer"] == "readout"]["epoch"].nunique()


def test_the_probe_of_the_small_study_compares_with_its_controls(small_study):
    table = small_study[0].tables["probe_results"]
    assert {"permuted", "party", "covariates"} <= set(table["control"])
    assert set(table["attribute"]) == {"nominate_dim1"}
    assert set(table["scope"]) == {"all", "within party"}
    best = table[(table["name"] == "mf-s0") & (table["control"] == "permuted") & (table["scope"] == "all")]
    assert (best["control_score"] < 0.1).all()


def test_the_map_of_public_users_shows_every_one(small_study):
    study = small_study[0]
    points = study.tables["map_points"]
    assert (points.groupby("name_of_model").size() == study.dataset.users.num_rows).all()
    assert set(points["entity_name"]) == set(study.dataset.users["name"].to_pylist())


def test_foreign_vectors_are_read_though_nobody_knows_what_they_recommend(
    small_study, population, tmp_path, monkeypatch
):
    study, store = small_study
    steps = {step.title: step for step in study.outcome.steps.values()}
    named = {"data": next(s for s in steps.values() if s.kind == "data"), "model": steps["fit mf-s0"]}
    named["graph"] = steps["build and split the graph"]
    embedding = population.embedding(population["mf-s0"])
    monkeypatch.setattr(Population, "scores", lambda *_: None)
    monkeypatch.setattr(Population, "embedding", lambda *_: embedding)
    record = replace(population["mf-s0"], status="foreign", layers=("readout",), epochs=(0,), best_epoch=0)
    probes = [{"probe": "ridge", "labels": ["nominate_dim1"], "reads": reads} for reads in ("vectors", "lists")]
    out = Folder.at(tmp_path)
    options = ProbeOptions(record=record.to_json(), probes=probes)
    probe_step(Work(options, {name: step.folder(store) for name, step in named.items()}, out))
    assert set(out.read_table("probe_results")["layer"].to_pylist()) == {"readout"}
