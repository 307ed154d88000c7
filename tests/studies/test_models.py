"""Steps that make a population: what the fitted and the untrained records say."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.data.voteview import Voteview
from hemicycle.graphs.splits import Split
from hemicycle.population.population import read_records
from hemicycle.studies.models import (
    DataOptions,
    FitOptions,
    GraphOptions,
    data_step,
    fit_step,
    graph_of,
    graph_step,
    relation_of,
)
from hemicycle.studies.steps import Work


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Folder.at(tmp_path_factory.mktemp("steps"))
    data_step(Work(DataOptions(source={"source": "voteview"}), {}, store / "data"))
    graph_step(Work(GraphOptions(), {"data": store / "data"}, store / "graph"))
    return store


def fitted(store, name, **options):
    config = FitOptions(**{"train": {"epochs": 2, "validate_every": 1}, "k": 10, **options})
    fit_step(Work(config, {"graph": store / "graph"}, store / name))
    return read_records(store / name), (store / name).read_table("ranking_results").to_pandas()


@pytest.fixture(scope="module")
def mf(store):
    return fitted(store, "mf", recommender={"model": "mf", "dim": 4}, seed=3)


def test_data_are_stored_as_they_were_read(store):
    read, kept = Voteview(Voteview.Config()).read(), Dataset.read(store / "data")
    assert kept.users.equals(read.users, check_metadata=True)
    assert kept.relations["votes"].table.equals(read.relations["votes"].table)


def test_the_graph_is_split_without_losing_edges(store):
    parts, dataset = Split.read(store / "graph"), Dataset.read(store / "data")
    edges = sum(part.n_edges for part in (parts.train, parts.valid, parts.test))
    assert edges == graph_of(dataset, "votes").n_edges == dataset.relations["votes"].table.num_rows


def test_the_first_relation_is_the_default_and_a_wrong_one_is_refused(store):
    dataset = Dataset.read(store / "data")
    assert relation_of(dataset, "") is dataset.relations["votes"]
    assert relation_of(dataset, "nays") is dataset.relations["nays"]
    with pytest.raises(InputError, match="there are: votes, nays"):
        relation_of(dataset, "likes")


def test_a_fit_yields_its_model_and_an_untrained_twin(mf):
    trained, twin = mf[0]
    assert (trained.status, twin.status) == ("trained", "untrained")
    assert twin.parent == trained.id == "mf"
    assert twin.id != trained.id
    assert (trained.seed, trained.family, trained.layers) == (3, "mf", ("readout",))
    assert 0 in trained.epochs
    assert trained.best_epoch in trained.epochs
    assert (twin.epochs, twin.best_epoch) == ((0,), 0)


def test_both_are_ranked_on_the_withheld_edges(mf):
    records, table = mf
    test = table[table["split"] == "test"]
    assert set(test["record_id"]) == {record.id for record in records}
    assert {"ndcg@10", "recall@10"} <= set(test["metric"])
    ndcg = test[test["metric"] == "ndcg@10"]
    assert ((ndcg["ci_low"] <= ndcg["value"]) & (ndcg["value"] <= ndcg["ci_high"])).all()
    assert test[test["metric"] != "ndcg@10"]["ci_low"].isna().all()
    assert np.isfinite(table["value"]).all()


def test_the_learning_curve_is_kept(mf):
    valid = mf[1][mf[1]["split"] == "valid"]
    assert {1, 2} <= set(valid["epoch"])
    assert set(valid["record_id"]) == {"mf"}


def test_a_model_without_vectors_has_no_twin(store):
    records, table = fitted(store, "popularity", recommender="popularity")
    assert [record.status for record in records] == ["trained"]
    assert records[0].layers == ()
    assert set(table[table["split"] == "test"]["record_id"]) == {"popularity"}
