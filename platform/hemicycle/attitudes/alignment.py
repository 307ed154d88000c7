"""Maps of several waves or countries in one space, by generalised Procrustes analysis of what they share.

Every map k is turned, moved and, if asked for, stretched, x -> s_k (x - c_k) R_k + t, so that shared landmarks
(actors present in both waves, parties of one family) lie as near their mean over maps as can be, in weighted squares
(Gower, Psychometrika 40(1), 1975; rotations by Schönemann, Psychometrika 31(1), 1966). Landmarks may be missing from
some maps. How much of an alignment is chance is what is reached when the names of each map's landmarks are shuffled
(PROTEST: Jackson, Écoscience 2(3), 1995).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.attitudes.landmarks import Floats, Landmarks, Stack, problems, stacked, unconnected
from hemicycle.core.config import Options
from hemicycle.core.errors import raise_problems

_TINY = 1e-12


class AlignmentOptions(Options):
    """How maps are aligned."""

    scale: bool = True
    """Whether maps may be stretched; all of them together keep their size."""
    reflect: bool = True
    """Whether maps may be mirrored; the sign of a dimension of correspondence analysis means nothing."""
    permutations: int = Field(200, ge=0)
    """Shuffles of the landmarks' names; 0: no control."""
    rounds: int = Field(100, ge=1)
    """Most rounds over all maps."""
    tolerance: float = Field(1e-9, gt=0)
    """Rounds end when the share that fits changes by less."""


@dataclass(frozen=True, eq=False)
class Transform:
    """x -> scale (x - centre) rotation + target.

    Args:
        rotation: orthogonal, shape (d, d).
        scale: positive.
        centre: shape (d,).
        target: shape (d,).
    """

    rotation: Floats
    scale: float
    centre: Floats
    target: Floats

    def apply(self, points: NDArray[np.floating]) -> Floats:
        """Return points of shape (n, d) in the common space."""
        return np.asarray(self.scale * (points - self.centre) @ self.rotation + self.target, np.float64)

    def apply_sds(self, sds: NDArray[np.floating]) -> Floats:
        """Return standard deviations (n, d) of independent errors in the common space."""
        return np.asarray(self.scale * np.sqrt(np.square(sds, dtype=np.float64) @ np.square(self.rotation)))


@dataclass(frozen=True, eq=False)
class Alignment:
    """Maps in one space.

    Args:
        transforms: by map; apply them to users and everybody else.
        names: of the landmarks that two maps or more share, shape (n,).
        consensus: their mean over maps, shape (n, d).
        residuals: columns ``map``, ``landmark``, ``residual`` (distance from the consensus) and ``held_out`` (distance
            from the other maps' mean when the map was fitted without this landmark), in units of the common space.
        fit: share of the landmarks' variance that is common, 1 - residual / total.
        held_out_fit: the same with held-out residuals; may be negative.
        null: ``fit`` with shuffled names, shape (permutations,).
        p_value: (1 + number of shuffles that fit as well) / (1 + permutations); NaN without control.
    """

    transforms: Mapping[str, Transform]
    names: tuple[str, ...]
    consensus: Floats
    residuals: pd.DataFrame
    fit: float
    held_out_fit: float
    null: Floats
    p_value: float


def align(
    maps: Mapping[str, Landmarks], rng: np.random.Generator, options: AlignmentOptions | None = None
) -> Alignment:
    """Bring several maps into one space, the first map's.

    Args:
        maps: landmarks by the name of their map, two maps or more of the same dimensions.
        rng: shuffles of the control.
        options: how.

    Raises:
        InputError: values or shapes do not fit, or maps share too few landmarks (which ones, and how many).
    """
    options = options or AlignmentOptions()
    raise_problems(problems(maps))
    names, stack = stacked(maps)
    raise_problems(unconnected(list(maps), stack))
    transforms, consensus, fit = _generalised(stack, options)
    null = np.array([_generalised(stack.shuffled(rng), options)[2] for _ in range(options.permutations)])
    own, held = _residuals(stack, transforms, consensus), _held_out(stack, transforms, options)
    k, row = np.nonzero(stack.weights)
    table = {"map": np.array(list(maps), object)[k], "landmark": np.array(names, object)[row]}
    frame = pd.DataFrame({**table, "residual": own[k, row], "held_out": held[k, row]})
    return Alignment(
        transforms=dict(zip(maps, transforms, strict=True)),
        names=names,
        consensus=consensus,
        residuals=frame,
        fit=fit,
        held_out_fit=1 - _share(stack, held, transforms),
        null=null,
        p_value=float((1 + (null >= fit - _TINY).sum()) / (1 + len(null))) if len(null) else np.nan,
    )


# -- fit -------------------------------------------------------------------------------------------------------------


def _generalised(stack: Stack, options: AlignmentOptions) -> tuple[list[Transform], Floats, float]:
    """Return transforms, consensus and share that fits, in the size and place of the first map."""
    aligned = _first_round(stack, options)
    fit, transforms = -np.inf, []
    for _ in range(options.rounds):
        consensus = _mean(aligned, stack.weights)
        transforms = [_fit(p, w, consensus, options) for p, w in zip(stack.points, stack.weights, strict=True)]
        transforms = _sized(transforms)
        aligned = _apply(stack, transforms)
        before, fit = fit, 1 - _share(stack, _residuals(stack, transforms, _mean(aligned, stack.weights)), transforms)
        if abs(fit - before) < options.tolerance:
            break
    transforms = _back_to_first(transforms)
    return transforms, _mean(_apply(stack, transforms), stack.weights), fit


def _first_round(stack: Stack, options: AlignmentOptions) -> Floats:
    """Align map after map to those already aligned, the one that shares most first."""
    aligned, weights = np.zeros_like(stack.points), np.zeros_like(stack.weights)
    aligned[0], weights[0] = stack.points[0], stack.weights[0]
    open_ = set(range(1, len(stack.points)))
    while open_:
        known = weights.any(0)
        k = max(open_, key=lambda k: (int((known & (stack.weights[k] > 0)).sum()), -k))
        there = np.where(known, stack.weights[k], 0.0)
        aligned[k] = _fit(stack.points[k], there, _mean(aligned, weights), options).apply(stack.points[k])
        weights[k] = stack.weights[k]
        open_.remove(k)
    return aligned


def _fit(points: Floats, weights: Floats, target: Floats, options: AlignmentOptions) -> Transform:
    """Return the weighted Procrustes transform of one map.

    A stretched map gets the target's size at its own landmarks. The slope of a regression, which fits better, would
    shrink noisy maps to a point; of two maps both are the same in the end.
    """
    share = weights / weights.sum()
    centre, goal = share @ points, share @ target
    x, y = points - centre, target - goal
    rotation = _rotation((x * share[:, None]).T @ y, reflect=options.reflect)
    sizes = [max(_TINY, float(share @ np.square(z).sum(1))) for z in (x, y)]
    return Transform(rotation, (sizes[1] / sizes[0]) ** 0.5 if options.scale else 1.0, centre, goal)


def _rotation(cross: Floats, *, reflect: bool) -> Floats:
    """Return the rotation that maximises tr(cross' R)."""
    left, values, right = np.linalg.svd(cross)
    signs = np.ones(len(values))
    if not reflect:
        signs[-1] = np.sign(np.linalg.det(left @ right))
    return np.asarray((left * signs) @ right)


def _sized(transforms: Sequence[Transform]) -> list[Transform]:
    """Stretch all maps by one factor, so that their sizes' geometric mean stays what it was.

    Without this, shrinking everything to a point would fit best.
    """
    factor = float(np.exp(-np.mean([np.log(t.scale) for t in transforms])))
    return [Transform(t.rotation, t.scale * factor, t.centre, t.target * factor) for t in transforms]


def _back_to_first(transforms: Sequence[Transform]) -> list[Transform]:
    """Undo the first map's transform for all, so that the common space is the first map's own."""
    first = transforms[0]
    return [
        Transform(
            t.rotation @ first.rotation.T,
            t.scale / first.scale,
            t.centre,
            (t.target - first.target) @ first.rotation.T / first.scale + first.centre,
        )
        for t in transforms
    ]


def _apply(stack: Stack, transforms: Sequence[Transform]) -> Floats:
    return np.stack([t.apply(points) for t, points in zip(transforms, stack.points, strict=True)])


def _mean(aligned: Floats, weights: Floats) -> Floats:
    total = weights.sum(0)[:, None]
    return np.asarray(np.einsum("kn,knd->nd", weights, aligned) / np.where(total > 0, total, 1.0))


# -- residuals -------------------------------------------------------------------------------------------------------


def _residuals(stack: Stack, transforms: Sequence[Transform], consensus: Floats) -> Floats:
    return np.asarray(np.linalg.norm(_apply(stack, transforms) - consensus, axis=2))


def _share(stack: Stack, residuals: Floats, transforms: Sequence[Transform]) -> float:
    """Return the weighted sum of squared residuals over that of distances from the landmarks' common mean."""
    aligned, weights = _apply(stack, transforms), stack.weights
    centre = np.einsum("kn,knd->d", weights, aligned) / weights.sum()
    total = (weights * np.square(aligned - centre).sum(2)).sum()
    return float((weights * np.square(residuals)).sum() / max(total, _TINY))


def _held_out(stack: Stack, transforms: Sequence[Transform], options: AlignmentOptions) -> Floats:
    """Return each landmark's distance from the other maps' mean, its map fitted to them without it."""
    aligned, out = _apply(stack, transforms), np.full(stack.weights.shape, np.nan)
    for k in range(len(aligned)):
        others = np.where(np.arange(len(aligned))[:, None] == k, 0.0, stack.weights)
        goal, there = _mean(aligned, others), stack.weights[k] * others.any(0)
        for row in np.flatnonzero(there):
            without = there.copy()
            without[row] = 0
            moved = _fit(stack.points[k], without, goal, options).apply(stack.points[k, row])
            out[k, row] = np.linalg.norm(moved - goal[row])
    return out
