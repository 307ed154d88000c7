"""Small models trained one by one and in a stack; times are those of one model.

Each call trains ``members`` models that differ in seed and learning rate; the fact ``share``, their number, makes one
model of the time of all.
"""

import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from hemicycle.bench.workloads import graphs
from hemicycle.core.storage import Folder
from hemicycle.graphs.splits import Split, SplitConfig, split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.fit import FitResult, fit
from hemicycle.training.group import Group
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions
from hemicycle.training.stack import Member, Stack, fit_stacked

Spec = Mapping[str, Any]
Facts = dict[str, Any]


def epochs_alone(spec: Spec) -> Callable[[], Facts]:
    """Train epochs of every model by itself; ``spec`` holds ``recommender``, ``train``, ``members`` and ``epochs``."""
    graph, group = graphs(spec["data"])[0], Group(device=spec["device"])
    trainers = [Trainer(m.recommender, graph, m.options, m.seed, group) for m in _members(spec, Folder.at("unused"))]
    numbers = count(1)

    def run() -> Facts:
        wanted = [next(numbers) for _ in range(spec["epochs"])]
        losses = [trainer.epoch(number) for trainer in trainers for number in wanted]
        return {"loss": float(np.mean(losses)), "share": len(trainers)}

    return run


def epochs_stacked(spec: Spec) -> Callable[[], Facts]:
    """Train the same epochs of all models side by side."""
    members = _members(spec, Folder.at("unused"))
    stack, numbers = Stack(members, graphs(spec["data"])[0], Group(device=spec["device"])), count(1)

    def run() -> Facts:
        losses = []
        for number in [next(numbers) for _ in range(spec["epochs"])]:
            stack.epoch(range(len(members)), number)
            losses += [learner.epoch(number) for learner in stack.learners]
        return {"loss": float(np.mean(losses)), "share": len(members)}

    return run


def fits_alone(spec: Spec) -> Callable[[], Facts]:
    """Fit every model by itself from start to end: start values, training, validation and files."""
    parts = _parts(spec)

    def run() -> Facts:
        with tempfile.TemporaryDirectory() as folder:
            members = _members(spec, Folder.at(folder))
            return _facts([fit(m.recommender, parts, m.options, m.seed, m.out) for m in members])

    return run


def fits_stacked(spec: Spec) -> Callable[[], Facts]:
    """Fit the same models in a stack from start to end."""
    parts = _parts(spec)

    def run() -> Facts:
        with tempfile.TemporaryDirectory() as folder:
            found = fit_stacked(_members(spec, Folder.at(folder)), parts)
        return _facts([result for result in found if isinstance(result, FitResult)])

    return run


def _facts(results: list[FitResult]) -> Facts:
    best = [result.history[result.best_epoch]["ndcg@20"] for result in results]
    return {"ndcg@20": float(np.mean(best)), "share": len(results)}


def _parts(spec: Spec) -> Split:
    return split(graphs(Path(spec["data"]))[0], SplitConfig())


def _members(spec: Spec, out: Folder) -> list[Member]:
    recommender = RECOMMENDER.build(RECOMMENDER.validate(spec["recommender"]))
    options = TrainingOptions.model_validate(spec["train"])
    rates = np.geomspace(options.lr / 3, options.lr * 3, spec["members"]).tolist()
    return [Member(recommender, options.replace(lr=rate), n, out / str(n)) for n, rate in enumerate(rates)]
