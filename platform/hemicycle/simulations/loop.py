"""Opinions under exposure over time.

Runs of one seed are paired by common random numbers: the innate opinions, their noise, the draws in a slot of a random
exposure and what users do are keyed by the seed and what they are for, so that arms differ by their exposure alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import raise_problems
from hemicycle.core.seeding import key_of, keyed_normal
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.conduct import Conduct
from hemicycle.exposure.mediator import Mediator
from hemicycle.opinions.base import Opinions
from hemicycle.opinions.catalogue import OPINION
from hemicycle.simulations.advance import advance
from hemicycle.simulations.config import Run, SimulationConfig
from hemicycle.simulations.densities import COLUMNS as DENSITY_COLUMNS
from hemicycle.simulations.horizon import Horizon
from hemicycle.simulations.knowledge import COLUMNS as KNOWLEDGE_COLUMNS
from hemicycle.simulations.recording import recorded
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.society import Society, opinion_problems
from hemicycle.simulations.state import METRIC_COLUMNS, State


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What one run yields.

    Args:
        metrics: columns step (0 is the start), metric, value.
        opinions: opinions after the last step, shape (n_users, n_dims).
        densities: columns of :mod:`hemicycle.simulations.densities`.
        knowledge: columns of :mod:`hemicycle.simulations.knowledge`.
        edges: what users did: step, user, source, what.
        snapshots: step -> all opinions then, float16, shape (n_users, n_dims).
        stopped: why the run ended before its last step; empty: it did not.
        state: where it ended, to go on from.
    """

    metrics: pd.DataFrame
    opinions: Opinions
    densities: pd.DataFrame
    knowledge: pd.DataFrame
    edges: pa.Table
    snapshots: dict[int, NDArray[np.float16]]
    stopped: str
    state: State


def simulate(setting: Setting, start: State | None = None, keep: Callable[[State], None] | None = None) -> Trajectory:
    """Run one opinion model under one exposure, from the innate opinions or from where another run stood.

    Args:
        setting: all that decides the run.
        start: where a run of the same setting stood; what comes out is what the uninterrupted run yields, bit for bit.
        keep: called with the state after every step, e.g. to write it now and then.

    Raises:
        InputError: every problem with the society, the opinions, the model, the exposure and the mediator.
    """
    raise_problems(setting.problems())
    model = setting.model.bound(setting.people)
    state = _first(setting) if start is None else replace(start, log=start.past_log())
    while state.step < setting.horizon.steps and not state.stopped:
        state = recorded(setting, *advance(setting, model, state))
        if keep is not None:
            keep(state)
    return _trajectory(state)


def _first(setting: Setting) -> State:
    """The state before the first step, measured."""
    return recorded(setting, State(0, setting.innate, setting.society.graph, mediator=setting.mediator), None)


def _trajectory(state: State) -> Trajectory:
    records = state.records
    return Trajectory(
        pd.DataFrame(list(records.metrics), columns=list(METRIC_COLUMNS)),
        state.opinions,
        pd.DataFrame(list(records.densities), columns=list(DENSITY_COLUMNS)),
        pd.DataFrame(list(records.knowledge), columns=list(KNOWLEDGE_COLUMNS)),
        state.log.table(),
        dict(records.snapshots),
        state.stopped,
        state,
    )


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
    bounded = noisy if horizon.bounds is None else np.clip(noisy, *horizon.bounds)
    return np.asarray(bounded).astype(observed.dtype)


# -- runs of a simulation ----------------------------------------------------------------------------------------------


def simulate_run(  # noqa: PLR0913 - a run, and where an interrupted one stood
    config: SimulationConfig,
    run: Run,
    society: Society,
    mediator: Mediator | NDArray[np.int32] | None = None,
    *,
    start: State | None = None,
    keep: Callable[[State], None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return one run as tidy tables by name.

    Args:
        config: the simulation.
        run: which of its runs (:func:`hemicycle.simulations.config.runs`).
        society: users, follows and opinions before the seed's noise.
        mediator: of an arm with a trained model; or its lists, int32, shape (n_users, length), which never change.
        start: where an earlier attempt stood.
        keep: called with the state after every step.

    Returns:
        ``simulation_results`` (step, metric, value), ``simulation_densities``, ``simulation_knowledge``,
        ``simulation_changes`` (step, what, number: what users did to their follows, counted), ``simulation_edges`` (the
        same of single users) and ``simulation_snapshots`` (step, user, one column a dimension: single users' opinions),
        each behind the columns simulation, opinion, arm, seed; all but the first only where there are rows.
    """
    found = simulate(setting_of(config, run, society, mediator), start, keep)
    edges = found.edges.to_pandas()
    tables = {
        "simulation_results": found.metrics,
        "simulation_densities": found.densities,
        "simulation_knowledge": found.knowledge,
        "simulation_changes": _counted(edges),
        "simulation_edges": edges,
        "simulation_snapshots": _snapshot_table(found.snapshots),
    }
    kept = {name: table for name, table in tables.items() if len(table) or name == "simulation_results"}
    return {name: _labelled(table, config, run) for name, table in kept.items()}


def setting_of(
    config: SimulationConfig, run: Run, society: Society, mediator: Mediator | NDArray[np.int32] | None = None
) -> Setting:
    """Return the setting of one run; see :func:`simulate_run`."""
    lists = mediator if isinstance(mediator, np.ndarray) else None
    return Setting(
        society,
        innate_opinions(society.opinions, config, run.seed),
        OPINION.build(run.opinion),
        EXPOSURE.build(run.arm),
        config,
        run.seed,
        None if isinstance(mediator, np.ndarray) else mediator,
        lists,
        None if config.conduct is None else Conduct(config.conduct),
        config.knowledge,
    )


def _labelled(table: pd.DataFrame, config: SimulationConfig, run: Run) -> pd.DataFrame:
    """A table behind the columns that say whose it is."""
    named: dict[str, Any] = {
        "simulation": config.name,
        "opinion": run.opinion.label,
        "arm": run.arm.label,
        "seed": run.seed,
    }
    return table.assign(**named)[[*named, *table.columns]]


def _counted(edges: pd.DataFrame) -> pd.DataFrame:
    """How often users did what in each step."""
    return edges.astype({"what": str}).groupby(["step", "what"]).size().rename("number").reset_index()


def _snapshot_table(snapshots: dict[int, NDArray[np.float16]]) -> pd.DataFrame:
    """Snapshots as rows: step, user (place in the users' table), opinion_0, opinion_1, ..."""
    frames = [
        pd.DataFrame({f"opinion_{d}": column for d, column in enumerate(opinions.T)}).assign(step=np.int32(step))
        for step, opinions in snapshots.items()
    ]
    if not frames:
        return pd.DataFrame()
    table = pd.concat(frames).rename_axis("user").reset_index()
    return table[["step", "user", *frames[0].columns.drop("step")]]
