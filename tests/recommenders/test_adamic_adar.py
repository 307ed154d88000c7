import math

import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.adamic_adar import AdamicAdar, AdamicAdarConfig


class TestAdamicAdar(RecommenderContract):
    config = AdamicAdarConfig()
    shapes = ("directed", "undirected")


class TestCommonFollowees(RecommenderContract):
    config = AdamicAdarConfig(weighting="none", neighbours="out")
    shapes = ("directed", "undirected")


def all_scores(graph, **options):
    model = AdamicAdar(AdamicAdarConfig(**options))
    return model.scores(model.fit(graph, np.random.default_rng(0)), graph)(np.arange(graph.n_users))


WEIGHTS = {"log": lambda d: 1 / math.log(d), "none": lambda d: 1, "inverse": lambda d: 1 / d}


def literal(graph, weighting, neighbours):
    """The definition, pair by pair, with sets; 0 for a user and herself."""
    n = graph.n_users
    out = [set(graph.indices[graph.indptr[u] : graph.indptr[u + 1]].tolist()) for u in range(n)]
    into = [{v for v in range(n) if u in out[v]} for u in range(n)]
    near = {"out": out, "in": into, "both": [a | b for a, b in zip(out, into, strict=True)]}[neighbours]
    degree = [sum(z in near[u] for u in range(n)) for z in range(n)]

    def score(u, v):
        return 0 if u == v else sum(WEIGHTS[weighting](degree[z]) for z in near[u] & near[v])

    return [[score(u, v) for v in range(n)] for u in range(n)]


@pytest.mark.parametrize("shape", ["directed", "undirected"])
@pytest.mark.parametrize("weighting", list(WEIGHTS))
@pytest.mark.parametrize("neighbours", ["both", "out", "in"])
def test_scores_are_the_definition(shape, weighting, neighbours):
    graph = random_split(shape, n=20, edges=60).train
    found = all_scores(graph, weighting=weighting, neighbours=neighbours)
    expected = np.array(literal(graph, weighting, neighbours))
    assert (expected > 0).any()
    assert np.isfinite(found).all()
    np.fill_diagonal(found, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_user_without_edges_scores_zero_everywhere():
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([2, 2]), 5, 5, social=True, directed=False)
    found = all_scores(graph)
    assert (found[3:] == 0).all()
    assert (found[:, 3:] == 0).all()
    assert found[0, 1] == pytest.approx(1 / math.log(2))


def test_one_edge_between_two_users():
    graph = InteractionGraph.from_edges(np.array([0]), np.array([1]), 2, 2, social=True)
    assert (all_scores(graph) == 0).all()


def test_users_with_items_are_refused():
    with pytest.raises(InputError, match=r"joins users to items[\s\S]*item_knn"):
        all_scores(random_split("bipartite").train)


def test_a_graph_of_other_users_is_refused():
    model = AdamicAdar(AdamicAdarConfig())
    parameters = model.fit(random_split("directed").train, np.random.default_rng(0))
    with pytest.raises(InputError, match="fitted to 30 items and the graph has 29"):
        model.scores(parameters, random_split("directed", n=29).train)
