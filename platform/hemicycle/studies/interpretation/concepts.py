"""Steps that look for concepts in a record: in which direction each label lies, and what is recommended along it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import Dataset, with_role
from hemicycle.probes.cav import CAV_RESULTS, cav_table, concept_rows
from hemicycle.probes.folds import FoldPlan
from hemicycle.probes.target import encode, is_numeric
from hemicycle.studies.entities import column, degrees_of, target_of
from hemicycle.studies.probing import population_of, record_about
from hemicycle.studies.steps import Step, Work


class ConceptOptions(Options):
    """The concepts that are looked for in one record."""

    record: dict[str, Any] = Field(default_factory=dict)
    """The record."""
    labels: tuple[str, ...] = ()
    """Attributes whose concepts are looked for; empty: every label and group."""
    folds: int = Field(5, ge=3, le=20)
    """Folds, without each of which a direction is fitted."""
    permutations: int = Field(100, ge=20)
    """Permuted labels with which a concept is compared."""
    seed: int = 0
    """Keys folds and permutations."""


def concept_step(work: Work) -> None:
    """Write the concepts of every layer of the best checkpoint, against the items' vectors of the same layer."""
    options: ConceptOptions = work.options
    record = ModelRecord.from_json(options.record)
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    degrees, rows = degrees_of("user", population.train), []
    for layer in record.layers:
        vectors = population.embedding(record, layer, record.best_epoch)
        if vectors is None:
            continue
        known = np.isfinite(vectors.users).all(axis=1)
        for label in _labels(options, dataset):
            target = target_of(dataset.users, label, degrees).select(known)
            about = record_about(record) | {"layer": layer, "epoch": record.best_epoch}
            plan = FoldPlan(options.folds, options.seed)
            given = np.asarray(vectors.users[known]), np.asarray(vectors.items)
            rows += concept_rows(given, target, about, plan, options.permutations)
    work.out.write_table(CAV_RESULTS, cav_table(rows))


def _labels(options: ConceptOptions, dataset: Dataset) -> list[str]:
    """The labels that are named, or all labels and groups of several values."""
    if options.labels:
        return list(options.labels)
    names = [*with_role(dataset.users, "label"), *with_role(dataset.users, "group")]
    values = {name: column(dataset.users, name) for name in names}
    return [name for name, found in values.items() if is_numeric(found) or encode(found)[1] > 1]


def concept_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: ConceptOptions) -> list[Step]:
    """Return the step that looks for concepts in one record; none for a record without vectors.

    Args:
        record: of any status.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: labels, folds and permutations; the record in it is replaced.
    """
    if not record.layers:
        return []
    return [Step("concept", f"concepts {title}", concept_step, options.replace(record=record.to_json()), inputs)]
