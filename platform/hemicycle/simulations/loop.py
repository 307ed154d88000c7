"""Opinions under exposure over time.

Runs of one seed are paired by common random numbers: the innate opinions, their noise and the draws in a slot of a
random exposure are keyed by the seed and what they are for, so that arms differ by their exposure alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.errors import Problem, raise_problems
from hemicycle.core.seeding import key_of, keyed_normal
from hemicycle.exposure.base import Exposure, Scene, neighbours
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import OpinionModel, Opinions
from hemicycle.opinions.catalogue import OPINION
from hemicycle.simulations.config import Horizon, Run, SimulationConfig
from hemicycle.simulations.metrics import measure


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What one run yields.

    Args:
        metrics: columns step (0 is the start), metric, value.
        opinions: opinions after the last step, shape (n_users, n_dims).
    """

    metrics: pd.DataFrame
    opinions: Opinions


def simulate(scene: Scene, innate: Opinions, model: OpinionModel, exposure: Exposure, horizon: Horizon) -> Trajectory:
    """Run one opinion model under one exposure, from the innate opinions.

    Args:
        scene: social graph, seed and recommendation lists.
        innate: innate opinions, which are also the first ones, float32 or float64, shape (n_users, n_dims).
        model: how opinions answer to exposure.
        exposure: who is shown what.
        horizon: steps and measurements; its noise is not applied here (see :func:`innate_opinions`).

    Raises:
        InputError: every problem with the graph, the opinions, the model and the exposure.
    """
    raise_problems(
        [
            *scene_problems(scene.graph, innate, horizon.bounds),
            *model.problems(horizon.width),
            *exposure.problems(scene),
        ]
    )
    network = neighbours(scene.graph, innate)
    states = enumerate(_states(scene, innate, model, exposure))
    rows: list[tuple[int, str, float]] = []
    for step, opinions in states:
        if horizon.measures(step):
            rows += [(step, name, value) for name, value in measure(opinions, network).items()]
        if step == horizon.steps:
            break
    return Trajectory(pd.DataFrame(rows, columns=["step", "metric", "value"]), opinions)


def _states(scene: Scene, innate: Opinions, model: OpinionModel, exposure: Exposure) -> Iterator[Opinions]:
    """Opinions after 0, 1, 2, ... steps, without end."""
    opinions, step = innate, 0
    while True:
        yield opinions
        if exposure.redraws(step):
            sources = exposure.shown(scene, step, opinions)
        opinions = model.step(opinions, innate, sources.at(opinions), key_of("opinion", scene.seed, step))
        step += 1


def innate_opinions(observed: Opinions, horizon: Horizon, seed: int) -> Opinions:
    """Return the innate opinions of a seed: the observed ones with the noise of ``horizon``, within its bounds.

    Args:
        observed: opinions, float32 or float64, shape (n_users, n_dims).
        horizon: noise and bounds.
        seed: seed of the simulation.

    Raises:
        InputError: opinions are not finite numbers within the bounds.
    """
    raise_problems(opinion_problems(observed, horizon.bounds))
    if horizon.noise == 0:
        return observed
    n, dims = observed.shape
    errors = keyed_normal(key_of("innate opinions", seed), np.arange(n), np.arange(dims))
    noisy = observed + observed.dtype.type(horizon.noise) * errors
    return np.clip(noisy, *horizon.bounds).astype(observed.dtype)


def simulate_run(
    config: SimulationConfig,
    run: Run,
    graph: InteractionGraph,
    observed: Opinions,
    lists: NDArray[np.int32] | None = None,
) -> pd.DataFrame:
    """Return one run as rows of the tidy table ``simulation_results``.

    Args:
        config: the simulation.
        run: which of its runs (:func:`hemicycle.simulations.config.runs`).
        graph: social graph.
        observed: opinions before the seed's noise, shape (n_users, n_dims).
        lists: recommendation lists of the arm's model, shape (n_users, length); None for an arm without a model.

    Returns:
        Columns simulation, opinion, arm, seed, step, metric, value.
    """
    innate = innate_opinions(observed, config, run.seed)
    model, exposure = OPINION.build(run.opinion), EXPOSURE.build(run.arm)
    table = simulate(Scene(graph, run.seed, lists), innate, model, exposure, config).metrics
    named: dict[str, str | int] = {
        "simulation": config.name,
        "opinion": run.opinion.label,
        "arm": run.arm.label,
        "seed": run.seed,
    }
    return table.assign(**named)[[*named, "step", "metric", "value"]]


# -- checks ----------------------------------------------------------------------------------------------------------


def scene_problems(graph: InteractionGraph, innate: Opinions, bounds: tuple[float, float]) -> list[Problem]:
    """What is wrong with a graph and the opinions of its users; empty when nothing is."""
    found = opinion_problems(innate, bounds)
    if not graph.social:
        remedy = "name a relation between users, e.g. who follows whom"
        found.append(Problem("opinions spread between users, but the graph's columns are items", remedy=remedy))
    if len(innate) != graph.n_users:
        found.append(Problem(f"{len(innate)} opinions for the {graph.n_users} users of the graph"))
    if graph.weights is not None and not (np.isfinite(graph.weights) & (graph.weights >= 0)).all():
        found.append(Problem("the graph has weights that are negative or not finite", remedy="give weights from 0 on"))
    return found


def opinion_problems(opinions: Opinions, bounds: tuple[float, float]) -> list[Problem]:
    """What is wrong with opinions that should be finite numbers within bounds; empty when nothing is."""
    if opinions.ndim != 2 or not np.issubdtype(opinions.dtype, np.floating):
        what = f"opinions of shape {opinions.shape} and type {opinions.dtype}"
        return [Problem(what, remedy="give float32 or float64 of shape (n_users, n_dims)")]
    low, high = bounds
    missing = int(np.isnan(opinions).any(axis=1).sum())
    outside = int(((opinions < low) | (opinions > high)).any(axis=1).sum())
    found = []
    if missing:
        found.append(Problem(f"{missing} users have no opinion (NaN)", remedy="leave them out of the graph, or impute"))
    if outside:
        what = f"{outside} users have opinions outside the bounds [{low:g}, {high:g}]"
        found.append(Problem(what, remedy="rescale the opinions, or set the simulation's 'bounds'"))
    return found
