"""The latent space of a table by either method: correspondence analysis, or Bayesian ideal points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.attitudes import ideal_points
from hemicycle.attitudes.correspondence import Correspondence, correspondence
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Report = Callable[[str], None]
Method = Literal["correspondence", "ideal_points"]
DIMS = {"correspondence": 10, "ideal_points": 2}
"""Dimensions that are computed unless said otherwise: a sweep of ideal points costs their square."""
_TOLD = 10


@dataclass(frozen=True, eq=False)
class Latent:
    """Users and actors in one space of k dimensions.

    Args:
        rows: shape (n, k).
        columns: shape (m, k).
        index: column of the table of each of ``columns``: of votes with a column for and one against, ideal points
            have one position, that of the first.
        row_sds: posterior standard deviations of ``rows``, shape (n, k); None: the method has none.
        notes: what a reader has to know.
    """

    rows: Array
    columns: Array
    index: Index
    row_sds: Array | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Blocks:
    """Columns that are answers to one question.

    Args:
        of: number of the question of each column, from 0, shape (m,).
        answer: 0 for the first answer (for), 1 for the second (against), shape (m,).
    """

    of: Index
    answer: Index

    @classmethod
    def numbered(cls, blocks: Index) -> "Blocks":
        """Return blocks by any numbers; answers stand in the order of the columns."""
        order = pd.Series(blocks).groupby(blocks).cumcount()
        return cls(np.asarray(blocks, np.int64), np.asarray(order, np.int64))

    def select(self, columns: Index) -> "Blocks":
        """Return those of some columns, numbered from 0."""
        return Blocks(np.unique(self.of[columns], return_inverse=True)[1].astype(np.int64), self.answer[columns])


def latent_space(
    table: sp.csr_array, method: Method, dims: int | None, blocks: Blocks | None, report: Report = lambda _: None
) -> Latent:
    """Place users and actors.

    Args:
        table: users x actors, shape (n, m), without empty rows and columns.
        method: correspondence analysis (exact, no model, seconds for a million users), or ideal points (a model of each
            choice, with uncertainty of every user; minutes for a hundred thousand).
        dims: at most; fewer where the table has fewer; None: :data:`DIMS`.
        blocks: of columns, e.g. for and against.
        report: is told what is being done.

    Raises:
        InputError: the table does not fit the method.
    """
    most = min(dims or DIMS[method], min(table.shape) - 1)
    size = f"{table.shape[0]:,} x {table.shape[1]:,}, {table.nnz:,} entries"
    if method == "correspondence":
        report(f"correspondence analysis of {size}")
        found = correspondence(table, most, None if blocks is None else blocks.of)
        return Latent(found.rows, found.columns, np.arange(table.shape[1]), notes=_parts(found))
    report(f"ideal points of {size}")
    return _ideal_points(table, most, blocks, report)


def _ideal_points(table: sp.csr_array, dims: int, blocks: Blocks | None, report: Report) -> Latent:
    yes, no, index = _votes(table, blocks)

    def told(progress: ideal_points.Progress) -> None:
        if progress.sweep % _TOLD == 0:
            report(f"sweep {progress.sweep} over {progress.users:,} users: they moved by {progress.change:.4f}")

    found = ideal_points.fit(yes, dims, rng("ideal points"), against=no, report=told)
    note = "" if found.converged else f"ideal points had not settled after {found.sweeps} sweeps"
    return Latent(found.rows, found.columns, index, found.row_sds, (note,) if note else ())


def _votes(table: sp.csr_array, blocks: Blocks | None) -> tuple[sp.csr_array, sp.csr_array | None, Index]:
    """Return the cells for and against, and the first column of each block."""
    if blocks is None:
        return table, None, np.arange(table.shape[1])
    if blocks.answer.max(initial=0) > 1:
        what = f"{int(blocks.answer.max()) + 1} relations to the same items"
        raise InputError(what, "ideal_points", "give one for and one against, or take method: correspondence")
    width = int(blocks.of.max()) + 1
    sides = []
    for answer in (0, 1):
        columns = np.flatnonzero(blocks.answer == answer)
        spread = sp.csr_array((np.ones(len(columns)), (columns, blocks.of[columns])), shape=(table.shape[1], width))
        sides.append(sp.csr_array(table @ spread))
    return sides[0], sides[1], np.unique(blocks.of, return_index=True)[1].astype(np.int64)


def _parts(found: Correspondence) -> tuple[str, ...]:
    apart = int((found.singular_values > 1 - 1e-9).sum())
    what = f"the table falls into {apart + 1} unconnected parts: the first {apart} dimensions only tell them apart"
    return (what,) if apart else ()
