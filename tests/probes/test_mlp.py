"""The MLP probe: linear signals as well as others, nets that do not see what they predict."""

import numpy as np
import pytest
import torch
from contracts.probe_contract import ProbeContract

from hemicycle.probes.base import Task
from hemicycle.probes.ensembles import EPSILON, Ensemble, Roles, Shape, Watch
from hemicycle.probes.mlp import MLP, MLPClasses, MLPClassesConfig, MLPConfig

QUICK = {"steps": 50, "hidden": (8,), "penalties": (1.0,), "rate": 0.03, "every": 5, "patience": 3}


class TestMLP(ProbeContract):
    config = MLPConfig(**QUICK)
    tolerance = 2e-3


@pytest.mark.slow
class TestMLPClasses(ProbeContract):
    config = MLPClassesConfig(**QUICK)
    tolerance = 2e-3


def task(n=200, t=3, seed=0, outer=()):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    y = x[:, 0] * x[:, 1] + x[:, 2] + 0.1 * rng.standard_normal(n)
    labels = np.stack([y, *(rng.permutation(y) for _ in range(t - 1))], 1)
    return Task((x,), labels, np.arange(n) % 5, np.zeros(n, int), outer)


@pytest.mark.parametrize("kind", [(MLP, MLPConfig), (MLPClasses, MLPClassesConfig)])
def test_only_the_outer_folds_that_are_wanted(kind):
    probe, every, one = kind[0](kind[1](**QUICK)), task(), task(outer=(3,))
    if kind[0] is MLPClasses:
        codes = (every.labels > 0).astype(int)
        every, one = (Task(g.blocks, codes, g.folds, g.centre, g.outer) for g in (every, one))
    every, one, test = probe.fit(every), probe.fit(one), one.folds == 3
    np.testing.assert_array_equal(one.predictions[test], every.predictions[test])
    assert np.isnan(one.predictions[~test]).all()
    assert np.isnan(one.baseline[~test]).all()
    assert np.isnan(one.penalties[[0, 1, 2, 4]]).all()


def test_a_label_is_read_the_same_beside_few_and_many_others():
    alone, beside = MLP(MLPConfig(**QUICK)).fit(task(t=1)), MLP(MLPConfig(**QUICK)).fit(task(t=20))
    np.testing.assert_allclose(beside.predictions[:, 0], alone.predictions[:, 0], atol=0.02)


def test_two_hidden_layers_and_small_batches():
    config = MLPConfig(**QUICK | {"hidden": (16, 8), "batch": 64, "steps": 120})
    given = task()
    probe = MLP(config)
    assert probe.score(given.labels[:, 0], probe.fit(given)).value > 0.7
    np.testing.assert_array_equal(probe.fit(given).predictions, probe.fit(given).predictions)


def test_groups_are_centred():
    given, group = task(), np.arange(200) % 3
    labels = np.array([0.0, 50.0, -20.0])[group][:, None] + given.labels
    probe = MLP(MLPConfig(**QUICK))
    assert probe.score(labels[:, 0], probe.fit(Task(given.blocks, labels, given.folds, group))).value > 0.6


def test_a_class_unseen_in_training_gets_no_probability():
    x = np.random.default_rng(0).standard_normal((60, 2))
    folds = np.arange(60) % 5
    labels = np.where(folds == 4, 2, np.arange(60) // 5 % 2)
    result = MLPClasses(MLPClassesConfig(**QUICK)).fit(Task((x,), labels[:, None], folds, np.zeros(60, int)))
    assert (result.predictions[folds == 4, 0, 2] < 1e-12).all()
    np.testing.assert_allclose(result.predictions.sum(-1), 1, atol=1e-6)


# -- ensembles -------------------------------------------------------------------------------------------------------


def test_an_ensemble_is_its_nets_trained_one_by_one():
    """A literal net for each member, by torch's own Adam and plain weight decay."""
    x, goal = (
        torch.randn(30, 3, generator=torch.Generator().manual_seed(0)),
        torch.linspace(-1, 1, 60).reshape(2, 30, 1),
    )
    decays = torch.tensor([0.5, 0.0])
    nets = Ensemble(Shape(3, (5,), 1), Roles(torch.arange(2), decays), ("test",))
    start = [p.detach().clone() for p in nets.parameters]
    for _ in range(20):
        nets.descend(((nets(x) - goal) ** 2).mean((1, 2)).sum(), 0.05)
    for member in range(2):
        skip, w1, b1, w2, b2 = (p[member].clone().requires_grad_() for p in start)
        decayed = [
            {"params": [skip, w1, w2], "weight_decay": float(decays[member])},
            {"params": [b1, b2], "weight_decay": 0},
        ]
        adam = torch.optim.AdamW(decayed, lr=0.05, eps=EPSILON)
        for _ in range(20):
            adam.zero_grad()
            ((torch.relu(x @ w1 + b1) @ w2 + b2 + x @ skip - goal[member]) ** 2).mean().backward()
            adam.step()
        torch.testing.assert_close(
            nets.say(x)[member], torch.relu(x @ w1 + b1) @ w2 + b2 + x @ skip, atol=1e-4, rtol=1e-4
        )


def test_nets_that_have_stopped_leave():
    nets = Ensemble(Shape(2, (3,), 1), Roles(torch.arange(6), torch.zeros(6)), ("test",))
    nets.keep(torch.tensor([True] * 5 + [False]))
    assert len(nets) == 6
    nets.keep(torch.tensor([False, True, False, False, False, True]))
    assert nets.members.tolist() == nets.columns.tolist() == [1, 5]
    assert nets(torch.zeros(4, 2)).shape == (2, 4, 1)


def test_what_a_net_says_after_it_has_stopped_does_not_count():
    watch, everyone = Watch(1, 1, 1, patience=2), torch.tensor([0])
    for loss in (3.0, 2.0, 2.5, 2.6, 1.0):
        watch.look(everyone, torch.tensor([loss]), torch.full((1, 1, 1), loss))
    assert watch.said.item() == watch.losses.item() == 2.0
    assert not watch.running.any()
