import functools
import os
import signal

import numpy as np
import pytest
import torch

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.group import Group
from hemicycle.training.launch import run_group
from hemicycle.training.options import TrainingOptions


def parts(n_users, n_edges):
    """Users with one-dimensional positions who take items near theirs."""
    rng = np.random.default_rng(0)
    users = rng.integers(n_users, size=n_edges)
    items = np.clip(users / n_users * 300 + rng.normal(0, 20, n_edges), 0, 299).astype(int)
    return split(InteractionGraph.from_edges(users, items, n_users, 300), SplitConfig())


def train(group, config, options, folder, size):
    fit(RECOMMENDER.build(RECOMMENDER.validate(config)), parts(*size), options, 0, Folder.at(folder), group)


def both(tmp_path, config, options, size):
    """Checkpoints of one and of two workers."""
    for world_size in (1, 2):
        run_group(
            functools.partial(train, config=config, options=options, folder=tmp_path / str(world_size), size=size),
            world_size,
        )
    return [Checkpoints(Folder.at(tmp_path / name)) for name in "12"]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["softmax", "bpr"])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_two_workers_equal_one_in_double_precision(tmp_path, loss, similarity):
    options = TrainingOptions(
        loss=loss, dtype="float64", batch=500, max_steps=20, negatives=40 if loss == "softmax" else 2, l2=0.01
    )
    config = {"model": "lightgcn", "dim": 8, "similarity": similarity}
    one, two = both(tmp_path, config, options, (150, 3000))
    assert one.epochs == two.epochs
    tables = [checkpoints.load(one.epochs[-1])["table"] for checkpoints in (one, two)]
    assert np.abs(tables[0] - one.load(0)["table"]).max() > 0.1
    assert np.abs(tables[1] - tables[0]).max() <= 1e-9 * np.abs(tables[0]).max()
    assert [row.keys() for row in one.history] == [row.keys() for row in two.history]


@pytest.mark.slow
def test_two_workers_rank_as_one_in_single_precision(tmp_path):
    options = TrainingOptions(epochs=8, batch=4000, validate_every=4)
    one, two = both(tmp_path, {"model": "lightgcn", "dim": 16}, options, (1200, 24_000))
    assert one.history[-1]["ndcg@20"] > one.history[0]["ndcg@20"]
    assert two.history[-1]["ndcg@20"] == pytest.approx(one.history[-1]["ndcg@20"], abs=0.002)


def collectives(group):
    block = torch.full((3, 2), float(group.rank))
    whole = group.gather_columns(block)
    assert (whole is None) == (group.rank > 0)
    if whole is not None:
        assert whole.tolist() == [[0, 0, 1, 1]] * 3
    assert group.all_reduce_sum(torch.ones(2)).tolist() == [2, 2]
    assert group.from_first([group.rank + 0.5]) == [0.5]
    assert torch.get_num_threads() == 1


def fail_on_rank_1(group):
    if group.rank == 1:
        raise InputError("rank 1 cannot go on", where="here")
    group.barrier()


def die_on_rank_1(group):
    if group.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    group.barrier()


@pytest.mark.slow
def test_workers_talk_to_each_other():
    run_group(collectives, 2)


@pytest.mark.slow
def test_a_workers_error_comes_back_as_it_is():
    with pytest.raises(InputError, match="rank 1 cannot go on") as caught:
        run_group(fail_on_rank_1, 2)
    assert caught.value.problems[0].where == "here"


@pytest.mark.slow
def test_a_killed_worker_is_an_error_and_not_an_endless_wait():
    with pytest.raises((RuntimeError, OSError)):
        run_group(die_on_rank_1, 2)


def test_a_single_worker_runs_here():
    seen = []
    run_group(seen.append, 1)
    assert seen == [Group()]
    with pytest.raises(InputError, match="at least one worker, not 0"):
        run_group(seen.append, 0)
