from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.seeding import key_of
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.sampling import (
    Neighbours,
    all_neighbours,
    distinct_places,
    of_items,
    of_users,
    sample_neighbours,
)


def a_graph(edges=120, n_users=15, n_items=20, seed=0):
    """Some users and items have no edge."""
    rng = np.random.default_rng(seed)
    return InteractionGraph.from_edges(rng.integers(n_users - 3, size=edges), rng.integers(n_items, size=edges), 15, 20)


def bag_lists(bags):
    return [bag.tolist() for bag in np.split(bags.neighbours, np.cumsum(bags.counts)[:-1])]


@given(st.integers(1, 200), st.integers(1, 9), st.lists(st.integers(0, 14), min_size=1), st.integers(0, 99))
def test_samples_are_different_neighbours_and_no_more_than_asked_for(edges, fanout, nodes, seed):
    graph = a_graph(edges, seed=seed)
    found = bag_lists(sample_neighbours(of_users(graph), np.array(nodes), fanout, key_of("test", seed)))
    for node, bag in zip(nodes, found, strict=True):
        own = graph.indices[graph.indptr[node] : graph.indptr[node + 1]]
        assert len(set(bag)) == len(bag) == min(fanout, len(own))
        assert set(bag) <= set(own.tolist())


@given(st.lists(st.integers(0, 14), min_size=1), st.integers(0, 99))
def test_what_is_drawn_for_a_node_does_not_depend_on_the_others(nodes, seed):
    neighbours, key = of_users(a_graph(seed=seed)), key_of("test", seed)
    everyone = bag_lists(sample_neighbours(neighbours, np.arange(15), 3, key))
    assert bag_lists(sample_neighbours(neighbours, np.array(nodes), 3, key)) == [everyone[node] for node in nodes]


def test_another_key_draws_another_sample():
    neighbours = of_users(a_graph())
    first, second = (sample_neighbours(neighbours, np.arange(12), 3, key).neighbours for key in (1, 2))
    assert (first != second).any()


def test_every_subset_is_equally_likely():
    uniform = np.random.default_rng(0).random((20_000, 3))
    found = Counter(tuple(sorted(row)) for row in distinct_places(np.full(20_000, 5), 3, uniform).tolist())
    assert found.keys() == set(combinations(range(5), 3))
    assert max(found.values()) - min(found.values()) < 6 * np.sqrt(2000)


def test_every_neighbour_is_drawn_equally_often():
    star = Neighbours(np.array([0, 40]), np.arange(100, 140))
    drawn = [sample_neighbours(star, np.array([0]), 10, key_of("star", i)).neighbours for i in range(2000)]
    times = np.bincount(np.concatenate(drawn) - 100, minlength=40)
    chi_square = ((times - 500) ** 2 / (500 * 0.75)).sum()  # a count's variance is 2000 * .25 * .75
    assert chi_square < 73  # the .999 quantile with 39 degrees of freedom is 72.1


def test_all_neighbours_of_both_kinds():
    graph = a_graph()
    matrix = graph.to_scipy().toarray() > 0
    for neighbours, rows in ((of_users(graph), matrix), (of_items(graph), matrix.T)):
        bags = all_neighbours(neighbours, np.arange(len(rows))[::-1])
        assert bag_lists(bags) == [np.flatnonzero(row).tolist() for row in rows[::-1]]
        np.testing.assert_array_equal(np.bincount(bags.owners, minlength=len(rows)), bags.counts)


def test_isolated_nodes_have_empty_bags():
    neighbours = of_users(a_graph())
    for bags in (sample_neighbours(neighbours, np.array([13, 14]), 4, 0), all_neighbours(neighbours, np.array([14]))):
        assert bags.counts.sum() == len(bags.neighbours) == 0


@pytest.mark.parametrize("count", [1, 4])
def test_a_row_of_just_enough_is_taken_whole(count):
    uniform = np.random.default_rng(0).random((50, count))
    assert (np.sort(distinct_places(np.full(50, count), count, uniform), 1) == np.arange(count)).all()
