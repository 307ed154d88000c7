import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.exposure.administrator import Administrator
from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.reweighting import reweighted
from hemicycle.graphs.interaction import InteractionGraph


@pytest.fixture(scope="module")
def society():
    """Two blocks of 60 users, dense inside and sparse between, with innate opinions that differ by block."""
    rng, n = np.random.default_rng(0), 120
    block = np.arange(n) // 60
    chance = np.where(block[:, None] == block, 0.25, 0.05)
    users, items = np.nonzero(np.triu(rng.random((n, n)) < chance, 1))
    graph = InteractionGraph.from_edges(users, items, n, n, social=True, directed=False)
    return graph, np.clip(rng.normal(2 * block - 1, 0.6), -1, 1)[:, None]


def equilibrium(graph, weights, innate):
    """z = (I + L)^-1 s of Friedkin and Johnsen."""
    dense = np.zeros((graph.n_users,) * 2)
    dense[graph.rows(), graph.indices] = weights
    return np.linalg.solve(np.eye(len(dense)) + np.diag(dense.sum(1)) - dense, innate)


def polarization(graph, innate, budget, regularisation=0.0):
    """Variance of opinions after rounds of users and administrator, as Chitra and Musco alternate them."""
    exposure = Administrator(Administrator.Config(budget=budget, regularisation=regularisation))
    weights = np.ones(graph.n_edges)
    for _ in range(8):
        opinions = equilibrium(graph, weights, innate)
        shown = exposure.shown(Scene(graph, 0), 0, opinions).weights
        weights = np.ones(graph.n_edges) if shown is None else shown
    return equilibrium(graph, weights, innate).var()


def test_little_reweighting_polarizes_much_and_regularisation_prevents_it(society):
    graph, innate = society
    found = [polarization(graph, innate, budget) for budget in (0, 0.1, 0.3, 0.5)]
    assert found[0] < found[1] < found[2] < found[3]
    assert found[3] > 3 * found[0]
    assert polarization(graph, innate, 0.5, regularisation=0.5) < 1.2 * found[0]


def test_what_is_shown_has_the_administrators_weights_and_the_users_totals(society):
    graph, innate = society
    sources = Administrator(Administrator.Config(budget=0.3)).shown(Scene(graph, 0), 0, innate)
    plain = Neighbours(Neighbours.Config()).shown(Scene(graph, 0), 0, innate)
    np.testing.assert_allclose(sources.weights, reweighted(graph, innate, 0.3), rtol=1e-6)
    np.testing.assert_allclose(sources.totals, plain.totals, rtol=1e-5)
    np.testing.assert_array_equal(sources.indices, plain.indices)


def test_without_a_budget_there_is_no_mediation(society):
    graph, innate = society
    assert Administrator(Administrator.Config(budget=0)).shown(Scene(graph, 0), 0, innate).weights is None


def test_rounds_come_at_every_refresh():
    exposure = Administrator(Administrator.Config(refresh=4))
    assert [step for step in range(9) if exposure.redraws(step)] == [0, 4, 8]
    with pytest.raises(ValidationError):
        Administrator.Config(budget=-0.1)
