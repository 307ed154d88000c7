import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng as keyed
from hemicycle.evaluation.ranking import NONE, Filter, Ranking, evaluate, paired_difference, top_k
from hemicycle.graphs.interaction import InteractionGraph


def a_graph(n_users, n_items, edges, seed, **shape):
    rng = np.random.default_rng(seed)
    users, items = rng.integers(n_users, size=edges), rng.integers(n_items, size=edges)
    return InteractionGraph.from_edges(users, items, n_users, n_items, **shape)


def matrix_scores(matrix):
    return lambda users: matrix[users]


def literal_top_k(matrix, masks, user, k):
    taken = {int(i) for mask in masks for i in mask.indices[mask.indptr[user] : mask.indptr[user + 1]]}
    if masks[0].social:
        taken.add(user)
    order = sorted((-float(s), i) for i, s in enumerate(matrix[user]) if i not in taken and math.isfinite(s))
    return ([i for _, i in order] + [NONE] * k)[:k]


def literal_metrics(found, wanted, k):
    hits = [i in wanted for i in found]
    ideal = sum(1 / math.log2(r + 2) for r in range(min(k, len(wanted))))
    precisions = [sum(hits[: r + 1]) / (r + 1) for r in range(k) if hits[r]]
    return {
        f"recall@{k}": sum(hits) / len(wanted),
        f"precision@{k}": sum(hits) / k,
        f"ndcg@{k}": sum(h / math.log2(r + 2) for r, h in enumerate(hits)) / ideal,
        f"map@{k}": sum(precisions) / min(k, len(wanted)),
    }


def literal_gini(counts):
    return sum(abs(a - b) for a in counts for b in counts) / (2 * len(counts) * sum(counts))


@given(st.integers(0, 99), st.booleans())
def test_metrics_equal_their_definitions(seed, social):
    rng = np.random.default_rng(seed)
    matrix, k = rng.normal(size=(30, 30)), 5
    mask, held_out = a_graph(30, 30, 100, seed, social=social), a_graph(30, 30, 60, seed + 1, social=social)
    ranking = evaluate(matrix_scores(matrix), mask, held_out, k)
    lists, expected = [], []
    for user in range(30):
        wanted = set(held_out.indices[held_out.indptr[user] : held_out.indptr[user + 1]].tolist())
        if wanted:
            lists.append(literal_top_k(matrix, [mask], user, k))
            expected.append(literal_metrics(lists[-1], wanted, k))
    assert ranking.n == len(expected)
    for name in expected[0]:
        np.testing.assert_allclose(ranking.per_user[name], [row[name] for row in expected])
        assert ranking.metrics[name] == pytest.approx(np.mean([row[name] for row in expected]))
    counts = np.bincount(np.concatenate(lists), minlength=30)
    assert ranking.metrics["coverage@5"] == pytest.approx((counts > 0).mean())
    assert ranking.metrics["gini@5"] == pytest.approx(literal_gini(counts))


def test_only_the_given_users_with_held_out_items_count():
    held_out = InteractionGraph.from_edges(np.array([0, 1]), np.array([0, 1]), 3, 40)
    mask = InteractionGraph.from_edges(np.array([2]), np.array([2]), 3, 40)
    scores = matrix_scores(np.tile(-np.arange(40.0), (3, 1)))
    ranking = evaluate(scores, mask, held_out, users=np.array([1, 2]))
    assert ranking.users.tolist() == [1]
    assert ranking.metrics["ndcg@20"] == pytest.approx(1 / math.log2(3))


def test_nothing_held_out_gives_zero_users():
    graph = a_graph(4, 30, 20, 0)
    nothing = graph.select(np.zeros(graph.n_edges, bool))
    ranking = evaluate(matrix_scores(np.zeros((4, 30))), graph, nothing)
    assert (ranking.n, ranking.metrics["recall@20"], ranking.metrics["gini@20"]) == (0, 0, 0)


def test_oneself_is_never_recommended():
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([1, 2]), 3, 3, social=True)
    assert top_k(matrix_scores(np.eye(3)), graph, np.arange(3), 2).tolist() == [[2, NONE], [0, NONE], [0, 1]]


def test_the_interval_covers_the_mean_and_is_keyed():
    matrix, held_out = np.random.default_rng(0).normal(size=(200, 60)), a_graph(200, 60, 900, 1)
    ranking = evaluate(matrix_scores(matrix), a_graph(200, 60, 400, 0), held_out)
    low, high = ranking.interval("ndcg@20", keyed("interval", 0))
    assert low < ranking.metrics["ndcg@20"] < high
    assert (low, high) == ranking.interval("ndcg@20", keyed("interval", 0))
    spread = ranking.per_user["ndcg@20"].std() / np.sqrt(ranking.n)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_no_users_no_interval():
    nothing = Ranking({}, np.empty(0, int), {"ndcg@20": np.empty(0)})
    assert all(math.isnan(end) for end in nothing.interval("ndcg@20", keyed("interval", 0)))


def test_users_without_held_out_items_are_left_out_and_counted():
    held_out = InteractionGraph.from_edges(np.array([0, 1]), np.array([0, 1]), 5, 40)
    mask = InteractionGraph.from_edges(np.array([2]), np.array([2]), 5, 40)
    ranking = evaluate(matrix_scores(np.ones((5, 40))), mask, held_out)
    assert (ranking.n, ranking.left_out) == (2, 3)


def test_held_out_items_that_are_not_allowed_do_not_count():
    held_out = InteractionGraph.from_edges(np.array([0, 0, 1]), np.array([3, 4, 3]), 2, 5)
    nothing = held_out.select(np.zeros(3, bool))
    fresh = np.array([True, False, False, False, True])
    ranking = evaluate(matrix_scores(np.tile(np.arange(5.0), (2, 1))), Filter((nothing,), fresh), held_out, 2)
    assert ranking.users.tolist() == [0]
    assert ranking.metrics["recall@2"] == 1
    assert ranking.left_out == 1


# -- paired differences ----------------------------------------------------------------------------------------------


def a_ranking(users, values):
    return Ranking({"ndcg@20": float(np.mean(values))}, np.asarray(users), {"ndcg@20": np.asarray(values, float)})


def test_the_difference_is_over_common_users_and_pairs_them():
    rng = np.random.default_rng(0)
    hard = rng.random(500)
    a, b = a_ranking(np.arange(500), hard + 0.02 + rng.normal(0, 0.05, 500)), a_ranking(np.arange(100, 600), hard)
    b = a_ranking(np.arange(100, 600), np.concatenate([hard[100:], rng.random(100)]))
    found = paired_difference(a, b, "ndcg@20", keyed("difference"))
    assert found.n == 400
    assert found.value == pytest.approx(np.mean(a.per_user["ndcg@20"][100:] - b.per_user["ndcg@20"][:400]))
    assert 0 < found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.05 / 400**0.5, rel=0.2)


def test_a_model_does_not_differ_from_itself():
    a = a_ranking([3, 1, 2], [0.1, 0.5, 0.9])
    found = paired_difference(a, a_ranking([1, 2, 3], [0.5, 0.9, 0.1]), "ndcg@20", keyed("difference"))
    assert (found.value, found.low, found.high, found.n) == (0, 0, 0, 3)


def test_strangers_have_no_difference():
    found = paired_difference(a_ranking([0], [1]), a_ranking([1], [0]), "ndcg@20", keyed("difference"))
    assert found.n == 0
    assert math.isnan(found.value)


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="there are: ndcg@20"):
        paired_difference(a_ranking([0], [1]), a_ranking([0], [0]), "map@20", keyed("difference"))
