"""Measures of impressions against all orders of what ties, written out."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.evaluation.impressions import METRICS, Impressions, impression_metrics, pair_scores
from hemicycle.recommenders.scoring import DotScores


def literal_auc(scores, clicked):
    wins = [(a > b) + (a == b) / 2 for a in scores[clicked] for b in scores[~clicked]]
    return sum(wins) / len(wins)


def in_order(order, clicked, k):
    """MRR and NDCG@k of one order, as MIND's own script has them."""
    hits = clicked[list(order)]
    gains = [h / math.log2(r + 2) for r, h in enumerate(hits[:k])]
    ideal = [1 / math.log2(r + 2) for r in range(min(k, clicked.sum()))]
    return sum(h / (r + 1) for r, h in enumerate(hits)) / clicked.sum(), sum(gains) / sum(ideal)


def literal(scores, clicked):
    """Mean over all orders that agree with the scores."""
    orders = [
        order
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    five = np.mean([in_order(order, clicked, 5) for order in orders], axis=0)
    ten = np.mean([in_order(order, clicked, 10) for order in orders], axis=0)
    return {"auc": literal_auc(scores, clicked), "mrr": five[0], "ndcg@5": five[1], "ndcg@10": ten[1]}


@st.composite
def impressions(draw):
    sizes = draw(st.lists(st.integers(2, 6), min_size=1, max_size=4))
    clicked = []
    for size in sizes:
        hits = np.zeros(size, bool)
        hits[: draw(st.integers(1, size - 1))] = True
        clicked.append(hits[draw(st.permutations(range(size)))])
    scores = draw(st.lists(st.integers(0, 3), min_size=sum(sizes), max_size=sum(sizes)))
    return sizes, np.concatenate(clicked), np.array(scores, float)


def of(numbers, clicked, users=None, items=None, times=None):
    n = len(clicked)
    zeros = np.zeros(n, int)
    return Impressions.of(
        np.asarray(numbers),
        zeros if users is None else np.asarray(users),
        zeros if items is None else np.asarray(items),
        np.asarray(clicked, bool),
        np.zeros(n) if times is None else np.asarray(times),
    )


@given(impressions(), st.randoms(use_true_random=False))
def test_measures_equal_their_mean_over_all_orders(case, random):
    sizes, clicked, scores = case
    numbers = np.repeat(np.arange(len(sizes)) * 7 - 3, sizes)
    mixed = np.array(random.sample(range(len(numbers)), len(numbers)))
    shown = of(numbers[mixed], clicked[mixed])
    order = mixed[np.argsort(numbers[mixed], kind="stable")]
    found = impression_metrics(shown, scores[order])
    for j, rows in enumerate(np.split(np.arange(len(numbers)), np.cumsum(sizes)[:-1])):
        expected = literal(scores[rows], clicked[rows])
        for name in METRICS:
            assert found[name][j] == pytest.approx(expected[name])


def test_more_than_ten_shown():
    clicked = np.zeros(30, bool)
    clicked[[0, 11]] = True
    found = impression_metrics(of(np.zeros(30, int), clicked), -np.arange(30.0))
    expected = in_order(range(30), clicked, 10)
    assert found["ndcg@10"][0] == pytest.approx(expected[1])
    assert found["mrr"][0] == pytest.approx(expected[0]) == pytest.approx((1 + 1 / 12) / 2)


def test_constant_scores_give_chance_and_what_is_not_a_number_comes_last():
    shown = of([0, 0, 0, 0], [True, False, False, False])
    chance = impression_metrics(shown, np.zeros(4))
    assert chance["auc"][0] == 0.5
    assert chance["mrr"][0] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    last = impression_metrics(shown, np.array([np.nan, 0.0, 1.0, 2.0]))
    assert (last["auc"][0], last["mrr"][0]) == (0, pytest.approx(0.25))
    assert impression_metrics(shown, np.full(4, -np.inf))["auc"][0] == 0.5


def test_what_cannot_be_compared_is_left_out_and_counted():
    shown = of([0, 0, 1, 1, 2, 2, 3], [True, False, True, True, False, False, True], users=[5, 5, 6, 6, 7, 7, 8])
    kept = shown.comparable()
    assert (len(shown), len(kept), kept.left_out) == (4, 1, 3)
    assert kept.owners.tolist() == [5]
    with pytest.raises(InputError, match="needs a click and something else"):
        impression_metrics(shown, np.zeros(7))


def test_no_impressions():
    nothing = of([], [])
    assert len(nothing) == len(nothing.comparable()) == 0
    assert impression_metrics(nothing, np.empty(0))["auc"].shape == (0,)


def test_scores_of_pairs_are_those_of_the_whole_matrix(monkeypatch):
    monkeypatch.setattr("hemicycle.evaluation.impressions._PAIRS_AT_ONCE", 7)
    monkeypatch.setattr("hemicycle.evaluation.impressions._USERS_AT_ONCE", 3)
    source = np.random.default_rng(0)
    x, y, b = (torch.from_numpy(source.normal(size=shape)) for shape in ((9, 4), (11, 4), (11,)))
    users, items = source.integers(9, size=40), source.integers(11, size=40)
    for bias in (None, b):
        dots = DotScores(x, y, bias)
        whole = dots(np.arange(9))
        np.testing.assert_allclose(pair_scores(dots, users, items), whole[users, items])
        np.testing.assert_allclose(pair_scores(lambda batch, w=whole: w[batch], users, items), whole[users, items])
