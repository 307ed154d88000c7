"""The least-squares classifier: against scikit-learn's, and beside the logistic probe."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Peer
from sklearn.preprocessing import StandardScaler

from hemicycle.probes.base import Task
from hemicycle.probes.least_squares import LeastSquares, LeastSquaresConfig
from hemicycle.probes.logistic import Logistic, LogisticConfig


def planted(n=300, d=8, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    x = rng.standard_normal((n, d)) + 1.5 * rng.standard_normal((classes, d))[labels]
    folds = np.arange(n) % 5
    return Task((x,), np.column_stack([labels, rng.permutation(labels)]), folds, np.zeros(n, np.int64))


def test_predictions_are_those_of_a_ridge_regression_on_class_columns():
    task = planted()
    (x,) = task.blocks
    found = LeastSquares(LeastSquaresConfig(penalties=(0.1,))).fit(task)
    for k in range(5):
        train, test = task.folds != k, task.folds == k
        scaler = StandardScaler().fit(x[train])
        members = np.eye(3)[task.labels[train, 0]]
        peer = Peer(alpha=0.1 * train.sum()).fit(scaler.transform(x[train]), members)
        assert found.predictions[test, 0] == pytest.approx(peer.predict(scaler.transform(x[test])), abs=1e-9)
        assert found.baseline[test, 0] == pytest.approx(np.tile(members.mean(0), (test.sum(), 1)))
    assert found.predictions.sum(axis=2) == pytest.approx(np.ones(task.labels.shape))
    assert found.penalties.shape == (5, 2)


@pytest.mark.parametrize("classes", [2, 4])
def test_it_reads_what_the_logistic_probe_reads(classes):
    task, scores = planted(classes=classes), {}
    for probe in (LeastSquares(LeastSquaresConfig()), Logistic(LogisticConfig())):
        result = probe.fit(task)
        scores[type(probe).__name__] = [probe.score(task.labels[:, t], result, t).value for t in (0, 1)]
    (ours, chance), (theirs, _) = scores["LeastSquares"], scores["Logistic"]
    assert ours == pytest.approx(theirs, abs=0.04)
    assert ours > 0.8
    assert abs(chance - 1 / classes) < 0.1


def test_a_class_unseen_in_a_training_fold_is_not_predicted_there():
    task = planted()
    labels = task.labels.copy()
    labels[(labels[:, 0] == 2) & (task.folds != 0), 0] = 0
    found = LeastSquares(LeastSquaresConfig()).fit(Task(task.blocks, labels, task.folds, task.centre))
    probe = LeastSquares(LeastSquaresConfig())
    assert np.allclose(found.predictions[task.folds == 0, 0, 2], 0)
    assert probe.score(labels[:, 0], found).value < 0.7
