import numpy as np
import pytest
import torch
from contracts.recommender_contract import random_split

from hemicycle.core.errors import HemicycleError
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.mf import MF, MFConfig
from hemicycle.training.adam import Adam
from hemicycle.training.group import SINGLE
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions


def a_trainer(seed=0, **options):
    graph = random_split("bipartite").train
    return Trainer(MF(MFConfig(dim=4)), graph, TrainingOptions(**options), seed, SINGLE)


@pytest.mark.parametrize("rows", [5, 1 << 19])
def test_adam_is_the_adam_of_torch(rows):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    own, other = Adam.start(start.clone()), start.clone().requires_grad_()
    reference = torch.optim.Adam([other], lr=0.05)
    for _ in range(3):
        other.grad = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
        own.update(other.grad, 0.05)
        reference.step()
    torch.testing.assert_close(own.table, other.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("batch", [1, 20, 90, 1000])
def test_every_user_is_dealt_out_once_an_epoch_in_another_order_each(batch):
    trainer = a_trainer(batch=batch)
    dealt = [list(trainer.deal(epoch)) for epoch in (1, 2, 1)]
    everyone = np.flatnonzero(trainer.graph.degrees)
    for steps in dealt:
        np.testing.assert_array_equal(np.sort(np.concatenate(steps)), everyone)
        assert all(len(step) for step in steps)
        assert len(steps) <= trainer.steps_per_epoch
    flat = [np.concatenate(steps).tolist() for steps in dealt]
    assert flat[0] == flat[2]
    if batch < 1000:
        assert flat[0] != flat[1]
        sizes = [trainer.graph.degrees[step].sum() for step in dealt[0]]
        assert max(sizes) <= batch + trainer.graph.degrees.max()


@pytest.mark.parametrize(
    "options", [{}, {"loss": "bpr"}, {"negatives": 8}, {"negatives": 8, "negatives_by": "uniform"}]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_falls(options, dtype):
    trainer = a_trainer(batch=100, dtype=dtype, epochs=20, **options)
    losses = [trainer.epoch(number) for number in range(1, 16)]
    assert losses[-1] < losses[0] - 0.02
    assert trainer.adam.table.dtype == getattr(torch, dtype)


def test_half_precision_stays_close_and_keeps_the_table():
    graph = random_split("bipartite").train
    tables = []
    for precision in ("full", "bf16"):
        trainer = Trainer(LightGCN(LightGCNConfig(dim=8)), graph, TrainingOptions(precision=precision), 0, SINGLE)
        trainer.epoch(1)
        tables.append(trainer.adam.table.detach())
    assert tables[1].dtype == torch.float32
    assert 0 < (tables[1] - tables[0]).norm() < 0.05 * tables[0].norm()


def test_the_squared_norm_shrinks_the_table():
    plain, shrunk = a_trainer(epochs=20), a_trainer(epochs=20, l2=100)
    for trainer in (plain, shrunk):
        for number in range(1, 21):
            trainer.epoch(number)
    assert shrunk.adam.table.norm() < 0.7 * plain.adam.table.norm()


def test_max_steps_ends_an_epoch_early():
    trainer = a_trainer(batch=20, max_steps=3)
    trainer.epoch(1)
    assert trainer.adam.step == trainer.total_steps == 3


def test_a_restored_trainer_goes_on_bit_for_bit():
    first, other = a_trainer(batch=50), a_trainer(batch=50, seed=0)
    first.epoch(1)
    other.restore({name: array.copy() for name, array in first.state().items()}, first.adam.step)
    assert first.epoch(2) == other.epoch(2)
    assert torch.equal(first.adam.table, other.adam.table)


def test_a_diverged_fit_says_what_to_do():
    trainer = a_trainer()
    trainer.adam.table.data[0, 0] = np.nan
    with pytest.raises(HemicycleError, match=r"diverged in epoch 1 .*lower train.lr"):
        trainer.epoch(1)
