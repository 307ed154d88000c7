"""How fast a number of workers train on a graph: seconds of processor and clock a step, and bytes sent."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import RecommenderConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.group import Group
from hemicycle.training.launch import run_group
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions

Run = Callable[[Callable[[Group], None], int], None]
"""Calls a function on so many workers, as :func:`hemicycle.training.launch.run_group` does."""


@dataclass(frozen=True)
class Speed:
    """What one worker took for a step, the median over steps.

    Args:
        seconds: by the clock, waiting for others included.
        cpu_seconds: of the processor.
        bytes_sent: to other workers.
        exchange: how workers told each other what they know.
    """

    seconds: float
    cpu_seconds: float
    bytes_sent: float
    exchange: str


@dataclass(frozen=True)
class Trial:
    """What is timed.

    Args:
        graph: folder that :meth:`hemicycle.graphs.interaction.InteractionGraph.write` filled.
        recommender: an embedding recommender's configuration.
        options: how it trains.
        steps: steps timed, after one that is not.
    """

    graph: Folder
    recommender: RecommenderConfig
    options: TrainingOptions
    steps: int = 5

    def speeds(self, world_size: int, run: Run = run_group) -> list[Speed]:
        """Train some steps on so many workers of one thread each, and return what each of them took.

        ``Trial(Folder.at("graph"), LightGCNConfig(), TrainingOptions()).speeds(2)`` against ``speeds(1)`` is the gain
        from a second worker.
        """
        with tempfile.TemporaryDirectory() as place:
            run(partial(_on_one_thread, self, place), world_size)
            return [Speed(**Folder.at(Path(place)).read_json(f"{rank}.json")) for rank in range(world_size)]


def _on_one_thread(trial: Trial, place: str, group: Group) -> None:
    """Time with one thread, also where the only worker is the caller's own process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _timed(trial, place, group)
    finally:
        torch.set_num_threads(before)


def _timed(trial: Trial, place: str, group: Group) -> None:
    """Train, and leave the medians where the caller finds them."""
    graph = InteractionGraph.read(trial.graph)
    trainer = Trainer(RECOMMENDER.build(trial.recommender), graph, trial.options, 0, group)
    dealt, draws = list(trainer.deal(1)), rng("negatives", 0, 1)
    taken = [_step(trainer, dealt[number % len(dealt)], draws) for number in range(trial.steps + 1)][1:]
    clock, processor, sent = np.median(np.array(taken), axis=0)
    speed = Speed(float(clock), float(processor), float(sent), trainer.exchange)
    Folder.at(Path(place)).write_json(f"{group.rank}.json", asdict(speed))


def _step(trainer: Trainer, users: NDArray[np.int64], draws: np.random.Generator) -> tuple[float, float, int]:
    """Make one step; return seconds by the clock and of the processor, and bytes."""
    trainer.group.barrier()
    clock, processor, sent = time.perf_counter(), time.process_time(), trainer.group.bytes_sent
    trainer.make_step(users, draws)
    return time.perf_counter() - clock, time.process_time() - processor, trainer.group.bytes_sent - sent
