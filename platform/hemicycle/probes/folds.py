"""Cross-validation folds that keep apart what must not be on both sides, and are the same for all models."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.probes.target import is_constant_within


@dataclass(frozen=True, eq=False)
class Folds:
    """Who is held out when.

    Args:
        assignment: fold of each row, shape (n,).
        units: what is held out together and resampled together, shape (n,), 0 ... units - 1: rows or groups.
        by: the group column, or "" when units are rows.
        cv: the same in words, for the table.
    """

    assignment: NDArray[np.int64]
    units: NDArray[np.int64]
    by: str
    cv: str

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.units.max()) + 1


@dataclass(frozen=True)
class FoldPlan:
    """How folds are cut.

    Args:
        count: number of folds.
        seed: together with n it determines the folds; vectors have no part in it.
        stratified: labels are class codes, spread evenly over the folds.
    """

    count: int
    seed: int
    stratified: bool = False


def make_folds(labels: NDArray[np.generic], groups: Mapping[str, NDArray[np.int64]], plan: FoldPlan) -> Folds:
    """Cut folds by row, or by group where the label is constant within a group column.

    In the second case row-wise folds would put copies of a held-out label into the training set. Of several such
    columns the coarsest counts. A row without a group is a unit of its own.

    Args:
        labels: numbers or class codes, shape (n,).
        groups: column -> codes, shape (n,), -1 where missing.
        plan: number of folds, seed, stratification.

    Raises:
        InputError: fewer rows, groups, or members of a class than folds can be cut from.
    """
    by = constant_column(labels, groups)
    units = _as_units(groups[by]) if by else np.arange(len(labels))
    first = np.unique(units, return_index=True)[1]
    classes = labels[first].astype(np.int64) if plan.stratified else np.zeros(len(first), np.int64)
    _check(len(labels), classes, by, plan)
    of_unit = _deal(np.bincount(units), classes, plan)
    kind = "stratified folds" if plan.stratified else "folds"
    return Folds(of_unit[units], units, by, f"{plan.count} {kind}" + (f" by {by} (detected)" if by else ""))


def constant_column(labels: NDArray[np.generic], groups: Mapping[str, NDArray[np.int64]]) -> str:
    """Return the coarsest group column within which the label is constant, or ""."""
    found = [name for name, codes in groups.items() if is_constant_within(labels, codes)]
    return min(found, key=lambda name: (int(groups[name].max()), name), default="")


def _as_units(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups that occur; every row without one becomes a group of its own."""
    alone = codes < 0
    units = codes.copy()
    units[alone] = codes.max() + 1 + np.arange(alone.sum())
    return np.unique(units, return_inverse=True)[1].astype(np.int64)


def _check(n: int, classes: NDArray[np.int64], by: str, plan: FoldPlan) -> None:
    what = f"groups of {by}, within which the label is constant," if by else "labelled rows"
    if len(classes) < plan.count or n < 2 * plan.count:
        raise InputError(
            f"{len(classes)} {what} are too few for {plan.count} folds",
            where="probe",
            remedy="probe another label, give labels for more entities, or lower probes.folds",
        )
    smallest = int(np.bincount(classes).min())
    if plan.stratified and smallest < plan.count:
        raise InputError(
            f"the smallest class has {smallest} {what.rstrip(',')}, fewer than the {plan.count} folds",
            where="probe",
            remedy="merge rare classes, or leave their labels empty",
        )


def _deal(sizes: NDArray[np.int64], classes: NDArray[np.int64], plan: FoldPlan) -> NDArray[np.int64]:
    """Deal units to folds: within each class the largest first, each to the emptiest fold; ties by chance."""
    shuffled = rng("probe-folds", plan.seed, int(sizes.sum())).permutation(len(sizes))
    order = shuffled[np.lexsort((-sizes[shuffled], classes[shuffled]))]
    dealt = np.empty(len(sizes), np.int64)
    if sizes.max() == 1:
        dealt[order] = np.arange(len(sizes)) % plan.count
        return dealt
    load = np.zeros((classes.max() + 2, plan.count))
    for unit in order:
        fold = np.lexsort((load[-1], load[classes[unit]]))[0]
        dealt[unit] = fold
        load[[classes[unit], -1], fold] += sizes[unit]
    return dealt
