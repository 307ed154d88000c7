"""The benchmark of similarity: both ways agree, and the share says how much was done."""

import numpy as np
import pytest

from hemicycle.bench.ours import similarity

SPEC = {"models": 4, "users": 400, "dim": 8, "pairs": 3, "measures": ["cka"]}


def test_the_population_s_pairs_are_those_of_the_textbook():
    together, alone = similarity.population(SPEC)(), similarity.one_by_one(SPEC)()
    assert together["value"] == pytest.approx(alone["value"], abs=1e-5)
    assert alone["share"] == 0.5
    assert 0 < together["half"] < 0.1


def test_models_share_half_of_what_they_are():
    x, y = similarity.drawn({**SPEC, "models": 2})
    assert not np.array_equal(x, y)
    assert 0.1 < similarity.textbook(x, y) < 0.6
