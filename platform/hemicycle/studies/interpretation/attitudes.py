"""A step that finds where people stand: latent dimensions of the data, mapped to the scales of a party survey."""

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import model_validator

from hemicycle.attitudes.ches import party_table
from hemicycle.attitudes.inference import InferenceOptions, Inferred, attitude_table, infer
from hemicycle.attitudes.map_points import attitude_points
from hemicycle.attitudes.parties import PartyColumns, PartyPositions, match
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, is_public, roles, with_role
from hemicycle.studies.steps import Cost, Step, Work

MAP_RESULTS, ATTITUDE_POINTS, INFERRED = "map_results", "attitude_points", "attitudes"
ATTITUDES = {MAP_RESULTS: ("attitudes",), ATTITUDE_POINTS: ("attitudes",)}
"""Table -> kinds of steps that make it; inferred attitudes stay in the step's folder."""
RECORD = "data"
"""``record_id`` of what is found in the data themselves, without a model."""


class AttitudeOptions(InferenceOptions):
    """Attitudes from the data of a study."""

    relations: tuple[str, ...] = ()
    """What is analysed: one relation, or several, e.g. votes for and against: an item then has a column for each, and
    the analysis is made within items, so that absence does not tell people apart. None: the first."""
    members: Literal["users", "items"] = "users"
    """Who belongs to parties: the users (members of parliament who vote), or the items (accounts that are followed)."""
    party: str = "party"
    """Their column of parties."""
    country: str = ""
    """Their column of countries, where parties of several share names; none: ``country``, where there is one."""
    positions: tuple[str, ...] = ()
    """Their labels that are positions of the party, the same for all of a party; or else ``table``."""
    table: str = ""
    """Party positions: ``ches:2019``, ``ches:2024``, ``ches:trend-2014``, or the path of a table."""
    columns: PartyColumns = PartyColumns()
    """Columns of that table."""
    attitudes: tuple[str, ...] = ()
    """Its attitudes; none: all."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.positions) == bool(self.table):
            raise ValueError("give either 'positions' (labels of members) or 'table' (a survey), not both")
        return self


def attitudes_step(work: Work) -> None:
    """Write scores of the maps, the points of the ideological map, and everybody's attitudes."""
    dataset = Dataset.read(work.inputs["data"])
    found, notes = attitudes_of(dataset, work.options)
    users = dataset.users.take(pa.array(found.users.index))
    public = is_public(users)
    names, groups = (_texts(users, with_role(users, role)) for role in ("name", "group"))
    points = attitude_points(
        found,
        public=public,
        members_public=is_public(_members(dataset, work.options)),
        names=names if public else (),
        groups=groups if public else (),
    )
    tables = {MAP_RESULTS: found.map.results, ATTITUDE_POINTS: points}
    for name, frame in tables.items():
        rows = frame.copy()
        rows.insert(0, "record_id", RECORD)
        work.out.write_table(name, pa.Table.from_pandas(rows, preserve_index=False))
    ids = users["id"].cast(pa.string())
    work.out.write_table(INFERRED, attitude_table(found.users, found.map.attitudes, ids, public=public))
    work.out.write_json("notes.json", {"notes": [*notes, *found.notes]})


def attitudes_steps(title: str, inputs: Mapping[str, Step], options: AttitudeOptions) -> list[Step]:
    """Return the step; ``inputs`` holds the step ``data``."""
    cost = Cost(seconds=30.0, memory=2e9)
    return [Step("attitudes", f"attitudes {title}", attitudes_step, options, {"data": inputs["data"]}, cost=cost)]


def attitudes_of(dataset: Dataset, options: AttitudeOptions) -> tuple[Inferred, tuple[str, ...]]:
    """Infer the attitudes of a data set's users.

    Returns:
        What was found, and notes on which parties matched.

    Raises:
        InputError: a relation or column is missing, positions differ within a party, or parties do not match.
    """
    members = _members(dataset, options)
    if options.positions:
        parties, positions, notes = label_positions(members, options)
    else:
        positions = party_table(options.table, options.attitudes, options.columns)
        matched = match(_column(members, options.party), positions, _countries(members, options))
        parties, notes = matched.rows, matched.notes
    table, blocks = _table(dataset, options.relations)
    side: Literal["rows", "columns"] = "rows" if options.members == "users" else "columns"
    if side == "columns" and blocks is not None:
        raise InputError("items that belong to parties are analysed in one relation", "relations", "name one")
    return infer(table, parties, positions, options, members=side, blocks=blocks), notes


# -- the table -------------------------------------------------------------------------------------------------------


def _table(dataset: Dataset, relations: tuple[str, ...]) -> tuple[sp.csr_array, NDArray[np.int64] | None]:
    """Users x items, and with several relations users x (items of each), with the item of every column."""
    names = relations or tuple(dataset.relations)[:1]
    unknown = [name for name in names if name not in dataset.relations]
    if unknown:
        known = ", ".join(dataset.relations)
        raise InputError(f"the data have no relation {unknown[0]!r}", "relations", f"choose from {known}")
    parts = [_matrix(dataset, name) for name in names]
    if len(parts) == 1:
        return parts[0], None
    if len({part.shape for part in parts}) > 1:
        raise InputError("these relations are not about the same items", "relations", "name relations to items")
    table = sp.csr_array(sp.hstack(parts, format="csr"))
    return table, np.tile(np.arange(parts[0].shape[1]), len(parts))


def _matrix(dataset: Dataset, name: str) -> sp.csr_array:
    relation = dataset.relations[name]
    ends = dataset.users if relation.social or dataset.items is None else dataset.items
    users, items = (relation.table[column].to_numpy() for column in ("user", "item"))
    if relation.social and not relation.directed:
        users, items = np.concatenate([users, items]), np.concatenate([items, users])
    ones, shape = np.ones(len(users), np.float32), (dataset.users.num_rows, ends.num_rows)
    matrix = sp.csr_array((ones, (users, items)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


# -- parties ---------------------------------------------------------------------------------------------------------


def label_positions(
    members: pa.Table, options: AttitudeOptions
) -> tuple[NDArray[np.int64], PartyPositions, tuple[str, ...]]:
    """Return each member's party (-1: none) and the positions of parties, from labels of members.

    Parties of a country with the same positions are one party (a survey's party that sits under several names): left
    out apart, they would tell each other's position.

    Raises:
        InputError: labels differ within a party, or none is known.
    """
    values = np.column_stack([_numbers(members, name) for name in options.positions])
    own, countries = _column(members, options.party), _countries(members, options) or [""] * members.num_rows
    frame = pd.DataFrame({"party": own, "country": [country or "" for country in countries]})
    known = np.isfinite(values).any(axis=1) & frame["party"].notna().to_numpy()
    if not known.any():
        raise InputError("no member has a party with positions", ", ".join(options.positions), "give other labels")
    _check_constant(frame[known], values[known], options.positions)
    keys = [frame["country"].where(known), *(pd.Series(column).where(known) for column in values.T)]
    codes = pd.DataFrame(dict(enumerate(keys)))[known].groupby(list(range(len(keys))), dropna=False, sort=True)
    parties = np.full(len(frame), -1, np.int64)
    parties[known] = codes.ngroup().to_numpy()
    first = frame[known].assign(code=parties[known], at=np.flatnonzero(known)).groupby("code")
    names = first["party"].agg(lambda texts: texts.mode().iloc[0]).tolist()
    rows, lands = first["at"].first().to_numpy(), first["country"].first().tolist()
    blank = np.full((len(names), len(options.positions)), np.nan)
    ids = [f"{land}:{name}" if land else str(name) for land, name in zip(lands, names, strict=True)]
    found = PartyPositions(
        tuple(ids), tuple(names), tuple(lands), options.positions, values[rows], blank, blank[:, 0], {}, "labels"
    )
    merged = frame[known].drop_duplicates().shape[0] - len(names)
    note = f"{merged} parties have the positions of another of their country and count as one with it"
    return parties, found, (note,) if merged else ()


def _check_constant(frame: pd.DataFrame, values: NDArray[np.float64], names: tuple[str, ...]) -> None:
    distinct = pd.DataFrame(values, columns=list(names)).groupby(
        [frame["country"].to_numpy(), frame["party"].to_numpy()]
    )
    spread = distinct.nunique().max()
    wrong = [str(name) for name, number in spread.items() if number > 1]
    if wrong:
        what = f"members of one party differ in {', '.join(wrong)}"
        raise InputError(what, "positions", "name labels that are positions of the party, or give a party table")


def _members(dataset: Dataset, options: AttitudeOptions) -> pa.Table:
    if options.members == "users":
        return dataset.users
    first = next(iter(options.relations or dataset.relations), "")
    social = first in dataset.relations and dataset.relations[first].social
    return dataset.users if social or dataset.items is None else dataset.items


def _column(table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        raise InputError(f"there is no column {name!r}", "party", f"it has: {', '.join(roles(table))}")
    return [None if value is None else str(value) for value in table[name].to_pylist()]


def _countries(table: pa.Table, options: AttitudeOptions) -> list[str | None]:
    name = options.country or ("country" if "country" in table.column_names else "")
    return _column(table, name) if name else []


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    kind = table.schema.field(name).type if name in table.column_names else pa.null()
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        known = ", ".join(with_role(table, "label"))
        raise InputError(f"there is no label of numbers {name!r}", "positions", f"labels: {known}")
    return np.asarray(table[name].to_pandas(), np.float64)


def _texts(table: pa.Table, names: list[str]) -> list[str]:
    return [str(value or "") for value in table[names[0]].to_pylist()] if names else []
