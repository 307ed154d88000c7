"""Attribute inference: how well somebody who knows an attribute of a few users infers that of all others.

A privacy measure (Beigi et al., WSDM 2020; Weinsberg et al., RecSys 2012): the attacker sees every user's vector, or
only the lists that are recommended to them, has the labels of a fraction of the users drawn at random, and fits a probe
to them, penalties chosen on folds of these. What counts is the advantage over an attacker who sees the covariates
alone, and over one who only knows the majority or the mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.evaluation.intervals import resamples
from hemicycle.probes.base import RECORD, Probe, ProbeConfig, ProbeResult, Row, Task
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.controls import control_designs
from hemicycle.probes.intervals import LEVEL
from hemicycle.probes.target import Target, encode, is_numeric

Array = NDArray[np.float64]
ATTACK_RESULTS = "attack_results"
ATTACK = (
    *RECORD,
    *("reads", "attribute", "attacker", "known", "n_known", "n_hidden", "draws", "score_name"),
    *("score", "ci_low", "ci_high", "control", "control_score", "control_low", "control_high"),
    *("advantage", "advantage_low", "advantage_high"),
)
"""Columns of the table of attacks: one row a fraction of known labels, a score and a control."""
_KINDS = dict.fromkeys(("seed", "epoch", "n_known", "n_hidden", "draws"), pa.int64())
_TEXTS = dict.fromkeys(("reads", "attribute", "attacker", "score_name", "control"), pa.string())
_TEXTS |= dict.fromkeys((c for c in RECORD if c not in _KINDS), pa.string())
ATTACK_SCHEMA = pa.schema([(column, {**_KINDS, **_TEXTS}.get(column, pa.float64())) for column in ATTACK])
"""Arrow schema of that table."""
LEAST_KNOWN = 3
"""Known users for each fold on which an attacker chooses penalties; with fewer, a fraction is left out."""


class AttackConfig(Options):
    """An attacker."""

    reads: Literal["vectors", "lists"] = "vectors"
    """What the attacker sees of each user."""
    labels: tuple[str, ...] = ()
    """Attributes to be inferred; empty: every label."""
    known: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.01, 0.1, 0.5)
    """Fractions of users whose labels the attacker has."""
    numbers: Annotated[Any, PROBE] = Field("ridge", validate_default=True)
    """Probe with which numbers are inferred."""
    classes: Annotated[Any, PROBE] = Field("logistic", validate_default=True)
    """Probe with which classes are inferred."""
    draws: int = Field(5, ge=1)
    """Draws of who is known."""
    folds: int = Field(4, ge=3)
    """Folds of the known users on which penalties are chosen."""
    replicates: int = Field(1000, ge=100)
    """Bootstrap replicates over the other users, all draws together."""
    seed: int = 0
    """Keys the draws; all models share them."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """One draw: who is known, and what attackers say of the others."""

    labels: NDArray[Any]
    said: Mapping[str, tuple[Array, Array]]


def attack(vectors: NDArray[np.floating], target: Target, config: AttackConfig, record: Mapping[str, Any]) -> list[Row]:
    """Infer a label of most users from that of a few; rows of the table ``ATTACK``.

    Scores are means over draws of balanced accuracy (and the area under the ROC curve of two classes) or R2 over the
    users whose label is hidden; intervals hold draws and the bootstrap over these users, and the advantage is taken
    within each. Groups do not keep anybody from being known: the attacker may know a user's party comrades.

    Args:
        vectors: shape (n, d).
        target: label, groups and covariates of the same n rows.
        config: the attacker.
        record: the columns ``RECORD``.

    Raises:
        InputError: vectors that do not fit, or so few labels that no fraction of them can be attacked from.
    """
    where = f"attack on {target.attribute}"
    if len(vectors) != len(target.values) or not np.isfinite(vectors).all():
        raise InputError("vectors that are not finite or not as many as labels", where, "leave such rows out")
    known = target.known
    vectors, target = vectors[known], target.select(known)
    numbers = is_numeric(target.values)
    reader: ProbeConfig = config.numbers if numbers else config.classes
    probe: Probe = PROBE.build(reader)
    labels = probe.read(target.values)
    given = {column: record[column] for column in RECORD} | {"reads": config.reads, "attribute": target.attribute}
    given |= {"attacker": reader.probe, "draws": config.draws}
    enough = [f for f in config.known if int(f * len(labels)) >= LEAST_KNOWN * config.folds]
    if not enough:
        remedy = f"know a larger fraction, or have {LEAST_KNOWN * config.folds} labels known"
        raise InputError(f"{len(labels)} labels are too few for the fractions known", where, remedy)
    designs = {"vectors": (vectors,)} | _covariates(target)
    rows = []
    for fraction in enough:
        scenes = [_scene(probe, labels, designs, (config, fraction, number)) for number in range(config.draws)]
        about = {"known": fraction, "n_known": int(fraction * len(labels))}
        rows += [{**given, **about, **row} for row in _rows(probe, scenes, config)]
    return rows


def _covariates(target: Target) -> dict[str, tuple[NDArray[np.float64], ...]]:
    coded = {name: encode(values) for name, values in target.groups.items()}
    groups = {name: codes for name, (codes, levels) in coded.items() if levels > 1}
    designs = control_designs(target, groups)
    return {"covariates": designs["covariates"]} if "covariates" in designs else {}


def _scene(
    probe: Probe,
    labels: NDArray[Any],
    designs: Mapping[str, tuple[NDArray[np.floating], ...]],
    draw: tuple[AttackConfig, float, int],
) -> _Scene:
    """Fold 0 are the users to be attacked; the known ones are dealt to the folds 1, 2, ... class by class."""
    config, fraction, number = draw
    drawn = rng("attack", config.seed, len(labels), int(fraction * len(labels)), number)
    order = drawn.permutation(len(labels))
    mine = order[: int(fraction * len(labels))]
    if probe.stratified:
        mine = mine[np.argsort(labels[mine], kind="stable")]
    folds = np.zeros(len(labels), np.int64)
    folds[mine] = 1 + np.arange(len(mine)) % config.folds
    centre = np.zeros(len(labels), np.int64)
    hidden = folds == 0
    said = {}
    for name, blocks in designs.items():
        result = probe.fit(Task(blocks, labels[:, None], folds, centre, (0,)))
        said[name] = result.predictions[hidden], result.baseline[hidden]
    said["majority"] = said["vectors"][1], said["vectors"][1]
    return _Scene(labels[hidden], said)


def _rows(probe: Probe, scenes: Sequence[_Scene], config: AttackConfig) -> Iterator[Row]:
    """One row a score and a control."""
    hidden = len(scenes[0].labels)
    about = {"n_hidden": hidden}
    for score_name, found in _scores(probe, scenes, config).items():
        for control in found:
            if control != "vectors":
                told = _summary("", found["vectors"]) | _summary("control_", found[control])
                told |= _summary(
                    "advantage_", tuple(a - b for a, b in zip(found["vectors"], found[control], strict=True))
                )
                yield {**about, "score_name": score_name, "control": control, **told}


def _summary(prefix: str, found: tuple[Array, ...]) -> Row:
    """Mean over draws (draws,) and percentiles of all replicates (draws, replicates)."""
    low, high = np.nanpercentile(found[1], LEVEL) if np.isfinite(found[1]).any() else (np.nan, np.nan)
    names = {"": ("score", "ci_low", "ci_high"), "advantage_": ("advantage", "advantage_low", "advantage_high")}
    return dict(
        zip(
            names.get(prefix, (f"{prefix}score", f"{prefix}low", f"{prefix}high")),
            (float(found[0].mean()), float(low), float(high)),
            strict=True,
        )
    )


def _scores(probe: Probe, scenes: Sequence[_Scene], config: AttackConfig) -> dict[str, dict[str, tuple[Array, Array]]]:
    """Score -> attacker -> values (draws,) and bootstrap replicates (draws, replicates)."""
    names = [probe.score_name]
    two = probe.stratified and scenes[0].said["vectors"][0].shape[-1] == 2
    found: dict[str, dict[str, tuple[Array, Array]]] = {}
    for name in [*names, "auc"] if two else names:
        found[name] = {}
        for attacker in scenes[0].said:
            drawn = [_replicated(probe, scene, attacker, (name, config, d)) for d, scene in enumerate(scenes)]
            found[name][attacker] = np.array([value for value, _ in drawn]), np.stack([many for _, many in drawn])
    return found


def _replicated(
    probe: Probe, scene: _Scene, attacker: str, given: tuple[str, AttackConfig, int]
) -> tuple[float, Array]:
    name, config, number = given
    generator = rng("attack-bootstrap", config.seed, len(scene.labels), number)
    weights = resamples(len(scene.labels), generator, max(1, config.replicates // config.draws))
    predictions, baseline = scene.said[attacker]
    if name == "auc":
        ranks = predictions[:, 0, 1]
        return float(auc(scene.labels, ranks, np.ones((1, len(ranks))))[0]), np.concatenate(
            [auc(scene.labels, ranks, w) for w in weights]
        )
    statistic = probe.score(scene.labels, ProbeResult(predictions, baseline, np.empty((0, 1))))
    return statistic.value, np.concatenate([statistic.combine(w @ statistic.terms) for w in weights])


def auc(labels: NDArray[np.integer], values: Array, weights: Array) -> Array:
    """Area under the ROC curve of two classes: chance that a member of class 1 has the larger value, ties by half.

    Args:
        labels: 0 or 1, shape (n,).
        values: shape (n,).
        weights: how often each row counts, shape (b, n).

    Returns:
        Shape (b,); NaN where a class has no weight.
    """
    order = np.argsort(values, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(values[order]) > 0))
    one, two = (np.add.reduceat((weights * (labels == c))[:, order], first, axis=1) for c in (0, 1))
    below = np.cumsum(one, axis=1) - one / 2
    pairs = one.sum(axis=1) * two.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((below * two).sum(axis=1) / pairs)


def attack_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows of attacks as one table."""
    return pa.Table.from_pylist([dict(row) for row in rows], ATTACK_SCHEMA)
