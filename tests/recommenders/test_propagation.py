import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders import propagation
from hemicycle.recommenders.propagation import Propagation, weighted_sum

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40)
SHAPES = ({}, {"social": True}, {"social": True, "directed": False})


def dense(adjacency):
    """D^-1/2 A D^-1/2, entry by entry."""
    n = adjacency.n_nodes
    degree = [int(adjacency.indptr[v + 1] - adjacency.indptr[v]) for v in range(n)]
    matrix = np.zeros((n, n))
    for v in range(n):
        for w in adjacency.indices[adjacency.indptr[v] : adjacency.indptr[v + 1]]:
            matrix[v, w] = 1 / np.sqrt(degree[v] * degree[w])
    return matrix


@given(EDGES, st.sampled_from(SHAPES), st.sampled_from(["float32", "float64"]), st.integers(1, 5))
def test_product_and_gradient_equal_the_dense_ones(edges, shape, dtype, columns):
    users, items = np.array([*edges, (0, 1)]).T
    adjacency = InteractionGraph.from_edges(users, items, 8, 8, **shape).adjacency()
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, adjacency.n_nodes, columns))
    table = torch.tensor(x, dtype=getattr(torch, dtype), requires_grad=True)
    found = Propagation(adjacency, table.dtype)(table)
    found.backward(torch.tensor(g, dtype=table.dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(found.detach(), dense(adjacency) @ x, atol=tolerance)
    np.testing.assert_allclose(table.grad, dense(adjacency).T @ g, atol=tolerance)


@given(EDGES, st.sampled_from(SHAPES), st.lists(st.sampled_from([0.0, 0.25, 1.0, -0.5]), min_size=1, max_size=5))
def test_a_polynomial_and_its_gradient_equal_the_dense_ones(edges, shape, weights):
    users, items = np.array([*edges, (0, 1)]).T
    adjacency = InteractionGraph.from_edges(users, items, 8, 8, **shape).adjacency()
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, adjacency.n_nodes, 3))
    matrix, power, total = dense(adjacency), np.eye(adjacency.n_nodes), np.zeros((adjacency.n_nodes,) * 2)
    for weight in weights:
        total, power = total + weight * power, power @ matrix
    table = torch.tensor(x, requires_grad=True)
    found = Propagation(adjacency, table.dtype).polynomial(table, weights)
    found.backward(torch.tensor(g))
    np.testing.assert_allclose(found.detach(), total @ x, atol=1e-12)
    np.testing.assert_allclose(table.grad, total.T @ g, atol=1e-12)


@pytest.mark.parametrize("gather", [None, torch.bfloat16])
def test_rows_in_chunks_and_in_half_precision_come_close(gather, monkeypatch):
    monkeypatch.setattr(propagation, "_ENTRIES_AT_ONCE", 40)
    users, items = np.random.default_rng(0).integers(50, size=(2, 900))
    adjacency = InteractionGraph.from_edges(users, items, 50, 50).adjacency()
    x = torch.randn(100, 16, generator=torch.Generator().manual_seed(0))
    found = Propagation(adjacency, gather=gather).polynomial(x, (0.25, 0.25, 0.25, 0.25))
    matrix = dense(adjacency)
    exact = sum(np.linalg.matrix_power(matrix, k) for k in range(4)) @ x.double().numpy() / 4
    error = np.linalg.norm(found.numpy() - exact) / np.linalg.norm(exact)
    assert found.dtype == torch.float32
    assert error < (1e-6 if gather is None else 4e-3)
    assert gather is None or error > 1e-5, "rows were not read in half precision"


def test_a_node_without_neighbours_yields_zero():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([0]), 2, 2)
    found = Propagation(graph.adjacency())(torch.ones(4, 3))
    assert found.tolist() == [[1] * 3, [0] * 3, [1] * 3, [0] * 3]


def test_columns_do_not_influence_each_other():
    users, items = np.random.default_rng(0).integers(50, size=(2, 400))
    propagate = Propagation(InteractionGraph.from_edges(users, items, 50, 50).adjacency())
    x = torch.randn(100, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(propagate(x)[:, 8:], propagate(x[:, 8:].contiguous()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weighted_sum_equals_the_dense_product(dtype):
    rng = np.random.default_rng(0)
    targets, sources = rng.integers(9, size=(2, 60))
    weights, x = rng.normal(size=60), rng.normal(size=(9, 4))
    expected = np.zeros((9, 4))
    for t, s, w in zip(targets, sources, weights, strict=True):
        expected[t] += w * x[s]
    given_ = (torch.tensor(a) for a in (targets, sources))
    found = weighted_sum(*given_, torch.tensor(weights, dtype=dtype), torch.tensor(x, dtype=dtype))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("ordering", ["degree", "rcm"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_order_of_nodes_in_memory_changes_no_bit(ordering, shape):
    users, items = np.random.default_rng(1).integers(60, size=(2, 300))
    adjacency = InteractionGraph.from_edges(users, items, 70, 70, **shape).adjacency()
    x = torch.randn(adjacency.n_nodes, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    plain, other = Propagation(adjacency), Propagation(adjacency, ordering=ordering)
    assert not torch.equal(plain.indices, other.indices)
    for weights in ((0.5,), (0.0, 1.0), (0.25, 0.5, 0.25, 1.0)):
        assert torch.equal(plain.sum(x.detach(), weights), other.sum(x.detach(), weights))
    assert torch.equal(plain.product(x.detach()), other.product(x.detach()))
    slopes = [torch.autograd.grad(p.polynomial(x, (0.3, 0.7)).square().sum(), x)[0] for p in (plain, other)]
    assert torch.equal(*slopes)
