"""How much of a representation's variance each attitude takes, held out, alone and jointly.

=========================  =======================================================================================
``variance_explained``     1 - sum |x - x_hat|^2 / sum |x - mean|^2 over held-out users, where x_hat is the fit of the
                           vectors on the attitude (redundancy: van den Wollenberg, Psychometrika 1977). An attitude
                           that has no part in the vectors gets 0 or less.
``variance_unique``        what it explains beyond all other attitudes
``variance_along``         share of held-out variance along the direction by which the attitude is read out, that of
                           (X'X)^-1 X'y in the other folds: what removing it takes away. Any direction has some
                           variance: to be read against its control.
=========================  =======================================================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.probes.base import Row, Statistic
from hemicycle.probes.controls import permuted
from hemicycle.probes.folds import FoldPlan, Folds, constant_column, make_folds
from hemicycle.probes.intervals import bootstrap
from hemicycle.probes.target import encode, is_missing, is_numeric

Array = NDArray[np.float64]
JOINT = "all attitudes"
"""What the joint share is called in the column ``attribute``."""
UNIQUE = "variance_unique"
_RIDGE = 1e-6


class VarianceConfig(Options):
    """How shares of variance are measured."""

    folds: int = Field(5, ge=3, le=20)
    """Cross-validation folds; by group where an attitude is constant within one."""
    permutations: int = Field(20, ge=20)
    """Permuted attitudes of the control."""
    replicates: int = Field(1000, ge=1000)
    """Bootstrap replicates of each interval."""
    seed: int = 0
    """Keys folds, permutations and bootstrap."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A fold: who is held out, the vectors of the others and theirs, both less the others' mean, and (X'X)^-1."""

    held: NDArray[np.bool_]
    x: Array
    new: Array
    inverse: Array

    @classmethod
    def of(cls, x: Array, held: NDArray[np.bool_]) -> "_Part":
        centred = x - x[~held].mean(axis=0)
        gram = centred[~held].T @ centred[~held]
        ridge = _RIDGE * np.trace(gram) / len(gram)
        inverse = np.linalg.inv(gram + ridge * np.eye(len(gram))) if ridge > 0 else np.zeros_like(gram)
        return cls(held, centred[~held], centred[held], inverse)


@dataclass(frozen=True, eq=False)
class _Setting:
    parts: list[_Part]
    designs: dict[str, Array]
    folds: Folds


def variance_shares(
    vectors: NDArray[np.floating],
    labels: Mapping[str, NDArray[Any]],
    groups: Mapping[str, NDArray[Any]],
    config: VarianceConfig,
) -> list[Row]:
    """Return a row for each attitude and quantity, and for all attitudes jointly where there are several.

    Users whose attitudes are not all known are left out, so that all shares are of the same variance.

    Args:
        vectors: shape (n, d).
        labels: attitude -> numbers or categories, shape (n,).
        groups: column -> categories, shape (n,), by which folds are cut where an attitude is constant within.
        config: folds, permutations, bootstrap.

    Returns:
        ``attribute``, ``quantity``, ``value``, ``ci_low``, ``ci_high``, ``control`` (mean over permuted attitudes),
        ``control_low``, ``control_high`` (95 % range), ``n``, ``n_groups``, ``cv``.

    Raises:
        InputError: no attitude, one with a single value, collinear ones, NaN vectors, or too few users for the folds.
    """
    setting = _setting(vectors, labels, groups, config)
    values = _statistics(setting, setting.designs)
    several = len(setting.designs) > 1
    values |= {(name, UNIQUE): _unique(setting, name, own) for name, own in setting.designs.items() if several}
    source = rng("variance bootstrap", config.seed)
    estimates = bootstrap({_key(k): s for k, s in values.items()}, setting.folds.units, source, config.replicates)
    controls = _controls(setting, config)
    about = {
        "n": len(setting.folds.units),
        "n_groups": setting.folds.n_units if setting.folds.by else 0,
        "cv": setting.folds.cv,
    }
    rows = []
    for key in values:
        found, null = estimates[_key(key)], controls[key]
        low, high = np.percentile(null, (2.5, 97.5))
        row = {"attribute": key[0], "quantity": key[1], "value": found.value, "ci_low": found.low}
        row |= {"ci_high": found.high, "control": float(np.mean(null))}
        rows.append({**row, "control_low": float(low), "control_high": float(high), **about})
    return rows


def _key(key: tuple[str, str]) -> str:
    return " ".join(key)


def _setting(
    vectors: NDArray[np.floating],
    labels: Mapping[str, NDArray[Any]],
    groups: Mapping[str, NDArray[Any]],
    config: VarianceConfig,
) -> _Setting:
    if not labels:
        raise InputError("no attitude was given", "variance", "name labels of the users")
    known = ~np.any([is_missing(values) for values in labels.values()], axis=0)
    x = np.asarray(vectors[known], np.float64)
    if not np.isfinite(x).all():
        raise InputError("vectors hold NaN or infinity", "variance", "leave those users out")
    kept = {name: values[known] for name, values in labels.items()}
    codes = {name: encode(column[known])[0] for name, column in groups.items()}
    designs, folds = _designs(kept), _folds(kept, codes, config)
    parts = [_Part.of(x, folds.assignment == fold) for fold in range(int(folds.assignment.max()) + 1)]
    return _Setting(parts, designs, folds)


def _designs(labels: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    designs = {name: _columns(name, values) for name, values in labels.items()}
    joined = np.concatenate(list(designs.values()), axis=1)
    joined = (joined - joined.mean(axis=0)) / joined.std(axis=0)
    if len(joined) <= joined.shape[1] or np.linalg.cond(joined) > 1e6:
        names = ", ".join(designs)
        raise InputError(f"collinear among {len(joined)} users: {names}", "variance", "leave one of them out")
    return designs


def _columns(name: str, values: NDArray[Any]) -> Array:
    """Columns for an attitude: its numbers, or all categories but the last as 0 and 1."""
    if is_numeric(values):
        columns = values.astype(np.float64)[:, None]
    else:
        codes, levels = encode(values)
        columns = np.eye(max(levels, 1))[codes][:, : levels - 1]
    if not columns.size or (np.ptp(columns, axis=0) == 0).any():
        raise InputError(f"{name} has one value only", "variance", "leave it out")
    return columns


def _folds(
    labels: Mapping[str, NDArray[Any]], groups: Mapping[str, NDArray[np.int64]], config: VarianceConfig
) -> Folds:
    """Folds that suit all attitudes: by group where any is constant within one."""
    plain = {name: v if is_numeric(v) else encode(v)[0].astype(float) for name, v in labels.items()}
    coarse = sorted(plain, key=lambda name: not constant_column(plain[name], groups))
    return make_folds(plain[coarse[0]], groups, FoldPlan(config.folds, config.seed))


def _statistics(setting: _Setting, designs: Mapping[str, Array]) -> dict[tuple[str, str], Statistic]:
    """Shares of each attitude, and of all of them, as sums over users."""
    together = {JOINT: np.concatenate(list(designs.values()), axis=1)} if len(designs) > 1 else {}
    found = {}
    for name, design in {**designs, **together}.items():
        residual, along, total = _sums(setting, design)
        found[name, "variance_explained"] = _share(total - residual, total)
        found[name, "variance_along"] = _share(along, total)
    return found


def _unique(setting: _Setting, name: str, own: Array) -> Statistic:
    """What one attitude explains beyond the others; ``own`` is it, or it permuted."""
    others = np.concatenate([design for other, design in setting.designs.items() if other != name], axis=1)
    without, _, total = _sums(setting, others)
    return _share(without - _sums(setting, np.concatenate([others, own], axis=1))[0], total)


def _share(part: Array, total: Array) -> Statistic:
    def combine(sums: Array) -> Array:
        whole = np.where(sums[..., 1] > 0, sums[..., 1], np.nan)
        return np.asarray(sums[..., 0] / whole)

    return Statistic(np.stack([part, total], axis=1), combine)


def _sums(setting: _Setting, design: Array) -> tuple[Array, Array, Array]:
    """Squared residual, squared length along the read-out directions, and squared length of each held-out user."""
    residual, along, total = np.empty((3, len(design)))
    for part in setting.parts:
        offset = design[~part.held].mean(axis=0)
        y = design[~part.held] - offset
        cross = part.x.T @ y
        fit = (design[part.held] - offset) @ np.linalg.lstsq(y.T @ y, cross.T, rcond=1e-10)[0]
        axes = np.linalg.qr(part.inverse @ cross)[0] if part.inverse.any() else np.zeros_like(cross)
        residual[part.held] = ((part.new - fit) ** 2).sum(axis=1)
        along[part.held] = ((part.new @ axes) ** 2).sum(axis=1)
        total[part.held] = (part.new**2).sum(axis=1)
    return residual, along, total


def _controls(setting: _Setting, config: VarianceConfig) -> dict[tuple[str, str], list[float]]:
    """Every quantity with attitudes permuted between users (or groups); of the unique share only the attitude's own."""
    generators = [rng("variance permutation", config.seed, number) for number in range(config.permutations)]
    units, several = setting.folds.units, len(setting.designs) > 1
    place = np.unique(units, return_index=True)[1][units]
    orders = permuted(place, units, np.zeros(len(units), np.int64), generators)
    found: dict[tuple[str, str], list[float]] = {}
    for order in orders.T:
        mixed = {name: design[order] for name, design in setting.designs.items()}
        statistics = _statistics(setting, mixed)
        statistics |= {(name, UNIQUE): _unique(setting, name, mixed[name]) for name in mixed if several}
        for key, statistic in statistics.items():
            found.setdefault(key, []).append(statistic.value)
    return found
