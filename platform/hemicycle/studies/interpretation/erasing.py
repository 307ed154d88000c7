"""Steps that erase labels from a trained model: what is still read, what it costs, and whether it grows back."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import Dataset, is_public
from hemicycle.evaluation.ranking import sample_users
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.population.derived import Derivation
from hemicycle.population.population import Population
from hemicycle.probes.base import ProbeConfig
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.erasure import leakage
from hemicycle.probes.target import Target
from hemicycle.studies.interpretation.erasing_labels import erased_labels, is_class, label_of, teachers
from hemicycle.studies.interpretation.erasing_measures import QUALITY, Judge, Judged, sides_of
from hemicycle.studies.interpretation.regrowing import Regrowth, regrowth_of
from hemicycle.studies.probing import target_of
from hemicycle.studies.sides import side_column
from hemicycle.studies.steps import Cost, Step, Work, store_of
from hemicycle.transforms.base import PARENT, Scene
from hemicycle.transforms.erase import EraseConfig, Site, SiteName, site_of
from hemicycle.transforms.erasers import Eraser, EraserOptions, Method, fit, label_columns

_LOG = logging.getLogger(__name__)
ERASURE = "erasure_results"
"""Table: one row a record, eraser, strength (or epoch of regrowth) and measure."""
_WORDS = ("record_id", "phase", "method", "site", "measure", "metric", "attribute", "reader", "by", "group", "labels")
_NUMBERS = (
    *("strength", "value", "ci_low", "ci_high", "control", "control_low", "control_high", "selectivity"),
    *("majority", "difference", "difference_low", "difference_high"),
)
ERASURE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _WORDS),
        *((name, pa.int64()) for name in ("rank", "draw", "epoch", "n")),
        *((name, pa.float64()) for name in _NUMBERS),
    ]
)
"""``phase``: ``erased`` or ``regrown``. ``measure``: ``leakage`` (score, with the permuted control, by ``reader`` of
``attribute``), ``quality`` or ``exposure`` (of the lists of all users, or of the ``group`` of column ``by``).
``difference`` is to the same measure before erasure, user by user. ``rank``: directions taken away; the control of a
method is ``random`` of the same rank, of which there are several ``draw``."""
Rows = list[dict[str, Any]]
_CLASSES, _NUMERIC = ("least_squares", "mlp_classes", "knn_classes"), ("ridge", "mlp", "knn")


class ErasingOptions(Options):
    """Erasure from one record."""

    record: dict[str, Any] = Field(default_factory=dict)
    """The record."""
    labels: tuple[str, ...] = ()
    """Users' labels that are erased together and read afterwards; empty: the first label."""
    methods: tuple[Method, ...] = Field(("leace", "inlp", "mean"), min_length=1)
    """Erasers. Random directions, as many as a method takes away, stand beside each."""
    sites: tuple[SiteName, ...] = Field(("both",), min_length=1)
    """Where: ``users``, ``items``, ``both``, ``layer``."""
    strengths: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field((0.0, 0.25, 0.5, 0.75, 1.0), min_length=1)
    """Shares t of what is taken away; 0, against which everything is compared, is always measured."""
    readers: tuple[Annotated[Any, PROBE], ...] = ()
    """Readers of what is left; empty: a linear one, an MLP and nearest neighbours, as suits each label."""
    rounds: int = Field(8, ge=1)
    """Readers that ``inlp`` takes away in turn."""
    draws: int = Field(3, ge=1)
    """Random directions whose cost in quality is measured; leakage is read after the first."""
    share: float = Field(0.8, gt=0, le=1)
    """Share of the labelled users from whom the eraser of the recommendations is learnt."""
    least_links: int = Field(0, ge=0)
    """Labels of users with fewer training links count as unknown: nothing could be known of them."""
    side: str = ""
    """Users' column of political groups; empty: the first group or label."""
    k: int = Field(20, ge=1)
    """Length of the lists."""
    test_users: int = Field(20_000, ge=1)
    """Users at most whose lists are measured, the same as in the test."""
    regrow_epochs: int = Field(0, ge=0)
    """Epochs for which training goes on after erasure from the table; 0: it does not."""
    regrow_methods: tuple[Method, ...] = ("leace",)
    """After which erasers."""
    regrow_folds: int = Field(0, ge=0)
    """Outer folds in which it is followed, each a training of its own; 0: all."""
    seed: int = 0
    """Key of random directions."""


def erase_step(work: Work) -> None:
    """Erase labels from one record by every method, site and strength, and write what that does."""
    erasure = Erasure.of(work)
    rows = [row for name, site in _sites(erasure) for row in _site_rows(erasure, name, site)]
    rows += _regrown(erasure)
    common = {"record_id": erasure.record.id, "labels": ", ".join(erasure.readers)}
    work.out.write_table(ERASURE, pa.Table.from_pylist([common | row for row in rows], ERASURE_SCHEMA))


@dataclass(frozen=True, eq=False)
class Erasure:
    """What stays the same whatever is erased how.

    Args:
        options: methods, sites, strengths, readers.
        record: whose vectors.
        parts: the split graph.
        scene: the record as the parent of a transform.
        targets: labels that are erased and read.
        readers: attribute -> its readers.
        judge: measures lists.
    """

    options: ErasingOptions
    record: ModelRecord
    parts: Split
    scene: Scene
    targets: Sequence[Target]
    readers: Mapping[str, Sequence[ProbeConfig]]
    judge: Judge

    @classmethod
    def of(cls, work: Work) -> "Erasure":
        """Read the inputs of a step.

        Raises:
            InputError: the record has no vectors, or there is no label of a name.
        """
        options: ErasingOptions = work.options
        record = ModelRecord.from_json(options.record)
        dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
        labels = erased_labels(dataset, options.labels)
        side = options.side or side_column(dataset, "") or labels[0]
        attributes = sides_of(dataset, parts.context, EraseConfig(side=side))
        store = store_of(work.inputs["model"])
        scores = Population(store, work.inputs["graph"], (record,)).scores
        scene = Derivation({PARENT: record}, attributes, store=store).scene(parts, options.k, scores)
        users = sample_users(parts.test if parts.test.n_edges else parts.context, options.test_users)
        judge = Judge(parts, users, attributes, scene.vectors, side, is_public(dataset.users), options.k)
        targets = [_target(dataset, parts.context, label, options.least_links) for label in labels]
        readers = {label: readers_of(options, classes=is_class(dataset, label)) for label in labels}
        return cls(options, record, parts, scene, targets, readers, judge)

    @cached_property
    def columns(self) -> NDArray[np.float64]:
        """Labels as erasers are fitted to them, shape (n_users, k)."""
        return label_columns([target.values for target in self.targets])

    @cached_property
    def before(self) -> Judged:
        """Lists before anything is erased."""
        return self.judge.measure(self.scene.parent)

    @cached_property
    def teachers(self) -> NDArray[np.bool_]:
        """Users from whom the eraser of the recommendations is learnt."""
        return teachers(self.columns, self.options.share)

    def fitted(self, vectors: NDArray[np.floating], rows: NDArray[np.bool_], spec: EraserOptions) -> Eraser:
        """Fit an eraser on some users."""
        return fit(vectors[rows], self.columns[rows], spec)

    def settings(self, vectors: NDArray[np.floating], methods: Sequence[Method]) -> Iterator[EraserOptions]:
        """Yield erasers, and for every rank that they have the random directions that are their control."""
        made = [EraserOptions(method=name, rounds=self.options.rounds) for name in methods if name != "random"]
        yield from made
        ranks = {self.fitted(vectors, self.teachers, spec).rank for spec in made} or {1}
        for rank in sorted(ranks - {0}):
            for draw in range(self.options.draws):
                yield EraserOptions(method="random", rank=rank, seed=self.options.seed + draw)


def readers_of(options: ErasingOptions, *, classes: bool) -> list[ProbeConfig]:
    """Readers that suit a label: of classes or of numbers.

    Raises:
        InputError: none of those that are given does.
    """
    names = _CLASSES if classes else _NUMERIC
    given = options.readers or tuple(PROBE.validate({"probe": name}) for name in names)
    found = [config for config in given if PROBE.resolve(config.probe).stratified == classes]
    if not found:
        kind = "classes" if classes else "numbers"
        raise InputError(f"no reader of {kind} among the readers", "readers", f"name one of {', '.join(names)}")
    return found


def _target(dataset: Dataset, graph: InteractionGraph, label: str, least_links: int) -> Target:
    """A label with its groups; what names classes is read as such."""
    degrees = np.asarray(graph.degrees + graph.item_degrees if graph.social else graph.degrees, np.float64)
    values = label_of(dataset, label).copy()
    values[degrees < least_links] = None if values.dtype.kind == "O" else np.nan
    return replace(target_of(dataset.users, label, degrees), values=values)


def _sites(erasure: Erasure) -> Iterator[tuple[SiteName, Site]]:
    """Yield the sites that the model has; the log says which it lacks.

    Raises:
        InputError: it has none.
    """
    lacking: list[InputError] = []
    for name in erasure.options.sites:
        try:
            site = site_of(erasure.scene, name)
        except InputError as error:
            _LOG.warning("nothing is erased from %s at the site %s: %s", erasure.record.family, name, error)
            lacking.append(error)
        else:
            yield name, site
    if len(lacking) == len(erasure.options.sites):
        raise lacking[0]


# -- erased ----------------------------------------------------------------------------------------------------------


def _site_rows(erasure: Erasure, name: SiteName, site: Site) -> Iterator[dict[str, Any]]:
    """Yield what every eraser does at one site, and what was there before."""
    later = sorted(set(erasure.options.strengths) - {0.0})
    untouched = leakage(lambda _: [(0.0, _users(site, None, 0.0))], erasure.targets, erasure.readers)
    for spec in erasure.settings(site.vectors, erasure.options.methods):
        eraser = erasure.fitted(site.vectors, erasure.teachers, spec)
        about = _about(erasure, spec, eraser) | {"phase": "erased", "site": name, "epoch": 0}
        yield from (about | {"strength": 0.0} | row for row in _judged(erasure, erasure.before))
        for strength in later:
            judged = erasure.judge.measure(site.scores(eraser, strength))
            yield from (about | {"strength": strength} | row for row in _judged(erasure, judged))
        if about["draw"] == 0:
            found = [*untouched, *_leakage(erasure, site, spec, later)]
            yield from (about | {"strength": row["at"]} | cell for row in found for cell in _leaked(row))


def _about(erasure: Erasure, spec: EraserOptions, eraser: Eraser) -> dict[str, Any]:
    draw = spec.seed - erasure.options.seed if spec.method == "random" else 0
    return {"method": spec.method, "rank": eraser.rank, "draw": draw}


def _users(site: Site, eraser: Eraser | None, strength: float) -> NDArray[np.floating]:
    """Users' vectors at a site; those from before without an eraser."""
    width = site.vectors.shape[1]
    nothing = Eraser(np.zeros(width), np.zeros((width, 0)), np.zeros((0, width)))
    return site.embed(eraser or nothing, strength).users


def _leakage(erasure: Erasure, site: Site, spec: EraserOptions, strengths: Sequence[float]) -> Rows:
    """What readers find at some strengths, erasers fitted anew for every held-out fold."""

    def variants(train: NDArray[np.bool_]) -> Iterator[tuple[float, NDArray[np.floating]]]:
        eraser = erasure.fitted(site.vectors, train, spec)
        return ((strength, _users(site, eraser, strength)) for strength in strengths)

    return leakage(variants, erasure.targets, erasure.readers)


def _leaked(row: Mapping[str, Any]) -> Rows:
    """Rows of one reader: its score, and for classes its accuracy beside the majority's share."""
    common = {"measure": "leakage", "attribute": row["attribute"], "reader": row["probe"], "n": row["n"]}
    common |= {"majority": row["majority"]}
    names = {"value": "score", "control": "control_score"}
    names |= {name: name for name in ("ci_low", "ci_high", "control_low", "control_high", "selectivity")}
    rows = [common | {"metric": row["score_name"]} | {name: row[column] for name, column in names.items()}]
    if np.isfinite(row["accuracy"]):
        ends = {"ci_low": row["accuracy_low"], "ci_high": row["accuracy_high"]}
        rows.append(common | {"metric": "accuracy", "value": row["accuracy"], "control": row["majority"]} | ends)
    return rows


def _judged(erasure: Erasure, judged: Judged) -> Iterator[dict[str, Any]]:
    for row in erasure.judge.rows(judged, erasure.before):
        kind = "quality" if row["metric"].split("@")[0] in QUALITY else "exposure"
        yield {"measure": kind, **row}


# -- regrown ---------------------------------------------------------------------------------------------------------


def _regrown(erasure: Erasure) -> Rows:
    """What readers find, and how good the lists are, while training goes on from the altered table."""
    options, scene = erasure.options, erasure.scene
    model = scene.trained() if options.regrow_epochs and scene.trained is not None else None
    graphs = {"train": erasure.parts.train, "known": erasure.parts.context}
    regrowth = model and regrowth_of(erasure.record, model, graphs, options.regrow_epochs)
    if not regrowth:
        if options.regrow_epochs:
            _LOG.warning("training of %s cannot go on after erasure: it has no one table", erasure.record.family)
        return []
    table = regrowth.table()
    specs = erasure.settings(table, options.regrow_methods)
    followed = [spec for spec in specs if spec.method != "random" or spec.seed == options.seed]
    return [row for spec in followed for row in _followed(erasure, regrowth, table, spec)]


def _followed(
    erasure: Erasure, regrowth: Regrowth, table: NDArray[np.floating], spec: EraserOptions
) -> Iterator[dict[str, Any]]:
    eraser = erasure.fitted(table, erasure.teachers, spec)
    about = _about(erasure, spec, eraser) | {"phase": "regrown", "site": "layer", "strength": 1.0}
    for epoch, parameters in regrowth.epochs(eraser):
        judged = erasure.judge.measure(regrowth.recommender.scores(parameters, regrowth.known))
        yield from (about | {"epoch": epoch} | row for row in _judged(erasure, judged))

    def variants(train: NDArray[np.bool_]) -> Iterator[tuple[float, NDArray[np.floating]]]:
        found = regrowth.epochs(erasure.fitted(table, train, spec))
        return ((epoch, regrowth.vectors(parameters)) for epoch, parameters in found)

    for row in leakage(variants, erasure.targets, erasure.readers, erasure.options.regrow_folds):
        yield from (about | {"epoch": int(row["at"])} | cell for cell in _leaked(row))


# -- steps -----------------------------------------------------------------------------------------------------------


def erase_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: ErasingOptions) -> list[Step]:
    """Return the step that erases labels from one record; none for a record without vectors of its own training.

    Args:
        record: any.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: what is erased how; the record in it is replaced.
    """
    if record.status != "trained" or not record.layers:
        return []
    made = options.replace(record=record.to_json())
    erasers = len(options.sites) * len(options.methods) * len(options.strengths)
    return [Step("erase", f"erase {title}", erase_step, made, inputs, cost=Cost(30.0 + 10.0 * erasers, 1e9, 1e6))]
