"""The logistic probe: classes, imbalance, many classes."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from contracts.probe_contract import RECORD, ProbeContract, by_control
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss
from sklearn.preprocessing import StandardScaler

from hemicycle.core.errors import InputError
from hemicycle.probes.base import ProbeResult, Task
from hemicycle.probes.logistic import Logistic, LogisticConfig, _objective
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.target import Target


class TestLogistic(ProbeContract):
    config = LogisticConfig(penalties=(1.0, 0.01))
    tolerance = 1e-5


def blobs(n=120, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return np.eye(classes, 5)[labels] * 2.5 + rng.standard_normal((n, 5)), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_equals_scikit_learn_for_one_penalty(classes):
    x, labels = blobs(classes=classes)
    folds = np.arange(120) % 5
    columns = np.stack([labels, np.random.default_rng(1).permutation(labels)], 1)
    result = Logistic(LogisticConfig(penalties=(0.01,))).fit(Task((x,), columns, folds, np.zeros(120, int)))
    for k, t in product(range(5), range(2)):
        train = folds != k
        z = StandardScaler().fit(x[train]).transform(x)
        model = LogisticRegression(C=1 / (0.01 * train.sum()), tol=1e-9, max_iter=1000).fit(z[train], columns[train, t])
        np.testing.assert_allclose(result.predictions[~train, t], model.predict_proba(z[~train]), rtol=0, atol=1e-5)


def test_nested_folds_choose_the_better_penalty():
    x, labels = blobs()
    task = Task((x,), labels[:, None], np.arange(120) % 5, np.zeros(120, int))
    assert (Logistic(LogisticConfig(penalties=(1e4, 0.01))).fit(task).penalties == 0.01).all()


def test_score_and_errors_are_scikit_learns():
    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 2, 50), rng.dirichlet((1, 1), (50, 1))
    result = ProbeResult(p, np.full((50, 1, 2), 0.5), np.zeros((5, 1)))
    probe = Logistic(LogisticConfig())
    assert probe.score(labels, result).value == pytest.approx(balanced_accuracy_score(labels, p[:, 0].argmax(1)))
    assert probe.errors(labels, result).mean() == pytest.approx(2 * brier_score_loss(labels, p[:, 0, 1]))


def test_a_rare_class_is_not_drowned_by_the_majority():
    rng = np.random.default_rng(4)
    labels = (rng.random(600) < 0.08).astype(int)
    x = labels[:, None] * 1.2 + rng.standard_normal((600, 3))
    target = Target("rare", np.where(labels, "yes", "no").astype(object))
    assert probe_embedding(x, target, LogisticConfig(penalties=(0.01,)), RECORD)[0]["score"] > 0.8


def test_many_classes():
    x, labels = blobs(200, 4)
    row = by_control(probe_embedding(x, Target("bloc", labels), LogisticConfig(penalties=(0.01,)), RECORD))["permuted"]
    assert row["score"] > 0.75
    assert row["control_score"] == pytest.approx(0.25, abs=0.05)
    assert row["cv"] == "5 stratified folds"


def test_a_group_that_is_the_label_itself_is_no_control():
    x, labels = blobs(100, 2)
    groups = {"party_name": np.where(labels, "R", "D")}
    rows = probe_embedding(x, Target("party_code", labels, groups), LogisticConfig(penalties=(0.01,)), RECORD)
    assert [row["control"] for row in rows] == ["permuted", "random vectors"]
    assert rows[0]["cv"] == "5 stratified folds"


def test_gradient_is_that_of_the_objective():
    x, labels = blobs(30)
    members, unseen = np.eye(4)[np.stack([labels, 2 - labels], 1)], np.array([[0, 0, 0, -np.inf]] * 2)
    rng = np.random.default_rng(0)
    given, w = (np.column_stack([x, np.ones(30)]), members, unseen, 0.3), rng.standard_normal(48)
    direction, step = rng.standard_normal(48), 1e-6
    slope = (_objective(w + step * direction, *given)[0] - _objective(w - step * direction, *given)[0]) / (2 * step)
    assert _objective(w, *given)[1] @ direction == pytest.approx(slope, rel=1e-6)


def test_a_class_unseen_in_training_gets_no_probability():
    x, _ = blobs(20, 2)
    labels = np.array([0] * 16 + [1] * 4)
    folds = np.array([0, 1, 2, 3] * 4 + [4] * 4)
    result = Logistic(LogisticConfig(penalties=(0.1,))).fit(Task((x,), labels[:, None], folds, np.zeros(20, int)))
    assert (result.predictions[folds == 4, 0] == [1, 0]).all()
    assert Logistic(LogisticConfig()).score(labels, result).value <= 0.5


def test_refuses_continuous_labels_and_tiny_classes():
    x = np.zeros((80, 2))
    with pytest.raises(InputError, match="more than 50"):
        probe_embedding(x, Target("a", np.arange(80.0)), LogisticConfig(), RECORD)
    few = np.array(["rare"] * 3 + ["common"] * 77, object)
    with pytest.raises(InputError, match="smallest class has 3") as caught:
        probe_embedding(x, Target("a", few), LogisticConfig(), RECORD)
    assert "rare'" not in str(caught.value)


def test_outer_folds_are_predicted_as_if_all_were():
    x, labels = blobs(60, 2)
    task = Task((x,), labels[:, None], np.arange(60) % 5, np.zeros(60, int))
    probe = Logistic(LogisticConfig(penalties=(1.0, 0.01)))
    whole, part = probe.fit(task), probe.fit(replace(task, outer=(2,)))
    asked = task.folds == 2
    np.testing.assert_array_equal(part.predictions[asked], whole.predictions[asked])
    assert np.isnan(part.predictions[~asked]).all()
    assert np.isfinite(part.penalties[:, 0]).tolist() == [False, False, True, False, False]
