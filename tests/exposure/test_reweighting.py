import numpy as np
import pytest
from scipy.optimize import minimize

from hemicycle.exposure.reweighting import reweighted
from hemicycle.graphs.interaction import InteractionGraph


def random_graph(n, seed, *, directed):
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) < 0.6, 1) if not directed else rng.random((n, n)) < 0.5
    np.fill_diagonal(dense, 0)
    users, items = np.nonzero(dense)
    weights = rng.random(len(users)) + 0.2
    return InteractionGraph.from_edges(users, items, n, n, social=True, directed=directed, weights=weights)


def literal(graph, opinions, budget, regularisation):
    """The problem as it is written, by a general solver."""
    rows, columns = graph.rows(), graph.indices
    before, costs = graph.weights.astype(float), ((opinions[rows] - opinions[columns]) ** 2).sum(1)
    rules = [
        {"type": "eq", "fun": lambda w, u=u: w[rows == u].sum() - before[rows == u].sum()} for u in range(graph.n_users)
    ]
    rules.append({"type": "ineq", "fun": lambda w: budget**2 * before @ before - (w - before) @ (w - before)})
    if not graph.directed:
        back = {(a, b): e for e, (a, b) in enumerate(zip(rows, columns, strict=True))}
        pairs = [(e, back[b, a]) for (a, b), e in back.items() if a < b]
        rules += [{"type": "eq", "fun": lambda w, e=e, f=f: w[e] - w[f]} for e, f in pairs]
    return minimize(
        lambda w: costs @ w + regularisation * w @ w,
        before,
        jac=lambda w: costs + 2 * regularisation * w,
        constraints=rules,
        bounds=[(0, None)] * len(before),
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    ).x


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize(("budget", "regularisation"), [(0.05, 0), (0.3, 0.5), (0.6, 0), (1.0, 0)])
def test_weights_solve_the_problem_as_written(directed, budget, regularisation):
    graph = random_graph(7, 3, directed=directed)
    opinions = np.random.default_rng(1).random((7, 2))
    found = reweighted(graph, opinions, budget, regularisation)
    np.testing.assert_allclose(found, literal(graph, opinions, budget, regularisation), atol=1e-5)
    rows, before = graph.rows(), graph.weights.astype(float)
    np.testing.assert_allclose(np.bincount(rows, found), np.bincount(rows, before), atol=1e-8)
    assert np.linalg.norm(found - before) <= budget * np.linalg.norm(before) * (1 + 1e-6)
    assert (found >= 0).all()
    if not directed:
        dense = np.zeros((7, 7))
        dense[rows, graph.indices] = found
        np.testing.assert_array_equal(dense, dense.T)


def test_small_budgets_have_a_closed_form():
    """Four users on a ring: moving weight from the edges that disagree to the others is the only move there is."""
    graph = InteractionGraph.from_edges(np.arange(4), np.arange(1, 5) % 4, 4, 4, social=True, directed=False)
    opinions = np.array([[0.0], [0.1], [1.0], [1.1]])  # 0-1 and 2-3 agree, 1-2 and 3-0 do not
    found = reweighted(graph, opinions, 0.25)
    agrees = np.abs(opinions[graph.rows(), 0] - opinions[graph.indices, 0]) < 0.5
    np.testing.assert_allclose(found, np.where(agrees, 1.25, 0.75), atol=1e-8)
    np.testing.assert_allclose(reweighted(graph, opinions, 5), np.where(agrees, 2, 0), atol=1e-8)


def test_nothing_is_changed_without_budget_or_disagreement():
    graph = random_graph(6, 0, directed=False)
    same = graph.weights.astype(float)
    np.testing.assert_array_equal(reweighted(graph, np.ones((6, 1)), 0.5), same)
    np.testing.assert_array_equal(reweighted(graph, np.random.default_rng(0).random((6, 1)), 0), same)


def test_users_without_ties_and_larger_graphs_are_solved_to_their_degrees():
    rng = np.random.default_rng(5)
    for directed in (True, False):
        users, items = rng.integers(0, 950, 6000), rng.integers(0, 950, 6000)
        graph = InteractionGraph.from_edges(users, items, 1000, 1000, social=True, directed=directed)
        found = reweighted(graph, rng.random((1000, 1)), 0.7)
        np.testing.assert_allclose(np.bincount(graph.rows(), found, 1000), graph.degrees, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(found - 1), 0.7 * np.sqrt(graph.n_edges), rtol=1e-6)
