"""Compare the labels that a study names with those that its data have."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from hemicycle.core.errors import InputError, Problem
from hemicycle.data.schema import Dataset, with_role
from hemicycle.probes.base import ProbeConfig
from hemicycle.probes.cases import case_of
from hemicycle.probes.catalogue import PROBE
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.entities import holds_numbers, kind_read_by, labels_of, table_of, target_of
from hemicycle.studies.interpretation.attitudes import AttitudeOptions, attitude_problems, party_positions
from hemicycle.studies.interpretation.erasing import ErasingOptions, readers_of
from hemicycle.studies.interpretation.erasing_labels import erased_labels, is_class

MOST_CLASSES = 50
"""More different values than this are a number, not classes."""
LEAST_KNOWN = 2
"""Users with a label that each fold of a probe needs."""


def probe_problems(probe: ProbeConfig, where: str, dataset: Dataset) -> list[Problem]:
    """What keeps a probe from reading its labels."""
    if probe.entity == "item" and dataset.items is None:
        return [Problem("there are no items to probe", f"{where}.entity", "probe users or edges")]
    table = table_of(probe, dataset)
    known, wanted = with_role(table, "label"), labels_of(probe, table)
    if not wanted:
        return [
            Problem(f"there is no label that {probe.probe} can read", f"{where}.labels", allowed_labels(dataset, table))
        ]
    problems: list[Problem] = []
    for label in wanted if probe.entity != "edge" else ():
        at = f"{where}.labels"
        if label not in known:
            there = f"give the column {label!r} the role label under 'data'"
            remedy = there if label in table.column_names else allowed_labels(dataset, table)
            problems.append(Problem(f"the data has no label {label!r}", at, remedy))
            continue
        reads = kind_read_by(probe)
        if reads == "number" and not holds_numbers(table, label):
            what = f"{probe.probe} reads numbers, and {label!r} holds classes"
            problems.append(Problem(what, at, "probe it with logistic"))
        if reads == "class" and len(table[label].unique()) > MOST_CLASSES:
            what = f"{probe.probe} reads classes, and {label!r} has more than {MOST_CLASSES} values"
            problems.append(Problem(what, at, "probe it with ridge, or group the values"))
        if table.num_rows - table[label].null_count < LEAST_KNOWN * probe.folds:
            what = f"{label!r} is known of fewer than {LEAST_KNOWN * probe.folds} {probe.entity}s"
            problems.append(Problem(what, at, f"{probe.folds} folds need more: check the join of the ids"))
        elif not problems:
            problems += _fold_problems(probe, label, table, at)
    return problems


def _fold_problems(probe: ProbeConfig, label: str, table: pa.Table, at: str) -> list[Problem]:
    """Too few groups within which a label is constant, or too few of a class, for the folds of a probe."""
    target = target_of(table, label, np.zeros(table.num_rows), probe.entity)
    try:
        case_of(target, PROBE.build(probe), probe)
    except InputError as error:
        return [replace(problem, what=f"{label!r}: {problem.what}", where=at) for problem in error.problems]
    return []


def interpretation_problems(config: StudyConfig, dataset: Dataset) -> list[Problem]:
    """Labels and groups that the questions to the population name, and the data do not have."""
    asked, users = config.interpretation, dataset.users
    known = [*with_role(users, "label"), *with_role(users, "group")]
    named = {
        name: tuple(getattr(getattr(asked, name), "labels", ()))
        for name in ("geometry", "erasure", "explanation", "concepts")
    }
    if asked.attacks is not None:
        named["attacks"] = tuple(label for attack in asked.attacks.attacks for label in attack.labels)
    found = [
        Problem(f"the data has no label {label!r}", f"interpretation.{name}.labels", allowed_labels(dataset))
        for name, labels in named.items()
        for label in labels
        if label not in known
    ]
    if asked.erasure is not None and not known:
        found.append(Problem("the users have no label to erase", "interpretation.erasure", "choose data with labels"))
    columns = {
        "geometry.group": asked.geometry.group if asked.geometry else "",
        "erasure.side": asked.erasure.side if asked.erasure else "",
    }
    there = f"there are: {', '.join(known) or 'none'}"
    found += [
        Problem(f"the users have no group or label {name!r}", f"interpretation.{where}", there)
        for where, name in columns.items()
        if name and name not in known
    ]
    if asked.attitudes is not None:
        found += _attitude_problems(asked.attitudes, dataset)
    return found + ([] if found or asked.erasure is None else _reader_problems(asked.erasure, dataset))


def _attitude_problems(options: AttitudeOptions, dataset: Dataset) -> list[Problem]:
    """Relations, labels and parties from which no attitudes can be inferred."""
    found = attitude_problems(dataset, options)
    try:
        if not found:
            party_positions(dataset, options)
    except InputError as error:
        found = list(error.problems)
    return [replace(problem, where=f"interpretation.attitudes: {problem.where}") for problem in found]


def _reader_problems(options: ErasingOptions, dataset: Dataset) -> list[Problem]:
    """Labels that none of the given readers of what erasure leaves can read."""
    try:
        for label in erased_labels(dataset, options.labels):
            readers_of(options, classes=is_class(dataset, label))
    except InputError as error:
        return [replace(problem, where="interpretation.erasure.readers") for problem in error.problems]
    return []


def allowed_labels(dataset: Dataset, table: pa.Table | None = None) -> str:
    """The labels of users, or of another table, in words."""
    return f"labels: {', '.join(with_role(dataset.users if table is None else table, 'label')) or 'none'}"
