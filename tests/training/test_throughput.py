"""Speeds of one worker and of two, and bytes that do not grow with the graph."""

import numpy as np
import pytest

from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.lightgcn import LightGCNConfig
from hemicycle.training.options import TrainingOptions
from hemicycle.training.throughput import Trial


def trial(folder, n, edges=4000):
    users, items = np.random.default_rng(0).integers(n, size=(2, edges))
    InteractionGraph.from_edges(users, items, n, n).write(folder)
    return Trial(folder, LightGCNConfig(dim=8), TrainingOptions(batch=500, negatives=64), steps=3)


def test_one_worker_sends_nothing(tmp_path):
    (speed,) = trial(Folder.at(tmp_path), 200).speeds(1)
    assert speed.bytes_sent == 0
    assert 0 < speed.cpu_seconds < 10


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_nodes(tmp_path):
    speeds = {n: trial(Folder.at(tmp_path / str(n)), n, 4 * n).speeds(2) for n in (2000, 20_000)}
    assert {speed.exchange for pair in speeds.values() for speed in pair} == {"mixed"}
    small, large = (max(speed.bytes_sent for speed in pair) for pair in speeds.values())
    assert large == pytest.approx(small, rel=0.15)
