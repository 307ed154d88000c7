"""One call that probes vectors for a label: score, controls and intervals, none without the others."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.probes.base import RECORD, Probe, ProbeConfig, ProbeResult, Row, Statistic, Task
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.controls import control_designs, permuted
from hemicycle.probes.folds import FoldPlan, Folds, make_folds
from hemicycle.probes.intervals import LEVEL, UNDEFINED, Estimate, bootstrap
from hemicycle.probes.target import Target, encode, is_constant_within, is_same_partition

_log = logging.getLogger(__name__)
_PERFECT = 1e-9
"""Squared error per user, relative to the label's own, below which covariates leave nothing to explain."""


@dataclass(frozen=True, eq=False)
class _Case:
    """Everything about a label that does not change from scope to scope."""

    probe: Probe
    config: ProbeConfig
    target: Target
    labels: NDArray[Any]
    vectors: NDArray[np.floating]
    groups: Mapping[str, NDArray[np.int64]]
    folds: Folds
    designs: Mapping[str, tuple[NDArray[np.float64], ...]]


@dataclass(frozen=True, eq=False)
class _Scope:
    """Differences between all users, or between users of one group: then labels are centred by group."""

    name: str
    centre: NDArray[np.int64]
    controls: tuple[str, ...]

    @property
    def is_within(self) -> bool:
        return bool(self.centre.max() > 0)


def probe_embedding(
    vectors: NDArray[np.floating], target: Target, config: ProbeConfig, record: Mapping[str, Any]
) -> list[Row]:
    """Say what vectors know about a label that they were not given.

    Users without the label are left out. Folds, permutations and resamples depend on the seed, the label and its
    groups only, so that all models are compared on the same ones. Scopes: ``all``, and for numbers ``within G``
    for every group column G inside which the label varies (labels centred by the training folds' group means).
    Controls, one row each: ``permuted`` (mean and 2.5-97.5 % range; between groups where folds are by group,
    inside them in the scope ``within``), ``covariates`` (groups and covariates without vectors) and, in the scope
    ``all``, each group column. Partial R2 = (R2_full - R2_cov) / (1 - R2_cov) = 1 - SSE_full / SSE_cov, out of fold,
    where the full model has covariates and vectors; for classes SSE is the Brier score. It is NaN where covariates
    are absent or leave nothing to explain (the log says which).

    Args:
        vectors: shape (n, d).
        target: label, groups and covariates of the same n rows.
        config: a probe's configuration.
        record: the columns ``RECORD``: whose vectors these are.

    Returns:
        Rows with the columns ``PROBE``.

    Raises:
        InputError: vectors that are not finite or not as many as labels, a label that the probe cannot read, too
            few rows, groups or members of a class.
    """
    case = _prepare(vectors, target, config)
    given = {column: record[column] for column in RECORD}
    return [{**given, **row} for scope in _scopes(case) for row in _rows(case, scope)]


def _prepare(vectors: NDArray[np.floating], target: Target, config: ProbeConfig) -> _Case:
    where = f"probe of {target.attribute}"
    if vectors.ndim != 2 or len(vectors) != len(target.values) or vectors.shape[1] == 0:
        raise InputError(f"vectors of shape {vectors.shape} for {len(target.values)} labels", where=where)
    keep = target.known
    if not keep.any():
        raise InputError("no row has this label", where=where, remedy="check the column and the join of the ids")
    target, vectors = target.select(keep), np.asarray(vectors[keep])
    broken = int((~np.isfinite(vectors).all(axis=1)).sum())
    if broken:
        raise InputError(
            f"{broken} of {len(vectors)} vectors hold NaN or infinity",
            where=where,
            remedy="train with a smaller step, or leave these rows out of the labels",
        )
    probe: Probe = PROBE.build(config)
    return _assemble(probe, config, target, vectors)


def _assemble(probe: Probe, config: ProbeConfig, target: Target, vectors: NDArray[np.floating]) -> _Case:
    labels = probe.read(target.values)
    coded = {name: encode(values) for name, values in target.groups.items()}
    groups = {name: codes for name, (codes, levels) in coded.items() if levels > 1}
    if probe.stratified:
        groups = {name: codes for name, codes in groups.items() if not is_same_partition(labels, codes)}
    folds = make_folds(labels, groups, FoldPlan(config.folds, config.seed, probe.stratified))
    return _Case(probe, config, target, labels, vectors, groups, folds, control_designs(target, groups))


def _scopes(case: _Case) -> Iterator[_Scope]:
    yield _Scope("all", np.zeros(len(case.labels), np.int64), tuple(case.designs))
    for name, codes in () if case.probe.stratified else case.groups.items():
        alone = len(np.unique(codes)) == len(codes)
        if not alone and not is_constant_within(case.labels, codes):
            yield _Scope(f"within {name}", codes - codes.min(), tuple({"covariates"} & set(case.designs)))


def _rows(case: _Case, scope: _Scope) -> Iterator[Row]:
    """Yield one row a control; every control is fitted and resampled beside the score it belongs to."""
    main = _fit(case, scope, (case.vectors,), _permutations(case, scope))
    chance = [case.probe.score(labels, main.result, t).value for t, labels in main.columns]
    statistics = {"score": case.probe.score(case.labels, main.result)}
    fits = {name: _fit(case, scope, case.designs[name]).result for name in scope.controls}
    statistics |= {name: case.probe.score(case.labels, fit) for name, fit in fits.items()}
    if "covariates" in fits:
        full = _fit(case, scope, (*case.designs["covariates"], case.vectors)).result
        statistics["partial"] = _partial(case, fits["covariates"], full)
    keys = ("probe-bootstrap", case.config.seed, len(case.labels))
    estimates = bootstrap(statistics, case.folds.units, rng(*keys), case.config.replicates)
    controls = {"permuted": _range(chance)} | {name: estimates[name] for name in scope.controls}
    for name, control in controls.items():
        yield _row(case, scope, estimates) | _compared(name, control, estimates["score"])


@dataclass(frozen=True, eq=False)
class _Fit:
    result: ProbeResult
    labels: NDArray[Any]

    @property
    def columns(self) -> list[tuple[int, NDArray[Any]]]:
        """Every permuted column of labels with its number; column 0 is the label itself."""
        return list(enumerate(self.labels.T))[1:]


def _fit(
    case: _Case, scope: _Scope, blocks: tuple[NDArray[np.floating], ...], others: NDArray[Any] | None = None
) -> _Fit:
    labels = case.labels[:, None] if others is None else np.column_stack([case.labels, others])
    return _Fit(case.probe.fit(Task(blocks, labels, case.folds.assignment, scope.centre)), labels)


def _permutations(case: _Case, scope: _Scope) -> NDArray[Any]:
    keys = ("probe-permutation", case.config.seed, len(case.labels))
    generators = [rng(*keys, p) for p in range(case.config.permutations)]
    return permuted(case.labels, case.folds.units, scope.centre, generators)


def _partial(case: _Case, covariates: ProbeResult, full: ProbeResult) -> Statistic:
    """Partial R2 of the vectors over the covariates, 1 - SSE_full / SSE_cov."""
    errors = [case.probe.errors(case.labels, fit) for fit in (full, covariates)]
    floor = _PERFECT * len(case.labels) * (1.0 if case.probe.stratified else float(case.labels.var()))
    if errors[1].sum() <= floor:
        _log.info("partial R2 of %s is undefined: the covariates leave nothing to explain", case.target.attribute)

    def combine(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        defined = sums[..., 1] > floor
        return np.where(defined, 1 - sums[..., 0] / np.where(defined, sums[..., 1], 1), np.nan)

    return Statistic(np.stack(errors, axis=1), combine)


def _range(scores: list[float]) -> Estimate:
    low, high = np.percentile(scores, LEVEL)
    return Estimate(float(np.mean(scores)), float(low), float(high))


def _row(case: _Case, scope: _Scope, estimates: Mapping[str, Estimate]) -> Row:
    groups = scope.centre if scope.is_within else case.folds.units
    score, partial = estimates["score"], estimates.get("partial", UNDEFINED)
    return {
        "entity": case.target.entity,
        "attribute": case.target.attribute,
        "scope": scope.name,
        "probe": case.config.probe,
        "cv": case.folds.cv,
        "n": len(case.labels),
        "n_groups": len(np.unique(groups)) if scope.is_within or case.folds.by else 0,
        "score_name": case.probe.score_name,
        "score": score.value,
        "ci_low": score.low,
        "ci_high": score.high,
        "partial_r2": partial.value,
        "partial_low": partial.low,
        "partial_high": partial.high,
    }


def _compared(name: str, control: Estimate, score: Estimate) -> Row:
    return {
        "control": name,
        "control_score": control.value,
        "control_low": control.low,
        "control_high": control.high,
        "selectivity": score.value - control.value,
    }
