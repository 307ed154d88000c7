import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.evaluation import topk
from hemicycle.evaluation.topk import NONE, Filter, top_k
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import DotScores


def a_graph(n_users, n_items, edges, seed, **shape):
    rng = np.random.default_rng(seed)
    users, items = rng.integers(n_users, size=edges), rng.integers(n_items, size=edges)
    return InteractionGraph.from_edges(users, items, n_users, n_items, **shape)


def matrix_scores(matrix):
    return lambda users: matrix[users]


class MatrixBlocks:
    """Scores of a matrix, by block."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __call__(self, users):
        raise AssertionError("scores by block are never asked for the whole catalogue")

    def block(self, batch, items):
        return torch.from_numpy(self.matrix[batch.numpy()][:, items].copy())


def literal(matrix, masks, user, k, allowed=None):
    """Sort everything in float64, the smaller item first among equals."""
    taken = {int(i) for mask in masks for i in mask.indices[mask.indptr[user] : mask.indptr[user + 1]]}
    taken |= {user} if masks[0].social else set()
    taken |= set() if allowed is None else set(np.flatnonzero(~allowed).tolist())
    order = np.argsort(-matrix[user].astype(np.float64), kind="stable")
    found = [int(i) for i in order if int(i) not in taken and math.isfinite(matrix[user, i])]
    return (found + [NONE] * k)[:k]


@pytest.fixture
def narrow(monkeypatch):
    """Blocks of 128 items, so that small catalogues are streamed."""
    monkeypatch.setattr(topk, "_AT_ONCE", {"cpu": 128})
    monkeypatch.setattr(topk, "_ROWS", {"cpu": 3})


def a_case(n_items, seed, coarse):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(5, n_items)).astype(np.float32)
    matrix = np.round(matrix) * rng.choice([1.0, -0.0]) if coarse else matrix
    matrix[rng.random(matrix.shape) < 0.05] = rng.choice([-np.inf, np.inf, np.nan])
    return matrix.astype(np.float32), [a_graph(5, n_items, 20, seed), a_graph(5, n_items, 9, seed + 1)]


USERS = np.array([3, 0, 4, 3])


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("make", [MatrixBlocks, matrix_scores])
@pytest.mark.parametrize("device", ["processor", "graphics card"])
def test_lists_equal_sorting_everything(make, device, monkeypatch):
    if device == "graphics card":
        monkeypatch.setattr(topk, "_on_processor", lambda blocks: False)

    @given(st.integers(1, 400), st.integers(1, 9), st.integers(0, 99), st.booleans(), st.booleans())
    def check(n_items, k, seed, coarse, some):
        matrix, masks = a_case(n_items, seed, coarse)
        allowed = np.random.default_rng(seed).random(n_items) < 0.5 if some else None
        found = top_k(make(matrix), Filter(tuple(masks), allowed), USERS, k)
        assert found.tolist() == [literal(matrix, masks, user, k, allowed) for user in USERS]

    check()


@given(st.integers(0, 99))
def test_vectors_equal_their_products(seed):
    rng = np.random.default_rng(seed)
    x, y, b = (rng.integers(-3, 4, shape).astype(np.float32) for shape in ((6, 4), (700, 4), (700,)))
    mask = a_graph(6, 700, 60, seed)
    found = top_k(DotScores(*(torch.from_numpy(part) for part in (x, y, b))), mask, np.arange(6), 12)
    assert found.tolist() == [literal(x @ y.T + b, [mask], user, 12) for user in range(6)]


def test_more_items_are_asked_for_than_there_are():
    mask = InteractionGraph.from_edges(np.array([0]), np.array([1]), 2, 3)
    scores = matrix_scores(np.array([[1.0, 9, 2], [1, 2, 3]]))
    assert top_k(scores, mask, np.arange(2), 5).tolist() == [[2, 0, NONE, NONE, NONE], [2, 1, 0, NONE, NONE]]


def test_one_user_and_one_item():
    mask = InteractionGraph.from_edges(np.array([0]), np.array([0]), 1, 1)
    free = mask.select(np.zeros(1, bool))
    assert top_k(matrix_scores(np.ones((1, 1))), mask, np.array([0]), 2).tolist() == [[NONE, NONE]]
    assert top_k(matrix_scores(np.ones((1, 1))), free, np.array([0]), 2).tolist() == [[0, NONE]]


def test_nobody_gets_no_lists():
    assert top_k(matrix_scores(np.ones((2, 3))), a_graph(2, 3, 4, 0), np.empty(0, np.int64), 2).shape == (0, 2)


def test_nothing_finite_leaves_empty_lists():
    mask = a_graph(2, 100, 4, 0)
    for value in (-np.inf, np.inf, np.nan):
        assert (top_k(matrix_scores(np.full((2, 100), value)), mask, np.arange(2), 3) == NONE).all()


def test_all_alike_gives_the_smallest_numbers():
    mask = a_graph(2, 300, 1, 0).select(np.zeros(1, bool))
    assert top_k(matrix_scores(np.zeros((2, 300))), mask, np.arange(2), 4).tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.usefixtures("narrow")
def test_scores_that_rise_with_the_number_are_found_in_every_block():
    mask = a_graph(2, 900, 1, 0).select(np.zeros(1, bool))
    found = top_k(MatrixBlocks(np.tile(np.arange(900, dtype=np.float32), (2, 1))), mask, np.arange(2), 3)
    assert found.tolist() == [[899, 898, 897]] * 2


def test_scores_of_others_stay_as_they_are_even_when_read_only():
    matrix = np.random.default_rng(0).normal(size=(4, 90)).astype(np.float32)
    matrix.setflags(write=False)
    before = matrix.copy()
    top_k(lambda users: matrix, a_graph(4, 90, 40, 0), np.arange(4), 3)
    np.testing.assert_array_equal(matrix, before)


def test_filters_are_checked():
    mask = a_graph(2, 5, 4, 0)
    with pytest.raises(InputError, match="at least one graph"):
        Filter(())
    with pytest.raises(InputError, match=r"shape \(4,\), where 5 items"):
        Filter((mask,), np.ones(4, bool))
    with pytest.raises(InputError, match="lists of 0 items"):
        top_k(matrix_scores(np.ones((2, 5))), mask, np.arange(2), 0)
