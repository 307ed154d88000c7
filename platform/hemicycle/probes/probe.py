"""One call that probes vectors for a label: score, controls and intervals, none without the others."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hemicycle.probes.base import RECORD, ProbeConfig, Row
from hemicycle.probes.cases import Batch, Scope, batches, checked, scopes
from hemicycle.probes.intervals import LEVEL, Estimate
from hemicycle.probes.readings import Reading, partial_of, readings
from hemicycle.probes.target import Target


def probe_embedding(
    vectors: NDArray[np.floating], target: Target, config: ProbeConfig, record: Mapping[str, object]
) -> list[Row]:
    """Say what vectors know about a label that they were not given; see :func:`probe_targets`."""
    return probe_targets(vectors, [target], config, record)


def probe_targets(
    vectors: NDArray[np.floating], targets: Sequence[Target], config: ProbeConfig, record: Mapping[str, object]
) -> list[Row]:
    """Say what vectors know about labels of the same rows that they were not given.

    Users without a label are left out. Folds, permutations and resamples depend on the seed, the label and its groups
    only, so that all models are compared on the same ones. Scopes: ``all``, and for numbers ``within G`` for every
    group column G inside which the label varies (labels centred by the training folds' group means).

    Controls, one row each, chosen by what is known of the label:

    - ``permuted``: mean and 2.5-97.5 % range of permuted labels; between groups where folds are by group, inside
      them in the scope ``within``. ``permuted within degree`` and ``permuted within community`` where the target
      has these.
    - ``random vectors``: normal vectors of the same shape.
    - ``covariates``: groups and covariates without vectors, by the same probe; ``covariates by trees``: by boosted
      trees, where there are several columns or numbers; each group column alone.

    Permutations inside strata, random vectors and single groups stand in the scope ``all``. Partial R2 =
    (R2_full - R2_cov) / (1 - R2_cov) = 1 - SSE_full / SSE_cov, out of fold, over the better of the two readers of
    covariates: beside the probe's the full model has covariates and vectors, beside trees the vectors read what trees
    leave. For classes SSE is the Brier score. It is NaN where covariates are absent or leave nothing to explain (the
    log says which). The p-value is (1 + permuted scores that reach the score) / (1 + permutations) (Phipson & Smyth,
    Statistical Applications in Genetics and Molecular Biology 2010), never below 1 / (1 + permutations).

    Args:
        vectors: shape (n, d).
        targets: labels, groups and covariates of the same n rows; labels may be missing in different rows.
        config: a probe's configuration.
        record: the columns ``RECORD``: whose vectors these are.

    Returns:
        Rows with the columns ``PROBE``, in the order of the targets.

    Raises:
        InputError: vectors that are not finite or not as many as labels, a label that the probe cannot read, too
            few rows, groups or members of a class.
    """
    checked(vectors, targets)
    given = {column: record[column] for column in RECORD}
    found: dict[int, list[Row]] = {}
    for batch in batches(targets, config):
        known = vectors if batch.keep.all() else vectors[batch.keep]
        for scope in scopes(batch):
            for reading in readings(batch, scope, known):
                found.setdefault(reading.case.number, []).extend(_rows(batch, scope, reading))
    return [{**given, **row} for number in sorted(found) for row in found[number]]


def _rows(batch: Batch, scope: Scope, reading: Reading) -> list[Row]:
    """One row a control; every control is fitted and resampled beside the score it belongs to."""
    score = reading.estimates["score"]
    controls = {name: _range(scores) for name, scores in reading.chance.items()}
    controls |= {name: e for name, e in reading.estimates.items() if name not in ("score", "partial")}
    row = _row(batch, scope, reading)
    return [row | _compared(name, control, score) for name, control in controls.items()]


def _range(scores: NDArray[np.float64]) -> Estimate:
    low, high = np.percentile(scores, LEVEL)
    return Estimate(float(np.mean(scores)), float(low), float(high))


def _row(batch: Batch, scope: Scope, reading: Reading) -> Row:
    folds, case = batch.folds, reading.case
    groups = scope.centre if scope.is_within else folds.units
    score, partial, chance = reading.estimates["score"], partial_of(reading), reading.chance["permuted"]
    return {
        "entity": case.target.entity,
        "attribute": case.target.attribute,
        "scope": scope.name,
        "probe": batch.config.probe,
        "cv": folds.cv,
        "n": len(case.labels),
        "n_groups": len(np.unique(groups)) if scope.is_within or folds.by else 0,
        "score_name": batch.probe.score_name,
        "score": score.value,
        "ci_low": score.low,
        "ci_high": score.high,
        "p_value": (1 + int((chance >= score.value).sum())) / (1 + len(chance)),
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
