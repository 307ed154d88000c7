"""Steps that read a population: every record is probed at its layers and checkpoints, and mapped."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.evaluation.ranking import top_k
from hemicycle.evaluation.reference_lists import listed_only
from hemicycle.geometry.projection import Mapped, lists_matrix, map_points, map_table, vectors_from_scores
from hemicycle.population.foreign import listed_users
from hemicycle.population.population import Population
from hemicycle.probes.base import ProbeConfig, probe_table
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.edges import edge_vectors, sample_pairs
from hemicycle.probes.probe import probe_targets
from hemicycle.probes.target import Target
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.entities import column, degrees_of, kind_of, labels_of, pair_targets, table_of, target_of
from hemicycle.studies.steps import Work

__all__ = ["column", "kind_of", "labels_of", "target_of"]
__all__ += ["LISTED", "LISTS", "RANK", "MapOptions", "ProbeOptions", "list_sites", "listed_vectors", "map_step"]
__all__ += ["population_of", "probe_step", "recommends", "record_about", "representation", "seen_by", "sites"]


class ProbeOptions(Options):
    """All probes of one record."""

    record: dict[str, Any]
    """The record."""
    probes: tuple[Annotated[Any, PROBE], ...]
    """What is read."""
    users: Literal["all", "search", "report"] = "all"
    """Which of them: where a search chose models by a probe, the half that it did not see is reported."""
    every_layer: bool = False
    """Read every layer at every checkpoint, not only the read-out along training."""


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
LISTS = "lists"
"""Stands for the layer where only lists are read."""
_log = logging.getLogger(__name__)


def sites(record: ModelRecord, *, every_layer: bool = False) -> list[tuple[str, int]]:
    """Layers and checkpoints that are probed: every layer at the best, the read-out along training.

    With ``every_layer`` all layers at all checkpoints. A derived model is what its transform makes of finished
    parents, so that it has one checkpoint.
    """
    layers = record.layers or (READOUT,)
    last = READOUT if READOUT in layers else layers[-1]
    if record.status == "foreign":
        return [(layer, epoch) for layer in layers for epoch in record.epochs]
    others = [epoch for epoch in record.epochs if epoch != record.best_epoch]
    along = [(layer, epoch) for epoch in others for layer in (layers if every_layer else (last,))]
    return along + [(layer, record.best_epoch) for layer in layers]


def list_sites(record: ModelRecord) -> list[tuple[str, int]]:
    """Checkpoints whose lists are read, under the name ``lists`` instead of a layer's."""
    return list(dict.fromkeys((LISTS, epoch) for _, epoch in sites(record)))


def probe_step(work: Work) -> None:
    """Probe one record at all its sites."""
    options: ProbeOptions = work.options
    record = ModelRecord.from_json(options.record)
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    rows: list[dict[str, Any]] = []
    for reads, places in (("vectors", sites(record, every_layer=options.every_layer)), ("lists", list_sites(record))):
        configs = [config for config in options.probes if config.reads == reads]
        if configs and reads == "lists" and not recommends(population, record):
            _log.info("nobody knows what %s recommends: its lists are not probed", record.family)
            continue
        for layer, epoch in places if configs else ():
            seen = _Seen(population, record, layer, epoch)
            for config in configs:
                for vectors, targets in _asked(seen, config, dataset, options.users):
                    about = record_about(record) | {"layer": layer, "epoch": epoch}
                    rows += probe_targets(vectors, targets, config, about)
    work.out.write_table("probe_results", probe_table(rows))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is seen of a model at one site, made when first asked for."""

    population: Population
    record: ModelRecord
    layer: str
    epoch: int

    @cached_property
    def users(self) -> NDArray[np.floating]:
        """Users' vectors, shape (n_users, d); NaN where the model says nothing."""
        if self.layer == LISTS:
            return listed_vectors(self.population, self.record, self.epoch)
        return representation(self.population, self.record, self.layer, self.epoch)

    @cached_property
    def items(self) -> NDArray[np.floating] | None:
        """Items' vectors, shape (n_items, d); None where the model gives none."""
        if self.layer == LISTS:
            return listed_vectors(self.population, self.record, self.epoch, of_items=True)
        found = self.population.embedding(self.record, self.layer, self.epoch) if self.record.layers else None
        return found.items if found is not None and len(found.items) else None


def _asked(
    seen: _Seen, config: ProbeConfig, dataset: Dataset, part: Literal["all", "search", "report"]
) -> Iterator[tuple[NDArray[np.floating], list[Target]]]:
    """Yield vectors and labels of the entity that a probe reads; nothing where the model has no vectors of it."""
    train, table = seen.population.train, table_of(config, dataset)
    if config.entity == "edge":
        yield from _asked_of_pairs(seen, config, dataset, part)
        return
    vectors = seen.users if config.entity == "user" else seen.items
    if vectors is None:
        _log.info("%s has no vectors of items at %s: not probed", seen.record.name, seen.layer)
        return
    known = np.isfinite(vectors).all(axis=1)
    known &= seen_by(part, len(vectors)) if config.entity == "user" else True
    degrees = degrees_of(config.entity, train)
    targets = [target_of(table, label, degrees, config.entity).select(known) for label in labels_of(config, table)]
    if targets:
        yield vectors[known], targets


def _asked_of_pairs(
    seen: _Seen, config: ProbeConfig, dataset: Dataset, part: Literal["all", "search", "report"]
) -> Iterator[tuple[NDArray[np.floating], list[Target]]]:
    train = seen.population.train
    pairs = sample_pairs(train, config.seed)
    second = seen.users if pairs.social else seen.items
    if second is None or second.shape[1] != seen.users.shape[1]:
        _log.info("%s has no vectors of items at %s: pairs are not probed", seen.record.name, seen.layer)
        return
    half = seen_by(part, len(seen.users))
    known = half[pairs.first] & (half[pairs.second] if pairs.social else True)
    known &= np.isfinite(seen.users[pairs.first]).all(axis=1) & np.isfinite(second[pairs.second]).all(axis=1)
    pairs = pairs.select(known)
    if targets := pair_targets(config, dataset, train, pairs):
        yield edge_vectors(seen.users[pairs.first], second[pairs.second]), targets


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
    if train.n_users * train.n_items <= DENSE:
        return vectors_from_scores(scores(np.arange(train.n_users)), RANK)
    return vectors_from_scores(_lists(scores, population), RANK)


def _lists(scores: Scores, population: Population) -> sp.csr_array:
    """The lists that a model recommends, without what users took already, as a matrix users x items."""
    known = population.context
    lists = top_k(scores, known, np.arange(known.n_users), LISTED)
    users, places = np.nonzero(lists >= 0)
    return lists_matrix(users, lists[users, places], places + 1, (known.n_users, known.n_items))


def listed_vectors(
    population: Population, record: ModelRecord, epoch: int, *, of_items: bool = False
) -> NDArray[np.floating]:
    """What an outsider sees of each user (or item) who only knows the lists: a low-rank summary of them.

    Shape (n, ``RANK``). Rows about whom the lists say nothing are NaN.

    Raises:
        InputError: a model of which only vectors are known.
    """
    scores = population.scores(record, epoch)
    if scores is None:
        remedy = "take in its lists as well, or let probes read vectors"
        raise InputError(f"nobody knows what {record.name or record.family} recommends", "probes: reads: lists", remedy)
    lists = _lists(listed_only(scores) if record.status == "foreign" else scores, population)
    lists = lists.T.tocsr() if of_items else lists
    vectors = vectors_from_scores(lists, RANK)
    vectors[np.diff(lists.indptr) == 0] = np.nan
    return vectors


def recommends(population: Population, record: ModelRecord) -> bool:
    """Whether it is known what a model recommends; of foreign vectors it is not."""
    return record.status != "foreign" or population.scores(record) is not None


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
