"""Ours and scikit-learn's probes follow the same rule."""

import numpy as np
import pytest

from hemicycle.bench.ours import probing
from hemicycle.bench.peers import with_sklearn
from hemicycle.probes.base import Task
from hemicycle.probes.ridge import Ridge, RidgeConfig


@pytest.fixture
def spec(small):
    return {"data": str(small.folder), "device": "cpu", "labels": 2, "permutations": 20, "models": 2}


def test_predictions_and_penalties_agree(spec):
    x, folds, y = with_sklearn._given(spec, 4)
    theirs = with_sklearn.nested(x, y, folds, range(5))
    config = RidgeConfig()
    assert config.penalties == tuple(with_sklearn.PENALTIES)
    ours = Ridge(config).fit(Task((x,), y, folds, np.zeros(len(x), np.int64)))
    np.testing.assert_allclose(ours.predictions, theirs, rtol=0, atol=1e-4)
    score = 1 - ((y - theirs) ** 2).sum(0) / ((y - ours.baseline) ** 2).sum(0)
    np.testing.assert_allclose(ours.scores, score, atol=1e-5)


def test_a_search_of_one_label_reaches_the_same_score(spec):
    x, folds, y = with_sklearn._given(spec, 1)
    held = folds == 0
    facts = with_sklearn.grid_search(spec)()
    ours = Ridge(RidgeConfig()).fit(Task((x,), y, folds, np.zeros(len(x), np.int64), outer=(0,)))
    score = 1 - ((y[held, 0] - ours.predictions[held, 0]) ** 2).sum() / ((y[held, 0] - y[held, 0].mean()) ** 2).sum()
    assert facts["score"] == pytest.approx(score, abs=3e-3)  # it averages R2 of folds, we add errors
    assert facts["share"] == 1 / (5 * 2 * 21)


def test_every_task_runs(spec):
    assert 0.1 < probing.ridge(spec)()["score"] < 0.6
    assert with_sklearn.side_by_side(spec)()["share"] == 1 / 5
