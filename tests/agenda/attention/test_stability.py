"""Matching of topics and their stability."""

import numpy as np
import pytest

from hemicycle.agenda.attention.stability import cosines, jaccard, matched, stability
from hemicycle.core.seeding import rng


def test_a_permutation_is_found_and_perfectly_stable() -> None:
    weights = rng("weights").random((5, 40)) ** 4
    order = rng("order").permutation(5)
    assert matched(weights, weights[order]).tolist() == np.argsort(order).tolist()
    assert stability(weights, [weights[order], weights], 8) == pytest.approx(np.ones(5))


def test_other_topics_are_unstable() -> None:
    one, other = rng("one").random((6, 500)), rng("other").random((6, 500))
    assert stability(one, [other], 10).max() < 0.2


def test_a_topic_without_partner() -> None:
    weights = np.eye(3)
    assert sorted(matched(weights, weights[:2]).tolist()) == [-1, 0, 1]
    assert stability(weights, [weights[:2]], 1).tolist() == [1, 1, 0]


def test_one_fit_has_no_stability() -> None:
    assert np.isnan(stability(np.eye(2), [], 1)).all()


def test_measures() -> None:
    assert jaccard({"a", "b"}, {"b", "c"}) == pytest.approx(1 / 3)
    assert jaccard(set(), set()) == 0
    assert cosines(np.array([[3.0, 4.0], [0, 0]]), np.array([[3.0, 4.0]])).tolist() == [[pytest.approx(1)], [0]]
