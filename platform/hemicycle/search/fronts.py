"""What a search has found: its best trials, their Pareto front, and the hypervolume that this dominates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.search.config import SearchConfig
from hemicycle.search.optuna_study import directions, excesses, reached
from hemicycle.search.trials import Trial

Floats = NDArray[np.float64]
HYPERVOLUME = "hypervolume"
"""Metric of :func:`progress` beside the objectives, where there are several."""


def pareto(values: Floats, directions: Sequence[str], feasible: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Tell which points no feasible one dominates: none is at least as good in all objectives and better in one.

    Args:
        values: objectives, shape (n, m).
        directions: ``maximize`` or ``minimize``, one for each objective.
        feasible: points that may be on the front, shape (n,); by default all. Those with a NaN never are.

    Returns:
        Mask, shape (n,); equal points are on the front together.
    """
    losses = _losses(values, directions)
    eligible = np.asarray(~np.isnan(losses).any(axis=1))
    if feasible is not None:
        eligible &= feasible
    on_front = np.zeros(len(losses), dtype=np.bool_)
    kept: list[int] = []
    for i in np.lexsort(losses.T[::-1]):  # a point is dominated only by points before it
        front = losses[kept]
        dominated = ((front <= losses[i]).all(axis=1) & (front < losses[i]).any(axis=1)).any()
        if eligible[i] and not dominated:
            kept.append(int(i))
    on_front[kept] = True
    return on_front


def hypervolume(values: Floats, directions: Sequence[str], reference: Sequence[float] | Floats) -> float:
    """Return the volume of what some point dominates within the reference point (Zitzler and Thiele, PPSN 1998).

    Exact, by slicing along one objective after the other (While et al., IEEE TEVC 2006): O(n log n) for two
    objectives, another factor n for each further one.

    Args:
        values: objectives, shape (n, m).
        directions: ``maximize`` or ``minimize``, one for each objective.
        reference: a point that is worse than the others in every objective, shape (m,); points that are not within it
            count for nothing beyond it.
    """
    bound = _losses(np.asarray(reference, dtype=np.float64)[None], directions)[0]
    losses = _losses(values, directions)
    inside = losses[(losses < bound).all(axis=1)]
    return _volume(inside[pareto(inside, ["minimize"] * len(bound))], bound) if len(inside) else 0.0


def _losses(values: Floats, directions: Sequence[str]) -> Floats:
    signs = np.array([-1.0 if direction == "maximize" else 1.0 for direction in directions])
    losses: Floats = np.asarray(values, dtype=np.float64).reshape(-1, len(signs)) * signs
    return losses


def _volume(losses: Floats, bound: Floats) -> float:
    """Volume between points, all within the bound, and the bound."""
    ordered = losses[np.argsort(losses[:, -1], kind="stable")]
    edges = np.append(ordered[:, -1], bound[-1])
    if losses.shape[1] == 1:
        return float(bound[0] - edges[0])
    if losses.shape[1] == 2:
        return float((bound[0] - np.minimum.accumulate(ordered[:, 0])) @ np.diff(edges))
    depths = np.diff(edges)
    return float(sum(depths[i] * _volume(ordered[: i + 1, :-1], bound[:-1]) for i in np.flatnonzero(depths)))


# -- trials ------------------------------------------------------------------------------------------------------------


def feasible(trial: Trial, config: SearchConfig) -> bool:
    """Tell whether a trial was completed within all bounds; only such trials are compared."""
    excess = excesses(trial, config)
    allowed = excess is not None and all(value <= 0 for value in excess.values())
    return trial.state == "complete" and allowed and reached(trial, config) is not None


def front_of(trials: Sequence[Trial], config: SearchConfig) -> NDArray[np.bool_]:
    """Tell which trials no feasible trial dominates and are feasible themselves; with one objective, the best."""
    nothing = [np.nan] * len(config.objectives)
    values = [reached(trial, config) if feasible(trial, config) else nothing for trial in trials]
    return pareto(np.array(values, dtype=np.float64), directions(config))


def best(trials: Sequence[Trial], config: SearchConfig) -> list[Trial]:
    """Return the best feasible trial, the earliest among equals; with several objectives the front, by the first."""
    front = [trial for trial, mark in zip(trials, front_of(trials, config), strict=True) if mark]
    front.sort(key=lambda trial: trial.number)
    losses = _losses(_values(front, config), directions(config))[:, 0]
    ordered = [front[i] for i in np.argsort(losses, kind="stable")]
    return ordered if len(config.objectives) > 1 else ordered[:1]


def reference_point(trials: Sequence[Trial], config: SearchConfig) -> Floats | None:
    """Return the worst value of each objective among the feasible trials, shape (m,); None when there are none."""
    found = _feasible(trials, config)
    if not found:
        return None
    losses = _losses(_values(found, config), directions(config))
    worst: Floats = _losses(losses.max(axis=0)[None], directions(config))[0]
    return worst


def progress(trials: Sequence[Trial], config: SearchConfig) -> pd.DataFrame:
    """Return how far a search had come after each of its trials.

    Columns ``trial`` (number), ``metric`` (name of an objective, or ``HYPERVOLUME`` where there are several) and
    ``value``: the best so far among the feasible trials. The hypervolume is relative to :func:`reference_point` of all
    trials, which is in the frame's ``attrs["reference"]``. Nothing is said before the first feasible trial.
    """
    reference = reference_point(trials, config)
    rows: list[tuple[int, str, float]] = []
    front = np.empty((0, len(config.objectives)))
    tops, volume = front, 0.0
    for trial in sorted(trials, key=lambda t: t.number):
        if feasible(trial, config) and reference is not None:
            point = _values([trial], config)
            tops = _best_of(np.concatenate([tops, point]), config)
            front, volume = _grown(front, point, volume, (config, reference))
        rows += _row(trial.number, tops, volume, config)
    frame = pd.DataFrame(rows, columns=["trial", "metric", "value"])
    frame = frame.astype({"trial": "int64", "metric": "str", "value": "float64"})
    frame.attrs["reference"] = None if reference is None else reference.tolist()
    return frame


def _feasible(trials: Sequence[Trial], config: SearchConfig) -> list[Trial]:
    return sorted((trial for trial in trials if feasible(trial, config)), key=lambda trial: trial.number)


def _values(trials: Sequence[Trial], config: SearchConfig) -> Floats:
    return np.array([reached(trial, config) for trial in trials], dtype=np.float64)


def _best_of(values: Floats, config: SearchConfig) -> Floats:
    losses = _losses(values, directions(config)).min(axis=0)[None]
    return _losses(losses, directions(config))


def _grown(front: Floats, point: Floats, volume: float, about: tuple[SearchConfig, Floats]) -> tuple[Floats, float]:
    """Add a point to a front; the volume changes only if it stays there."""
    config, reference = about
    together = np.concatenate([front, point])
    mask = pareto(together, directions(config))
    if len(config.objectives) == 1 or not mask[-1]:
        return together[mask], volume
    return together[mask], hypervolume(together[mask], directions(config), reference)


def _row(number: int, tops: Floats, volume: float, config: SearchConfig) -> list[tuple[int, str, float]]:
    if not len(tops):
        return []
    rows = [(number, objective.name, float(top)) for objective, top in zip(config.objectives, tops[0], strict=True)]
    return [*rows, (number, HYPERVOLUME, volume)] if len(config.objectives) > 1 else rows
