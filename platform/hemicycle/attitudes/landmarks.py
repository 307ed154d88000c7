"""Points that several maps know: actors present in two waves, parties present in two countries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points of one map that other maps may know too.

    Args:
        names: what they are, each once, shape (n,).
        points: shape (n, d).
        weights: importance, e.g. members of a party, shape (n,); None: all alike.
    """

    names: Sequence[str]
    points: NDArray[np.floating]
    weights: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class Stack:
    """Landmarks of all maps: points (k, n, d), 0 where unknown, and weights (k, n), 0 where unknown."""

    points: Floats
    weights: Floats

    def shuffled(self, rng: np.random.Generator) -> "Stack":
        """Return the stack with the known landmarks of every map but the first under each other's names."""
        points = self.points.copy()
        for k in range(1, len(points)):
            known = np.flatnonzero(self.weights[k])
            points[k, known] = points[k, rng.permutation(known)]
        return Stack(points, self.weights)


def group_points(points: NDArray[np.floating], groups: Sequence[str | None], least: int = 1) -> Landmarks:
    """Return the means of groups, e.g. parties, as landmarks weighted by their sizes.

    Args:
        points: shape (n, d); rows with NaN are left out.
        groups: group of each point; None or "" where unknown, shape (n,).
        least: groups of fewer points are left out.

    Raises:
        InputError: lengths differ or no group is left.
    """
    if len(points) != len(groups):
        raise InputError(f"{len(points)} points, {len(groups)} groups", "groups", "one group a point")
    frame = pd.DataFrame(np.asarray(points, np.float64)).dropna()
    names = pd.Series(list(groups), dtype=object).replace("", None).loc[frame.index]
    sizes = names.value_counts()
    kept = sorted(sizes.index[sizes >= least])
    if not kept:
        raise InputError(f"no group has {least} points", "groups", "lower least, or check the column")
    means = frame.groupby(names).mean().loc[kept]
    return Landmarks(tuple(kept), means.to_numpy(), sizes.loc[kept].to_numpy().astype(np.float64))


def stacked(maps: Mapping[str, Landmarks]) -> tuple[tuple[str, ...], Stack]:
    """Return names shared by two maps or more, in the order in which they appear, and the stack."""
    counts: dict[str, int] = {}
    for landmarks in maps.values():
        for name in landmarks.names:
            counts[name] = counts.get(name, 0) + 1
    names = tuple(name for name, count in counts.items() if count > 1)
    place = {name: row for row, name in enumerate(names)}
    d = next(iter(maps.values())).points.shape[1]
    points, weights = np.zeros((len(maps), len(names), d)), np.zeros((len(maps), len(names)))
    for k, landmarks in enumerate(maps.values()):
        here = np.array([name in place for name in landmarks.names], bool)
        rows = [place[name] for name in landmarks.names if name in place]
        points[k, rows] = np.asarray(landmarks.points)[here]
        weights[k, rows] = 1.0 if landmarks.weights is None else np.asarray(landmarks.weights)[here]
    return names, Stack(points, weights)


def problems(maps: Mapping[str, Landmarks]) -> list[Problem]:
    """Return what is wrong with single maps."""
    if len(maps) < 2:
        return [Problem(f"{len(maps)} map", "maps", "give two or more")]
    found, sizes = [], set()
    for name, landmarks in maps.items():
        points = np.asarray(landmarks.points)
        weights = np.ones(len(points)) if landmarks.weights is None else np.asarray(landmarks.weights)
        if points.ndim != 2 or not len(points) == len(landmarks.names) == len(weights):
            remedy = "points (n, d) with one name and one weight each"
            found.append(Problem(f"{len(landmarks.names)} names, points of shape {points.shape}", name, remedy))
            continue
        sizes.add(points.shape[1])
        if not np.isfinite(points).all() or not (np.isfinite(weights) & (weights > 0)).all():
            found.append(
                Problem("points or weights are NaN, infinite, or weights not positive", name, "leave them out")
            )
        if len(set(landmarks.names)) < len(landmarks.names):
            found.append(Problem("names stand twice", name, "keep one of each, or see group_points"))
    if len(sizes) > 1:
        found.append(Problem(f"maps have {sorted(sizes)} dimensions", "maps", "cut all to the same number"))
    return found


def unconnected(names: list[str], stack: Stack) -> list[Problem]:
    """Return what is wrong with maps that share too few landmarks with those they would be aligned to."""
    least = stack.points.shape[2] + 1
    known = stack.weights > 0
    joined = {0}
    while more := {
        k for k in range(len(names)) if k not in joined and (known[k] & known[list(joined)].any(0)).sum() >= least
    }:
        joined |= more
    return [
        Problem(
            f"shares {int((known[k] & known[list(joined)].any(0)).sum())} landmarks with {names[0]} and its company",
            names[k],
            f"at least {least} fix a map of {least - 1} dimensions: compare the spelling of names, or drop dimensions",
        )
        for k in range(len(names))
        if k not in joined
    ]
