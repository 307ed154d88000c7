"""Ray Train around the loop: the same tables as without Ray, errors that come back, and a worker killed once."""

import functools
import os
import signal

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.group import SINGLE
from hemicycle.training.options import TrainingOptions

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # of Ray Train's own, on what it will change
]
OPTIONS = TrainingOptions(dtype="float64", batch=500, epochs=4, validate_every=1, resume_every=1)


def parts():
    users, items = np.random.default_rng(0).integers(100, size=(2, 2000))
    return split(InteractionGraph.from_edges(users, items, 100, 100), SplitConfig())


def die_once(row, group, folder):
    """Kill the process of rank 1 after epoch 2, the first time it comes there."""
    if group.rank == 1 and row["epoch"] == 2 and not folder.exists("killed"):
        folder.write_bytes("killed", b"")
        os.kill(os.getpid(), signal.SIGKILL)


def work(group, folder, kill):
    report = functools.partial(die_once, group=group, folder=folder) if kill else lambda row: None
    fit(LightGCN(LightGCNConfig(dim=8)), parts(), OPTIONS, 0, folder / "fit", group, report)


def fail(group):
    raise InputError(f"rank {group.rank} cannot go on")


def run(function, tmp_path, **options):
    from hemicycle.compute.train import run_group

    run_group(function, 2, threads=1, storage=Folder.at(tmp_path / "ray"), name="a-fit", **options)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_two_ray_workers_equal_one_also_when_one_is_killed(ray_session, tmp_path, kill):
    folder = Folder.at(tmp_path / "sharded")
    run(functools.partial(work, folder=folder, kill=kill), tmp_path)
    assert folder.exists("killed") == kill
    single = Folder.at(tmp_path / "single")
    work(SINGLE, single, kill=False)
    one, two = Checkpoints(single / "fit"), Checkpoints(folder / "fit")
    assert (one.epochs, one.best_epoch) == (two.epochs, two.best_epoch)
    for epoch in one.epochs:
        tables = [checkpoints.load(epoch)["table"] for checkpoints in (one, two)]
        assert np.abs(tables[1] - tables[0]).max() <= 1e-9 * np.abs(tables[0]).max()


def test_a_workers_error_comes_back(ray_session, tmp_path):
    with pytest.raises(InputError, match="cannot go on"):
        run(fail, tmp_path, max_failures=0)
