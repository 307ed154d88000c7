"""Training: an epoch, and how long it takes to a given quality."""

import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from hemicycle.bench.workloads import graphs
from hemicycle.evaluation.ranking import evaluate
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import EmbeddingRecommender, Fitting, IterativeRecommender, Recommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.group import Group
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions

Spec = Mapping[str, Any]
Facts = dict[str, Any]
_SEED = 0


def epoch(spec: Spec) -> Callable[[], Facts]:
    """One epoch, or the steps of it that ``train.max_steps`` allows.

    ``spec`` holds a ``recommender`` and ``train``, as configurations do, and ``steps``: the steps of a whole epoch.
    """
    train, _ = graphs(spec["data"])
    fitting, numbers = _start(_recommender(spec), train, spec), count(1)

    def run() -> Facts:
        before = fitting.step
        loss = fitting.epoch(next(numbers))
        share = (fitting.step - before) / spec.get("steps", fitting.step - before)
        return {"loss": loss, "share": min(share, 1.0)}

    return run


def time_to_recall(spec: Spec) -> Callable[[], Facts]:
    """Train until the test's Recall@20 reaches ``goal``; what ranking takes is not counted, the start values are.

    Raises:
        RuntimeError: it is not reached.
    """
    train, test = graphs(spec["data"])
    assert test is not None, "a workload with a test part"
    recommender = _recommender(spec)

    def run() -> Facts:
        clock = _Clock()
        fitting = _start(recommender, train, spec)
        for number in range(1, spec["train"]["epochs"] + 1):
            fitting.epoch(number)
            clock.stop()
            found = _recall(recommender, fitting, train, test)
            if found >= spec["goal"]:
                return {"recall@20": found, "epochs": number, "steps": fitting.step, **clock.read()}
            clock.go()
        raise RuntimeError(f"Recall@20 {found:.4f} after {number} epochs, {spec['goal']} wanted")

    return run


class _Clock:
    """CPU and wall seconds, with pauses."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.go()

    def go(self) -> None:
        """Go on."""
        self.cpu_began, self.wall_began = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        """Pause."""
        self.cpu += time.process_time() - self.cpu_began
        self.wall += time.perf_counter() - self.wall_began

    def read(self) -> Facts:
        """Return what has been counted."""
        return {"cpu": self.cpu, "wall": self.wall}


def _recommender(spec: Spec) -> Recommender:
    built: Recommender = RECOMMENDER.build(RECOMMENDER.validate(spec["recommender"]))
    return built


def _start(recommender: Recommender, train: InteractionGraph, spec: Spec) -> Fitting:
    options, group = TrainingOptions.model_validate(spec["train"]), Group(device=spec["device"])
    if isinstance(recommender, IterativeRecommender):
        return recommender.start(train, options, _SEED, group)
    assert isinstance(recommender, EmbeddingRecommender), "trained by gradient or by itself"
    return Trainer(recommender, train, options, _SEED, group)


def _recall(recommender: Recommender, fitting: Fitting, train: InteractionGraph, test: InteractionGraph) -> float:
    parameters = fitting.parameters()
    assert parameters is not None, "one worker holds everything"
    return evaluate(recommender.scores(parameters, train), train, test).metrics["recall@20"]
