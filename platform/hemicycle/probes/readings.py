"""All fits behind the rows of a batch of labels in one scope: the vectors, every control, and what is left of both."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.probes.base import ProbeResult, Statistic, Task
from hemicycle.probes.cases import Batch, Case, Scope
from hemicycle.probes.controls import Shuffle, control_designs, shuffled, strata_of
from hemicycle.probes.intervals import UNDEFINED, Estimate, Resamples, draw, estimates
from hemicycle.probes.recent import digest
from hemicycle.probes.ridge import Ridge, RidgeConfig
from hemicycle.probes.trees import nested_predictions, tree_design

_log = logging.getLogger(__name__)
_PERFECT = 1e-9
"""Squared error per user, relative to the label's own, below which covariates leave nothing to explain."""
RANDOM, COVARIATES, TREES = "random vectors", "covariates", "covariates by trees"
Vectors = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Reading:
    """What was found about one label in one scope.

    Args:
        case: the label.
        chance: scores of its permuted copies by kind of permutation, ``permuted`` first.
        estimates: ``score``, ``partial`` and each control that is not a permutation, with intervals.
    """

    case: Case
    chance: Mapping[str, NDArray[np.float64]]
    estimates: Mapping[str, Estimate]


def readings(batch: Batch, scope: Scope, vectors: Vectors) -> list[Reading]:
    """Return a reading of each label of a scope; the vectors are those of the batch's rows."""
    kinds = [_shuffles(batch, scope, case) for case in scope.cases]
    main, scores = _main(batch, scope, vectors, kinds)
    statistics: dict[tuple[int, str], Statistic] = {}
    partials = _Partials(batch, scope, vectors)
    for i, case in enumerate(scope.cases):
        own = column(main, i)
        alone = _random(batch, scope, i, vectors.shape[1]) | _alone(batch, scope, case, own)
        statistics[i, "score"] = batch.probe.score(case.labels, own)
        statistics |= {(i, name): batch.probe.score(case.labels, fit) for name, fit in alone.items()}
        partials.add(i, alone)
    statistics |= {(i, "partial"): statistic for i, statistic in partials.statistics()}
    found = estimates(statistics, batch.once("resamples", partial(_resamples, batch)))
    own_estimates = [{name: e for (j, name), e in found.items() if j == i} for i in range(len(scope.cases))]
    return [Reading(*parts) for parts in zip(scope.cases, scores, own_estimates, strict=True)]


def _resamples(batch: Batch) -> Resamples:
    units = batch.folds.units
    return draw(units, rng("probe-bootstrap", batch.config.seed, len(units)), batch.config.replicates)


def column(result: ProbeResult, i: int) -> ProbeResult:
    """Return one column of a result."""
    return ProbeResult(result.predictions[:, i : i + 1], result.baseline[:, i : i + 1], result.penalties[:, i : i + 1])


# -- vectors and permuted labels -------------------------------------------------------------------------------------


def _shuffles(batch: Batch, scope: Scope, case: Case) -> dict[str, Shuffle]:
    """Permutations by kind; inside groups in a scope within them, where there is no other kind."""
    units = batch.folds.units
    strata = {"permuted": scope.centre}
    if not scope.is_within:
        strata |= batch.once(
            ("strata", digest([case.target.degree, case.target.community])), partial(strata_of, case.target, units)
        )
    return {name: batch.once(("shuffle", digest([s])), partial(_shuffle, batch, s)) for name, s in strata.items()}


def _shuffle(batch: Batch, strata: NDArray[np.int64]) -> Shuffle:
    keys = ("probe-permutation", batch.config.seed, len(batch.folds.units))
    return shuffled(batch.folds.units, strata, [rng(*keys, p) for p in range(batch.config.permutations)])


def _main(
    batch: Batch, scope: Scope, vectors: Vectors, kinds: list[dict[str, Shuffle]]
) -> tuple[ProbeResult, list[dict[str, NDArray[np.float64]]]]:
    """Fit labels and their permuted copies side by side; return the fit and the copies' scores."""
    copies = [s(case.labels) for case, of_case in zip(scope.cases, kinds, strict=True) for s in of_case.values()]
    labels = np.concatenate([_labels(scope), *copies], axis=1)
    saved = labels.shape[1] - len(scope.cases) if getattr(batch.probe, "scores_copies", False) else 0
    result = batch.probe.fit(_task(batch, scope, (vectors,), labels, saved))
    at, found = len(scope.cases), []
    for of_case in kinds:
        chance = {}
        for name in of_case:
            chance[name] = _scores(batch, labels, result, range(at, at + batch.config.permutations))
            at += batch.config.permutations
        found.append(chance)
    return result, found


def _labels(scope: Scope) -> NDArray[Any]:
    return np.stack([case.labels for case in scope.cases], axis=1)


def _scores(batch: Batch, labels: NDArray[Any], result: ProbeResult, columns: range) -> NDArray[np.float64]:
    if result.scores is not None:
        return result.scores[columns]
    return np.array([batch.probe.score(labels[:, t], result, t).value for t in columns])


def _task(batch: Batch, scope: Scope, blocks: tuple[Vectors, ...], labels: NDArray[Any], copies: int = 0) -> Task:
    return Task(blocks, labels, batch.folds.assignment, scope.centre, copies=copies)


# -- controls without vectors ----------------------------------------------------------------------------------------


def _alone(batch: Batch, scope: Scope, case: Case, main: ProbeResult) -> dict[str, ProbeResult]:
    """Fits that know the covariates, and in the scope of all each group column, but no vectors."""
    designs = designs_of(batch, case)
    wanted = [name for name in designs if not scope.is_within or name == COVARIATES]
    found = {}
    for name in wanted:
        make = partial(_fit_alone, batch, scope, designs[name], case)
        found[name] = batch.once((name, scope.name, case.target.attribute), make)
    trees = trees_of(batch, case)
    if trees is None:
        return found
    said = trees[np.arange(len(trees)), batch.folds.assignment]
    by_trees = ProbeResult(said if not batch.probe.stratified else said[:, None], main.baseline, main.penalties)
    return {COVARIATES: found.pop(COVARIATES), TREES: by_trees, **found}


def _fit_alone(batch: Batch, scope: Scope, blocks: tuple[Vectors, ...], case: Case) -> ProbeResult:
    return batch.probe.fit(_task(batch, scope, blocks, case.labels[:, None]))


def designs_of(batch: Batch, case: Case) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Predictors of each control, kept for all labels with the same columns."""
    return batch.once(("designs", case.columns), partial(control_designs, case.target, case.groups, case.explaining))


def trees_of(batch: Batch, case: Case) -> NDArray[np.float64] | None:
    """Nested predictions of a label by trees, shape (n, folds, classes or 1); None where trees have nothing to add."""
    design = batch.once(("tree design", case.columns), partial(tree_design, case.explaining, case.target.covariates))
    if design is None:
        return None
    classes = int(case.labels.max()) + 1 if batch.probe.stratified else 0
    make = partial(nested_predictions, design, case.labels, batch.folds.assignment, classes)
    return batch.once(("trees", case.target.attribute), make)


def _random(batch: Batch, scope: Scope, i: int, width: int) -> dict[str, ProbeResult]:
    """A fit on normal vectors of the same shape, which are the same for all models of that shape."""
    if scope.is_within:
        return {}

    def fit() -> ProbeResult:
        drawn = rng("random-vectors", batch.config.seed, len(scope.centre), width)
        noise = drawn.standard_normal((len(scope.centre), width), np.float32)
        return batch.probe.fit(_task(batch, scope, (noise,), _labels(scope)))

    return {RANDOM: column(batch.once((RANDOM, width), fit), i)}


# -- what vectors add to covariates ----------------------------------------------------------------------------------


class _Partials:
    """Partial R2 over the better of two readers of the covariates, 1 - SSE_full / SSE_covariates."""

    def __init__(self, batch: Batch, scope: Scope, vectors: Vectors) -> None:
        self.batch, self.scope, self.vectors = batch, scope, vectors
        self._errors: dict[int, NDArray[np.float64]] = {}
        self._linear: dict[str, list[int]] = {}
        self._trees: list[int] = []

    def add(self, i: int, alone: Mapping[str, ProbeResult]) -> None:
        """Take label i with the fits of its covariates."""
        case = self.scope.cases[i]
        errors = {n: self.batch.probe.errors(case.labels, alone[n]) for n in (COVARIATES, TREES) if n in alone}
        if not errors:
            return
        best = min(errors, key=lambda name: float(errors[name].sum()))
        self._errors[i] = errors[best]
        if best == TREES:
            self._trees.append(i)
        else:
            self._linear.setdefault(case.columns, []).append(i)

    def statistics(self) -> Iterator[tuple[int, Statistic]]:
        """Yield the partial R2 of each label that has covariates."""
        full = {i: errors for of_design in self._linear.values() for i, errors in self._beside(of_design)}
        full |= dict(self._beyond_trees())
        for i, errors in full.items():
            yield i, _partial(self.batch, self.scope.cases[i], (errors, self._errors[i]))

    def _beside(self, numbers: list[int]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Errors of covariates and vectors in one model, for labels with the same covariates."""
        cases = [self.scope.cases[i] for i in numbers]
        blocks = (*designs_of(self.batch, cases[0])[COVARIATES], self.vectors)
        labels = np.stack([case.labels for case in cases], axis=1)
        result = self.batch.probe.fit(_task(self.batch, self.scope, blocks, labels))
        for at, (i, case) in enumerate(zip(numbers, cases, strict=True)):
            yield i, self.batch.probe.errors(case.labels, column(result, at))

    def _beyond_trees(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Errors of vectors that read what trees leave: numbers, or memberships minus probabilities, by ridge.

        Columns are outer folds: in column k no tree has seen fold k, nor the row's own fold.
        """
        if not self._trees:
            return
        left = [self._left(self.scope.cases[i]) for i in self._trees]
        reader = Ridge(RidgeConfig()) if self.batch.probe.stratified else self.batch.probe
        labels = np.concatenate([part.reshape(len(part), -1) for part in left], axis=1)
        said = reader.fit(_task(self.batch, self.scope, (self.vectors,), labels)).predictions
        ends = np.cumsum([part[0].size for part in left])[:-1]
        rows, folds = np.arange(len(said)), self.batch.folds.assignment
        for i, part, own in zip(self._trees, left, np.split(said, ends, axis=1), strict=True):
            yield i, ((part - own.reshape(part.shape))[rows, folds] ** 2).sum(axis=1)

    def _left(self, case: Case) -> NDArray[np.float64]:
        trees = trees_of(self.batch, case)
        if trees is None:
            raise ValueError("there are no trees")
        members = np.eye(trees.shape[2])[case.labels] if self.batch.probe.stratified else case.labels[:, None]
        return np.asarray(members[:, None, :] - trees)


def _partial(batch: Batch, case: Case, errors: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Statistic:
    """1 - SSE_full / SSE_covariates, from errors of the full model and of covariates alone."""
    floor = _PERFECT * len(case.labels) * (1.0 if batch.probe.stratified else float(case.labels.var()))
    if errors[1].sum() <= floor:
        _log.info("partial R2 of %s is undefined: the covariates leave nothing to explain", case.target.attribute)

    def combine(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        defined = sums[..., 1] > floor
        return np.where(defined, 1 - sums[..., 0] / np.where(defined, sums[..., 1], 1), np.nan)

    return Statistic(np.stack(errors, axis=1), combine)


def partial_of(reading: Reading) -> Estimate:
    """Partial R2 of a reading, undefined where there are no covariates."""
    return reading.estimates.get("partial", UNDEFINED)
