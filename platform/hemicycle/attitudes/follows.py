"""Edge lists of users and the actors whom they follow, with the actors' parties, as a sparse table.

Users' ids are kept as they are in memory only; what is written holds pseudonyms (:mod:`hemicycle.data.pseudonyms`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.columns import ID, TEXT, Ids, TableFile, blank_to_null, file_problems, ids_of, locate
from hemicycle.data.pseudonyms import Key, pseudonymise


class FollowColumns(Options):
    """Names of the columns of both tables."""

    user: str = "user"
    """Who follows, in the table of follows."""
    actor: str = "actor"
    """Who is followed, in both tables."""
    party: str = "party"
    """Party of an actor."""
    country: str = ""
    """Country of an actor, where party names repeat across countries."""
    name: str = ""
    """Name of an actor for people."""


@dataclass(frozen=True, eq=False)
class Follows:
    """Follows of n users to m actors.

    Args:
        table: 1 where a user follows an actor, shape (n, m), CSR.
        users: raw ids, shape (n,): never to be written or shown.
        actors: ids, shape (m,).
        names: of the actors, for people, shape (m,).
        parties: as the actors' table says, shape (m,); None where nothing.
        countries: shape (m,), or empty.
        notes: what was left out.
    """

    table: sp.csr_array
    users: list[str]
    actors: list[str]
    names: list[str]
    parties: list[str | None]
    countries: list[str | None]
    notes: tuple[str, ...] = ()

    def pseudonyms(self, rows: NDArray[np.int64], key: Key) -> pa.Array:
        """Return the pseudonyms of some users."""
        return pseudonymise((self.users[row] for row in rows), "users", key)


@dataclass(frozen=True, eq=False)
class Actors:
    """The actors' table: ids and, in the same order, what is known of them."""

    ids: list[str]
    names: list[str]
    parties: list[str | None]
    countries: list[str | None]


def check_files(follows: str, actors: str, columns: FollowColumns) -> None:
    """Raise one InputError for every missing file and column, before anything is read."""
    raise_problems(file_problems([follows, actors]))
    edges, people = TableFile(locate(follows)), TableFile(locate(actors))
    named = columns.model_dump()
    optional = {key: named[key] for key in ("country", "name") if named[key]}
    raise_problems(
        [
            *edges.missing({key: named[key] for key in ("user", "actor")}),
            *people.missing({key: named[key] for key in ("actor", "party")} | optional),
        ]
    )


def read_actors(path: str, columns: FollowColumns) -> Actors:
    """Read the actors' table.

    Raises:
        InputError: an id is empty or stands twice, or no actor has a party.
    """
    file = TableFile(locate(path))
    texts = [name for name in (columns.party, columns.country, columns.name) if name]
    table = file.read({columns.actor: ID, **dict.fromkeys(texts, TEXT)})
    ids = ids_of(table[columns.actor])
    problems = file.problem("are empty where an id is needed", columns.actor, ids.codes < 0, "complete them")
    repeated = np.bincount(ids.codes + 1, minlength=1)[ids.codes + 1] > 1
    problems += file.problem("are actors that stand twice", columns.actor, repeated & (ids.codes >= 0), "keep one each")
    found = {name: blank_to_null(table[name]).to_pylist() for name in texts}
    if not any(found[columns.party]):
        problems.append(Problem("no actor has a party", f"{file.path} column {columns.party!r}", "fill it in"))
    raise_problems(problems)
    every = [ids.values[code] for code in ids.codes]
    names = found.get(columns.name, every)
    called = [name or own for name, own in zip(names, every, strict=True)]
    return Actors(every, called, found[columns.party], found.get(columns.country, []))


def read_follows(path: str, actors: Actors, columns: FollowColumns) -> Follows:
    """Read the table of follows; edges to others than the actors do not count.

    Raises:
        InputError: an id is empty, or nobody follows an actor.
    """
    file = TableFile(locate(path))
    table = file.read({columns.user: ID, columns.actor: ID})
    users, ends = ids_of(table[columns.user]), ids_of(table[columns.actor])
    problems = file.problem("are empty where an id is needed", columns.user, users.codes < 0, "remove these rows")
    problems += file.problem("are empty where an id is needed", columns.actor, ends.codes < 0, "remove these rows")
    raise_problems(problems)
    order = {own: column for column, own in enumerate(actors.ids)}
    matrix = _matrix(users, ends, order)
    if not matrix.nnz:
        what = f"none of the {len(order):,} actors is followed"
        raise InputError(what, f"{file.path} column {columns.actor!r}", "write actors' ids alike in both tables")
    others = int((ends.at(order) < 0).sum())
    note = f"{others:,} of {len(ends.codes):,} rows lead to others than the actors"
    return Follows(
        matrix,
        users.values,
        actors.ids,
        actors.names,
        actors.parties,
        actors.countries,
        (note,) if others else (),
    )


def _matrix(users: Ids, ends: Ids, order: Mapping[str, int]) -> sp.csr_array:
    """Ones where a user follows an actor, however often the edge stands in the file."""
    columns = ends.at(order)
    known = columns >= 0
    rows = users.codes[known].astype(np.int32)
    ones = np.ones(len(rows), np.float32)
    shape = (len(users.values), len(order))
    matrix = sp.csr_array((ones, (rows, columns[known].astype(np.int32))), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
