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


WAYS = [("softmax", "scores"), ("softmax", "rows"), ("softmax", "mixed"), ("bpr", "scores"), ("bpr", "rows")]
CASES = [(similarity, loss, way) for similarity in ("cosine", "dot") for loss, way in WAYS]


def train_cases(group, folder):
    """Train every case and leave the tables of first and last epoch; for tests whose workers start slowly."""
    for case, (similarity, loss, way) in enumerate(CASES):
        options = TrainingOptions(
            loss=loss,
            dtype="float64",
            batch=500,
            max_steps=20,
            negatives=40 if loss == "softmax" else 2,
            l2=0.01,
            exchange=way,
            resume_every=0,
        )
        config = {"model": "lightgcn", "dim": 8, "similarity": similarity, "popularity": 0.3}
        train(group, config, options, folder / str(group.world_size) / str(case), (150, 3000))


@pytest.mark.slow
def test_two_and_four_workers_equal_one_in_double_precision(tmp_path):
    for world_size in (1, 2, 4):
        run_group(functools.partial(train_cases, folder=tmp_path), world_size)
    for case in range(len(CASES)):
        one, *more = [Checkpoints(Folder.at(tmp_path / name / str(case))) for name in "124"]
        first, last = one.load(0)["table"], one.load(one.epochs[-1])["table"]
        assert np.abs(last - first).max() > 0.1
        for other in more:
            assert other.epochs == one.epochs
            assert np.abs(other.load(one.epochs[-1])["table"] - last).max() <= 1e-9 * np.abs(last).max(), CASES[case]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["scores", "rows", "mixed"])
def test_two_workers_rank_as_one_in_single_precision(tmp_path, way):
    options = TrainingOptions(epochs=8, batch=4000, validate_every=4, exchange=way)
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
    before = group.bytes_sent
    blocks = [torch.full((r + 1, 2), float(group.rank)) for r in range(2)]
    arrived = group.all_to_all(blocks, [(group.rank + 1, 2)] * 2)
    assert [block[0, 0].item() for block in arrived] == [0, 1]
    assert group.bytes_sent - before == blocks[1 - group.rank].nbytes
    nothing = torch.zeros(0)
    assert [len(block) for block in group.all_to_all([nothing] * 2, [(0,)] * 2)] == [0, 0]
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
