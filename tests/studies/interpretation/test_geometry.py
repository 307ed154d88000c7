"""The shape of real representations of the bundled Senate, and of people who are not public."""

import numpy as np
import pytest

from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.population.population import read_records
from hemicycle.studies.interpretation.geometry import (
    GeometryOptions,
    as_numbers,
    geometry_step,
    geometry_steps,
    graph_map,
    spread,
)
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work

PEOPLE = {
    "source": "synthetic",
    "users": 300,
    "items": {"number": 80},
    "interactions": {"per_user": 12, "affinity": 6},
    "follows": {"per_user": 12},
}
LIGHTGCN = {"model": "lightgcn", "dim": 8, "layers": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Function from a source to the folders of its data, graph and model."""
    known = {}

    def make(source, relation=""):
        if source["source"] not in known:
            store = Folder.at(tmp_path_factory.mktemp("geometry"))
            kinds = {"data": "data", "graph": "graph", "model": "fit"}
            inputs = {name: store / "steps" / kind / "x" for name, kind in kinds.items()}
            data_step(Work(DataOptions(source=source), {}, inputs["data"]))
            graph_step(Work(GraphOptions(relation=relation), inputs, inputs["graph"]))
            train = {"epochs": 6, "label_epochs": [2]}
            fit_step(Work(FitOptions(recommender=LIGHTGCN, train=train, k=5), inputs, inputs["model"]))
            known[source["source"]] = inputs
        return known[source["source"]]

    return make


def measured(inputs, record, **options):
    out = inputs["model"] / f"measured-{record.status}"
    geometry_step(Work(GeometryOptions(record=record.to_json(), **options), inputs, out))
    return [out.read_table(name).to_pandas() for name in ("geometry_results", "trajectory_points")]


def test_a_senate_is_measured_at_all_layers_and_checkpoints(made):
    inputs = made({"source": "voteview", "congress": 96})
    record = next(r for r in read_records(inputs["model"]) if r.status == "trained")
    geometry, points = measured(inputs, record, labels=("nominate_dim1", "nominate_dim2"), group="party")
    assert (geometry["record_id"] == record.id).all()
    sites = set(zip(geometry["layer"], geometry["epoch"], strict=True))
    assert sites == {(layer, record.best_epoch) for layer in record.layers} | {("readout", e) for e in record.epochs}
    assert set(geometry["quantity"]) == {
        *("participation_ratio", "two_nn", "variance_explained", "variance_along", "variance_unique"),
    }
    ratio = geometry[geometry["quantity"] == "participation_ratio"]
    assert ratio["value"].between(1, 9).all()
    assert geometry[geometry["quantity"].str.startswith("variance")]["control_high"].notna().all()
    assert len(points) == 101 * len(record.epochs) * 2
    assert set(points["axes"]) == {"pca", "supervised"}
    assert set(points["group"]) >= {"Democrat", "Republican"}
    assert points["entity_name"].astype(bool).all()
    assert points["residual_reference"].between(0, 1).all()


def test_people_who_are_not_public_are_shown_in_cells_only(made):
    inputs = made(PEOPLE, "interactions")
    record = next(r for r in read_records(inputs["model"]) if r.status == "untrained")
    _, points = measured(inputs, record, labels=("attitude_0",))
    assert (points["entity_name"] == "").all()
    assert points["n"].min() >= K


def test_labels_that_are_not_there_are_named(made):
    inputs = made(PEOPLE, "interactions")
    record = read_records(inputs["model"])[0]
    with pytest.raises(InputError, match="no column 'lrgen'"):
        measured(inputs, record, labels=("lrgen",))


def test_without_attitudes_there_are_dimensions_alone(made):
    inputs = made(PEOPLE, "interactions")
    record = next(r for r in read_records(inputs["model"]) if r.status == "untrained")
    geometry, points = measured(inputs, record)
    assert set(geometry["quantity"]) == {"participation_ratio", "two_nn"}
    assert points.empty


def test_a_record_with_vectors_gets_one_step():
    record = ModelRecord("a", "a", "mf", 0, "trained", layers=("readout",), epochs=(0, 4), best_epoch=4)
    inputs = {name: Step(name, name, geometry_step, GeometryOptions()) for name in ("data", "graph", "model")}
    (step,) = geometry_steps(record, "mf-s0", inputs, GeometryOptions(labels=("left",)))
    assert (step.kind, step.title) == ("geometry", "measure mf-s0")
    assert step.options.record["id"] == "a"
    assert step.cost.seconds > 1
    assert geometry_steps(ModelRecord("b", "b", "knn", 0, "trained"), "knn", inputs, GeometryOptions()) == []


@pytest.mark.parametrize("most", [2, 3, 5, 9, 20])
def test_few_checkpoints_are_the_telling_ones(most):
    epochs = [0, 1, 2, 3, 4, 5, 6, 8, 20, 40, 80]
    found = spread(epochs, 5, most)
    assert len(found) <= max(most, 3)
    assert {0, 5, 80} <= set(found) <= set(epochs)
    assert found == sorted(found)
    assert most != 9 or len(found) >= 7
    assert most != 20 or found == epochs


def test_two_categories_are_a_number_and_more_are_not():
    np.testing.assert_array_equal(as_numbers(np.array(["b", "a", None, "b"], object)), [1, -1, np.nan, 1])
    assert np.isnan(as_numbers(np.array(["a", "b", "c"], object))).all()
    np.testing.assert_array_equal(as_numbers(np.array([1, 2])), [1.0, 2.0])


def test_the_graph_s_own_map_tells_communities_apart_in_spite_of_small_corners():
    source = np.random.default_rng(0)
    community = np.repeat([0, 1], 50)
    edges = [
        (u, i) for u in range(100) for i in range(60) if source.random() < (0.4 if (i < 30) == community[u] else 0.05)
    ]
    edges += [(100, 60), (101, 61)]
    users, items = np.array(edges).T
    points = graph_map(InteractionGraph.from_edges(users, items, 103, 62))
    assert abs(np.corrcoef(points[:100, 0], community)[0, 1]) > 0.9
    assert np.isnan(points[102]).all()
    with pytest.raises(InputError, match="too small"):
        graph_map(InteractionGraph.from_edges(users[:1] * 0, items[:1] * 0, 2, 2))
