"""Calibrated recommendations against a literal version, brute force and hand-made histories."""

import itertools

import numpy as np
import pytest
from contracts.transform_contract import TransformContract, lists_of, planted

from hemicycle.evaluation.beyond import history_shares
from hemicycle.transforms.base import Candidates
from hemicycle.transforms.calibrated import Calibrated, divergence_after


class TestCalibrated(TransformContract):
    config = Calibrated.Config(strength=0.8)


def divergence(wanted, kinds, smoothing=0.01):
    """KL(p || q') of one list, in words of the paper."""
    q = np.bincount(kinds[kinds >= 0], minlength=len(wanted)) / len(kinds)
    mixed = (1 - smoothing) * q + smoothing * wanted
    return sum(p * np.log(p / m) for p, m in zip(wanted, mixed, strict=True) if p > 0)


def objective(chosen, relevance, kinds, wanted, t):
    chosen = list(chosen)
    return (1 - t) * relevance[chosen].sum() - t * divergence(wanted, kinds[chosen])


def case(seed):
    source = np.random.default_rng(seed)
    wanted = source.dirichlet(np.ones(3))
    return np.sort(source.random(7))[::-1], source.integers(0, 3, 7), wanted


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_the_literal_greedy_and_near_the_best_list(seed):
    scene, t = planted(seed=seed)[0], 0.6
    users = np.arange(4)
    lists = Calibrated(Calibrated.Config(strength=t, candidates=9)).rerank(
        type(scene)(scene.parents, scene.train, scene.mask, scene.attributes, 4), users
    )
    found = Candidates.of(scene, users, 9)
    wanted = history_shares(scene.train, np.arange(40), scene.attributes.item_category, 2)
    for row in users:
        kinds = scene.attributes.item_category[found.items[row]]
        about = (found.relevance[row], kinds, wanted[row], t)
        chosen = []
        for _ in range(4):
            rest = [i for i in range(9) if i not in chosen]
            chosen.append(max(rest, key=lambda i: (round(objective([*chosen, i], *about), 12), -i)))
        np.testing.assert_array_equal(lists.items[row], found.items[row][chosen])
        best = max(objective(each, *about) for each in itertools.combinations(range(9), 4))
        assert objective(chosen, *about) >= best - 0.1 * abs(best)


@pytest.mark.parametrize("seed", range(5))
def test_the_divergence_with_one_more_item(seed):
    _, kinds, wanted = case(seed)
    counts = np.bincount(kinds, minlength=3).astype(float)
    found = divergence_after(wanted[None], counts[None], len(kinds) + 1, 0.01)[0]
    expected = [divergence(wanted, np.append(kinds, kind)) for kind in (0, 1, 2, -1)]
    np.testing.assert_allclose(found, expected)


def test_fully_calibrated_lists_are_as_mixed_as_the_history():
    scene = planted()[0]
    wanted = history_shares(scene.train, np.arange(40), scene.attributes.item_category, 2)[:, 1]
    lists = lists_of(scene, Calibrated(Calibrated.Config(strength=1)))
    listed = scene.attributes.item_category[lists].mean(1)
    assert np.abs(listed - wanted).max() <= 1 / scene.k
