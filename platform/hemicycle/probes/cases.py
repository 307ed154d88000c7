"""Labels made ready to be probed: known rows, folds, groups; those that share rows and folds side by side."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.probes.base import Probe, ProbeConfig
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.folds import FoldPlan, Folds, make_folds
from hemicycle.probes.recent import Recent, digest
from hemicycle.probes.target import Target, encode, is_constant_within, is_numeric, is_same_partition

_log = logging.getLogger(__name__)
_COLLINEAR = 0.99
"""Correlation above which two labels are called one."""
_AT_ONCE = 60_000_000
"""Labels and permuted labels that are fitted side by side, 8 bytes each."""
_RECENT = Recent(512 << 20)
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Case:
    """One label on the rows where it is known; nothing here depends on vectors.

    Args:
        number: place among the labels asked for.
        target: the label with its columns.
        labels: numbers or class codes, shape (n,).
        groups: group columns that have several levels, as codes.
        folds: who is held out when.
        columns: identity of what explains the label; labels that agree in it have the same covariates.
    """

    number: int
    target: Target
    labels: NDArray[Any]
    groups: Mapping[str, NDArray[np.int64]]
    folds: Folds
    columns: str

    @property
    def explaining(self) -> dict[str, NDArray[Any]]:
        """Group columns among the covariates.

        The one by which folds are cut says nothing about groups that were never seen; beside others it only takes
        their place in the training folds.
        """
        found = {name: self.target.groups[name] for name in self.groups}
        others = {name: column for name, column in found.items() if name != self.folds.by}
        return others if others or self.target.covariates else found


@dataclass(frozen=True, eq=False)
class Batch:
    """Cases on the same rows and folds, which are fitted together.

    Args:
        probe: the reader.
        config: its configuration.
        keep: rows that are known, out of all.
        cases: at least one; exactly one for classes.
        kept: results that do not depend on vectors, for the next model.
    """

    probe: Probe
    config: ProbeConfig
    keep: NDArray[np.bool_]
    cases: tuple[Case, ...]
    kept: dict[object, Any] = field(default_factory=dict)

    def once(self, key: object, make: Callable[[], Result]) -> Result:
        """Return what is kept under a key, or make it."""
        if key not in self.kept:
            self.kept[key] = make()
        found: Result = self.kept[key]
        return found

    @property
    def folds(self) -> Folds:
        """The folds of all cases."""
        return self.cases[0].folds


@dataclass(frozen=True, eq=False)
class Scope:
    """Differences between all users, or between users of one group: then labels are centred by group."""

    name: str
    centre: NDArray[np.int64]
    cases: tuple[Case, ...]

    @property
    def is_within(self) -> bool:
        """Tell whether labels are centred by group."""
        return self.name != "all"


def batches(targets: Sequence[Target], config: ProbeConfig) -> list[Batch]:
    """Return labels by the rows and folds that they share, in the order of the first of each.

    The same labels give the same object again, with all that was kept in it.

    Raises:
        InputError: a label that the probe cannot read, or too few rows, groups or members of a class.
    """
    identity = "".join(_identity(target) for target in targets)
    return _RECENT.get(
        digest([], identity, config.fingerprint(), type(config).__qualname__), lambda: _batches(targets, config)
    )


def _identity(target: Target) -> str:
    columns = [*target.groups.values(), *target.covariates.values(), target.degree, target.community]
    names = (target.attribute, target.entity, *target.groups, "|", *target.covariates)
    return digest([target.values, *columns], *names)


def _batches(targets: Sequence[Target], config: ProbeConfig) -> list[Batch]:
    _note_collinear(targets)
    probe: Probe = PROBE.build(config)
    found: dict[object, list[Batch]] = {}
    for number, target in enumerate(targets):
        keep = target.known
        case = replace(case_of(target, probe, config), number=number)
        folds = case.folds
        key = number if probe.stratified else (keep.tobytes(), folds.assignment.tobytes(), folds.units.tobytes())
        of_key = found.setdefault(key, [])
        if of_key and (len(of_key[-1].cases) + 1) * len(case.labels) * (3 * config.permutations + 1) <= _AT_ONCE:
            of_key[-1] = replace(of_key[-1], cases=(*of_key[-1].cases, case))
        else:
            of_key.append(Batch(probe, config, keep, (case,)))
    return [batch for of_key in found.values() for batch in of_key]


def case_of(target: Target, probe: Probe, config: ProbeConfig) -> Case:
    """Return a label as a probe reads it, with its groups and folds.

    Raises:
        InputError: no row has the label, the probe cannot read it, or it is too few rows, groups or members of a class
            for the folds.
    """
    where = f"probe of {target.attribute}"
    if not target.known.any():
        raise InputError("no row has this label", where=where, remedy="check the column and the join of the ids")
    known = target.select(target.known)
    labels = _read(probe, known, where)
    coded = {name: encode(values) for name, values in known.groups.items()}
    groups = {name: codes for name, (codes, levels) in coded.items() if levels > 1}
    if probe.stratified:
        groups = {name: codes for name, codes in groups.items() if not is_same_partition(labels, codes)}
    folds = make_folds(labels, groups, FoldPlan(config.folds, config.seed, probe.stratified))
    named = {**{f"group {name}": known.groups[name] for name in groups}, **known.covariates}
    return Case(0, known, labels, groups, folds, digest(list(named.values()), folds.by, *named))


def _read(probe: Probe, target: Target, where: str) -> NDArray[Any]:
    try:
        return probe.read(target.values)
    except InputError as error:
        raise InputError(replace(problem, where=where) for problem in error.problems) from error


def scopes(batch: Batch) -> Iterator[Scope]:
    """Yield what is compared: all rows, and for numbers rows of the same group, for groups in which labels vary."""
    yield Scope("all", np.zeros(len(batch.folds.units), np.int64), batch.cases)
    found: dict[tuple[str, bytes], Scope] = {}
    for case in () if batch.probe.stratified else batch.cases:
        for name, codes in case.groups.items():
            if len(np.unique(codes)) < len(codes) and not is_constant_within(case.labels, codes):
                centre, key = codes - codes.min(), (name, codes.tobytes())
                cases = (*found[key].cases, case) if key in found else (case,)
                found[key] = Scope(f"within {name}", centre, cases)
    yield from found.values()


def checked(vectors: NDArray[np.floating], targets: Sequence[Target]) -> None:
    """Refuse vectors that cannot be read.

    Raises:
        InputError: no target, a wrong shape, or NaN and infinity in the rows of a label.
    """
    if not targets:
        raise InputError("there is no label to probe", where="probe", remedy="name labels, or give the users some")
    for target in targets:
        where = f"probe of {target.attribute}"
        if vectors.ndim != 2 or len(vectors) != len(target.values) or vectors.shape[1] == 0:
            raise InputError(
                f"vectors of shape {vectors.shape} for {len(target.values)} labels",
                where=where,
                remedy="give one vector and one label a row, missing labels as NaN, in the same order",
            )
    broken = ~np.isfinite(vectors).all(axis=1)
    for target in targets if broken.any() else ():
        known = target.known
        if (broken & known).any():
            raise InputError(
                f"{(broken & known).sum()} of {known.sum()} vectors hold NaN or infinity",
                where=f"probe of {target.attribute}",
                remedy="train with a smaller step, or leave these rows out of the labels",
            )


def collinear(targets: Sequence[Target]) -> list[tuple[str, str, float]]:
    """Return pairs of numeric labels that correlate by .99 or more: two names for one finding, with r."""
    numbers = [target for target in targets if is_numeric(target.values)]
    found = []
    for i, one in enumerate(numbers):
        for other in numbers[i + 1 :]:
            known = one.known & other.known
            a, b = one.values[known].astype(float), other.values[known].astype(float)
            if len(a) > 2 and np.ptp(a) and np.ptp(b) and abs(r := np.corrcoef(a, b)[0, 1]) >= _COLLINEAR:
                found.append((one.attribute, other.attribute, float(r)))
    return found


def _note_collinear(targets: Sequence[Target]) -> None:
    """Say which labels are nearly the same; each is probed nevertheless."""
    for one, other, r in collinear(targets):
        _log.warning("%s and %s correlate by %.3f: their scores are one finding, not two", one, other, r)
