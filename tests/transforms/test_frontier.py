"""Cross-cutting share and diversity, and frontiers that are monotone where truth is planted."""

import numpy as np
import pytest
from contracts.transform_contract import lists_of, planted

from hemicycle.evaluation.ranking import NONE, evaluate
from hemicycle.transforms.attributes import Attributes
from hemicycle.transforms.catalogue import TRANSFORM
from hemicycle.transforms.frontier import clear_crossing_share, diversity, shown_count

STRENGTHS = (0, 0.25, 0.5, 0.75, 1)


def sides(users, items):
    return Attributes(np.array(users, np.int32), np.array(items, np.int32), np.array(items, np.int32))


def test_the_share_is_of_the_list_and_leaves_out_users_without_a_side_or_a_list():
    attributes = sides([0] * 10 + [1, -1, 0], [0, 1, -1, 1])
    lists = np.array([[1, 0, 2, 3]] * 10 + [[0, 1, NONE, NONE], [0, 1, 2, 3], [NONE] * 4], np.int32)
    assert clear_crossing_share(attributes, np.arange(13), lists) == pytest.approx((10 * 0.5 + 0.5) / 11)


def test_the_share_of_few_people_is_not_told():
    attributes = sides([0] * 9, [1])
    assert np.isnan(clear_crossing_share(attributes, np.arange(9), np.zeros((9, 1), np.int32)))


def test_diversity_is_one_less_the_mean_cosine():
    source = np.random.default_rng(0)
    vectors = source.normal(size=(20, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lists = np.array([source.permutation(20)[:4] for _ in range(5)], np.int32)
    lists[0, 2:], lists[1, 1:] = NONE, NONE
    expected = []
    for row in lists:
        items = row[row != NONE]
        pairs = [1 - vectors[a] @ vectors[b] for i, a in enumerate(items) for b in items[i + 1 :]]
        expected += [np.mean(pairs)] if pairs else []
    assert diversity(vectors, lists) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("count", "total", "public", "shown"),
    [
        (0, 50, False, 0),
        (3, 50, False, None),
        (3, 50, True, 3),
        (45, 50, False, None),
        (20, 50, False, 20),
    ],
)
def test_counts_of_few_people_are_not_told(count, total, public, shown):
    found = shown_count(count, total, public=public)
    assert np.isnan(found) if shown is None else found == shown


@pytest.mark.parametrize("name", ["exposure", "mmr", "direction", "calibrated"])
def test_frontiers_are_monotone_where_truth_is_planted(name):
    ndcg, cross = np.zeros((2, 4, len(STRENGTHS)))
    for seed in range(4):
        scene, held_out = planted(n_users=200, n_items=200, k=10, seed=seed)
        everyone = np.arange(200)
        for place, t in enumerate(STRENGTHS):
            transform = TRANSFORM.build(TRANSFORM.validate({"transform": name, "strength": t}))
            found = evaluate(transform.scores(scene), scene.mask, held_out, scene.k)
            ndcg[seed, place] = found.metrics["ndcg@10"]
            cross[seed, place] = clear_crossing_share(scene.attributes, everyone, lists_of(scene, transform))
    assert (np.diff(ndcg.mean(0)) <= 0).all(), ndcg.mean(0)
    assert (np.diff(cross.mean(0)) >= 0).all(), cross.mean(0)
    assert cross.mean(0)[-1] > cross.mean(0)[0] + 0.03
