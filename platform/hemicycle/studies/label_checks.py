"""Compare the labels that a study names with those that its data have."""

import pyarrow as pa

from hemicycle.core.errors import Problem
from hemicycle.data.schema import Dataset, with_role
from hemicycle.probes.base import ProbeConfig
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.entities import holds_numbers, kind_read_by, labels_of, table_of

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
    return problems


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
    return found


def allowed_labels(dataset: Dataset, table: pa.Table | None = None) -> str:
    """The labels of users, or of another table, in words."""
    return f"labels: {', '.join(with_role(dataset.users if table is None else table, 'label')) or 'none'}"
