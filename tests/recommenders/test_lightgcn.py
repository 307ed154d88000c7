import warnings

import numpy as np
import pytest
import torch
from contracts.recommender_contract import SHAPES, RecommenderContract, random_split

from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig


class TestLightGCN(RecommenderContract):
    config = LightGCNConfig(dim=8)


class TestLightGCNWithoutItsStart(RecommenderContract):
    config = LightGCNConfig(dim=8, layers=2, readout=(1, 2), similarity="dot")


@pytest.mark.parametrize("shape", list(SHAPES))
def test_it_is_the_lightgcn_of_pytorch_geometric(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch_geometric's imports of what torch has deprecated
        from torch_geometric.nn.models import LightGCN as Reference
    graph = random_split(shape).train
    adjacency = graph.adjacency()
    rows = np.repeat(np.arange(adjacency.n_nodes), np.diff(adjacency.indptr))
    reference = Reference(adjacency.n_nodes, 8, num_layers=3)
    edges = torch.from_numpy(np.stack([rows, adjacency.indices]).astype(np.int64))
    expected = reference.get_embedding(edges).detach().numpy()
    table = reference.embedding.weight.detach().numpy()
    found = LightGCN(LightGCNConfig(dim=8)).embed({"table": table}, graph)
    users, items = adjacency.user_offset, adjacency.item_offset
    np.testing.assert_allclose(found.users, expected[users : users + 30], atol=1e-5)
    np.testing.assert_allclose(found.items, expected[items : items + 30], atol=1e-5)


@pytest.mark.parametrize("readout", [None, (1, 2, 3), (0, 2), (3,), (0,)])
def test_the_readout_is_the_mean_of_the_chosen_layers(readout):
    graph = random_split("bipartite").train
    table = {"table": np.random.default_rng(0).normal(size=(60, 4))}
    model = LightGCN(LightGCNConfig(dim=4, readout=readout))
    assert model.layers == ("0", "1", "2", "3", "readout")
    layers = [model.embed(table, graph, str(k)).users for k in readout or range(4)]
    np.testing.assert_allclose(model.embed(table, graph).users, np.mean(layers, 0), rtol=1e-10, atol=1e-14)


def test_no_layer_is_kept_for_the_backward_pass():
    saved = []
    table = torch.ones(60, 4, requires_grad=True)
    model = LightGCN(LightGCNConfig(dim=4))
    from hemicycle.recommenders.propagation import Propagation

    propagate = Propagation(random_split("bipartite").train.adjacency())
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.shape) or t, lambda t: t):
        model.vectors(table, propagate).sum().backward()
    assert saved == []


@pytest.mark.parametrize("readout", [(), (1, 1), (0, 4), (-1,)])
def test_impossible_readouts_are_refused(readout):
    with pytest.raises(ValueError, match="distinct layers from 0 to 3"):
        LightGCNConfig(readout=readout)
