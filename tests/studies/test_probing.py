"""Steps that read a population: which sites, which labels, what a model without vectors is read by."""

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import tag
from hemicycle.population.population import Population
from hemicycle.probes.ridge import Ridge
from hemicycle.studies import probing
from hemicycle.studies.probing import _names, kind_of, labels_of, representation, sites, target_of
from hemicycle.studies.tables import records_of

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


def test_a_model_without_vectors_has_one_place_to_look():
    assert sites(record(layers=(), epochs=(0,), best_epoch=0)) == [("readout", 0)]


def test_foreign_models_are_probed_wherever_they_have_vectors():
    found = sites(record(status="foreign", layers=("a", "b"), epochs=(1, 2)))
    assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


# -- labels ----------------------------------------------------------------------------------------------------------


def test_a_probe_without_labels_reads_all_that_it_can():
    assert kind_of(users(), "left") == "number"
    assert kind_of(users(), "vote") == "class"
    assert labels_of(Ridge.Config(), users()) == ["left"]
    assert labels_of(Ridge.Config(labels=["x"]), users()) == ["x"]


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
