"""What readers still find of a label after erasure: the eraser, too, is fitted without the users on whom it is judged.

For every outer fold the eraser is fitted on the other folds and applied to everyone; readers learn on those folds and
are judged on the one that neither has seen. An eraser fitted on all users would remove the held-out users' own noise
with the signal, so that reading falls below chance on them and erasure looks better than it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.probes.base import Probe, ProbeConfig, ProbeResult, Row, Statistic, Task
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.controls import permuted
from hemicycle.probes.folds import FoldPlan, Folds, make_folds
from hemicycle.probes.intervals import LEVEL, UNDEFINED, Estimate, bootstrap
from hemicycle.probes.target import Target, encode, is_same_partition

Variants = Callable[[NDArray[np.bool_]], Iterable[tuple[float, NDArray[np.floating]]]]
"""Rows on which something may be fitted, shape (n,) -> pairs of a strength (or epoch) and all rows' vectors (n, d)."""
CONTROL = "permuted"


@dataclass(frozen=True, eq=False)
class _Case:
    """One reader of one label, on the rows that have it."""

    config: ProbeConfig
    probe: Probe
    target: Target
    known: NDArray[np.bool_]
    columns: NDArray[Any]
    folds: Folds

    @property
    def labels(self) -> NDArray[Any]:
        return np.asarray(self.columns[:, 0])

    def read(self, vectors: NDArray[np.floating], fold: int) -> ProbeResult:
        """Predict one fold from the others."""
        centre = np.zeros(len(self.labels), np.int64)
        return self.probe.fit(Task((vectors[self.known],), self.columns, self.folds.assignment, centre, (fold,)))


@dataclass
class _Collected:
    """Predictions of one case at one strength, fold by fold."""

    predictions: list[NDArray[np.float64]] = field(default_factory=list)
    baseline: list[NDArray[np.float64]] = field(default_factory=list)
    rows: list[NDArray[np.intp]] = field(default_factory=list)

    def add(self, result: ProbeResult, rows: NDArray[np.intp]) -> None:
        self.predictions.append(result.predictions[rows])
        self.baseline.append(result.baseline[rows])
        self.rows.append(rows)

    @property
    def result(self) -> ProbeResult:
        penalties = np.empty((0, self.predictions[0].shape[1]))
        return ProbeResult(np.concatenate(self.predictions), np.concatenate(self.baseline), penalties)


def leakage(
    variants: Variants, targets: Sequence[Target], configs: Mapping[str, Sequence[ProbeConfig]], folds: int = 0
) -> list[Row]:
    """Say what readers find of labels out of fold in vectors that were altered without the held-out users.

    Args:
        variants: called once for every distinct set of training rows; what it fits on them alone makes the vectors.
        targets: labels of the same n rows.
        configs: attribute -> its readers.
        folds: outer folds that are predicted, the first ones; 0: all.

    Returns:
        One row for each variant (column ``at``), attribute and reader: the score with its bootstrap interval, the
        permuted control (mean and 95 % range over permutations, of the same vectors), and for classes the
        ``accuracy`` with its interval beside the ``majority`` share of the rows that were predicted.

    Raises:
        InputError: a label that a reader cannot read, too few rows or members of a class, vectors that are not finite.
    """
    cases = [_case(target, config) for target in targets for config in configs[target.attribute]]
    found: dict[tuple[int, float], _Collected] = {}
    for train, members in _trainings(cases, folds):
        for at, vectors in variants(train):
            _check(vectors, train)
            for number, fold in members:
                case = cases[number]
                rows = np.flatnonzero(case.folds.assignment == fold)
                found.setdefault((number, at), _Collected()).add(case.read(vectors, fold), rows)
    return [row for (number, at), collected in found.items() for row in _rows(cases[number], at, collected)]


def _case(target: Target, config: ProbeConfig) -> _Case:
    """Prepare a reader as :func:`hemicycle.probes.probe.probe_embedding` does: the same folds, by the same rules."""
    known = target.known
    if not known.any():
        raise InputError("no row has this label", f"erasure of {target.attribute}", "check the column")
    chosen = target.select(known)
    probe: Probe = PROBE.build(config)
    labels = probe.read(chosen.values)
    coded = {name: encode(values) for name, values in chosen.groups.items()}
    groups = {name: codes for name, (codes, levels) in coded.items() if levels > 1}
    if probe.stratified:
        groups = {name: codes for name, codes in groups.items() if not is_same_partition(labels, codes)}
    folds = make_folds(labels, groups, FoldPlan(config.folds, config.seed, probe.stratified))
    keys = ("probe-permutation", config.seed, len(labels))
    draws = [rng(*keys, p) for p in range(config.permutations)]
    others = permuted(labels, folds.units, np.zeros(len(labels), np.int64), draws)
    return _Case(config, probe, target, known, np.column_stack([labels, others]), folds)


def _trainings(cases: Sequence[_Case], folds: int) -> list[tuple[NDArray[np.bool_], list[tuple[int, int]]]]:
    """Distinct sets of training rows, each with the cases and folds that it serves."""
    found: dict[bytes, tuple[NDArray[np.bool_], list[tuple[int, int]]]] = {}
    for number, case in enumerate(cases):
        count = case.config.folds
        for fold in range(min(folds or count, count)):
            train = case.known.copy()
            train[train] = case.folds.assignment != fold
            found.setdefault(train.tobytes(), (train, []))[1].append((number, fold))
    return list(found.values())


def _check(vectors: NDArray[np.floating], train: NDArray[np.bool_]) -> None:
    if len(vectors) != len(train) or not np.isfinite(vectors).all():
        what = f"altered vectors of shape {vectors.shape} for {len(train)} rows, or some not finite"
        raise InputError(what, "erasure", "train with a smaller step, or erase less")


def _rows(case: _Case, at: float, collected: _Collected) -> list[Row]:
    rows, result = np.concatenate(collected.rows), collected.result
    labels = case.labels[rows]
    statistics = {"score": case.probe.score(labels, result)}
    if case.probe.stratified:
        statistics["accuracy"] = _accuracy(labels, result)
    generator = rng("probe-bootstrap", case.config.seed, len(case.labels))
    units = np.unique(case.folds.units[rows], return_inverse=True)[1]
    found = bootstrap(statistics, units, generator, case.config.replicates)
    others = range(1, case.columns.shape[1])
    chance = [case.probe.score(case.columns[rows, other], result, other).value for other in others]
    return [_row(case, at, found, chance) | {"n": len(rows), "majority": _majority(case, labels)}]


def _row(case: _Case, at: float, found: Mapping[str, Estimate], chance: Sequence[float]) -> Row:
    score, accuracy = found["score"], found.get("accuracy", UNDEFINED)
    low, high = np.percentile(chance, LEVEL)
    return {
        "at": at,
        "entity": case.target.entity,
        "attribute": case.target.attribute,
        "probe": case.config.probe,
        "cv": case.folds.cv,
        "n_groups": case.folds.n_units if case.folds.by else 0,
        "score_name": case.probe.score_name,
        "score": score.value,
        "ci_low": score.low,
        "ci_high": score.high,
        "control": CONTROL,
        "control_score": float(np.mean(chance)),
        "control_low": float(low),
        "control_high": float(high),
        "selectivity": score.value - float(np.mean(chance)),
        "accuracy": accuracy.value,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
    }


def _accuracy(labels: NDArray[Any], result: ProbeResult) -> Statistic:
    """Share of rows whose most probable class is their own."""
    hits = (result.predictions[:, 0].argmax(axis=1) == labels).astype(np.float64)
    return Statistic(np.stack([hits, np.ones(len(hits))], axis=1), lambda sums: np.asarray(sums[..., 0] / sums[..., 1]))


def _majority(case: _Case, labels: NDArray[Any]) -> float:
    """Share of the most frequent class, what always naming it would reach; NaN for numbers."""
    return float(np.bincount(labels).max() / len(labels)) if case.probe.stratified else float("nan")
