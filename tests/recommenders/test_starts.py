import numpy as np
import pytest
from contracts.recommender_contract import SHAPES, RecommenderContract, random_split
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.lightgcn import LightGCNConfig
from hemicycle.recommenders.mf import MF, MFConfig
from hemicycle.recommenders.starts import lay, normalised, spectral_start, truncated_svd


class TestMFFromSingularVectors(RecommenderContract):
    config = MFConfig(dim=8, temperature=0.3, start="svd")


class TestLightGCNFromSingularVectors(RecommenderContract):
    config = LightGCNConfig(dim=40, start="svd", readout=(1, 2, 3), popularity=0.5)


def blocks(n_users=60, n_items=40, groups=3, noise=0.02):
    """Groups of users who take the items of their group, and a few others."""
    users, items = np.divmod(np.arange(n_users * n_items), n_items)
    same = users % groups == items % groups
    taken = np.random.default_rng(0).random(len(users)) < np.where(same, 0.8, noise)
    return InteractionGraph.from_edges(users[taken], items[taken], n_users, n_items)


def test_the_matrix_is_normalised_by_both_degrees_whatever_the_weights():
    graph = InteractionGraph.from_edges(
        np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 2, weights=np.array([5.0, 1.0, 1.0])
    )
    expected = np.array([[1 / np.sqrt(2), 1 / 2], [0, 1 / np.sqrt(2)], [0, 0]])
    np.testing.assert_allclose(normalised(graph).toarray(), expected, rtol=1e-6)


def test_leading_singular_triples_are_those_of_the_dense_decomposition():
    matrix = normalised(blocks())
    left, values, right = truncated_svd(matrix, 3, seed=0)
    dense = np.linalg.svd(matrix.toarray().astype(np.float64))
    np.testing.assert_allclose(values, dense.S[:3], rtol=1e-4)
    assert left.shape == (60, 3)
    assert right.shape == (40, 3)
    for own, other in ((left, dense.U[:, :3]), (right, dense.Vh[:3].T)):
        np.testing.assert_allclose(np.abs(np.sum(own * other, 0)), 1, atol=1e-3)
    np.testing.assert_allclose((left * values) @ right.T, (dense.U[:, :3] * dense.S[:3]) @ dense.Vh[:3], atol=1e-3)


def test_signs_are_fixed_and_the_seed_hardly_matters():
    matrix = normalised(blocks())
    first, again, other = (truncated_svd(matrix, 3, seed) for seed in (0, 0, 1))
    for own, same, alike in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(own, same)
        np.testing.assert_allclose(own, alike, atol=1e-3)
    right = first[2]
    assert (right[np.abs(right).argmax(0), np.arange(3)] > 0).all()


def test_start_vectors_follow_the_equation():
    graph = blocks()
    left, values, right = truncated_svd(normalised(graph), 5, seed=7)
    users, items = spectral_start(graph, 5, seed=7)
    np.testing.assert_allclose(users, np.sqrt(60) * left * values, rtol=1e-6)
    longer = np.sqrt(graph.item_degrees / graph.item_degrees.mean())
    np.testing.assert_allclose(items, np.sqrt(40) * longer[:, None] * right, rtol=1e-5, atol=1e-7)


def test_columns_beyond_the_rank_are_left_out():
    graph = blocks(groups=2, noise=0.0)
    complete = InteractionGraph.from_edges(*np.divmod(np.arange(12), 3), 4, 3)
    assert [vectors.shape for vectors in spectral_start(complete, 8, 0)] == [(4, 1), (3, 1)]
    assert spectral_start(graph, 200, 0)[0].shape[1] <= 40


@pytest.mark.parametrize("shape", list(SHAPES))
def test_each_worker_starts_its_columns_as_one_worker_would(shape):
    graph = random_split(shape, n=40, edges=300).train
    model = MF(MFConfig(dim=48, start="svd"))
    whole = model.initial(graph, 3, np.arange(48))
    halves = [model.initial(graph, 3, np.arange(first, first + 24)) for first in (0, 24)]
    np.testing.assert_array_equal(np.hstack(halves), whole)
    normal = MF(MFConfig(dim=48)).initial(graph, 3, np.arange(48))
    np.testing.assert_array_equal(whole[:, 40:], normal[:, 40:])  # the matrix has rank 40 at most
    assert (whole[:, 0] != normal[:, 0]).mean() > 0.8


def test_scale_is_that_of_normal_values():
    graph = random_split("bipartite", 300, edges=9000).train
    whole = MF(MFConfig(dim=16, init_scale=0.1, start="svd")).initial(graph, 0, np.arange(16))
    assert 0.02 < whole[:300].std() < 0.2
    assert whole[300:].std() == pytest.approx(0.1, rel=0.3)


@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 6))
def test_laying_touches_reached_rows_and_known_columns_only(rank, first, width):
    columns = np.arange(first, first + width)
    vectors = np.ones((4, rank), np.float32)
    vectors[2] = 0
    table = np.full((4, width), 7, np.float32)
    lay(table, vectors, columns)
    expected = np.where((columns < rank) & (np.arange(4) != 2)[:, None], 1, 7)
    np.testing.assert_array_equal(table, expected)


def test_nodes_without_edges_start_at_random():
    graph = InteractionGraph.from_edges(np.array([0, 1, 1]), np.array([0, 0, 1]), 4, 3)
    table = MF(MFConfig(dim=2, start="svd")).initial(graph, 0, np.arange(2))
    normal = MF(MFConfig(dim=2)).initial(graph, 0, np.arange(2))
    np.testing.assert_array_equal(table[[2, 3, 6]], normal[[2, 3, 6]])
    assert (table[[0, 1, 4, 5]] != normal[[0, 1, 4, 5]]).any(1).all()
