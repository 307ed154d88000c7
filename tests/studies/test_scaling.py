"""Projections to GPUs: how workers are arranged, and what bounds a step."""

import pytest

from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.studies.cost_model import Work
from hemicycle.studies.scaling import H200, Hardware, axes, project
from hemicycle.training.options import TrainingOptions


def work(workers, nodes=1e8, edges=2e9, dim=64):
    options = TrainingOptions(batch=10_000_000, negatives=4096)
    return Work(nodes / 2, nodes / 2, edges, 3, EmbeddingConfig(model="x", dim=dim), options, workers)


@pytest.mark.parametrize(
    ("dim", "workers", "expected"),
    [(64, 1, (1, 1)), (64, 8, (8, 1)), (64, 64, (8, 8)), (128, 64, (16, 4)), (64, 6, (2, 3)), (4, 8, (1, 8))],
)
def test_every_worker_keeps_eight_columns(dim, workers, expected):
    assert axes(dim, workers) == expected


def test_time_and_memory_fall_with_workers():
    one, eight, many = (project(work(workers)) for workers in (1, 8, 64))
    assert one.bytes_sent == one.exchange_seconds == 0
    assert 6 < one.seconds / eight.seconds <= 8
    assert eight.gather_seconds / many.gather_seconds == pytest.approx(8)
    assert one.memory > eight.memory > many.memory
    assert not one.fits
    assert eight.fits


def test_a_second_axis_over_rows_needs_fast_links():
    """Every product then moves whole tables: over one port each, 64 workers are no faster than 8."""
    between, within = (project(work(64), Hardware(link=link)) for link in (5e10, 4.5e11))
    assert between.exchange_seconds > between.gather_seconds
    assert within.seconds < 0.4 * project(work(8), Hardware(link=4.5e11)).seconds


def test_fewer_than_eight_columns_read_whole_sectors():
    seconds = {dim: project(work(1, dim=dim)).gather_seconds for dim in (4, 8, 16)}
    assert seconds[4] == seconds[8] < seconds[16]


def test_hardware_is_an_argument():
    slow = Hardware(bandwidth=H200.bandwidth / 2)
    assert project(work(8), slow).gather_seconds == pytest.approx(2 * project(work(8)).gather_seconds)
