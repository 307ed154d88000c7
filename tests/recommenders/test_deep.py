import dataclasses

import numpy as np
import pytest
import torch
from contracts.recommender_contract import SHAPES, random_split
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.evaluation.ranking import top_k
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.recommenders.deep import Residual, initialise
from hemicycle.recommenders.deep_steps import candidates, dealt, hidden_edges
from hemicycle.recommenders.graphsage import GraphSAGE, GraphSAGEConfig
from hemicycle.recommenders.message_passing import ITEM, USER, hops, propagated, sampled
from hemicycle.training.group import SINGLE
from hemicycle.training.options import TrainingOptions

OPTIONS = TrainingOptions(epochs=2, batch=60, negatives=7)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_hidden_edges_are_a_share_of_all_and_hide_friendships_both_ways(shape):
    graph = random_split(shape, 200, 6000).train
    marked = hidden_edges(graph, 0.3, 0.0, np.random.default_rng(0))
    assert marked.mean() == pytest.approx(0.3, abs=0.03)
    if shape == "undirected":
        hidden = graph.select(marked).to_scipy()
        assert (hidden != hidden.T).nnz == 0


def test_cold_users_hide_all_they_took():
    graph = random_split("bipartite", 200, 6000).train
    marked = hidden_edges(graph, 0.3, 0.2, np.random.default_rng(0))
    whole = np.bincount(graph.rows()[marked], minlength=200) == graph.degrees
    assert whole.mean() == pytest.approx(0.2, abs=0.08)


@given(st.integers(1, 40), st.integers(0, 99))
def test_every_user_with_edges_has_one_turn(steps, seed):
    graph = random_split("bipartite", seed=seed).train
    turns = list(dealt(graph, steps, np.random.default_rng(seed)))
    assert len(turns) <= steps
    np.testing.assert_array_equal(np.sort(np.concatenate(turns)), np.flatnonzero(graph.degrees))


@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize("by", ["uniform", "popularity"])
def test_corrected_rivals_estimate_the_sum_over_all_items(in_batch, by):
    graph = random_split("bipartite", 30, 400).train
    scores, draws = np.random.default_rng(1).normal(size=30), np.random.default_rng(2)
    expected = np.exp(scores[graph.item_degrees > 0]).sum() if by == "popularity" or in_batch else np.exp(scores).sum()
    found = []
    for _ in range(4000):
        own = graph.indices[draws.integers(graph.n_edges, size=20)]
        rivals = candidates(graph, own, OPTIONS.replace(negatives_by=by), draws, in_batch=in_batch)
        assert (np.diff(rivals.items) > 0).all()
        found.append(np.exp(scores[rivals.items] - rivals.log_expected).sum())
    assert np.mean(found) == pytest.approx(expected, rel=0.03)


def test_start_values_depend_on_seed_and_name_alone():
    def made():
        parts = torch.nn.ModuleDict({"table": torch.nn.Embedding(50, 40), "own": Residual(9, 4)})
        parts["dense"] = torch.nn.Linear(40, 60)
        return parts

    one, same, other = made(), made(), made()
    for module, seed in ((one, 0), (same, 0), (other, 1)):
        initialise(module, seed, 0.1)
    for name, values in one.state_dict().items():
        assert torch.equal(values, same.state_dict()[name])
    assert not torch.equal(one["table"].weight, other["table"].weight)
    assert not one["own"].weight.any()
    assert not one["dense"].bias.any()
    assert one["table"].weight.std().item() == pytest.approx(0.1, rel=0.1)
    assert one["dense"].weight.std().item() == pytest.approx(0.02**0.5, rel=0.1)


def test_other_losses_and_divergence_are_refused():
    graph = random_split("bipartite").train
    model = GraphSAGE(GraphSAGEConfig(dim=4))
    with pytest.raises(InputError, match=r"train\.loss: graphsage is trained by softmax alone"):
        model.start(graph, OPTIONS.replace(loss="bpr"), 0, SINGLE)
    fitting = model.start(graph, OPTIONS, 0, SINGLE)
    with torch.no_grad():
        fitting.module.item.weight.fill_(torch.nan)
    with pytest.raises(HemicycleError, match="diverged in epoch 1"):
        fitting.epoch(1)


def test_max_steps_ends_an_epoch():
    fitting = GraphSAGE(GraphSAGEConfig(dim=4)).start(
        random_split("bipartite").train, OPTIONS.replace(max_steps=2), 0, SINGLE
    )
    fitting.epoch(1)
    assert fitting.step == fitting.total_steps == 2


# -- networks over neighbours ----------------------------------------------------------------------------------------


@pytest.fixture
def friends():
    """Two sides of 20 that like their half of 20 items; the last three of each have friends and no items yet."""
    rng = np.random.default_rng(0)
    side = np.arange(40) % 2
    users, items = np.nonzero((side[:, None] == np.arange(20) % 2) & (rng.random((40, 20)) < 0.6))
    known = users < 34
    one, other = np.nonzero((side[:, None] == side) & (rng.random((40, 40)) < 0.4))
    trust = InteractionGraph.from_edges(one, other, 40, 40, social=True, directed=False)
    graph = InteractionGraph.from_edges(users[known], items[known], 40, 20)
    return dataclasses.replace(graph, also={"trust": trust})


def test_with_all_neighbours_drawn_training_and_inference_agree(friends):
    model = GraphSAGE(GraphSAGEConfig(dim=6, fanout=40))
    module, view = model.started(friends, 0), model.view(friends)
    users, items = np.array([3, 9, 35]), np.array([0, 7])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.sin(torch.arange(parameter.numel()).view(parameter.shape) * 1.0))
        some = sampled(module, view, hops(view, users, items, model.config, 0))
        layers = list(propagated(module, view))
        for kind, ids in ((USER, users), (ITEM, items)):
            everyone = module.read(kind, [x[kind] for x in layers])
            torch.testing.assert_close(some[kind], everyone[ids])


def test_new_users_are_reached_by_their_friends(friends):
    model = GraphSAGE(GraphSAGEConfig(dim=8, cold=0.3))
    fitting = model.start(friends, TrainingOptions(epochs=30, batch=100, lr=0.01), 0, SINGLE)
    for number in range(1, 31):
        fitting.epoch(number)
    new = np.arange(34, 40)
    found = top_k(model.scores(fitting.parameters(), friends), friends, new, 3)
    assert (found % 2 == new[:, None] % 2).all()


def test_a_user_is_embedded_from_what_is_revealed(friends):
    model = GraphSAGE(GraphSAGEConfig(dim=8, friends=False))
    fitting = model.start(friends, TrainingOptions(epochs=20, batch=100, lr=0.01), 0, SINGLE)
    for number in range(1, 21):
        fitting.epoch(number)
    rows, items = np.append(friends.rows(), [34, 34, 35, 35]), np.append(friends.indices, [1, 3, 0, 2])
    context = dataclasses.replace(InteractionGraph.from_edges(rows, items, 40, 20), also=friends.also)
    found = top_k(model.scores(fitting.parameters(), context), context, np.array([34, 35]), 3)
    assert (found % 2 == [[1], [0]]).all()


def test_features_of_users_are_read_and_checked(friends):
    options = TrainingOptions(epochs=1, batch=100)
    known = dataclasses.replace(friends, features=Features(users=np.ones((40, 5), np.float32)))
    model = GraphSAGE(GraphSAGEConfig(dim=4))
    assert model.start(known, options, 0, SINGLE).parameters()["user_input.weight"].shape == (4, 5)
    known.features.users[3] = np.nan
    with pytest.raises(InputError, match=r"features\.users: 1 of 40 rows hold NaN"):
        model.start(known, options, 0, SINGLE)
