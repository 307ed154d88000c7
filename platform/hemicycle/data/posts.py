"""Posts of a platform: who passed on, quoted, answered and mentioned whom, and which pages they shared.

.. code-block:: yaml

    source: posts
    path: [tweets-01.csv.gz, tweets-02.csv.gz]
    preset: minet
    relations: [retweets, shares]
    shares:
      item: outlet
      outlets: {path: french_media_medialab/medias.csv.gz, columns: {wheel_category: group}}

Files are read piece by piece. Edges between users are directed, from the author; their weight counts posts, their
time is that of the latest. A post that only passes another on counts as a retweet and (unless ``reshared`` is false) as
a share of its links, but its quotes, answers and mentions are those of the one who wrote it and do not count.
Users become pseudonyms unless ``public`` is true, and then only are their own texts kept.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column, Entity, edge_table, node_table
from hemicycle.data.attribute_tables import attribute_files, attribute_problems, joined
from hemicycle.data.batches import RecordFile
from hemicycle.data.columns import file_problems, in_order, locate
from hemicycle.data.outlets import Outlets, outlet_files, read_outlets
from hemicycle.data.posts_options import COLUMN_OF, Kind, PostsConfig
from hemicycle.data.posts_trace import PostTrace
from hemicycle.data.schema import Dataset, Relation
from hemicycle.data.traces import Numbering, Rows


class Posts:
    """Source of posts: relations ``retweets``, ``quotes``, ``replies``, ``mentions`` (users) and ``shares`` (items).

    Args:
        config: which files, columns and interactions.
    """

    Config = PostsConfig

    def __init__(self, config: PostsConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """Paths of all files; raises for every missing file and column."""
        outlets = self.config.shares.outlets
        problems = [*file_problems(self.config.path), *attribute_problems(self.config.attributes)]
        for path in self.config.path:
            if not file_problems([path]):
                problems += _found(self._check, path)
        problems += _found(outlet_files, outlets)
        raise_problems(problems)
        own = [locate(path) for path in self.config.path]
        return list(dict.fromkeys([*own, *attribute_files(self.config.attributes), *outlet_files(outlets)]))

    def read(self) -> Dataset:
        """Read everything, piece by piece.

        Raises:
            InputError: a file is damaged, times cannot be read, or a relation has no edge.
        """
        self.files()
        outlets = None if self.config.shares.outlets is None else read_outlets(self.config.shares.outlets)
        trace = PostTrace(self.config, outlets)
        for path in dict.fromkeys(self.config.path):
            file = self._open(path)
            for batch in file.batches(self.config.wanted().values()):
                trace.take(file, batch)
        return self._dataset(trace)

    def _check(self, path: str) -> None:
        raise_problems(self._open(path).missing(self.config.wanted()))

    def _open(self, path: str) -> RecordFile:
        return RecordFile(locate(path), self.config.separator)

    def _dataset(self, trace: PostTrace) -> Dataset:
        edges = {kind: self._among(trace, kind, counts.table()) for kind, counts in trace.edges.items()}
        raise_problems(self._empty(edges))
        users, items = _used(edges, trace.users, "users"), _used(edges, trace.items, "items")
        places = {"users": trace.users.places(users), "items": trace.items.places(items)}
        tables = {entity: self._table(trace, entity, ids) for entity, ids in _named(users, items)}
        return Dataset(
            self.config.name,
            tables["users"][0],
            tables["items"][0] if items else None,
            {kind: self._relation(kind, table, places) for kind, table in edges.items()},
            self.config.public,
            (*self._notes(trace), *tables["users"][1], *tables["items"][1]),
        )

    def _among(self, trace: PostTrace, kind: Kind, edges: pd.DataFrame) -> pd.DataFrame:
        """Leave interactions with people who posted nothing out, where that is asked for."""
        if kind == "shares" or not self.config.authors_only:
            return edges
        kept = np.isin(edges["item"], np.fromiter(trace.authors, np.int64))
        trace.counts[f"{kind} of people who posted nothing"] += int(edges["weight"][~kept].sum())
        return edges[kept]

    def _empty(self, edges: dict[Kind, pd.DataFrame]) -> Iterator[Problem]:
        for kind, table in edges.items():
            if table.empty:
                column = self.config.wanted()[COLUMN_OF[kind]]
                where = f"{', '.join(self.config.path)} column {column!r}"
                yield Problem(f"there are no {kind}", where, f"correct columns.{COLUMN_OF[kind]}, or leave {kind} out")

    def _relation(self, kind: Kind, edges: pd.DataFrame, places: dict[str, Rows]) -> Relation:
        social = kind != "shares"
        users = places["users"][edges["user"]]
        ends = places["users" if social else "items"][edges["item"]]
        times = None if self.config.columns.time is None else edges["time"].to_numpy()
        order = np.lexsort((ends, users))
        table = edge_table(users, ends, edges["weight"].to_numpy(), times)
        return Relation(table.take(pa.array(order)), social, directed=True)

    def _table(self, trace: PostTrace, entity: Entity, ids: list[str]) -> tuple[pa.Table, list[str]]:
        columns, notes = joined(self.config.attributes, entity, ids)
        made = self._item_columns(trace, ids) if entity == "items" else self._user_columns(trace, ids)
        public = self.config.public if entity == "users" else self.config.show_items
        return node_table(ids, {**made, **columns}, entity, public=public), notes

    def _user_columns(self, trace: PostTrace, ids: list[str]) -> dict[str, Column]:
        if not self.config.user_texts:
            return {}
        return {"text": Column(_of(trace.user_texts.texts(len(trace.users)), ids, trace.users), "text")}

    def _item_columns(self, trace: PostTrace, ids: list[str]) -> dict[str, Column]:
        columns = {} if trace.outlets is None else _outlet_columns(trace.outlets, ids, self.config.shares.item)
        if self.config.shares.texts:
            texts = trace.item_texts.texts(len(trace.items))
            columns["text"] = Column(_of(texts, ids, trace.items), "text")
        return columns

    def _notes(self, trace: PostTrace) -> Iterator[str]:
        counts = trace.counts
        yield f"{counts['posts']} posts read from {len(self.config.path)} files"
        for lack in ("without an author", "without a time", "that stand twice"):
            if counts[lack]:
                yield f"{counts[lack]} posts {lack} dropped"
        rest = {what: n for what, n in counts.items() if n and (" of " in what or "links" in what)}
        kept = self.config.shares.outlets is not None and self.config.shares.outlets.unmatched == "domain"
        for what, n in sorted(rest.items()):
            yield f"{n} {what} {'kept by their sites' if kept and what == 'links of no outlet' else 'dropped'}"
        if trace.outlets is not None and trace.outlets.ambiguous:
            yield f"{trace.outlets.ambiguous} prefixes of several outlets lead to none of them"


def _found(function: Callable[..., Any], *arguments: Any) -> tuple[Problem, ...]:
    """Call; return the problems of an InputError."""
    try:
        function(*arguments)
    except InputError as error:
        return error.problems
    return ()


def _named(users: list[str], items: list[str]) -> tuple[tuple[Entity, list[str]], tuple[Entity, list[str]]]:
    return ("users", users), ("items", items)


def _used(edges: dict[Kind, pd.DataFrame], numbering: Numbering, entity: Entity) -> list[str]:
    """Ids that have an edge, in order."""
    ends = [table["item"] for kind, table in edges.items() if (kind == "shares") == (entity == "items")]
    sources = [table["user"] for table in edges.values()] if entity == "users" else []
    used = np.zeros(len(numbering), bool)
    for column in [*ends, *sources]:
        used[column] = True
    return in_order(value for value, number in numbering.numbers.items() if used[number])


def _of(values: pa.Array, ids: list[str], numbering: Numbering) -> pa.Array:
    return values.take(pa.array([numbering.numbers[value] for value in ids], pa.int64()))


def _outlet_columns(outlets: Outlets, ids: list[str], item: str) -> dict[str, Column]:
    """Return what is known of each item's outlet."""
    if item == "outlet":
        position = {name: row for row, name in enumerate(outlets.names)}
        rows = np.array([position.get(value, -1) for value in ids], np.int64)
    else:
        rows = outlets.find(pa.array(ids, pa.string()))
    indices = pa.array(rows, mask=rows < 0)
    known = {
        name: Column(column.values.take(indices), column.role)  # noqa: PD011 - a field of ours, not pandas'
        for name, column in outlets.columns.items()
    }
    names = {} if item == "outlet" else {"outlet": Column(pc.take(pa.array(outlets.names), indices), "group")}
    return {**names, **known}
