"""What a search asks of a trial, measured on validation edges and on the search's half of the labelled users alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.data.schema import Dataset, with_role
from hemicycle.evaluation.ranking import sample_users, top_k
from hemicycle.graphs.splits import Split
from hemicycle.population.population import read_records
from hemicycle.probes.base import probe_table
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.probe import probe_embedding
from hemicycle.search.config import Constraint, Objective, SearchConfig
from hemicycle.studies.assessing import scores_of
from hemicycle.studies.list_measures import Shown, list_rows, numeric_labels
from hemicycle.studies.probing import kind_of, population_of, record_about, representation, seen_by, target_of
from hemicycle.studies.steps import Work
from hemicycle.training.checkpoints import Checkpoints

VALUES = "values.json"
"""File of an evaluated trial: name of a quantity -> value."""
PROBED = "search_probes"
"""Table of an evaluated trial: what its probes found, with controls and intervals."""
RANKED = ("ndcg@20", "recall@20")
"""What every validation of a fit measures."""
OF_LISTS = (
    *("coverage", "gini", "novelty", "diversity", "mean_popularity", "popularity_lift", "long_tail_share"),
    *("calibration", "cross_cutting_share", "ideological_distance"),
)
"""Measures of lists, by the names of the table of lists."""
_ABOUT_LABELS = ("calibration", "cross_cutting_share", "ideological_distance")


class Asked(Options):
    """A quantity."""

    metric: str
    """``probe``, one of :data:`RANKED` or of :data:`OF_LISTS`."""
    label: str = ""
    """Which label or group it is about."""
    probe: str = "ridge"
    """Which probe."""

    @property
    def name(self) -> str:
        """As the search calls it."""
        return f"{self.metric}:{self.label}" if self.label else self.metric


class EvaluateOptions(Options):
    """What is asked of one trial."""

    asked: tuple[Asked, ...]
    """Quantities."""
    k: int = 20
    """Length of lists."""
    validate_users: int = Field(10_000, ge=1)
    """Users at most whose lists are measured, always the same."""
    item_positions: dict[str, str] = Field(default_factory=dict)
    """As of a study."""


def asked_by(search: SearchConfig, dataset: Dataset) -> tuple[Asked, ...]:
    """Return every quantity that a search needs, each once, with the probe that can read its label."""
    several: list[Objective | Constraint] = [*search.objectives, *search.constraints]
    wanted = [_asked(one, dataset) for one in several]
    decides = [Asked(metric=search.halving.metric)] if search.halving else []
    return tuple({one.name: one for one in [*wanted, *decides]}.values())


def _asked(one: Objective | Constraint, dataset: Dataset) -> Asked:
    probe = one.probe
    if one.metric == "probe" and one.label in dataset.users.column_names and probe == "ridge":
        probe = "ridge" if kind_of(dataset.users, one.label) == "number" else "logistic"
    return Asked(metric=one.metric, label=one.label, probe=probe)


def evaluate_step(work: Work) -> None:
    """Measure a trial; the test edges and the other half of the labelled users are not looked at."""
    options: EvaluateOptions = work.options
    record = read_records(work.inputs["model"])[0]
    found = _ranked(work, record)
    probed: list[dict[str, Any]] = []
    for asked in options.asked:
        if asked.metric == "probe":
            rows = _probed(work, record, asked)
            found[asked.name] = float(rows[0]["score"])
            probed += rows
    if lists := [asked for asked in options.asked if asked.metric in OF_LISTS]:
        found |= _listed(work, record, lists)
    work.out.write_table(PROBED, probe_table(probed))
    work.out.write_json(VALUES, {asked.name: found[asked.name] for asked in options.asked})


def _ranked(work: Work, record: ModelRecord) -> dict[str, float]:
    """Validation of the checkpoint that recommends."""
    for row in Checkpoints(work.inputs["model"]).history:
        if row["epoch"] == record.best_epoch:
            return {name: float(row[name]) for name in RANKED if name in row}
    return {}


def _probed(work: Work, record: ModelRecord, asked: Asked) -> list[dict[str, Any]]:
    """Rows of a probe of the read-out, on the search's half of the users."""
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    vectors = representation(population, record, READOUT, record.best_epoch)
    keep = np.isfinite(vectors).all(axis=1) & seen_by("search", len(vectors))
    target = target_of(dataset.users, asked.label, np.asarray(population.train.degrees, float)).select(keep)
    config = PROBE.validate({"probe": asked.probe, "labels": [asked.label]})
    about = record_about(record) | {"layer": READOUT, "epoch": record.best_epoch}
    return probe_embedding(vectors[keep], target, config, about)


def _listed(work: Work, record: ModelRecord, lists: Sequence[Asked]) -> dict[str, float]:
    """Measures of the validation users' lists."""
    options: EvaluateOptions = work.options
    dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
    scores = scores_of(work, record)
    if scores is None:
        raise InputError("a model without scores has no lists to measure")
    users = sample_users(parts.valid, options.validate_users)
    shown = Shown.of(dataset, parts, users, top_k(scores, parts.context, users, options.k))
    rows = list_rows(shown, options.item_positions)
    return {asked.name: _measure(rows, asked) for asked in lists}


def _measure(rows: pd.DataFrame, asked: Asked) -> float:
    found = rows[rows["metric"] == asked.metric]
    if asked.label:
        found = found[found["about"] == asked.label]
    if found.empty:
        raise InputError(f"the lists of these data have no {asked.name}", remedy="choose another metric or label")
    return float(found["value"].iloc[0])


# -- before anything runs ----------------------------------------------------------------------------------------------


def quantity_problems(name: str, search: SearchConfig, dataset: Dataset) -> Iterator[Problem]:
    """Yield objectives and constraints that no step can produce from these data, and bounds that nothing can meet."""
    if search.halving and search.halving.metric not in RANKED:
        what = f"halving decides by validation, not by {search.halving.metric!r}"
        yield Problem(what, f"searches.{name}.halving.metric", f"one of: {', '.join(RANKED)}")
    both: dict[str, Sequence[Objective | Constraint]]
    both = {"objectives": search.objectives, "constraints": search.constraints}
    for kind, listed in both.items():
        for place, one in enumerate(listed):
            where = f"searches.{name}.{kind}.{place}"
            yield from _metric_problems(one, where, dataset)
            if isinstance(one, Constraint):
                yield from _bound_problems(one, where)


def _metric_problems(one: Objective | Constraint, where: str, dataset: Dataset) -> Iterator[Problem]:
    if one.metric not in (*RANKED, *OF_LISTS, "probe"):
        allowed = f"one of: {', '.join((*RANKED, 'probe', *OF_LISTS))}"
        yield Problem(f"no step measures {one.metric!r}", f"{where}.metric", allowed)
        return
    if one.metric in RANKED and one.label:
        yield Problem(f"{one.metric} is about no label", f"{where}.label", "remove it")
    if one.metric == "probe":
        labels = with_role(dataset.users, "label")
        if one.label not in labels:
            what = f"the data has no label {one.label!r} to probe" if one.label else "a probe needs a label"
            yield Problem(what, f"{where}.label", f"labels: {', '.join(labels) or 'none'}")
    if one.metric in _ABOUT_LABELS and one.label:
        known = [*with_role(dataset.users, "group"), *numeric_labels(dataset)]
        known += with_role(dataset.items, "group") if dataset.items is not None else []
        if one.label not in known:
            what = f"the data has no group or label {one.label!r}"
            yield Problem(what, f"{where}.label", f"there are: {', '.join(known) or 'none'}")


def _bound_problems(one: Constraint, where: str) -> Iterator[Problem]:
    """Bounds beyond the least or the greatest value that a quantity can have."""
    least, most = (
        (0.0, 1.0) if one.metric in (*RANKED, "coverage", "gini", "cross_cutting_share") else (-np.inf, np.inf)
    )
    most = 1.0 if one.metric == "probe" else most
    if one.at_least is not None and one.at_least > most:
        yield Problem(f"{one.metric} is never {one.at_least:g} or more", f"{where}.at_least", f"at most {most:g}")
    if one.at_most is not None and one.at_most < least:
        yield Problem(f"{one.metric} is never {one.at_most:g} or less", f"{where}.at_most", f"at least {least:g}")
