"""Steps that attack a record: what somebody who knows a few users' attributes infers about all others."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import Dataset, with_role
from hemicycle.population.population import Population
from hemicycle.probes.attacks import ATTACK_RESULTS, AttackConfig, attack, attack_table
from hemicycle.studies.entities import degrees_of, target_of
from hemicycle.studies.probing import (
    LISTS,
    listed_vectors,
    population_of,
    record_about,
    representation,
    sites,
)
from hemicycle.studies.steps import Step, Work


class AttackOptions(Options):
    """All attacks on one record."""

    record: dict[str, Any] = Field(default_factory=dict)
    """The record."""
    attacks: tuple[AttackConfig, ...] = (AttackConfig(), AttackConfig(reads="lists"))
    """The attackers."""


def attack_step(work: Work) -> None:
    """Attack the vectors that score recommendations, or the lists themselves, of the best checkpoint."""
    options: AttackOptions = work.options
    record = ModelRecord.from_json(options.record)
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    degrees, rows = degrees_of("user", population.train), []
    for config in options.attacks:
        for layer, epoch, vectors in _seen_by(config, population, record):
            known = np.isfinite(vectors).all(axis=1)
            for label in config.labels or with_role(dataset.users, "label"):
                target = target_of(dataset.users, label, degrees).select(known)
                about = record_about(record) | {"layer": layer, "epoch": epoch}
                rows += attack(vectors[known], target, config, about)
    work.out.write_table(ATTACK_RESULTS, attack_table(rows))


def _seen_by(
    config: AttackConfig, population: Population, record: ModelRecord
) -> Iterator[tuple[str, int, NDArray[np.floating]]]:
    """Layer, checkpoint and vectors that an attacker sees; nothing where the model has none of the kind."""
    layer, epoch = sites(record)[-1]
    if config.reads == "lists":
        if population.scores(record, epoch) is not None:
            yield LISTS, epoch, listed_vectors(population, record, epoch)
    elif record.layers:
        yield layer, epoch, representation(population, record, layer, epoch)


def attack_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: AttackOptions) -> list[Step]:
    """Return the step that attacks one record.

    Args:
        record: of any status.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: the attackers; the record in it is replaced.
    """
    chosen = options.replace(record=record.to_json())
    return [Step("attack", f"attack {title}", attack_step, chosen, inputs)]
