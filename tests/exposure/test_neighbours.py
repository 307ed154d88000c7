import numpy as np

from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.graphs.interaction import InteractionGraph


def test_each_user_sees_whom_it_follows_and_nobody_else():
    graph = InteractionGraph.from_edges(np.array([0, 0, 2]), np.array([1, 2, 0]), 3, 3, social=True)
    exposure = Neighbours(Neighbours.Config())
    opinions = np.ones((3, 1))
    sources = exposure.shown(Scene(graph, 0), 0, opinions)
    np.testing.assert_array_equal(sources.indptr, graph.indptr)
    np.testing.assert_array_equal(sources.indices, [1, 2, 0])
    assert sources.weights is None
    assert sources.positions is opinions
    assert [exposure.redraws(step) for step in range(3)] == [True, False, False]
    assert exposure.problems(Scene(graph, 0)) == []
