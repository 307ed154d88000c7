"""What attitudes are inferred from: a table of who follows or votes, members' parties, and the parties' positions."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, roles, with_role
from hemicycle.studies.interpretation.attitude_options import AttitudeOptions

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def table_of(dataset: Dataset, relations: tuple[str, ...]) -> tuple[sp.csr_array, Index | None]:
    """Users x items, and with several relations users x (items of each), with the item of every column.

    Raises:
        InputError: a relation is missing, or relations are not about the same items.
    """
    names = relations or tuple(dataset.relations)[:1]
    unknown = [name for name in names if name not in dataset.relations]
    if unknown:
        known = ", ".join(dataset.relations)
        raise InputError(f"the data have no relation {unknown[0]!r}", "relations", f"choose from {known}")
    parts = [matrix_of(dataset, name) for name in names]
    if len(parts) == 1:
        return parts[0], None
    if len({part.shape for part in parts}) > 1:
        raise InputError("these relations are not about the same items", "relations", "name relations to items")
    table = sp.csr_array(sp.hstack(parts, format="csr"))
    return table, np.tile(np.arange(parts[0].shape[1]), len(parts))


def matrix_of(dataset: Dataset, name: str) -> sp.csr_array:
    """Ones where a user follows, shares or votes for, shape (users, ends)."""
    relation, ends = dataset.relations[name], ends_of(dataset, name)
    users, items = (relation.table[column].to_numpy() for column in ("user", "item"))
    if relation.social and not relation.directed:
        users, items = np.concatenate([users, items]), np.concatenate([items, users])
    ones, shape = np.ones(len(users), np.float32), (dataset.users.num_rows, ends.num_rows)
    matrix = sp.csr_array((ones, (users, items)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def ends_of(dataset: Dataset, relation: str) -> pa.Table:
    """Who or what is followed, shared, or voted on."""
    social = relation in dataset.relations and dataset.relations[relation].social
    return dataset.users if social or dataset.items is None else dataset.items


def members_of(dataset: Dataset, options: AttitudeOptions) -> pa.Table:
    """Who belongs to parties."""
    if options.members == "users":
        return dataset.users
    return ends_of(dataset, next(iter(options.relations or dataset.relations), ""))


# -- positions -------------------------------------------------------------------------------------------------------


def label_positions(members: pa.Table, options: AttitudeOptions) -> tuple[Index, PartyPositions, tuple[str, ...]]:
    """Return each member's party (-1: none) and the positions of parties, from labels of members.

    Parties of a country with the same positions are one party (a survey's party that sits under several names): left
    out apart, they would tell each other's position. With ``average``, parties stand at the means of their members.

    Raises:
        InputError: labels differ within a party, or none is known.
    """
    values = np.column_stack([numbers_of(members, name) for name in options.positions])
    own, countries = column_of(members, options.party), countries_of(members, options) or [""] * members.num_rows
    frame = pd.DataFrame({"party": own, "country": [country or "" for country in countries]})
    known = np.isfinite(values).any(axis=1) & frame["party"].notna().to_numpy()
    if not known.any():
        raise InputError("no member has a party with positions", ", ".join(options.positions), "give other labels")
    if options.average:
        return _averaged(frame, np.where(known[:, None], values, np.nan), options)
    _check_constant(frame[known], values[known], options.positions)
    keys = [frame["country"].where(known), *(pd.Series(column).where(known) for column in values.T)]
    codes = pd.DataFrame(dict(enumerate(keys)))[known].groupby(list(range(len(keys))), dropna=False, sort=True)
    parties = np.full(len(frame), -1, np.int64)
    parties[known] = codes.ngroup().to_numpy()
    first = frame[known].assign(code=parties[known], at=np.flatnonzero(known)).groupby("code")
    names = first["party"].agg(lambda texts: texts.mode().iloc[0]).tolist()
    rows, lands = first["at"].first().to_numpy(), first["country"].first().tolist()
    blank = np.full((len(names), len(options.positions)), np.nan)
    found = PartyPositions(
        _ids(names, lands),
        tuple(names),
        tuple(lands),
        options.positions,
        values[rows],
        blank,
        blank[:, 0],
        {},
        "labels",
    )
    merged = frame[known].drop_duplicates().shape[0] - len(names)
    note = f"{merged} parties have the positions of another of their country and count as one with it"
    return parties, found, (note,) if merged else ()


def _averaged(
    frame: pd.DataFrame, values: Array, options: AttitudeOptions
) -> tuple[Index, PartyPositions, tuple[str, ...]]:
    """Parties at the means of their members' labels; all members of a party belong to it, labelled or not."""
    there = frame["party"].notna().to_numpy()
    groups = frame[there].groupby(["country", "party"], sort=True)
    parties = np.full(len(frame), -1, np.int64)
    parties[there] = groups.ngroup().to_numpy()
    lands, names = zip(*groups.groups, strict=True)
    own = pd.DataFrame(values[there], columns=list(options.positions)).groupby(parties[there])
    experts = own.count().to_numpy(np.float64).min(axis=1)
    means, sds = own.mean().to_numpy(np.float64), own.std().to_numpy(np.float64)
    source = "members' labels"
    found = PartyPositions(_ids(names, lands), names, lands, options.positions, means, sds, experts, {}, source)
    note = "parties stand at the mean of their members' labels: comparing users with these labels is circular"
    return parties, found, (note,)


def _ids(names: Any, lands: Any) -> tuple[str, ...]:
    return tuple(f"{land}:{name}" if land else str(name) for land, name in zip(lands, names, strict=True))


def _check_constant(frame: pd.DataFrame, values: Array, names: tuple[str, ...]) -> None:
    distinct = pd.DataFrame(values, columns=list(names)).groupby(
        [frame["country"].to_numpy(), frame["party"].to_numpy()]
    )
    spread = distinct.nunique().max()
    wrong = [str(name) for name, number in spread.items() if number > 1]
    if wrong:
        what = f"members of one party differ in {', '.join(wrong)}"
        remedy = "name labels that are positions of the party, give a party table, or say average: true"
        raise InputError(what, "positions", remedy)


# -- columns ---------------------------------------------------------------------------------------------------------


def column_of(table: pa.Table, name: str) -> list[str | None]:
    """Return a column as texts, None where nothing.

    Raises:
        InputError: there is none.
    """
    if name not in table.column_names:
        raise InputError(f"there is no column {name!r}", "party", f"it has: {', '.join(roles(table))}")
    return [None if value is None else str(value) for value in table[name].to_pylist()]


def countries_of(table: pa.Table, options: AttitudeOptions) -> list[str | None]:
    """Return members' countries; empty where there is no column of them."""
    name = options.country or ("country" if "country" in table.column_names else "")
    return column_of(table, name) if name else []


def numbers_of(table: pa.Table, name: str) -> Array:
    """Return a label of numbers, NaN where missing.

    Raises:
        InputError: there is none of this name.
    """
    if not holds_numbers(table, name):
        known = ", ".join(with_role(table, "label"))
        raise InputError(f"there is no label of numbers {name!r}", "positions", f"labels: {known}")
    return np.asarray(table[name].to_pandas(), np.float64)


def label_of(table: pa.Table, name: str) -> NDArray[Any]:
    """Return a label's numbers, or its categories, None where missing."""
    if holds_numbers(table, name):
        return numbers_of(table, name)
    return np.array([None if value is None else str(value) for value in table[name].to_pylist()], object)


def holds_numbers(table: pa.Table, name: str) -> bool:
    """Whether there is a column of numbers."""
    kind = table.schema.field(name).type if name in table.column_names else pa.null()
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def texts_of(table: pa.Table, names: list[str]) -> list[str]:
    """Return the first of these columns as texts; empty without one."""
    return [str(value or "") for value in table[names[0]].to_pylist()] if names else []
