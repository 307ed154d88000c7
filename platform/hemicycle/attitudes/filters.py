"""Which users and actors a correspondence analysis is made of: degree filters, repeated until nothing changes."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Index = NDArray[np.int64]


class FilterOptions(Options):
    """Filters of Ramaciotti et al. (2021): who follows too few actors is placed too imprecisely."""

    min_actors: int = Field(3, ge=1)
    """Users who follow fewer actors are dropped."""
    min_followers: int = Field(3, ge=1)
    """Actors with fewer followers are dropped."""
    drop_duplicates: bool = False
    """Keep one of several users who follow exactly the same actors."""


@dataclass(frozen=True, eq=False)
class Filtered:
    """What is left of a table.

    Args:
        table: users x actors, CSR.
        rows: users that are left, shape (n,), ascending.
        columns: actors that are left, shape (m,), ascending.
        rounds: how often the filters were applied.
        dropped: reason -> how many.
    """

    table: sp.csr_array
    rows: Index
    columns: Index
    rounds: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Say what was dropped, one sentence a reason."""
        return [f"{count:,} {reason} dropped" for reason, count in self.dropped.items() if count]


def filtered(table: sp.csr_array, options: FilterOptions) -> Filtered:
    """Apply all filters until nothing changes: dropping an actor can leave a user with too few, and so on.

    Args:
        table: users x actors, CSR, entries are not negative; entries of 0 do not count.
        options: what is dropped.

    Raises:
        InputError: entries are negative or NaN, or nothing is left.
    """
    table = _checked(table)
    few = f"users who follow fewer than {options.min_actors} actors"
    rare = f"actors with fewer than {options.min_followers} followers"
    found = Filtered(table, np.arange(table.shape[0]), np.arange(table.shape[1]), 0, {few: 0, rare: 0})
    while True:
        rows = np.diff(found.table.indptr) >= options.min_actors
        columns = _degrees(found.table) >= options.min_followers
        if rows.all() and columns.all():
            if not options.drop_duplicates or (distinct := _distinct(found.table)).all():
                break
            found = _kept(found, distinct, columns, {"users who follow the same actors as another": distinct})
            continue
        found = _kept(found, rows, columns, {few: rows, rare: columns})
        if 0 in found.table.shape:
            raise InputError(
                f"no user and actor is left: {'; '.join(found.notes())}",
                "filters",
                "lower min_actors and min_followers, or check that both tables name the same actors",
            )
    return found


def _checked(table: sp.csr_array) -> sp.csr_array:
    table = sp.csr_array(table)
    if table.data.size and not table.data.min() >= 0:
        what = "entries are negative or NaN"
        raise InputError(what, "the users x actors table", "count follows: 1 where a user follows an actor")
    if table.data.size and not (np.isfinite(table.data.max()) and table.data.min() > 0):
        table = table.copy()
        table.eliminate_zeros()
    if table.data.size and not np.isfinite(table.data.max()):
        raise InputError("entries are infinite", "the users x actors table", "count follows")
    return table


def _degrees(table: sp.csr_array) -> Index:
    return np.bincount(table.indices, minlength=table.shape[1])


def _kept(
    found: Filtered, rows: NDArray[np.bool_], columns: NDArray[np.bool_], why: dict[str, NDArray[np.bool_]]
) -> Filtered:
    table = found.table if columns.all() else found.table[:, np.flatnonzero(columns)]
    table = table if rows.all() else table[np.flatnonzero(rows)]
    dropped = dict(found.dropped)
    for reason, keep in why.items():
        dropped[reason] = dropped.get(reason, 0) + int((~keep).sum())
    return Filtered(table, found.rows[rows], found.columns[columns], found.rounds + 1, dropped)


def _distinct(table: sp.csr_array) -> NDArray[np.bool_]:
    """First of each set of equal rows, by a sum of random 64-bit keys of its entries (Zobrist 1970)."""
    keys = rng("zobrist").integers(0, 1 << 63, table.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    _, code = np.unique(table.data, return_inverse=True)
    terms = keys[table.indices] * (code.astype(np.uint64) * np.uint64(2) + np.uint64(1))
    sums = np.add.reduceat(terms, table.indptr[:-1])
    first = np.zeros(table.shape[0], bool)
    first[np.unique(sums, return_index=True)[1]] = True
    return first
