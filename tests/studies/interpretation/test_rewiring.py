"""The rewired control: a split graph of the same layout whose training edges tell nothing."""

from dataclasses import replace

import numpy as np
import pytest

from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import Features
from hemicycle.graphs.splits import Split, SplitConfig
from hemicycle.population.population import read_records
from hemicycle.studies.interpretation.rewiring import RewireOptions, rewire_graph_step, rewire_step, rewired, union
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work

SOURCE = {"source": "synthetic", "users": 200, "items": {"number": 60}, "follows": {"per_user": 6}}


def graphs(tmp_path, relation="interactions", **options):
    store = Folder.at(tmp_path)
    inputs = {name: store / "steps" / name / "x" for name in ("data", "graph")}
    data_step(Work(DataOptions(source=SOURCE), {}, inputs["data"]))
    graph_step(Work(GraphOptions(relation=relation, **options), inputs, inputs["graph"]))
    return inputs


def keys(graph):
    return set((graph.rows() * np.int64(graph.n_items) + graph.indices).tolist())


@pytest.mark.parametrize("relation", ["interactions", "follows"])
def test_training_edges_are_rewired_and_the_others_stay(tmp_path, relation):
    inputs = graphs(tmp_path, relation)
    out = Folder.at(tmp_path / "out")
    rewire_step(Work(RewireOptions(), inputs, out))
    before, after = Split.read(inputs["graph"]), Split.read(out)
    for part in ("valid", "test"):
        assert keys(getattr(after, part)) == keys(getattr(before, part))
    assert after.train.degrees.tolist() == before.train.degrees.tolist()
    assert after.train.item_degrees.tolist() == before.train.item_degrees.tolist()
    assert len(keys(after.train) & keys(before.train)) < 0.8 * before.train.n_edges
    assert not keys(after.train) & (keys(after.valid) | keys(after.test))
    about = out.read_json("mixing.json")["train"]
    assert about["settled"]
    assert about["kept"][-1] == pytest.approx(len(keys(after.train) & keys(before.train)) / before.train.n_edges)


def test_parts_may_overlap_where_asked_for(tmp_path):
    parts = Split.read(graphs(tmp_path)["graph"])
    train = rewired(parts, RewireOptions(apart=False))[0].train
    assert keys(train) & (keys(parts.valid) | keys(parts.test))


def test_what_is_revealed_is_rewired_among_itself(tmp_path):
    split = SplitConfig(kind="new_users", test=0.2, valid=0.1)
    parts = Split.read(graphs(tmp_path, split=split)["graph"])
    found, mixing = rewired(parts, RewireOptions())
    assert found.known.degrees.tolist() == parts.known.degrees.tolist()
    assert found.known.item_degrees.tolist() == parts.known.item_degrees.tolist()
    assert keys(found.train) < keys(found.known)
    assert not keys(found.known) & (keys(found.valid) | keys(found.test))
    assert {"train", "revealed"} <= set(mixing)


def test_friends_are_rewired_and_features_are_not(tmp_path):
    parts = Split.read(graphs(tmp_path, also=("follows",))["graph"])
    features = Features(np.ones((200, 1), np.float32))
    parts = replace(parts, train=replace(parts.train, features=features))
    found, mixing = rewired(parts, RewireOptions())
    friends = [p.train.also["follows"] for p in (parts, found)]
    assert friends[1].degrees.tolist() == friends[0].degrees.tolist()
    assert keys(friends[1]) != keys(friends[0])
    assert "also follows" in mixing
    assert found.train.features is features
    kept = rewired(parts, RewireOptions(also=False))[0]
    assert keys(kept.train.also["follows"]) == keys(friends[0])


def test_a_union_has_the_edges_of_both_with_their_weights(tmp_path):
    whole = Split.read(graphs(tmp_path)["graph"]).train
    whole = replace(whole, weights=np.arange(whole.n_edges, dtype=np.float32))
    half = np.arange(whole.n_edges) % 2 == 0
    both = union(whole.select(half), whole.select(~half))
    assert np.array_equal(both.indices, whole.indices)
    assert np.array_equal(both.indptr, whole.indptr)
    assert np.array_equal(both.weights, whole.weights)


def test_a_fit_takes_the_rewired_graph_as_its_graph(tmp_path):
    inputs = graphs(tmp_path)
    out, model = (Folder.at(tmp_path / "steps" / name) for name in ("rewire/r", "fit/f"))
    rewire_step(Work(RewireOptions(), inputs, out))
    options = FitOptions(recommender={"model": "mf", "dim": 4}, train={"epochs": 1}, k=5)
    fit_step(Work(options, {"graph": out}, model))
    assert [record.status for record in read_records(model)] == ["trained", "untrained"]


def test_the_step_depends_on_the_graph_and_the_seed():
    graph = Step("graph", "g", print, GraphOptions())
    one, two = (rewire_graph_step(graph, RewireOptions(seed=seed)) for seed in (0, 1))
    assert one.kind == "rewire"
    assert one.fingerprint != two.fingerprint
