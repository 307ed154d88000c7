"""Ridge in closed form against scikit-learn's, step by step."""

from dataclasses import replace

import numpy as np
import pytest
from contracts.probe_contract import ProbeContract
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as ReferenceRidge
from sklearn.preprocessing import StandardScaler

from hemicycle.core.errors import InputError
from hemicycle.probes.base import Task
from hemicycle.probes.moments import Labels, Predictors
from hemicycle.probes.ridge import Ridge, RidgeConfig, r2


class TestRidge(ProbeContract):
    config = RidgeConfig()


def offset(y, groups, train):
    """Literal group means of the training rows."""
    return np.array(
        [y[train & (groups == g)].mean() if (train & (groups == g)).any() else y[train].mean() for g in groups]
    )


def fitted(blocks, share, y, train, penalty):
    """Literal ridge on standardised, weighted blocks; predictions of all rows."""
    scaled = [w * StandardScaler().fit(b[train]).transform(b) for w, b in zip(share, blocks, strict=True)]
    x = np.concatenate(scaled, axis=1)
    return ReferenceRidge(alpha=penalty * train.sum(), solver="svd").fit(x[train], y[train]).predict(x)


def reference(task, penalties):
    """Literal nested cross-validation: inner folds are the other outer folds."""
    out, folds = np.empty(task.labels.shape), range(task.folds.max() + 1)
    candidates = [(share, penalty) for share in task.shares for penalty in penalties]
    for t, y in enumerate(task.labels.T):
        for k in folds:
            losses = np.zeros(len(candidates))
            for j in [j for j in folds if j != k]:
                train, test = ~np.isin(task.folds, (j, k)), task.folds == j
                r = y - offset(y, task.centre, train)
                for c, (share, penalty) in enumerate(candidates):
                    losses[c] += ((r - fitted(task.blocks, share, r, train, penalty))[test] ** 2).sum()
            train = task.folds != k
            losses[len(penalties) :] *= 1 + np.log(len(y)) / len(y)
            share, penalty = candidates[losses.argmin()]
            shift = offset(y, task.centre, train)
            out[~train, t] = (shift + fitted(task.blocks, share, y - shift, train, penalty))[~train]
    return out


def make(n, d, seed=0, groups=1, second=0):
    rng = np.random.default_rng(seed)
    x, z, group = rng.standard_normal((n, d)) * 3 + 5, rng.standard_normal((n, second)), rng.integers(0, groups, n)
    y = x[:, :1] - x[:, -1:] + group[:, None] + rng.standard_normal((n, 2)) * (1, 3)
    y[:, 1] += z[:, 0] if second else 0
    return Task((z, x) if second else (x,), y, rng.permutation(n) % 5, group)


@pytest.mark.parametrize(
    "task",
    [make(60, 7), make(40, 90), make(60, 5, groups=4), make(60, 5, second=3), make(30, 40, second=2, groups=3)],
    ids=["tall", "wide", "within groups", "two blocks", "all at once"],
)
def test_equals_scikit_learn(task):
    probe = Ridge(RidgeConfig(penalties=(10.0, 0.1, 0.001)))
    result = probe.fit(task)
    np.testing.assert_allclose(result.predictions, reference(task, probe.config.penalties), rtol=0, atol=1e-6)


def test_constant_predictors_in_a_training_set_are_ignored():
    task = make(50, 4)
    lonely = (task.folds == 0) * 1.0  # varies in the held-out fold only
    wider = Task((np.column_stack([task.blocks[0], lonely, np.full(50, 7.0)]),), task.labels, task.folds, task.centre)
    config = RidgeConfig(penalties=(1.0, 0.01))
    one, two = (Ridge(config).fit(t).predictions for t in (task, wider))
    first = task.folds == 0
    assert np.abs(two[first] - reference(wider, config.penalties)[first]).max() < 1e-6
    assert np.isfinite(two).all()
    assert np.abs(one[first] - two[first]).max() < 0.5


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_baseline_is_the_training_mean_and_columns_do_not_mix(seed, d):
    task = make(40, d, seed)
    probe = Ridge(RidgeConfig())
    both = probe.fit(task)
    alone = probe.fit(Task(task.blocks, task.labels[:, 1:], task.folds, task.centre))
    np.testing.assert_allclose(both.predictions[:, 1:], alone.predictions, rtol=0, atol=1e-9)
    for k in range(5):
        np.testing.assert_allclose(
            both.baseline[task.folds == k],
            task.labels[task.folds != k].mean(0)[None, :].repeat((task.folds == k).sum(), 0),
        )


def test_group_means_come_from_training_rows_only():
    task = Task(
        (np.zeros((6, 1)),),
        np.array([[1.0], [3], [5], [7], [9], [11]]),
        np.array([0, 0, 1, 1, 1, 1]),
        np.array([0, 1, 0, 0, 1, 2]),
    )
    offsets = Labels(task.labels, Predictors(task)).offsets((1,))
    np.testing.assert_allclose(offsets[task.centre, 0], [1, 3, 1, 1, 3, 2])


@pytest.mark.parametrize("groups", [1, 4])
def test_copies_are_scored_without_predictions(groups):
    task = make(80, 6, groups=groups)
    probe = Ridge(RidgeConfig())
    whole = probe.fit(task)
    copied = probe.fit(replace(task, copies=1))
    assert copied.predictions.shape == (80, 1)
    np.testing.assert_allclose(copied.predictions[:, 0], whole.predictions[:, 0], rtol=0, atol=1e-12)
    values = [probe.score(task.labels[:, t], whole, t).value for t in range(2)]
    np.testing.assert_allclose(copied.scores, values, rtol=1e-9)


@pytest.mark.parametrize("outer", [(1,), (0, 3)])
def test_outer_folds_are_predicted_as_if_all_were(outer):
    task = make(60, 5, second=2)
    probe = Ridge(RidgeConfig())
    whole, part = probe.fit(task), probe.fit(replace(task, outer=outer))
    asked = np.isin(task.folds, outer)
    np.testing.assert_array_equal(part.predictions[asked], whole.predictions[asked])
    np.testing.assert_array_equal(part.penalties[list(outer)], whole.penalties[list(outer)])
    assert np.isnan(part.predictions[~asked]).all()
    assert np.isnan(part.baseline[~asked]).all()
    assert np.isnan(part.penalties).sum() == 2 * (5 - len(outer))


def test_noise_chooses_the_strongest_penalty():
    rng = np.random.default_rng(0)
    task = Task(
        (rng.standard_normal((100, 20)),), rng.standard_normal((100, 30)), np.arange(100) % 5, np.zeros(100, int)
    )
    chosen = Ridge(RidgeConfig()).fit(task).penalties
    assert np.median(chosen) >= 1
    clear = Ridge(RidgeConfig()).fit(Task(task.blocks, task.blocks[0][:, :1], task.folds, task.centre)).penalties
    assert clear.max() < 1e-3


def test_r2_is_against_the_baseline():
    statistic = r2(np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert statistic.value == pytest.approx(0.75)
    assert np.isnan(statistic.combine(np.zeros(2)))


@pytest.mark.parametrize(
    ("values", "message"), [(np.array(["a", "b"]), "categories"), (np.array([1.0, np.inf]), "infinite")]
)
def test_refuses_what_is_not_a_number(values, message):
    with pytest.raises(InputError, match=message):
        Ridge(RidgeConfig()).read(values)
