"""What is recorded of a run after a step, and whether it ends there."""

from collections.abc import Reversible
from dataclasses import replace

import numpy as np

from hemicycle.simulations.densities import density_rows
from hemicycle.simulations.horizon import Horizon, StopConfig, spaced
from hemicycle.simulations.metrics import AT_THE_END, measure, measure_costly, time_to_consensus
from hemicycle.simulations.metrics_distribution import NEAR
from hemicycle.simulations.relevance import relevance
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.situation import Shown, Situation
from hemicycle.simulations.state import Records, State

MetricRow = tuple[int, str, float]


def recorded(setting: Setting, state: State, shown: Shown | None) -> State:
    """Return the state with all that is due after its step recorded, and the reason to stop where there is one.

    Args:
        setting: the run.
        state: after a step.
        shown: what users were shown in that step; None at the start.
    """
    horizon, step = setting.horizon, state.step
    situation = Situation(state.opinions, state.graph, setting.innate, shown, horizon.bounds, setting.seed)
    metrics = state.records.metrics
    if horizon.measures(step):
        metrics = metrics.plus(_named(step, measure(situation)))
        state = replace(state, stopped=reason_to_stop(metrics, horizon.stop))
    ends = step == horizon.steps or bool(state.stopped)
    if horizon.costly_every and (ends or horizon.measures_costly(step)):
        metrics = metrics.plus(_named(step, measure_costly(situation)))
        metrics = metrics.plus(
            _named(step, relevance(shown, state.graph, state.mediator, setting.listing, setting.seed))
        )
    if ends:
        metrics = metrics.plus([(step, AT_THE_END, time_to_consensus(metrics, consensus_tolerance(horizon)))])
    records = _with_distributions(replace(state.records, metrics=metrics), setting, situation, step, ends=ends)
    return replace(state, records=records)


def _named(step: int, values: dict[str, float]) -> list[MetricRow]:
    return [(step, name, value) for name, value in values.items()]


def _with_distributions(records: Records, setting: Setting, situation: Situation, step: int, *, ends: bool) -> Records:
    """Add densities and a snapshot where they are due; both also where a run stops early."""
    horizon = setting.horizon
    if _is_due(horizon.densities, horizon, step, ends=ends):
        rows = density_rows(situation, step, public=setting.society.public)
        records = replace(records, densities=records.densities.plus(rows))
    if _is_due(horizon.snapshots, horizon, step, ends=ends):
        snapshot = (step, situation.opinions.astype(np.float16))
        records = replace(records, snapshots=records.snapshots.plus([snapshot]))
    return records


def _is_due(number: int, horizon: Horizon, step: int, *, ends: bool) -> bool:
    return number > 0 and (ends or step in spaced(number, horizon.steps))


# -- the end -----------------------------------------------------------------------------------------------------------


def consensus_tolerance(horizon: Horizon) -> float:
    """Spread that counts as consensus: that of the stopping rule, or a hundredth of the bounds (.01 without)."""
    if horizon.stop is not None and horizon.stop.consensus is not None:
        return horizon.stop.consensus
    return NEAR if horizon.bounds is None else NEAR * horizon.width


def reason_to_stop(metrics: Reversible[MetricRow], stop: StopConfig | None) -> str:
    """Return why a run ends after its last measurement; empty: it goes on.

    Args:
        metrics: rows in order of steps.
        stop: the rules.
    """
    if stop is None:
        return ""
    if stop.consensus is not None and _last(metrics, "spread", 1)[0] <= stop.consensus:
        return "consensus"
    if stop.stationary and all(_is_still(_last(metrics, name, stop.window), stop) for name in stop.stationary):
        return "stationary"
    return ""


def _last(rows: Reversible[MetricRow], name: str, number: int) -> list[float]:
    """The last values of a metric, the newest first."""
    found = (value for _, metric, value in reversed(rows) if metric == name)
    return [value for value, _ in zip(found, range(number), strict=False)]


def _is_still(values: list[float], stop: StopConfig) -> bool:
    if len(values) < stop.window:
        return False
    return bool(np.isnan(values).all() or np.ptp(values) <= stop.tolerance)
