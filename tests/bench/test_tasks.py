"""Ours and the peers do the same thing: what is compared in time agrees in result."""

import itertools
import warnings

import numpy as np
import pytest
import torch

from hemicycle.bench.ours import products, ranking, training, workers
from hemicycle.bench.peers import with_scipy, with_torch
from hemicycle.bench.workloads import graphs
from hemicycle.recommenders.propagation import Propagation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyG's own, when it is imported
    from torch_geometric.nn import LGConv, LightGCN

    from hemicycle.bench.peers import with_pyg
    from hemicycle.bench.pyg_curve import FastLightGCN, curve, main

pytestmark = pytest.mark.filterwarnings("ignore:Sparse")  # torch's own, on what it calls beta
MF = {"recommender": {"model": "mf", "dim": 8}, "train": {"batch": 1000, "epochs": 5}}


@pytest.fixture
def spec(small):
    return {"data": str(small.folder), "device": "cpu", "threads": 1}


def test_products_agree(spec):
    x, propagation = products._table(spec), products._propagation(spec)
    wanted = propagation.product(x)
    matrix, same = with_torch._weighted(spec)
    torch.testing.assert_close(matrix @ same, wanted, rtol=1e-5, atol=1e-6)
    x, edges, weights = with_pyg._graph(spec)
    torch.testing.assert_close(LGConv(normalize=False)(x, edges, weights), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "task",
    [
        *(products.product, products.layers, products.gather, products.select, products.copy),
        *(with_torch.product, with_torch.layers, with_scipy.product),
        *(with_pyg.convolution, with_pyg.matmul, with_pyg.layers),
    ],
    ids=lambda task: f"{task.__module__.rpartition('.')[2]}.{task.__name__}",
)
def test_every_product_runs(spec, task):
    facts = task(spec)()
    assert facts.get("bytes", 1) > 0
    assert 0 < facts.get("share", 1) <= 1


def test_traffic_counts_rows_read_and_rows_written(spec):
    full, half = (products.product({**spec, **more})()["bytes"] for more in ({}, {"gather": "bfloat16"}))
    assert full == 12_000 * 64 * 4 + 800 * 64 * 4
    assert half == 12_000 * 64 * 2 + 800 * 64 * 4


def test_full_ranking_agrees_with_plain_topk(spec):
    ours, theirs = ranking.full(spec)(), with_torch.ranking(spec)()
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert ours["recall@20"] > 0.05


def test_an_epoch_is_whole_unless_steps_are_capped(spec):
    assert training.epoch({**spec, **MF})()["share"] == 1.0
    capped = {**MF, "train": {**MF["train"], "max_steps": 2}, "steps": 6}
    assert training.epoch({**spec, **capped})()["share"] == pytest.approx(1 / 3)


def test_recommenders_with_their_own_fit_are_timed_too(spec):
    facts = training.epoch({**spec, "recommender": {"model": "ials", "dim": 8}, "train": {"epochs": 5}})()
    assert np.isfinite(facts["loss"])


def test_time_to_a_quality_ends_when_it_is_reached(spec):
    facts = training.time_to_recall({**spec, **MF, "goal": 0.0})()
    assert facts["epochs"] == 1
    assert facts["cpu"] > 0
    with pytest.raises(RuntimeError, match=r"after 5 epochs, 0.99 wanted"):
        training.time_to_recall({**spec, **MF, "goal": 0.99})()


def test_one_worker_sends_nothing(spec):
    told = {"recommender": {"model": "lightgcn", "dim": 8}, "train": {"batch": 3000}, "workers": 1, "steps": 2}
    facts = workers.steps({**spec, **told})()
    assert facts["bytes_sent"] == 0
    assert facts["wall"] > 0


# -- the peer's curve ------------------------------------------------------------------------------------------------


def test_pyg_s_model_with_our_propagation_is_pyg_s_model(small):
    model = FastLightGCN(graphs(small.folder)[0], 8, 3)
    edges, _ = with_pyg.positives(small.folder)
    both = torch.cat([edges, edges.flip(0)], 1)
    torch.testing.assert_close(model.get_embedding(both), LightGCN.get_embedding(model, both), rtol=1e-5, atol=1e-7)
    assert isinstance(model.propagation, Propagation)


def test_a_batch_of_pyg_s_epoch_scales_to_the_whole(spec):
    told = {"dim": 8, "layers": 2, "pairs": 1000}
    assert with_pyg.epoch({**spec, **told})()["share"] == 1.0
    assert with_pyg.epoch({**spec, **told, "batches": 2})()["share"] == pytest.approx(1 / 3)


def test_the_curve_rises_and_is_written_row_by_row(small, tmp_path, monkeypatch):
    first, second, third = itertools.islice(curve(small.folder, 256, 8), 3)
    assert (first["epoch"], third["epoch"]) == (1, 3)
    assert third["loss"] < first["loss"]
    monkeypatch.setattr("hemicycle.bench.pyg_curve.curve", lambda folder: [first, second])
    main(str(small.folder), str(tmp_path / "curve.csv"))
    lines = (tmp_path / "curve.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,recall@20,ndcg@20"
    assert len(lines) == 3
