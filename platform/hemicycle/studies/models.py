"""Steps that make a population: ingest data, build and split the graph, fit or take in every member."""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from hemicycle.core.config import Options, fingerprint
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.pseudonyms import load_key, pseudonymise
from hemicycle.data.schema import Dataset, Relation, is_public
from hemicycle.evaluation.ranking import evaluate, sample_users
from hemicycle.evaluation.reference_lists import listed_only
from hemicycle.graphs.features import FeatureConfig, features
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split, SplitConfig, split, split_given
from hemicycle.population.foreign import Alias, ForeignConfig, foreign_lists, ingest_embeddings, ingest_lists
from hemicycle.population.population import write_records
from hemicycle.recommenders.base import Recommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.comparing import keep_users
from hemicycle.studies.interpretation.rewiring import REWIRED
from hemicycle.studies.steps import Work
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import WHOLE, FitResult, Stretch, fit
from hemicycle.training.options import TrainingOptions


class DataOptions(Options):
    """Identity of a data set: its source, the contents of its files, and which key made its pseudonyms."""

    source: Annotated[Any, SOURCE]
    """Where it comes from."""
    contents: dict[str, str] = Field(default_factory=dict)
    """File name -> hash of its contents."""
    key: str = ""
    """Identifies the pseudonym key without revealing it."""


class GraphOptions(Options):
    """Which relation becomes the graph, what is known beside it, and how it is split."""

    relation: str = ""
    """Name of the relation; empty: the first."""
    also: tuple[str, ...] = ()
    """Other relations of the same users that recommenders may use."""
    features: FeatureConfig = FeatureConfig()
    """Vectors of users and items that recommenders may use."""
    contents: dict[str, str] = Field(default_factory=dict)
    """File name -> hash of its contents, of the files that ``features`` names."""
    split: SplitConfig = SplitConfig()
    """What is withheld."""


class FitOptions(Options):
    """One fit."""

    recommender: Annotated[Any, RECOMMENDER]
    """What is fitted."""
    train: TrainingOptions = TrainingOptions()
    """How."""
    seed: int = 0
    """Keys its start values, its order of edges and its negatives."""
    k: int = 20
    """Length of the evaluated lists."""
    test_users: int = 20_000
    """Users at most in the test, always the same."""


class StretchOptions(FitOptions):
    """A fit up to an epoch; the input ``before``, if there is one, is the stretch from whose end it goes on."""

    until: int
    """Its last epoch."""


class RewiredOptions(FitOptions):
    """A fit on the rewired graph, as a control."""

    original: str
    """Id of the model that was trained on the graph itself."""


class RankOptions(Options):
    """The ranking of one foreign model."""

    record: dict[str, Any]
    """Its record."""
    k: int = 20
    """Length of the evaluated lists."""
    test_users: int = 20_000
    """Users at most in the test, the same as for models of ours."""


class ForeignOptions(Options):
    """One foreign model."""

    member: ForeignConfig
    """Its file."""
    contents: str
    """Hash of the file's contents."""


def relation_of(dataset: Dataset, name: str) -> Relation:
    """Return a relation by name, or the first.

    Raises:
        InputError: there is none of this name.
    """
    if not name and dataset.relations:
        return next(iter(dataset.relations.values()))
    if name not in dataset.relations:
        raise InputError(f"no relation {name!r} in the data", "relation", f"there are: {', '.join(dataset.relations)}")
    return dataset.relations[name]


def graph_of(dataset: Dataset, name: str) -> InteractionGraph:
    """Return the graph of a relation."""
    relation = relation_of(dataset, name)
    n_items = dataset.users.num_rows if relation.social or dataset.items is None else dataset.items.num_rows
    return InteractionGraph.from_relation(relation, dataset.users.num_rows, n_items)


def data_step(work: Work) -> None:
    """Read a source and write its tables."""
    SOURCE.build(work.options.source).read().write(work.out)


def graph_step(work: Work) -> None:
    """Build the graph of a relation and split it."""
    options: GraphOptions = work.options
    split_of(Dataset.read(work.inputs["data"]), options).write(work.out)


def split_of(dataset: Dataset, options: GraphOptions) -> Split:
    """Return the split graph of a relation, with other relations and features beside it."""
    graph = replace(
        graph_of(dataset, options.relation),
        also={name: graph_of(dataset, name) for name in options.also},
        features=features(dataset, options.features),
    )
    if options.split.kind == "given":
        return split_given(graph, graph_of(dataset, options.split.test_relation), options.split)
    return split(graph, options.split)


def fit_step(work: Work) -> None:
    """Fit a recommender, rank its best and its untrained state on the test edges, write the records of both."""
    options: FitOptions = work.options
    parts = Split.read(work.inputs["graph"])
    recommender: Recommender = RECOMMENDER.build(options.recommender)
    stretch = Stretch(options.until, work.inputs.get("before")) if isinstance(options, StretchOptions) else WHOLE
    result = fit(recommender, parts, options.train, options.seed, work.out, group=work.group, stretch=stretch)
    if work.group.rank != 0:
        return
    records = fitted_records(options, work.out.name, recommender, result)
    rows = validation_rows(result, records[0].id)
    for record in records if parts.test.n_edges else ():
        parameters = Checkpoints(work.out).load(record.best_epoch)
        rows += ranking_rows(recommender.scores(parameters, parts.context), work, record)
    work.out.write_table("ranking_results", pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    write_records(work.out, records)


def fitted_records(
    options: FitOptions, identity: str, recommender: Recommender, result: FitResult
) -> list[ModelRecord]:
    """Return the trained model's record and, where there are vectors, that of its untrained twin.

    One that was trained on the rewired graph is itself a twin, and needs none.
    """
    kind = "rung" if isinstance(options, StretchOptions) else REWIRED if isinstance(options, RewiredOptions) else "fit"
    trained = ModelRecord(
        id=identity,
        name="",
        family=options.recommender.model.rsplit(":", 1)[-1].lower(),
        seed=options.seed,
        status="rewired" if isinstance(options, RewiredOptions) else "trained",
        parent=options.original if isinstance(options, RewiredOptions) else "",
        config=options.model_dump(mode="json"),
        folder=f"steps/{kind}/{identity}",
        layers=tuple(recommender.layers),
        epochs=tuple(result.epochs),
        best_epoch=result.best_epoch,
    )
    if not recommender.layers or trained.status == "rewired":
        return [trained]
    twin = {"id": fingerprint({"parent": identity, "status": "untrained"}), "parent": identity, "status": "untrained"}
    return [trained, ModelRecord.from_json(trained.to_json() | twin | {"epochs": (0,), "best_epoch": 0})]


def validation_rows(result: FitResult, record_id: str) -> list[dict[str, Any]]:
    """One row for each epoch and metric of the training history."""
    return [
        {"record_id": record_id, "epoch": int(row["epoch"]), "split": "valid", "metric": name, "value": float(value)}
        | {"ci_low": np.nan, "ci_high": np.nan, "n": np.nan}
        for row in result.history
        for name, value in row.items()
        if name != "epoch" and np.isfinite(value)
    ]


def rank_step(work: Work) -> None:
    """Rank the test edges by a foreign model's lists."""
    options: RankOptions = work.options
    record = ModelRecord.from_json(options.record)
    parts = Split.read(work.inputs["graph"])
    scores = foreign_lists(work.inputs["model"], parts.train.n_items)
    rows = ranking_rows(listed_only(scores), work, record) if scores is not None and parts.test.n_edges else []
    work.out.write_table("ranking_results", pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))


def ranking_rows(scores: Scores, work: Work, record: ModelRecord) -> list[dict[str, Any]]:
    """Test metrics of one checkpoint; NDCG carries its bootstrap interval over users, whose own are kept apart."""
    k, parts = work.options.k, Split.read(work.inputs["graph"])
    users = sample_users(parts.test, work.options.test_users)
    ranking = evaluate(scores, [parts.context, parts.valid], parts.test, k, users)
    keep_users(work.out, record.id, ranking)
    bounds = {f"ndcg@{k}": ranking.interval(f"ndcg@{k}", rng("ranking interval"))}
    common = {"record_id": record.id, "epoch": record.best_epoch, "split": "test", "n": ranking.n}
    return [
        common | {"metric": name, "value": float(value), "ci_low": low, "ci_high": high}
        for name, value in ranking.metrics.items()
        for low, high in [bounds.get(name, (np.nan, np.nan))]
    ]


def foreign_step(work: Work) -> None:
    """Align a foreign model's file with the data and write its record."""
    options: ForeignOptions = work.options
    dataset = Dataset.read(work.inputs["data"])
    layers, epochs = ingest_foreign(options.member, dataset, work.out)
    record = ModelRecord(
        id=work.out.name,
        name="",
        family=options.member.family,
        seed=-1,
        status="foreign",
        config={"file": options.member.path.name},
        folder=f"steps/foreign/{work.out.name}",
        layers=layers,
        epochs=epochs,
        best_epoch=max(epochs),
    )
    write_records(work.out, [record])


def ingest_foreign(member: ForeignConfig, dataset: Dataset, out: Folder) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Write a foreign model's arrays; returns its layers and epochs."""
    users = dataset.users["id"].to_pylist()
    alias = _alias(dataset.users, "users")
    if member.embeddings is not None:
        about = ingest_embeddings(member, users, alias, out)
        return tuple(about["layers"]), tuple(about["epochs"])
    if dataset.items is None:
        ingest_lists(member, (users, users), (alias, alias), out)
    else:
        ids = dataset.items["id"].to_pylist()
        ingest_lists(member, (users, ids), (alias, _alias(dataset.items, "items")), out)
    return (), (0,)


def _alias(table: pa.Table, entity: str) -> Alias:
    """How raw ids of a file become the ids of a table."""
    return list if is_public(table) else lambda ids: pseudonymise(ids, entity, load_key()).to_pylist()
