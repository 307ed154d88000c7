import numba
import numpy as np
import pytest
import scipy.sparse as sp
from contracts.recommender_contract import random_split

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.sparse import dense_product, packed, pattern, power, require_items, unpacked


def random_matrix(n, m, seed=0):
    values = np.random.default_rng(seed).normal(size=(n, m)) * (np.random.default_rng(seed + 1).random((n, m)) < 0.3)
    return sp.csr_array(values.astype(np.float32))


@pytest.mark.parametrize("ones", [False, True])
@pytest.mark.parametrize("shape", [(5, 7, 9), (1, 1, 1), (40, 3, 100)])
def test_the_dense_product_is_the_product(shape, ones):
    n, m, k = shape
    rows, matrix = random_matrix(n, m), random_matrix(m, k, 5)
    if ones:
        matrix.data[:] = 1
    expected = rows.toarray().astype(np.float64) @ matrix.toarray()
    np.testing.assert_allclose(dense_product(rows, matrix, ones=ones), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
def test_the_number_of_threads_changes_no_bit():
    rows, matrix = random_matrix(200, 80), random_matrix(80, 90, 5)
    before = numba.get_num_threads()
    found = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        found.append(dense_product(rows, matrix))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_the_pattern_forgets_weights_and_shares_no_memory():
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([1, 0]), 2, 3, weights=np.array([5.0, 2.0]))
    matrix = pattern(graph)
    assert matrix.toarray().tolist() == [[0, 1, 0], [1, 0, 0]]
    assert not np.shares_memory(matrix.indices, graph.indices)


def test_powers_of_degrees_are_zero_without_edges():
    np.testing.assert_allclose(power(np.array([0, 1, 4]), -0.5), [0, 1, 0.5])
    np.testing.assert_allclose(power(np.array([0, 1, 4]), 0.0), [0, 1, 1])


def test_a_matrix_survives_packing():
    matrix = random_matrix(6, 6)
    np.testing.assert_array_equal(unpacked(packed(matrix)).toarray(), matrix.toarray())


def test_another_catalogue_is_refused():
    graph = random_split("bipartite").train
    require_items(graph, 30)
    with pytest.raises(InputError, match=r"fitted to 31 items and the graph has 30[\s\S]*items of training"):
        require_items(graph, 31)
