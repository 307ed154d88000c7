import numpy as np
import pytest
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.recommenders.mf import MF, MFConfig


class TestMF(RecommenderContract):
    config = MFConfig(dim=8, temperature=0.3)


class TestMFByDotProduct(RecommenderContract):
    config = MFConfig(dim=8, similarity="dot")


@pytest.mark.parametrize("shape", ["bipartite", "undirected"])
def test_start_values_are_normal_and_keyed_by_node_and_column(shape):
    graph = random_split(shape, 400).train
    model = MF(MFConfig(dim=16, init_scale=0.2))
    whole = model.initial(graph, 3, np.arange(16))
    assert whole.shape == (graph.adjacency().n_nodes, 16)
    assert whole.std() == pytest.approx(0.2, rel=0.05)
    np.testing.assert_array_equal(model.initial(graph, 3, np.array([5, 9])), whole[:, [5, 9]])
    assert (model.initial(graph, 4, np.arange(16)) != whole).all()


def test_vectors_are_rows_of_the_table_and_their_cosine_scores():
    graph = random_split("bipartite").train
    table = np.random.default_rng(0).normal(size=(60, 4))
    embedding = MF(MFConfig(dim=4)).embed({"table": table}, graph)
    np.testing.assert_array_equal(embedding.users, table[:30])
    np.testing.assert_array_equal(embedding.items, table[30:])
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    model = MF(MFConfig(dim=4, temperature=0.5))
    found = model.scores({"table": table}, graph)(np.array([4, 2]))
    np.testing.assert_allclose(found, unit[[4, 2]] @ unit[30:].T / 0.5, rtol=1e-12)
    dots = MF(MFConfig(dim=4, similarity="dot")).scores({"table": table}, graph)(np.array([4, 2]))
    np.testing.assert_allclose(dots, table[[4, 2]] @ table[30:].T, rtol=1e-12)
