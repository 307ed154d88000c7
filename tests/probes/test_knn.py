"""The nearest-neighbours probe against its definition, and on labels that no linear reader finds."""

from itertools import product

import numpy as np
import pytest
from contracts.probe_contract import RECORD, ProbeContract
from sklearn.neighbors import KNeighborsRegressor

from hemicycle.probes.base import Task
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.knn import KNN, KNNClasses, KNNClassesConfig, KNNConfig
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.target import Target


class FewDimensions(ProbeContract):
    """Neighbours in six dimensions of which five are noise say little: the planted signal gets most of the room."""

    @pytest.fixture
    def planted(self):
        rng = np.random.default_rng(3)
        vectors = rng.standard_normal((150, 6)) * 0.05
        vectors[:, 0] = vectors[:, 1] = vectors[:, 2] = vectors[:, 3] = rng.standard_normal(150)
        vectors[:, 4] += vectors[:, 0]
        signal = 2 * vectors[:, 0] + 0.3 * rng.standard_normal(150)
        return vectors, self.label(signal), rng.integers(0, 5, 150)


class TestKNN(FewDimensions):
    config = KNNConfig()


class TestKNNClasses(FewDimensions):
    config = KNNClassesConfig()


@pytest.mark.slow
class TestKNNByDirection(FewDimensions):
    config = KNNConfig(metric="cosine")

    @pytest.fixture
    def planted(self):
        rng = np.random.default_rng(3)
        angles = rng.uniform(-np.pi, np.pi, 150)
        circle = np.stack([np.cos(angles), np.sin(angles), np.cos(angles), np.sin(angles)], 1)
        vectors = np.column_stack([circle, 0.1 * rng.standard_normal((150, 2)) + circle[:, :2]])
        return vectors, self.label(np.cos(angles) + 0.1 * rng.standard_normal(150)), rng.integers(0, 5, 150)


def task(n=120, t=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    y = np.sin(2 * x[:, 0]) + 0.1 * rng.standard_normal(n)
    labels = np.stack([y, *(rng.permutation(y) for _ in range(t - 1))], 1)
    return Task((x,), labels, np.arange(n) % 5, np.zeros(n, int))


def literal(given, counts):
    """Predictions and choices by scikit-learn, fold by fold, label by label."""
    x, folds = (given.blocks[0] - given.blocks[0].mean(0)) / given.blocks[0].std(0), given.folds
    out, chosen = np.empty(given.labels.shape), np.empty((5, given.labels.shape[1]))

    def said(train, test, t, count):
        if not count:
            return np.full(test.sum(), given.labels[train, t].mean())
        model = KNeighborsRegressor(count).fit(x[train], given.labels[train, t])
        return model.predict(x[test])

    for k, t in product(range(5), range(given.labels.shape[1])):
        losses = [
            sum(
                ((said((folds != k) & (folds != j), folds == j, t, c) - given.labels[folds == j, t]) ** 2).sum()
                for j in range(5)
                if j != k
            )
            for c in (*counts, 0)
        ]
        best = int(np.argmin(losses))
        out[folds == k, t] = said(folds != k, folds == k, t, (*counts, 0)[best])
        chosen[k, t] = (*counts, (folds != k).sum())[best]
    return out, chosen


def test_equals_scikit_learn_with_the_same_rule():
    given = task()
    found = KNN(KNNConfig(neighbours=(2, 5, 9))).fit(given)
    predictions, chosen = literal(given, (2, 5, 9))
    np.testing.assert_allclose(found.predictions, predictions, atol=1e-5)
    np.testing.assert_array_equal(found.penalties, chosen)


def test_only_the_outer_folds_that_are_wanted():
    given = task()
    every = KNN(KNNConfig()).fit(given)
    one = KNN(KNNConfig()).fit(Task(given.blocks, given.labels, given.folds, given.centre, (2,)))
    test = given.folds == 2
    np.testing.assert_array_equal(one.predictions[test], every.predictions[test])
    np.testing.assert_array_equal(one.penalties[2], every.penalties[2])
    assert np.isnan(one.predictions[~test]).all()
    assert np.isnan(one.baseline[~test]).all()
    assert np.isnan(one.penalties[[0, 1, 3, 4]]).all()


def test_centred_within_groups():
    """A label that is a group's mean and nothing else leaves nothing to neighbours."""
    given = task()
    group = np.arange(120) % 3
    labels = np.array([0.0, 5.0, -2.0])[group][:, None] + 0.1 * given.labels
    found = KNN(KNNConfig()).fit(Task(given.blocks, labels, given.folds, group))
    assert KNN(KNNConfig()).score(labels[:, 0], found).value > 0.3
    np.testing.assert_allclose(found.baseline[:, 0], np.array([0.0, 5.0, -2.0])[group], atol=0.1)


def xor(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    return x, x[:, 0] * x[:, 1] + 0.05 * rng.standard_normal(n)


NONLINEAR = [("mlp", "ridge"), ("knn", "ridge"), ("mlp_classes", "logistic"), ("knn_classes", "logistic")]


@pytest.mark.parametrize(("reader", "linear"), NONLINEAR)
def test_an_attitude_that_only_depends_on_a_product_is_read_by_nonlinear_probes_alone(reader, linear):
    x, y = xor()
    values = y if linear == "ridge" else np.where(y > 0, "pro", "contra").astype(object)
    quick = {"steps": 80, "hidden": (16,), "penalties": (1.0,), "rate": 0.03} if reader.startswith("mlp") else {}
    configs = PROBE.validate({"probe": reader, **quick}), PROBE.validate(linear)
    first, second = (probe_embedding(x, Target("attitude", values), config, RECORD)[0] for config in configs)
    assert first["ci_low"] > first["control_high"]
    assert first["score"] > (0.55 if linear == "ridge" else 0.8)
    assert second["score"] < second["control_high"] + 0.05


def test_shares_of_classes_are_smoothed():
    given = task()
    codes = (given.labels > np.median(given.labels)).astype(int)
    found = KNNClasses(KNNClassesConfig(neighbours=(3,))).fit(Task(given.blocks, codes, given.folds, given.centre))
    assert ((found.predictions > 0) & (found.predictions < 1)).all()
    np.testing.assert_allclose(found.predictions.sum(-1), 1, atol=1e-6)
