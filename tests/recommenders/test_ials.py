import functools

import numba
import numpy as np
import pytest
import torch
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.ials import IALS, IALSConfig, Rows
from hemicycle.recommenders.sparse import pattern
from hemicycle.training.group import SINGLE, Group
from hemicycle.training.launch import run_group
from hemicycle.training.options import TrainingOptions


class TestIALS(RecommenderContract):
    config = IALSConfig(dim=8)


class TestEqualRegularisation(RecommenderContract):
    config = IALSConfig(dim=3, exponent=0.0, l2=0.1, steps=1)


def begin(graph, group=SINGLE, seed=0, **options):
    return IALS(IALSConfig(**options)).start(graph, TrainingOptions(epochs=9), seed, group)


def weighted(graph, seed=0):
    weights = np.random.default_rng(seed).random(graph.n_edges) + 0.5
    return InteractionGraph.from_edges(graph.rows(), graph.indices, graph.n_users, graph.n_items, weights=weights)


def solved(matrix, fixed, config):
    """Every row of least squares by elimination, in double precision; ``matrix`` holds the edges' weights."""
    out = np.zeros((len(matrix), fixed.shape[1]))
    for r, weights in enumerate(matrix):
        on = weights > 0
        l2 = config.l2 * (on.sum() + config.unobserved * len(fixed)) ** config.exponent
        left = config.unobserved * fixed.T @ fixed + fixed.T @ (weights[:, None] * fixed) + l2 * np.eye(len(out[r]))
        out[r] = np.linalg.solve(left, weights @ fixed)
    return out


def loss(matrix, users, items, config):
    """The docstring's sum, pair by pair."""
    scores, on = users @ items.T, matrix > 0
    total = (matrix * (scores - 1) ** 2).sum() + config.unobserved * (scores**2).sum()
    for table, edges in ((users, on), (items, on.T)):
        strength = config.l2 * (edges.sum(1) + config.unobserved * edges.shape[1]) ** config.exponent
        total += (strength * (table**2).sum(1)).sum()
    return total / on.sum()


@pytest.mark.parametrize("kind", ["equal", "weighted"])
def test_enough_steps_solve_each_sweep_exactly(kind):
    graph = random_split("bipartite").train
    graph = weighted(graph) if kind == "weighted" else graph
    config = IALSConfig(dim=4, steps=12, weighted=kind == "weighted", init_scale=1.0)
    fitting = begin(graph, **config.model_dump())
    matrix = graph.to_scipy().toarray().astype(np.float64)
    items = fitting.factors["items"].astype(np.float64)
    reached = fitting.epoch(1)
    users = solved(matrix, items, config)
    items = solved(matrix.T, users, config)
    np.testing.assert_allclose(fitting.factors["users"], users, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fitting.factors["items"], items, rtol=1e-3, atol=1e-4)
    assert reached == pytest.approx(loss(matrix, users, items, config), rel=1e-4)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_loss_falls_with_every_epoch(steps):
    fitting = begin(random_split("bipartite").train, dim=8, steps=steps)
    losses = [fitting.epoch(number) for number in range(1, 9)]
    assert (np.diff(losses) <= 1e-6).all()
    assert losses[-1] < 0.9 * losses[0]
    assert (fitting.step, fitting.total_steps) == (8, 9)


def test_weights_matter_only_where_they_are_asked_for():
    graph = random_split("bipartite").train
    tables = []
    for used, asked in ((graph, False), (weighted(graph), False), (weighted(graph), True)):
        fitting = begin(used, dim=4, weighted=asked)
        fitting.epoch(1)
        tables.append(fitting.factors["users"])
    np.testing.assert_array_equal(tables[0], tables[1])
    assert np.abs(tables[2] - tables[0]).max() > 1e-3


@pytest.mark.parametrize("weights", [None, [1.0, 0.0], [1.0, -2.0]])
def test_weights_that_cannot_weigh_are_refused(weights):
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([0, 1]), 2, 2, weights=weights)
    with pytest.raises(InputError, match=r"positive weight of every edge[\s\S]*leave weighted out"):
        begin(graph, weighted=True)


def test_nodes_without_edges_score_zero():
    graph = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 4)
    fitting = begin(graph, dim=4)
    assert fitting.factors["users"][2].any()
    fitting.epoch(1)
    scores = IALS(IALSConfig(dim=4)).scores(fitting.parameters(), graph)(np.arange(3))
    assert (scores[2] == 0).all()
    assert (scores[:, 2:] == 0).all()
    assert (scores[:2, :2] > 0).all()


def test_one_user_and_one_item():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    fitting = begin(graph, dim=4, unobserved=0.01, l2=0.0)
    for number in range(1, 9):
        fitting.epoch(number)
    scores = IALS(IALSConfig(dim=4)).scores(fitting.parameters(), graph)
    np.testing.assert_allclose(scores(np.array([0])), [[1 / 1.01]], rtol=1e-3)


def test_a_restored_fit_goes_on_bit_for_bit():
    graph = random_split("bipartite").train
    fitting, other = begin(graph), begin(graph, seed=5)
    fitting.epoch(1)
    state = {name: array.copy() for name, array in fitting.state().items()}
    fitting.epoch(2)
    other.restore(state, 1)
    assert other.step == 1
    other.epoch(2)
    for name in ("users", "items"):
        np.testing.assert_array_equal(fitting.parameters()[name], other.parameters()[name])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
def test_the_number_of_threads_changes_no_bit():
    graph = random_split("bipartite", n=300, edges=5000).train
    before, tables = numba.get_num_threads(), []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        fitting = begin(graph, dim=9)
        fitting.epoch(1)
        tables.append(fitting.factors["items"])
    numba.set_num_threads(before)
    np.testing.assert_array_equal(*tables)


def test_blocks_of_workers_cover_all_rows_and_share_the_work():
    users = np.concatenate([np.zeros(200, int), np.arange(100)])
    graph = InteractionGraph.from_edges(users, np.arange(300) % 250, 100, 250)
    blocks = [Rows.of(pattern(graph), IALSConfig(dim=1), Group(rank, 4)) for rank in range(4)]
    assert [row for block in blocks for row in range(100)[block.own]] == list(range(100))
    assert sum(len(block.indices) for block in blocks) == graph.n_edges
    work = [len(block.indices) + len(block.l2) for block in blocks]
    assert max(work) <= 201 + 100


def test_more_workers_than_rows_leave_some_without():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    blocks = [Rows.of(pattern(graph), IALSConfig(dim=1), Group(rank, 3)) for rank in range(3)]
    assert sorted(len(block.l2) for block in blocks) == [0, 0, 1]


def write_factors(group, folder, graph):
    fitting = begin(graph, group, dim=8)
    losses = [fitting.epoch(number) for number in (1, 2, 3)]
    parameters = fitting.parameters()
    assert (parameters is None) == (group.rank > 0)
    for name, array in (parameters or {}).items():
        folder.write_array(name, array)
    if parameters is not None:
        folder.write_array("losses", np.array(losses))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 101])
def test_two_workers_equal_one(tmp_path, n):
    graph = random_split("bipartite", n=n, edges=10 * n).train
    folders = [Folder.at(tmp_path / str(world_size)) for world_size in (1, 2)]
    for world_size, folder in zip((1, 2), folders, strict=True):
        run_group(functools.partial(write_factors, folder=folder, graph=graph), world_size)
    for name in ("users", "items", "losses"):
        one, two = (folder.read_array(name) for folder in folders)
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-5)


def test_a_fit_that_is_no_longer_a_number_says_what_to_do():
    fitting = begin(random_split("bipartite").train)
    fitting.factors["items"][:] = np.nan
    with pytest.raises(HemicycleError, match="iALS diverged in epoch 1"):
        fitting.epoch(1)


def test_another_graph_is_refused():
    graph = random_split("bipartite").train
    with pytest.raises(InputError, match="30 users and 30 items, and the graph has 29 and 29"):
        IALS(IALSConfig()).scores(begin(graph).parameters(), random_split("bipartite", n=29).train)


def test_scores_are_dot_products_of_the_factors():
    graph = random_split("bipartite").train
    parameters = begin(graph, dim=5).parameters()
    scores = IALS(IALSConfig(dim=5)).scores(parameters, graph)
    assert isinstance(scores.items, torch.Tensor)
    np.testing.assert_allclose(scores(np.array([3])), parameters["users"][[3]] @ parameters["items"].T, rtol=1e-5)
