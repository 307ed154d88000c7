"""Tables of a data set: users, items and the relations between them, with the role of every column.

A relation's table has the int32 columns ``user`` and ``item`` (row numbers of the users' and items' tables; for a
relation between users both count users), and optionally ``weight`` (float32) and ``time`` (float64, seconds).
Roles and sensitivity stand in the parquet schema, field by field, so that they travel with every copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from hemicycle.core import disclosure
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder

Role = Literal["id", "name", "label", "group", "covariate", "text", "other"]
_ROLE, _SENSITIVE, _PUBLIC = disclosure.ROLE, disclosure.SENSITIVE, disclosure.PUBLIC
is_public, sensitive_columns = disclosure.is_public, disclosure.sensitive_columns


@dataclass(frozen=True)
class Relation:
    """Edges of one kind.

    Args:
        table: columns ``user``, ``item`` and optionally ``weight``, ``time``.
        social: True when items are users (follows, friendship).
        directed: False when a social edge holds both ways; bipartite relations are directed by nature.
    """

    table: pa.Table
    social: bool = False
    directed: bool = True


@dataclass(frozen=True)
class Dataset:
    """A data set as every source yields it.

    Args:
        name: for people.
        users: one row a user; first column ``id``.
        items: one row an item; first column ``id``; None when every relation is social.
        relations: name -> edges, e.g. ``votes`` or ``follows``; the first is what recommenders are trained on.
        public: True when the users are public entities (members of parliament, outlets): only then may their
            ids and attitudes be shown one by one.
        notes: what was left out when the data were read, with counts.
        impressions: what users were shown, one row an item shown: int64 ``impression`` (rows of one number were shown
            together), int32 ``user`` and ``item``, bool ``clicked``, float64 ``time``; None where it is not known.
    """

    name: str
    users: pa.Table
    items: pa.Table | None
    relations: Mapping[str, Relation] = field(default_factory=dict)
    public: bool = False
    notes: tuple[str, ...] = ()
    impressions: pa.Table | None = None

    def write(self, folder: Folder) -> None:
        """Write the tables as parquet files with ``dataset.json`` beside them."""
        folder.write_table("users", self.users)
        if self.items is not None:
            folder.write_table("items", self.items)
        if self.impressions is not None:
            folder.write_table("impressions", self.impressions)
        for name, relation in self.relations.items():
            folder.write_table(
                f"relation-{name}", tag(relation.table, {}, public=True) if self.public else relation.table
            )
        folder.write_json(
            "dataset.json",
            {
                "name": self.name,
                "public": self.public,
                "notes": list(self.notes),
                "relations": [
                    {"name": n, "social": r.social, "directed": r.directed} for n, r in self.relations.items()
                ],
            },
        )

    @classmethod
    def read(cls, folder: Folder) -> "Dataset":
        """Read what :meth:`write` wrote."""
        about = folder.read_json("dataset.json")
        relations = {
            kind["name"]: Relation(folder.read_table(f"relation-{kind['name']}"), kind["social"], kind["directed"])
            for kind in about["relations"]
        }
        items = folder.read_table("items") if folder.exists("items.parquet") else None
        shown = folder.read_table("impressions") if folder.exists("impressions.parquet") else None
        users, notes = folder.read_table("users"), tuple(about.get("notes", ()))
        return cls(about["name"], users, items, relations, about["public"], notes, shown)


class Source(Protocol):
    """Reads one kind of data. Adding a format is one file and one line in ``data/catalogue.py``."""

    Config: type[Options]

    def __init__(self, config: Options) -> None: ...

    def files(self) -> list[Path]:
        """Files whose contents are part of the data's identity; raises InputError when one is missing."""

    def read(self) -> Dataset:
        """Read everything; raises one InputError with every problem (file, column, line, remedy)."""


def tag(table: pa.Table, roles: Mapping[str, Role], *, public: bool) -> pa.Table:
    """Write each column's role into the schema; labels and groups of users who are not public are sensitive.

    A group is sensitive like a label because it often is the party.
    """
    fields = []
    for column in table.schema:
        role = roles.get(column.name, "other")
        sensitive = not public and role in ("label", "group")
        fields.append(column.with_metadata({_ROLE: role.encode(), _SENSITIVE: str(sensitive).lower().encode()}))
    return table.cast(pa.schema(fields, metadata={_PUBLIC: str(public).lower().encode()}))


def roles(table: pa.Table) -> dict[str, str]:
    """Role of each column."""
    return {f.name: (f.metadata or {}).get(_ROLE, b"other").decode() for f in table.schema}


def with_role(table: pa.Table, role: Role) -> list[str]:
    """Names of the columns that have a role."""
    return [name for name, found in roles(table).items() if found == role]
