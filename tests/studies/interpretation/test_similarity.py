"""A population is compared in one step, which goes on without models that failed or have no vectors."""

import numpy as np
import pytest

from hemicycle.core.storage import Folder
from hemicycle.population.population import read_records
from hemicycle.studies.interpretation.similarity import SimilarityOptions, similarity_step, similarity_step_of
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work

MEMBERS = ({"model": "mf", "dim": 8}, {"model": "lightgcn", "dim": 4, "layers": 1}, {"model": "popularity"})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Folders of a senate, its graph and three models, of which one has no vectors, and of one that failed."""
    store = Folder.at(tmp_path_factory.mktemp("similarity"))
    found = {name: store / "steps" / name / "x" for name in ("data", "graph")}
    data_step(Work(DataOptions(source={"source": "voteview", "congress": 96}), {}, found["data"]))
    graph_step(Work(GraphOptions(), found, found["graph"]))
    for number, member in enumerate(MEMBERS):
        found[f"model {number}"] = store / "steps" / "fit" / str(number)
        options = FitOptions(recommender=member, train={"epochs": 3}, k=5)
        fit_step(Work(options, found, found[f"model {number}"]))
        found[f"model {number}"].finish()
    found["model 3"] = store / "steps" / "fit" / "failed"
    return found


def compared(inputs, **options):
    out = inputs["data"] / f"compared-{options}"
    similarity_step(Work(SimilarityOptions(**options), inputs, out))
    return out.read_table("similarity").to_pandas(), out.read_table("similarity_map").to_pandas()


def ids(inputs):
    return {(r.family, r.status): r.id for n in range(2) for r in read_records(inputs[f"model {n}"])}


def test_every_pair_of_a_layer_is_compared_and_mapped(inputs):
    table, placed = compared(inputs)
    readout = table[table["layer"] == "readout"]
    assert set(readout["measure"]) == {"cka", "cka_debiased", "rsa", "procrustes"}
    assert readout.groupby("measure").size().tolist() == [6] * 4
    assert set(table["record_id"]) | set(table["other_id"]) == set(ids(inputs).values())
    assert set(table["layer"]) == {"readout", "0", "1"}
    assert (table["layer"] == table["other_layer"]).all()
    assert (table["n"] == 101).all()
    finite = table[["value", "ci_low", "ci_high", "control", "control_low", "control_high"]]
    assert np.isfinite(finite.to_numpy()).all()
    assert (table["ci_low"] <= table["value"]).all()
    assert (table["control_low"] <= table["control_high"]).all()
    assert placed[placed["layer"] == "readout"].groupby("measure").size().tolist() == [4] * 4
    assert placed["stress"].between(0, 1).all()


def test_models_from_one_seed_start_alike(inputs):
    known = ids(inputs)
    table, _ = compared(inputs, layers="readout", similarity={"measures": ["cka_debiased"]})
    pair = {known["mf", "trained"], known["mf", "untrained"]}
    own = table[[{a, b} == pair for a, b in zip(table["record_id"], table["other_id"], strict=True)]]
    assert len(own) == 1
    assert own["value"].iloc[0] > own["control_high"].iloc[0]


def test_layers_are_compared_across_and_items_too(inputs):
    across, _ = compared(inputs, layers="across", similarity={"measures": ["cka"]})
    assert len(across) == 8 * 7 / 2
    assert (across["layer"] != across["other_layer"]).any()
    items, _ = compared(inputs, entity="item", layers="readout", similarity={"measures": ["cka"], "users": 300})
    assert (items["n"] == 300).all()


def test_a_population_without_vectors_yields_empty_tables(inputs):
    alone = {name: folder for name, folder in inputs.items() if name not in ("model 0", "model 1")}
    for table in compared(alone):
        assert table.empty


def test_the_step_builds_on_all_models_and_goes_on_without_those_that_fail():
    options = SimilarityOptions()
    models = [Step("fit", f"fit mf-s{n}", fit_step, FitOptions(recommender=MEMBERS[0], seed=n)) for n in range(3)]
    data, graph = Step("data", "read", data_step, options), Step("graph", "split", graph_step, options)
    step = similarity_step_of(models, data, graph, options)
    assert step.tolerates == {"model 0", "model 1", "model 2"}
    assert set(step.inputs) == step.tolerates | {"data", "graph"}
    assert step.title == "compare 3 models"
