"""Steps that read a population: every record is probed at its layers and checkpoints, and mapped."""

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.evaluation.ranking import top_k
from hemicycle.population.foreign import listed_users
from hemicycle.population.population import Population
from hemicycle.probes.base import ProbeConfig, probe_table
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.projection import Mapped, lists_matrix, map_points, map_table, vectors_from_scores
from hemicycle.probes.target import Target
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.steps import Work


class ProbeOptions(Options):
    """All probes of one record."""

    record: dict[str, Any]
    """The record."""
    probes: tuple[Annotated[Any, PROBE], ...]
    """What is read."""
    users: Literal["all", "search", "report"] = "all"
    """Which of them: where a search chose models by a probe, the half that it did not see is reported."""


class MapOptions(Options):
    """A map of one record."""

    record: dict[str, Any]
    """The record."""
    label: str
    """Label that orients the first axis and colours the cells."""
    group: str = ""
    """Group column shown beside it."""


DENSE = 20_000_000
"""Scores that are held in memory to summarise a model without vectors; above, its lists are used."""
RANK = 16
"""Columns of that summary."""
LISTED = 20
"""Length of the lists."""


def sites(record: ModelRecord) -> list[tuple[str, int]]:
    """Layers and checkpoints that are probed: every layer at the best, the read-out along training."""
    layers = record.layers or (READOUT,)
    last = READOUT if READOUT in layers else layers[-1]
    if record.status == "foreign":
        return [(layer, epoch) for layer in layers for epoch in record.epochs]
    along = [(last, epoch) for epoch in record.epochs if epoch != record.best_epoch]
    return along + [(layer, record.best_epoch) for layer in layers]


def probe_step(work: Work) -> None:
    """Probe one record at all its sites."""
    record = ModelRecord.from_json(work.options.record)
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    degrees = np.asarray(population.train.degrees, float)
    rows: list[dict[str, Any]] = []
    for layer, epoch in sites(record):
        vectors = representation(population, record, layer, epoch)
        known = np.isfinite(vectors).all(axis=1) & seen_by(work.options.users, len(vectors))
        about = record_about(record) | {"layer": layer, "epoch": epoch}
        for config in work.options.probes:
            for label in labels_of(config, dataset.users):
                target = target_of(dataset.users, label, degrees).select(known)
                rows += probe_embedding(vectors[known], target, config, about)
    work.out.write_table("probe_results", probe_table(rows))


def map_step(work: Work) -> None:
    """Project one record's read-out on two axes."""
    options: MapOptions = work.options
    record = ModelRecord.from_json(options.record)
    users = Dataset.read(work.inputs["data"]).users
    layer, epoch = sites(record)[-1]
    vectors = representation(population_of(work, record), record, layer, epoch)
    known = np.isfinite(vectors).all(axis=1)
    names = _names(users)
    about = Mapped(
        options.label,
        column(users, options.label)[known],
        column(users, options.group)[known] if options.group else None,
        names[known] if names is not None else None,
        public=is_public(users),
    )
    rows = map_points(vectors[known], about, record_about(record) | {"layer": layer, "epoch": epoch})
    work.out.write_table("map_points", map_table(rows))


def representation(population: Population, record: ModelRecord, layer: str, epoch: int) -> NDArray[np.floating]:
    """Users' vectors of a model; without vectors, a low-rank summary of the scores or lists that it gives them.

    Rows of users about whom a foreign model says nothing are NaN.
    """
    embedding = population.embedding(record, layer, epoch) if record.layers else None
    if embedding is not None:
        return embedding.users
    scores = population.scores(record, epoch)
    if scores is None:
        raise ValueError(f"the model {record.id} has neither vectors nor lists")
    vectors = _summary(scores, population)
    if record.status == "foreign":
        vectors[~listed_users(population.store / record.folder)] = np.nan
    return vectors


def _summary(scores: Scores, population: Population) -> NDArray[np.floating]:
    train = population.train
    everyone = np.arange(train.n_users)
    if train.n_users * train.n_items <= DENSE:
        return vectors_from_scores(scores(everyone), RANK)
    lists = top_k(scores, train, everyone, LISTED)
    users, places = np.nonzero(lists >= 0)
    shape = (train.n_users, train.n_items)
    return vectors_from_scores(lists_matrix(users, lists[users, places], places + 1, shape), RANK)


def column(table: pa.Table, name: str) -> NDArray[Any]:
    """A column as numpy: numbers with NaN, or texts with None where missing."""
    return np.asarray(table[name].to_pandas())


def labels_of(config: ProbeConfig, users: pa.Table) -> list[str]:
    """Labels that a probe reads: those it names, or every label of a type that it can read."""
    if config.labels:
        return list(config.labels)
    wanted = "number" if config.probe == "ridge" else "class"
    return [name for name in with_role(users, "label") if kind_of(users, name) == wanted]


def kind_of(users: pa.Table, label: str) -> str:
    """``number`` or ``class``."""
    found = users.schema.field(label).type
    return "number" if pa.types.is_floating(found) or pa.types.is_integer(found) else "class"


def target_of(users: pa.Table, label: str, degrees: NDArray[np.floating]) -> Target:
    """A label with the groups and covariates that its controls need; the degree counts as a covariate."""
    groups = {name: column(users, name) for name in with_role(users, "group") if name != label}
    covariates = {name: column(users, name) for name in with_role(users, "covariate") if name != label}
    return Target(label, column(users, label), groups, covariates | {"degree": np.log1p(degrees)})


def seen_by(part: Literal["all", "search", "report"], n_users: int) -> NDArray[np.bool_]:
    """Tell which users a part of the study may look at, shape (n_users,): all, or either of two random halves."""
    half = keyed_uniform(key_of("probe users"), np.arange(n_users), np.zeros(1, np.int64))[:, 0] < 1 / 2
    return np.ones(n_users, bool) if part == "all" else half if part == "search" else ~half


def population_of(work: Work, record: ModelRecord) -> Population:
    """Return one record as a population, from the inputs ``model`` and ``graph`` of a step."""
    return Population(_store_of(work.inputs["model"]), work.inputs["graph"], (record,))


def _store_of(folder: Folder) -> Folder:
    """Root of the store in which a step's folder lies."""
    return Folder(folder.uri.rsplit("/steps/", 1)[0])


def _names(users: pa.Table) -> NDArray[np.str_] | None:
    """What public users are called."""
    if not is_public(users):
        return None
    column = next(iter(with_role(users, "name")), "id")
    return np.asarray(users[column].to_pandas()).astype(str)


def record_about(record: ModelRecord) -> dict[str, Any]:
    """Columns that say whose vectors were probed."""
    return {
        "record_id": record.id,
        "name": record.name,
        "family": record.family,
        "seed": record.seed,
        "status": record.status,
    }
