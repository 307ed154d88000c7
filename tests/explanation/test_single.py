"""Why X was shown to Y, for public people only."""

import numpy as np
import pytest

from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.core.seeding import rng
from hemicycle.explanation.shares import Axis, Vectors
from hemicycle.explanation.single import combined_memory, memory_of, why
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE
from hemicycle.recommenders.joint import Joint, JointConfig
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.mf import MF, MFConfig
from hemicycle.recommenders.xsimgcl import XSimGCL, XSimGCLConfig

KINDS = {"bipartite": (False, True), "directed": (True, True), "friends": (True, False)}


def a_graph(kind="bipartite", n=30):
    social, directed = KINDS[kind]
    ends = rng("single", kind).integers(0, n, (2, 150))
    return InteractionGraph.from_edges(*ends, n, n if social else n + 4, social=social, directed=directed)


def fitted(recommender, graph):
    table = rng("table").normal(size=(recommender.adjacency(graph).n_nodes, 8)).astype(np.float32)
    return {TABLE: table}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "recommender",
    [
        LightGCN(LightGCNConfig(dim=8, similarity="dot", popularity=0.3)),
        LightGCN(LightGCNConfig(dim=8, readout=(1, 3))),
        LightGCN(LightGCNConfig(dim=8, layers=0)),
        XSimGCL(XSimGCLConfig(dim=8)),
    ],
)
def test_neighbours_parts_and_the_own_vector_add_up_to_the_score_of_lightgcn(kind, recommender):
    graph = a_graph(kind)
    parameters = fitted(recommender, graph)
    scores = recommender.scores(parameters, graph)
    vectors, memory = Vectors.of(scores), memory_of(recommender, parameters, graph)
    axes = [Axis.along("left-right", np.arange(1.0, 9.0))]
    for user in (0, 7):
        found = why(vectors, memory(vectors, user), axes, (user, 5), public=True)
        assert found.history.tolist() == graph.indices[graph.indptr[user] : graph.indptr[user + 1]].tolist()
        assert sum(found.axes.values()) == pytest.approx(scores(np.array([user]))[0, 5], rel=1e-5)
        product = found.score - found.axes["bias"]
        assert found.contributions.sum() + found.rest == pytest.approx(product, rel=1e-5)
        if recommender.config.mixed[0] > 0:
            assert found.rest == pytest.approx(0, abs=1e-9)
            assert found.along["left-right"].sum() == pytest.approx(found.axes["left-right"], rel=1e-5)


def test_leaving_a_neighbour_out_of_the_last_sum_takes_its_part_away():
    graph, recommender = a_graph(), LightGCN(LightGCNConfig(dim=8, layers=1, similarity="dot", readout=(1,)))
    parameters = fitted(recommender, graph)
    vectors = Vectors.of(recommender.scores(parameters, graph))
    found = why(vectors, memory_of(recommender, parameters, graph)(vectors, 0), [], (0, 5), public=True)
    table, near = parameters[TABLE].astype(np.float64), graph.indices[: graph.indptr[1]]
    scale = 1 / np.sqrt(len(near) * graph.item_degrees[near])
    np.testing.assert_allclose(found.contributions, (table[30 + near] @ vectors.items[5]) * scale, rtol=1e-6)


def test_a_vector_that_is_made_of_its_items_is_explained_by_them():
    graph, items = a_graph(), rng("items").normal(size=(34, 40))
    own = graph.indices[: graph.indptr[1]]
    users = np.zeros((30, 40))
    users[0] = 2 * items[own[0]] + items[own[1]]
    memory = combined_memory(Vectors(users, items, np.zeros(34)), graph, 0, ridge=1e-9)
    assert np.linalg.norm(memory.own) < 1e-6
    np.testing.assert_allclose(memory.vectors[0], 2 * items[own[0]], atol=1e-6)
    np.testing.assert_allclose(memory.vectors[2:], 0, atol=1e-6)


def test_what_the_history_does_not_explain_is_said():
    graph, recommender = a_graph(), MF(MFConfig(dim=8))
    parameters = fitted(recommender, graph)
    vectors = Vectors.of(recommender.scores(parameters, graph))
    assert memory_of(recommender, parameters, graph) is None
    found = why(vectors, combined_memory(vectors, graph, 2), [], (2, 5), public=True)
    assert found.contributions.sum() + found.rest == pytest.approx(found.score)
    alone = InteractionGraph.from_edges(np.array([1]), np.array([1]), 30, 34)
    found = why(vectors, combined_memory(vectors, alone, 2), [], (2, 5), public=True)
    assert found.rest == pytest.approx(found.score)
    assert not len(found.contributions)


def test_people_who_are_not_public_are_not_explained():
    graph, vectors = a_graph(), Vectors(np.ones((30, 2)), np.ones((34, 2)), np.zeros(34))
    with pytest.raises(DisclosureError, match="a person who is not public"):
        why(vectors, combined_memory(vectors, graph, 0), [], (0, 1), public=False)


def test_other_tables_and_models():
    graph, recommender = a_graph(), LightGCN(LightGCNConfig(dim=8))
    with pytest.raises(InputError, match="another number of nodes"):
        memory_of(recommender, {TABLE: np.ones((3, 8))}, graph)
    assert memory_of(Joint(JointConfig(dim=8)), {}, graph) is None
