"""Edges under a score: what is explained is the model's own score, and masks tell heavy edges from light ones."""

import numpy as np
import pytest
import torch

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.explanation.edges import EdgePlan, ego_of, explain_edges, explainable, fidelity
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE
from hemicycle.recommenders.gat import GAT, GATConfig
from hemicycle.recommenders.graphsage import GraphSAGE, GraphSAGEConfig
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.mf import MF, MFConfig

MODELS = {
    "lightgcn": LightGCN(LightGCNConfig(dim=8, layers=2)),
    "dot": LightGCN(LightGCNConfig(dim=8, layers=3, similarity="dot")),
    "graphsage": GraphSAGE(GraphSAGEConfig(dim=8)),
    "gat": GAT(GATConfig(dim=8, heads=2)),
}


def a_graph(social=False, n=25):
    ends = rng("edges", n).integers(0, n, (2, 90))
    return InteractionGraph.from_edges(*ends, n, n if social else n + 3, social=social)


def parameters_of(recommender, graph, seed=0):
    if isinstance(recommender, LightGCN):
        return {TABLE: rng("table", seed).normal(size=(recommender.adjacency(graph).n_nodes, 8)).astype(np.float32)}
    module = recommender.started(graph, seed)
    draws = rng("perturb", seed)
    return {
        name: (p.detach().numpy() + 0.3 * draws.normal(size=p.shape)).astype(np.float32)
        for name, p in module.named_parameters()
    }


@pytest.mark.parametrize("social", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_score_around_a_pair_is_the_models_own(name, social):
    recommender, graph = MODELS[name], a_graph(social)
    parameters = parameters_of(recommender, graph)
    scores = recommender.scores(parameters, graph)
    unit = 1.0 if recommender.config.similarity == "dot" else recommender.config.temperature
    for pair in ((0, 4), (7, 20)):
        ego = ego_of(recommender, parameters, graph, pair)
        with torch.no_grad():
            mine = float(ego.model(ego.x, ego.edge_index))
        assert mine / unit == pytest.approx(scores(np.array([pair[0]]))[0, pair[1]], rel=1e-4, abs=1e-5)
        own = graph.indices[graph.indptr[pair[0]] : graph.indptr[pair[0] + 1]]
        assert sorted(ego.neighbours.tolist()) == own.tolist()


@pytest.mark.parametrize("method", ["gnn", "gradient"])
@pytest.mark.parametrize("name", ["dot", "gat", "graphsage"])
def test_the_heaviest_edges_matter_more_than_random_ones(name, method):
    recommender, graph = MODELS[name], a_graph()
    parameters = parameters_of(recommender, graph)
    plan = EdgePlan(method=method, epochs=30, draws=8)
    side = np.arange(28) % 2
    found = [
        explain_edges(ego_of(recommender, parameters, graph, pair), 1, side, plan, key)
        for key, pair in enumerate([(0, 4), (7, 20), (3, 11), (9, 2)])
    ]
    assert np.mean([one.lost for one in found]) > np.mean([one.lost_random for one in found])
    assert all(0 <= one.same_mass <= 1 and one.same_random.shape == (8,) for one in found)


def test_a_mask_is_the_same_for_the_same_key_and_leaves_torchs_state():
    recommender, graph = MODELS["dot"], a_graph()
    ego = ego_of(recommender, parameters_of(recommender, graph), graph, (0, 4))
    state = torch.get_rng_state()
    one, two = (explain_edges(ego, 0, np.zeros(28, int), EdgePlan(epochs=5, draws=2), 3) for _ in range(2))
    assert one.lost == two.lost
    assert one.same_random.tolist() == two.same_random.tolist()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_user_whose_score_rests_on_one_side_is_seen_to():
    # user 0 took items 0-3 of her side and 4-7 of the other; only the former are like the target, item 8
    users = np.array([0] * 8 + [1, 1, 1])
    items = np.array([*range(8), 8, 0, 1])
    graph = InteractionGraph.from_edges(users, items, 2, 9)
    recommender = LightGCN(LightGCNConfig(dim=2, layers=1, similarity="dot", readout=(0, 1)))
    table = np.zeros((11, 2), np.float32)
    table[2:6, 0] = table[10, 0] = 1.0
    table[6:10, 1] = 1.0
    ego = ego_of(recommender, {TABLE: table}, graph, (0, 8))
    side = np.array([0] * 4 + [1] * 4 + [0])
    for method in ("gradient", "gnn"):
        found = explain_edges(ego, 0, side, EdgePlan(method=method, epochs=150), 0)
        assert found.same_share == 0.5
        assert found.same_mass > np.quantile(found.same_random, 0.975)
    gradient = explain_edges(ego, 0, side, EdgePlan(method="gradient"), 0)
    assert gradient.same_mass == pytest.approx(1)


def test_all_edges_are_the_whole_score_and_none_is_missed():
    recommender, graph = MODELS["gat"], a_graph()
    ego = ego_of(recommender, parameters_of(recommender, graph), graph, (0, 4))
    lost, missed = fidelity(ego, np.ones(ego.edge_index.shape[1]), 1.0)
    assert missed == pytest.approx(0, abs=1e-6)
    assert lost > 0


def test_neighbours_without_a_side_do_not_count():
    recommender, graph = MODELS["dot"], a_graph()
    ego = ego_of(recommender, parameters_of(recommender, graph), graph, (0, 4))
    found = explain_edges(ego, 0, np.full(28, -1), EdgePlan(method="gradient", draws=2), 0)
    assert np.isnan(found.same_mass)
    assert np.isnan(found.same_share)


def test_what_has_no_edges_to_explain_and_what_is_not_installed():
    assert [explainable(model) for model in MODELS.values()] == [True] * 4
    assert not explainable(MF(MFConfig()))
    with pytest.raises(TypeError, match="MF has no edges"):
        ego_of(MF(MFConfig()), {}, a_graph(), (0, 1))
    recommender, graph = MODELS["dot"], a_graph()
    ego = ego_of(recommender, parameters_of(recommender, graph), graph, (0, 4))
    with pytest.raises(InputError, match="there are: gnn, captum, gradient"):
        explain_edges(ego, 0, np.zeros(28, int), EdgePlan(method="none"), 0)
