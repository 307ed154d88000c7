"""Who is probed and for what: labels of users, items and pairs, with what their controls need."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, with_role
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.probes.base import ProbeConfig
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.edges import EDGE, Ends, Pairs, edge_targets
from hemicycle.probes.target import Target, is_numeric

_TWO = 2


def column(table: pa.Table, name: str) -> NDArray[Any]:
    """A column as numpy: numbers with NaN, or texts with None where missing."""
    return np.asarray(table[name].to_pandas())


def kind_of(table: pa.Table, label: str) -> str:
    """``number`` or ``class``; a number of two values only, such as 0 and 1, names two classes."""
    return "number" if holds_numbers(table, label) and pc.count_distinct(table[label]).as_py() > _TWO else "class"


def holds_numbers(table: pa.Table, label: str) -> bool:
    """Tell columns of numbers from columns of texts and truth values."""
    found = table.schema.field(label).type
    return bool(pa.types.is_floating(found) or pa.types.is_integer(found))


def kind_read_by(config: ProbeConfig) -> str:
    """Kind of labels that a probe reads."""
    return "class" if PROBE.resolve(config.probe).stratified else "number"


def table_of(config: ProbeConfig, dataset: Dataset) -> pa.Table:
    """The table whose labels a probe reads; a pair has the labels of its users.

    Raises:
        InputError: items are to be probed, and the data has none.
    """
    if config.entity != "item":
        return dataset.users
    if dataset.items is None:
        raise InputError("there are no items to probe", f"probe {config.probe}", "probe users or edges")
    return dataset.items


def labels_of(config: ProbeConfig, table: pa.Table) -> list[str]:
    """Labels that a probe reads: those it names, or every label of a type that it can read."""
    if config.labels:
        return list(config.labels)
    if config.entity == "edge":
        return _edge_labels(config, table)
    wanted = kind_read_by(config)
    return [name for name in with_role(table, "label") if kind_of(table, name) == wanted]


def _edge_labels(config: ProbeConfig, users: pa.Table) -> list[str]:
    """Labels of pairs that follow from labels and groups of users; of pairs with items only ``edge`` is certain."""
    numbers = [name for name in with_role(users, "label") if kind_of(users, name) == "number"]
    if kind_read_by(config) == "number":
        return [f"difference of {name}" for name in numbers]
    classes = [name for name in with_role(users, "label") if name not in numbers]
    return [EDGE, *(f"same {name}" for name in dict.fromkeys([*with_role(users, "group"), *classes]))]


def target_of(table: pa.Table, label: str, degrees: NDArray[np.floating], entity: str = "user") -> Target:
    """A label with the groups and covariates that its controls need; the degree counts as a covariate."""
    groups = {name: column(table, name) for name in with_role(table, "group") if name != label}
    covariates = {name: column(table, name) for name in with_role(table, "covariate") if name != label}
    covariates["degree"] = np.log1p(degrees)
    return Target(label, column(table, label), groups, covariates, entity, degree=degrees)


def degrees_of(entity: str, train: InteractionGraph) -> NDArray[np.float64]:
    """Edges of each user, or of each item."""
    if entity == "item":
        return np.bincount(train.indices, minlength=train.n_items).astype(float)
    return np.asarray(train.degrees, float)


def pair_targets(config: ProbeConfig, dataset: Dataset, train: InteractionGraph, pairs: Pairs) -> list[Target]:
    """Labels of pairs that a probe reads; those that either end of a pair does not have are left out."""
    ends = _ends(dataset, train, pairs)
    wanted = set(labels_of(config, dataset.users))
    return [target for target in edge_targets(pairs, ends) if target.attribute in wanted and _is_read(config, target)]


def _is_read(config: ProbeConfig, target: Target) -> bool:
    return is_numeric(target.values) == (kind_read_by(config) == "number")


def _ends(dataset: Dataset, train: InteractionGraph, pairs: Pairs) -> Ends:
    users = dataset.users
    others = users if pairs.social or dataset.items is None else dataset.items

    def both(names: list[str]) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
        shared = [name for name in names if name in others.column_names]
        return {name: (column(users, name)[pairs.first], column(others, name)[pairs.second]) for name in shared}

    labels = both(with_role(users, "label"))
    comparable = {name: values for name, values in labels.items() if is_numeric(values[0]) == is_numeric(values[1])}
    second = degrees_of("user" if pairs.social else "item", train)[pairs.second]
    return Ends(comparable, both(with_role(users, "group")), (degrees_of("user", train)[pairs.first], second))
