"""Measures of lists against their definitions, written out list by list."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.evaluation import beyond
from hemicycle.evaluation.beyond import UNKNOWN, AudiencePosition, AudienceSide
from hemicycle.evaluation.topk import NONE
from hemicycle.graphs.interaction import InteractionGraph

N_USERS, N_ITEMS = 12, 15


def a_case(seed):
    """Lists of different lengths, one of them empty, and a graph."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(N_USERS, size=60), rng.integers(N_ITEMS, size=60)
    graph = InteractionGraph.from_edges(users, items, N_USERS, N_ITEMS)
    lists = np.stack([rng.permutation(N_ITEMS)[:5] for _ in range(6)]).astype(np.int32)
    for row, length in enumerate([5, 4, 2, 1, 0, 5]):
        lists[row, length:] = NONE
    return lists, graph, rng


def audience(graph, item):
    return graph.rows()[graph.indices == item].tolist()


def by_list(lists, measure):
    return [measure([int(i) for i in row if i != NONE]) for row in lists]


def mean(values):
    values = [v for v in values if not math.isnan(v)]
    return sum(values) / len(values) if values else math.nan


def same(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-9)


seeds = given(st.integers(0, 99))


def test_coverage_and_inequality():
    lists = np.array([[0, 1], [0, NONE]], np.int32)
    assert beyond.coverage(lists, 4) == 0.5
    counts = [2, 1, 0, 0]
    expected = sum(abs(a - b) for a in counts for b in counts) / (2 * 4 * 3)
    assert beyond.gini(lists, 4) == pytest.approx(expected)
    assert beyond.gini(np.full((2, 2), NONE, np.int32), 4) == beyond.coverage(np.full((2, 2), NONE, np.int32), 4) == 0


@seeds
def test_novelty(seed):
    lists, graph, _ = a_case(seed)
    taken = [max(1, len(audience(graph, i))) for i in range(N_ITEMS)]
    expected = by_list(lists, lambda items: mean([-math.log2(taken[i] / N_USERS) for i in items]))
    same(beyond.novelty(lists, graph.item_degrees, N_USERS), expected)


@seeds
def test_diversity_of_vectors(seed):
    lists, _, rng = a_case(seed)
    vectors = rng.normal(size=(N_ITEMS, 3))
    vectors[3], vectors[4] = 0, np.nan

    def literal(items):
        known = [i for i in items if i not in {3, 4}]
        pairs = itertools.combinations(known, 2)
        cosines = [vectors[i] @ vectors[j] / math.hypot(*vectors[i]) / math.hypot(*vectors[j]) for i, j in pairs]
        return mean([1 - c for c in cosines])

    same(beyond.diversity(lists, vectors), by_list(lists, literal))


@seeds
def test_diversity_of_audiences(seed):
    lists, graph, _ = a_case(seed)
    who = [set(audience(graph, i)) for i in range(N_ITEMS)]

    def literal(items):
        pairs = itertools.combinations([i for i in items if who[i]], 2)
        return mean([1 - len(who[i] & who[j]) / math.sqrt(len(who[i]) * len(who[j])) for i, j in pairs])

    same(beyond.co_consumption_diversity(lists, graph), by_list(lists, literal))


def test_calibration_is_zero_for_the_same_shares_and_grows_with_the_difference():
    history = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0.5, 0], [np.nan] * 3])
    listed = np.array([[0.5, 0.5, 0], [0.7, 0.3, 0], [0, 0, 1], [1, 0, 0]])
    found = beyond.calibration(history, listed)
    q = 0.99 * 0.7 + 0.01 * 0.5, 0.99 * 0.3 + 0.01 * 0.5
    assert found[1] == pytest.approx(0.5 * math.log(0.5 / q[0]) + 0.5 * math.log(0.5 / q[1]))
    assert found[0] == pytest.approx(0)
    assert found[2] == pytest.approx(math.log(100))
    assert np.isnan(found[3])


def test_shares_of_categories():
    categories = np.array([0, 0, 1, UNKNOWN])
    lists = np.array([[0, 1, 2], [3, 2, NONE], [3, NONE, NONE]], np.int32)
    same(beyond.list_shares(lists, categories, 2), [[2 / 3, 1 / 3], [0, 1], [np.nan, np.nan]])
    graph = InteractionGraph.from_edges(np.array([0, 0, 0, 1]), np.array([0, 2, 3, 3]), 3, 4)
    found = beyond.history_shares(graph, np.array([2, 0, 1]), categories, 2)
    same(found, [[np.nan, np.nan], [0.5, 0.5], [np.nan, np.nan]])


@seeds
def test_popularity(seed):
    lists, graph, _ = a_case(seed)
    taken = graph.item_degrees.tolist()
    users = np.arange(6)
    listed = by_list(lists, lambda items: mean([taken[i] for i in items]))
    own = [mean([taken[i] for i in graph.indices[graph.indptr[u] : graph.indptr[u + 1]]]) for u in users]
    same(beyond.mean_popularity(lists, graph.item_degrees), listed)
    same(beyond.popularity_lift(lists, users, graph), [a / b - 1 for a, b in zip(listed, own, strict=True)])


def test_the_long_tail_is_what_lies_outside_the_head():
    takers = np.array([6, 2, 1, 1])  # items 0 and 1 hold 8 of 10
    assert beyond.long_tail_share(np.array([[0, 1], [1, 2], [2, 3]], np.int32), takers).tolist() == [0, 0.5, 1]


@seeds
def test_positions_of_audiences_and_distances(seed):
    lists, graph, rng = a_case(seed)
    x = rng.normal(size=N_USERS)
    x[2] = np.nan
    own = x[np.array([0, 1, 2, 3, 4, 5])]
    measured = AudiencePosition.of(graph, x)
    where = [mean([x[u] for u in audience(graph, i)]) for i in range(N_ITEMS)]
    expected = [
        mean([abs(where[i] - x[u]) for i in row if i != NONE]) if np.isfinite(x[u]) else math.nan
        for u, row in enumerate(lists)
    ]
    same(beyond.ideological_distance(own, measured.at(lists)), expected)


def test_users_do_not_count_among_the_audience_of_what_they_took():
    graph = InteractionGraph.from_edges(np.array([0, 1, 2, 0]), np.array([0, 0, 0, 1]), 3, 2)
    x = np.array([1.0, 0.0, -1.0])
    own = np.array([[0, 1]], np.int32)
    same(AudiencePosition.of(graph, x).at(own, x[:1]), [[-0.5, np.nan]])
    same(AudiencePosition.of(graph, x).at(own), [[0, 1]])
    sides = AudienceSide.of(graph, np.array([0, 1, 1]))
    assert sides.at(own, np.array([0])).tolist() == [[1, UNKNOWN]]
    assert sides.at(own).tolist() == [[1, 0]]


def test_the_side_of_an_item_is_the_over_represented_one():
    users, items = np.array([0, 1, 2, 3, 0, 3, 0, 1, 2]), np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    graph = InteractionGraph.from_edges(users, items, 5, 4)
    sides = AudienceSide.of(graph, np.array([0, 0, 0, 1, UNKNOWN]))  # 2 of 9 interactions are of side 1
    found = sides.at(np.array([[0, 1, 2, 3, NONE]], np.int32))
    assert found.tolist() == [[1, 1, 0, UNKNOWN, UNKNOWN]]


def test_cross_cutting_counts_known_sides_only():
    listed = np.array([[0, 1, UNKNOWN], [0, 0, 1], [UNKNOWN] * 3, [0, 1, 1]])
    found = beyond.cross_cutting_share(np.array([0, 0, 1, UNKNOWN]), listed)
    same(found, [0.5, 1 / 3, np.nan, np.nan])
