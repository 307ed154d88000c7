"""Train a recommender again inside a simulation: in this process, on what the graph has become."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import (
    TABLE,
    ClosedFormRecommender,
    EmbeddingRecommender,
    Fitting,
    IterativeRecommender,
    Parameters,
    Recommender,
)
from hemicycle.training.group import SINGLE
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions


class RetrainConfig(Options):
    """How a mediator is trained again."""

    epochs: int = Field(default=5, ge=1)
    """Passes over all edges. All else is as in the first training, but nothing is held out: the last epoch counts."""
    start: Literal["warm", "cold"] = "warm"
    """``warm``: from the parameters as they are, with the optimizer's memory empty; ``cold``: from new start values.
    A closed form has no start; recommenders that are networks always start cold."""


def retrained(
    recommender: Recommender,
    graph: InteractionGraph,
    training: TrainingOptions,
    seed: int,
    before: Parameters | None = None,
) -> Parameters:
    """Return the parameters of a fit on ``graph``, after the last epoch of ``training``.

    Args:
        recommender: any of the catalogue's kinds.
        graph: all of it is learnt from.
        training: schedule of the fit.
        seed: key of everything random.
        before: parameters from which a warm start goes on where the recommender allows it; None: a cold start.

    Raises:
        InputError: the recommender is of no kind that can be fitted.
        HemicycleError: training diverged.
    """
    if isinstance(recommender, ClosedFormRecommender):
        return recommender.fit(graph, rng("fit", seed))
    fitting = _started(recommender, graph, training, seed)
    if before is not None and (state := _resumed(fitting, before)) is not None:
        fitting.restore(state, 0)
    for epoch in range(1, training.epochs + 1):
        if fitting.step < fitting.total_steps:
            fitting.epoch(epoch)
    return _parameters(fitting)


def untrained(recommender: Recommender, graph: InteractionGraph, training: TrainingOptions, seed: int) -> Parameters:
    """Return the parameters before the first step of a fit.

    Raises:
        InputError: the recommender has no untrained state, because it is a closed form.
    """
    return _parameters(_started(recommender, graph, training, seed))


def _started(recommender: Recommender, graph: InteractionGraph, training: TrainingOptions, seed: int) -> Fitting:
    if isinstance(recommender, EmbeddingRecommender):
        return Trainer(recommender, graph, training, seed, SINGLE)
    if isinstance(recommender, IterativeRecommender):
        return recommender.start(graph, training, seed, SINGLE)
    remedy = "derive it from EmbeddingRecommender or IterativeRecommender"
    raise InputError(f"{type(recommender).__name__} is not trained step by step", remedy=remedy)


def _parameters(fitting: Fitting) -> dict[str, NDArray[Any]]:
    """Parameters in memory of their own: a fit under way goes on changing its own."""
    found = fitting.parameters()
    assert found is not None, "a worker on its own has all parameters"
    return {name: np.array(array) for name, array in found.items()}


def _resumed(fitting: Fitting, before: Parameters) -> Mapping[str, NDArray[Any]] | None:
    """State of a fit that starts from parameters; None where they are not all that a fit depends on."""
    now = fitting.state()
    if isinstance(fitting, Trainer):
        fits = before[TABLE].shape == now[TABLE].shape
        return {name: np.zeros_like(a) for name, a in now.items()} | {TABLE: np.array(before[TABLE])} if fits else None
    same = {name: array.shape for name, array in now.items()} == {n: np.shape(a) for n, a in before.items()}
    return {name: np.array(array) for name, array in before.items()} if same else None
