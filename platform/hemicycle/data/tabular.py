"""Any edge list with any number of attribute tables: CSV, TSV (also gzipped) and Parquet.

.. code-block:: yaml

    source: tabular
    name: my platform
    edges: {path: follows.csv.gz, user: follower, target: followed, social: true}
    attributes:
      - {path: survey.csv, id: account, columns: {left_right: label, party: group, age: covariate}}

Users are the ids of the edges, in the order of the raw ids; rows of attribute tables that match none are dropped and
counted in the data set's notes. Unless ``public`` is true, ids become pseudonyms, names and texts are not read, and
items are treated alike unless ``items_public`` is true.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column, Entity, edge_table, node_table
from hemicycle.data.attributes import RawAttributes, attach, read_attributes
from hemicycle.data.columns import ID, NUMBER, Ids, TableFile, file_problems, ids_of, in_order, locate, numbers, seconds
from hemicycle.data.schema import Dataset, Relation

T = TypeVar("T")
LARGEST = float(np.finfo(np.float32).max)
"""Weights are kept in single precision."""


class Edges(Options):
    """One edge list."""

    path: str
    """File; relative paths start at the current folder, then at ``$HEMICYCLE_DATA``."""
    user: str = "user"
    """Column of the user who interacts or follows."""
    item: str | None = None
    """Column of the item; default ``item``."""
    target: str | None = None
    """Column of the user at the other end of a social edge; default ``target``."""
    social: bool = False
    """Whether the other end is a user."""
    directed: bool = True
    """False when a social edge holds both ways."""
    weight: str | None = None
    """Column of weights, not negative; kept with the graph and used by opinion models, while recommenders take every
    edge alike."""
    time: str | None = None
    """Column of times: numbers (seconds) or ISO 8601 dates."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between fields; default: a tab for .tsv and .txt, else a comma."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.item is not None and self.target is not None:
            raise ValueError("give 'item' (bipartite) or 'target' (social), not both")
        if self.target is not None and not self.social:
            raise ValueError("'target' belongs to social edges: add 'social: true' or write 'item'")
        if not self.directed and not self.social:
            raise ValueError("only social edges can be undirected: add 'social: true'")
        return self

    @property
    def end(self) -> str:
        """Column of the other end."""
        return self.item or self.target or ("target" if self.social else "item")

    def wanted(self) -> dict[str, str]:
        """Key -> column for every column that is read."""
        named = {"user": self.user, "item": self.end, "weight": self.weight, "time": self.time}
        return {key: column for key, column in named.items() if column is not None}


class Attributes(Options):
    """One attribute table: one row a user or item."""

    path: str
    """File; found like an edge list."""
    id: str = "id"
    """Column of the ids that the edges use."""
    entity: Entity = "users"
    """Whose attributes they are."""
    columns: dict[str, Literal["label", "group", "covariate", "text", "name"]] = Field(min_length=1)
    """Column -> role. Numeric if every value is a number; a ``group`` is always categorical."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """As for edges."""

    @model_validator(mode="after")
    def _no_id(self) -> Self:
        if "id" in self.columns:
            raise ValueError("the name 'id' is taken by the ids themselves: rename that column")
        return self


def _named(value: Any) -> Any:
    """Give a single edge list its name."""
    if isinstance(value, Mapping) and isinstance(value.get("path"), str):
        return {"follows" if value.get("social") else "interactions": value}
    return value


class TabularConfig(Options):
    """Configuration of :class:`Tabular`."""

    source: Literal["tabular"] = "tabular"
    name: str = "my data"
    """For people."""
    public: bool = False
    """Whether the users are public entities, who may be shown one by one."""
    items_public: bool | None = None
    """Whether the items' ids, names and texts may be shown; default: as ``public``."""
    edges: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")], Edges],
        BeforeValidator(_named, json_schema_input_type=Edges | dict[str, Edges]),
        Field(min_length=1),
    ]
    """One edge list, or several by name (``{follows: {...}, reads: {...}}``)."""
    attributes: tuple[Attributes, ...] = ()
    """Attribute tables."""

    @model_validator(mode="after")
    def _items_exist(self) -> Self:
        if all(e.social for e in self.edges.values()) and any(a.entity == "items" for a in self.attributes):
            raise ValueError("there are attributes of items, but every edge list is social")
        return self


@dataclass(frozen=True)
class _RawEdges:
    """An edge list before its ids have a common order."""

    users: Ids
    ends: Ids
    values: dict[str, NDArray[np.float64]]
    social: bool
    directed: bool

    def relation(self, users: Mapping[str, int], items: Mapping[str, int]) -> Relation:
        """Return the edges by row numbers."""
        ends = self.ends.at(users if self.social else items)
        table = edge_table(self.users.at(users), ends, self.values.get("weight"), self.values.get("time"))
        return Relation(table, self.social, self.directed)


class Tabular:
    """Source of edge lists and attribute tables.

    Args:
        config: which files and columns.
    """

    Config = TabularConfig

    def __init__(self, config: TabularConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """Paths of all files; raises for every missing file and column."""
        parts: list[Edges | Attributes] = [*self.config.edges.values(), *self.config.attributes]
        problems = file_problems([part.path for part in parts])
        for part in parts:
            if not file_problems([part.path]):
                _collect(problems, _open, part)
        raise_problems(problems)
        return [locate(path) for path in dict.fromkeys(part.path for part in parts)]

    def read(self) -> Dataset:
        """Read, check and join everything.

        Raises:
            InputError: every problem in every file.
        """
        self.files()
        problems: list[Problem] = []
        edges = {name: _collect(problems, _read_edges, part) for name, part in self.config.edges.items()}
        raw = [_collect(problems, _read_attributes, part) for part in self.config.attributes]
        relations = {name: part for name, part in edges.items() if part is not None}
        attributes = [part for part in raw if part is not None]
        complete = len(relations) == len(edges)
        parts = self._nodes(problems, relations, attributes) if complete else None
        raise_problems(problems)
        assert parts is not None, "an edge list that cannot be read is a problem"
        return self._dataset(relations, parts)

    def _nodes(
        self, problems: list[Problem], relations: Mapping[str, _RawEdges], attributes: list[RawAttributes]
    ) -> "dict[Entity, _Nodes]":
        users = [ids for part in relations.values() for ids in (part.users, *([part.ends] if part.social else []))]
        items = [part.ends for part in relations.values() if not part.social]
        every: dict[Entity, _Nodes] = {}
        columns: tuple[tuple[Entity, list[Ids]], ...] = (("users", users), ("items", items))
        for entity, ids in columns:
            order = in_order(value for part in ids for value in part.values)
            own = [part for part in attributes if part.entity == entity]
            found, notes = attach(problems, order, own)
            every[entity] = _Nodes(order, found, notes)
        return every

    def _dataset(self, relations: Mapping[str, _RawEdges], nodes: "Mapping[Entity, _Nodes]") -> Dataset:
        users, items = nodes["users"], nodes["items"]
        public = self.config.public
        items_public = public if self.config.items_public is None else self.config.items_public
        positions = [{value: row for row, value in enumerate(part.ids)} for part in (users, items)]
        item_table = node_table(items.ids, items.columns, "items", public=items_public) if items.ids else None
        return Dataset(
            self.config.name,
            node_table(users.ids, users.columns, "users", public=public),
            item_table,
            {name: part.relation(*positions) for name, part in relations.items()},
            public,
            (*users.notes, *items.notes, *_weight_notes(relations)),
        )


def _weight_notes(relations: Mapping[str, "_RawEdges"]) -> list[str]:
    weighted = [name for name, part in relations.items() if "weight" in part.values]
    return [f"weights of {name} are used by opinion models; recommenders take every edge alike" for name in weighted]


@dataclass(frozen=True)
class _Nodes:
    ids: list[str]
    columns: dict[str, Column]
    notes: list[str]


def _collect(problems: list[Problem], function: Callable[..., T], *arguments: Any) -> T | None:
    """Call; on an InputError keep its problems and return None."""
    try:
        return function(*arguments)
    except InputError as error:
        problems += error.problems
        return None


def _open(part: Edges | Attributes) -> TableFile:
    """Return the file when it has every column that is wanted."""
    file = TableFile(locate(part.path), part.separator)
    if isinstance(part, Edges):
        wanted = part.wanted()
    else:
        wanted = {"id": part.id, **{f"columns.{name}": name for name in part.columns}}
    raise_problems(file.missing(wanted))
    return file


def _read_attributes(part: Attributes) -> RawAttributes:
    return read_attributes(_open(part), part.id, part.entity, part.columns)


def _read_edges(part: Edges) -> _RawEdges:
    file, wanted = _open(part), part.wanted()
    table = file.read({column: ID if key in ("user", "item") else NUMBER for key, column in wanted.items()})
    users, ends = ids_of(table[part.user]), ids_of(table[part.end])
    problems = [*_no_id(file, part.user, users), *_no_id(file, part.end, ends)]
    if not problems and not _has_edge(users, ends, part.social):
        loops = " but self-loops" if table.num_rows else ""
        problems.append(Problem(f"the graph has no edge{loops}", str(file.path), "give an edge list with edges"))
    values: dict[str, NDArray[np.float64]] = {}
    for key, column in wanted.items():
        if key == "weight":
            values[key], found = _weights(file, column, table[column])
            problems += found
        if key == "time":
            values[key], found = _times(file, column, table[column])
            problems += found
    raise_problems(problems)
    return _RawEdges(users, ends, values, part.social, part.directed)


def _no_id(file: TableFile, column: str, ids: Ids) -> Iterable[Problem]:
    return file.problem("are empty where an id is needed", column, ids.codes < 0, "remove or complete these rows")


def _has_edge(users: Ids, ends: Ids, social: bool) -> bool:
    if not social:
        return bool(len(users.codes))
    position = {value: row for row, value in enumerate(users.values)}
    return bool((ends.at(position) != users.codes).any())


def _weights(file: TableFile, column: str, raw: pa.ChunkedArray) -> tuple[NDArray[np.float64], list[Problem]]:
    values, bad = numbers(raw)
    rest = ~bad
    return values, [
        *file.problem("are not numbers", column, bad, "correct them, or leave out 'weight'"),
        *file.problem("are empty or NaN", column, rest & np.isnan(values), "complete or remove these rows"),
        *file.problem("are infinite or too large", column, rest & (values > LARGEST), "correct or remove these rows"),
        *file.problem("are negative", column, rest & (values < 0), "weights are at least 0: correct them"),
    ]


def _times(file: TableFile, column: str, raw: pa.ChunkedArray) -> tuple[NDArray[np.float64], list[Problem]]:
    values, bad = seconds(raw)
    empty = ~bad & ~np.isfinite(values)
    return values, [
        *file.problem("are neither numbers nor ISO 8601 dates", column, bad, "write 2024-05-31 or 2024-05-31T12:00:00"),
        *file.problem("are empty, NaN or infinite", column, empty, "complete or remove these rows"),
    ]
