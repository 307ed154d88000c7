"""Maximal marginal relevance against the method's definition, word by word."""

import numpy as np
import pytest
from contracts.transform_contract import TransformContract, lists_of, planted

from hemicycle.transforms.base import Candidates
from hemicycle.transforms.frontier import diversity
from hemicycle.transforms.mmr import MMR


class TestMMR(TransformContract):
    config = MMR.Config(strength=0.4)


def literal(relevance, vectors, t, k):
    """Carbonell and Goldstein 1998, equation 1, for one user."""
    chosen = []
    while len(chosen) < k:
        rest = [i for i in range(len(relevance)) if i not in chosen]
        values = [
            (1 - t) * relevance[i] - t * max((float(vectors[i] @ vectors[j]) for j in chosen), default=0.0)
            for i in rest
        ]
        chosen.append(rest[int(np.argmax(values))])
    return chosen


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9, 1.0])
def test_it_is_the_definition(t):
    scene = planted()[0]
    users = np.arange(6)
    lists = MMR(MMR.Config(strength=t, candidates=15)).rerank(scene, users).items
    found = Candidates.of(scene, users, 15)
    for row in users:
        items = found.items[row]
        expected = literal(found.relevance[row], scene.vectors[items].astype(float), t, scene.k)
        np.testing.assert_array_equal(lists[row], items[expected])


def test_more_of_it_makes_lists_more_diverse():
    scene = planted()[0]
    found = [diversity(scene.vectors, lists_of(scene, MMR(MMR.Config(strength=t)))) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert (np.diff(found) > 0).all()
