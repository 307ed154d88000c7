"""Who meets whom, in compiled code: sources drawn by weight, one or several, by counter-based random numbers.

Arrays are those of :class:`hemicycle.opinions.base.Sources`; ``key`` is that of a row, see
:mod:`hemicycle.core.counters`. Weights are added up in the order of the entries, in float64; opinions
are float64 within a step, whatever they come as, so that each kernel is compiled once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import below, uniform_of
from hemicycle.core.loops import compiled
from hemicycle.opinions.base import Opinions, Sources

A_USER = 10
"""What an update of a user takes, in sums of an entry (:func:`hemicycle.core.loops.over_rows`)."""


def positions_of(sources: Sources, opinions: Opinions) -> NDArray[np.float64]:
    """Return a copy of all sources' positions in which the users are at ``opinions``, in float64."""
    positions = np.empty((len(sources.positions), opinions.shape[1]))
    positions[: len(opinions)], positions[len(opinions) :] = opinions, sources.positions[len(opinions) :]
    return positions


def entries(sources: Sources) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return the three arrays by which compiled code knows who sees whom; no weights when all of them are 1."""
    weights = np.empty(0, np.float32) if sources.weights is None else sources.weights
    return sources.indptr, sources.indices, weights


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Return values, shape (n,), in shape (1,) where all are equal: a random read less in every update."""
    return values[:1].copy() if len(values) and (values == values[0]).all() else values


@compiled
def of(values: Any, i: int) -> Any:
    """Return the value of user i, of :func:`narrowed` values."""
    return values[i] if len(values) > 1 else values[0]


@compiled
def source_of(rows: Any, i: int, u: float) -> Any:
    """Return the source of user i that a uniform number u stands for, by weight; -1 when there is none."""
    indptr, indices, weights = rows
    start, stop = indptr[i], indptr[i + 1]
    if len(weights) > 0:
        return _weighted_source(indices[start:stop], weights[start:stop], u)
    return np.int64(indices[start + below(stop - start, u)]) if stop > start else np.int64(-1)


@compiled
def _weighted_source(indices: Any, weights: Any, u: float) -> Any:
    total = 0.0
    for weight in weights:
        total += np.float64(weight)
    rest, found = u * total, np.int64(-1)
    for e in range(len(weights)):
        if weights[e] > 0.0:
            found = np.int64(indices[e])
            rest -= np.float64(weights[e])
            if rest < 0.0:
                break
    return found


@compiled
def distinct_source(rows: Any, i: int, u: float, panel: Any, asked: int) -> Any:
    """Return a source of user i by weight that is not i and not among ``panel[:asked]``; -1 when none is left."""
    indptr, indices, weights = rows
    total = 0.0
    for e in range(indptr[i], indptr[i + 1]):
        if is_new(indices[e], i, panel, asked):
            total += 1.0 if len(weights) == 0 else np.float64(weights[e])
    rest, found = u * total, np.int64(-1)
    for e in range(indptr[i], indptr[i + 1]):
        weight = 1.0 if len(weights) == 0 else np.float64(weights[e])
        if weight > 0.0 and is_new(indices[e], i, panel, asked):
            found = np.int64(indices[e])
            rest -= weight
            if rest < 0.0:
                break
    return found


@compiled
def is_new(source: int, i: int, panel: Any, asked: int) -> bool:
    """Tell whether a source is neither user i nor among ``panel[:asked]``."""
    if source == i:
        return False
    for m in range(asked):  # noqa: SIM110 - numba compiles no generators inside all()
        if panel[m] == source:
            return False
    return True


@compiled
def fill_panel(rows: Any, i: int, key: Any, panel: Any, repetition: bool) -> int:
    """Draw sources of user i into ``panel``, at most as many as it holds, from slots 1, 2, ...; return their number."""
    for m in range(len(panel)):
        u = uniform_of(key, m + 1)
        drawn = source_of(rows, i, u) if repetition else distinct_source(rows, i, u, panel, m)
        if drawn < 0:
            return m
        panel[m] = drawn
    return len(panel)
