"""Sparse correspondence analysis: latent positions of users and of the actors that they follow.

Standardised residuals S = D_r^-1/2 (P - r c') D_c^-1/2 of the table P = N / n with row and column masses r, c; singular
values and vectors S = U diag(s) V' give standard coordinates D_r^-1/2 U, D_c^-1/2 V, and principal ones after
multiplication with s (Greenacre 2017, *Correspondence Analysis in Practice*, 3rd ed., appendix A). S is never formed:
S'S = D_c^-1/2 (N' D_R^-1 N) D_c^-1/2 - sqrt(c) sqrt(c)' has the size of the shorter side, and one sparse product
gives the coordinates of the longer one.

With ``blocks`` of columns the analysis is made within them (intra-block correspondence analysis: Cazes, Chessel and
Doledec 1988, *Revue de statistique appliquee* 36; Escofier 1984): what is expected of a row in a block is the
block's own distribution times what the row has there. For roll calls with a column for and a column against,
absence then says nothing, and two groups are not told apart by the years in which they sat.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, svds

from hemicycle.attitudes.gram import gram
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Array = NDArray[np.float64]
_WIDEST_GRAM = 6000
_NOTHING = 1e-7


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Result of an analysis with k dimensions.

    Args:
        singular_values: s, shape (k,), descending.
        total_inertia: sum of all squared singular values, chi-squared / n.
        rows: principal coordinates F of the rows, shape (n, k).
        columns: principal coordinates G of the columns, shape (m, k).
        row_masses: r, shape (n,).
        column_masses: c, shape (m,).
        blocks: block of each column, shape (m,), or None.
    """

    singular_values: Array
    total_inertia: float
    rows: Array
    columns: Array
    row_masses: Array
    column_masses: Array
    blocks: NDArray[np.int64] | None = None

    @property
    def shares(self) -> Array:
        """Share of the inertia that each dimension takes, shape (k,)."""
        return self.singular_values**2 / self.total_inertia

    @property
    def row_standard(self) -> Array:
        """Standard coordinates of the rows, shape (n, k): their weighted variance is 1."""
        return self.rows / self.singular_values

    @property
    def column_standard(self) -> Array:
        """Standard coordinates of the columns, shape (m, k)."""
        return self.columns / self.singular_values

    def project_rows(self, table: sp.csr_array) -> Array:
        """Principal coordinates of supplementary rows, shape (rows, k); NaN for rows without entries.

        Args:
            table: rows x the same m columns.
        """
        _check_width(table, len(self.columns), "columns")
        given = _residuals(table, self.blocks, self.column_masses)
        return _profiles(given, _sums(table, 1)) @ self.column_standard

    def project_columns(self, table: sp.csr_array) -> Array:
        """Principal coordinates of supplementary columns, shape (columns, k); NaN for columns without entries.

        Args:
            table: the same n rows x columns. Not for analyses within blocks.
        """
        _check_width(table.T, len(self.rows), "rows")
        if self.blocks is not None:
            raise InputError("columns cannot be added within blocks", "project_columns", "add them to the table")
        turned = sp.csr_array(table.T)
        return _profiles(turned, _sums(turned, 1)) @ self.row_standard


def correspondence(table: sp.csr_array, dims: int, blocks: NDArray[np.int64] | None = None) -> Correspondence:
    """Analyse a table.

    Each dimension's sign is such that the column coordinate of largest size is positive.

    Args:
        table: rows x columns, shape (n, m), CSR, not negative, without empty rows and columns (see
            :func:`hemicycle.attitudes.filters.filtered`).
        dims: k, at most min(n, m) - 1.
        blocks: block of each column, integers of shape (m,): the analysis within them.

    Raises:
        InputError: the table has empty rows or columns or negative entries, or fewer than k dimensions.
    """
    table = sp.csr_array(table)
    _check(table, dims, blocks)
    sizes = _sums(table, 1), _sums(table, 0)
    residuals = _residuals(table, blocks, sizes[1])
    wide = table.shape[1] > table.shape[0]
    within = sp.csr_array(residuals.T) if wide else residuals
    values, short, inertia = _decomposed(within, sizes[::-1] if wide else sizes, dims, centred=blocks is not None)
    long = _profiles(within, sizes[1] if wide else sizes[0]) @ short
    rows, columns = (short * values, long) if wide else (long, short * values)
    signs = np.where(columns[np.abs(columns).argmax(axis=0), np.arange(dims)] < 0, -1.0, 1.0)
    rows *= signs
    columns *= signs
    total = sizes[0].sum()
    return Correspondence(values, inertia, rows, columns, sizes[0] / total, sizes[1] / total, blocks)


def _decomposed(
    table: sp.csr_array, sizes: tuple[Array, Array], dims: int, *, centred: bool
) -> tuple[Array, Array, float]:
    """Singular values (k,), standard coordinates of the shorter side (m, k), and the total inertia."""
    masses = sizes[1] / sizes[1].sum()
    if table.shape[1] > _WIDEST_GRAM:
        values, vectors, inertia = _iterated(table, sizes, dims, centred=centred)
    else:
        scale = 1 / np.sqrt(sizes[1])
        cross = gram(table, 1 / sizes[0]) * scale[:, None] * scale
        if not centred:
            cross -= np.sqrt(masses)[:, None] * np.sqrt(masses)
        inertia = float(np.trace(cross))
        squares, vectors = eigh(cross, subset_by_index=[len(cross) - dims, len(cross) - 1])
        values = np.sqrt(np.maximum(squares, 0.0))
    values, vectors = values[::-1], vectors[:, ::-1]
    _check_rank(values, inertia)
    return values, vectors / np.sqrt(masses)[:, None], inertia


def _iterated(
    table: sp.csr_array, sizes: tuple[Array, Array], dims: int, *, centred: bool
) -> tuple[Array, Array, float]:
    """The same by Lanczos on the implicit operator, where both sides are long (ARPACK)."""
    roots = [np.sqrt(size / size.sum()) for size in sizes]
    scaled = sp.diags_array(1 / np.sqrt(sizes[0])) @ table @ sp.diags_array(1 / np.sqrt(sizes[1]))
    off = 0.0 if centred else 1.0
    operator = LinearOperator(
        table.shape,
        matvec=lambda x: scaled @ np.ravel(x) - off * roots[0] * (roots[1] @ np.ravel(x)),
        rmatvec=lambda y: scaled.T @ np.ravel(y) - off * roots[1] * (roots[0] @ np.ravel(y)),
        dtype=np.float64,
    )
    start = rng("correspondence").standard_normal(min(table.shape))
    _, values, turned = svds(operator, k=dims, v0=start, return_singular_vectors="vh")
    order = np.argsort(values)
    return values[order], turned[order].T, float(np.square(scaled.data).sum() - off)


def _residuals(table: sp.csr_array, blocks: NDArray[np.int64] | None, sizes: Array) -> sp.csr_array:
    """Table less what its blocks lead to expect; the table itself without blocks, whose expectation has rank one."""
    if blocks is None:
        return table
    member = sp.csr_array((np.ones(len(blocks)), (np.arange(len(blocks)), blocks)))
    share = sizes / (member.T @ sizes)[blocks]
    spread = sp.csr_array((share, (blocks, np.arange(len(blocks)))))
    return sp.csr_array(table - (table @ member) @ spread)


def _profiles(table: sp.csr_array, sizes: Array) -> "_Profiles":
    return _Profiles(table, sizes)


@dataclass(frozen=True, eq=False)
class _Profiles:
    """Rows divided by their sums, as an operator."""

    table: sp.csr_array
    sizes: Array

    def __matmul__(self, x: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            out: Array = self.table @ x
            out /= self.sizes[:, None]
        return out


def _sums(table: sp.csr_array, axis: int) -> Array:
    return np.asarray(table.sum(axis=axis, dtype=np.float64)).ravel()


# -- checks ----------------------------------------------------------------------------------------------------------


def _check(table: sp.csr_array, dims: int, blocks: NDArray[np.int64] | None) -> None:
    where = "correspondence analysis"
    if table.data.size and not table.data.min() >= 0:
        raise InputError("the table has negative entries or NaN", where, "count follows or votes")
    empty = int((_sums(table, 1) == 0).sum()), int((_sums(table, 0) == 0).sum())
    if any(empty):
        raise InputError(f"{empty[0]} rows and {empty[1]} columns have no entry", where, "filter the table first")
    most = min(table.shape) - 1
    if not 1 <= dims <= most:
        what = f"{dims} dimensions of a table of {table.shape[0]:,} x {table.shape[1]:,}"
        raise InputError(what, where, f"ask for 1 to {most}")
    if blocks is not None and blocks.shape != (table.shape[1],):
        raise InputError(f"{len(blocks)} blocks for {table.shape[1]} columns", where, "give one block for each column")


def _check_rank(values: Array, inertia: float) -> None:
    solid = int((values > _NOTHING * max(1.0, np.sqrt(max(inertia, 0.0)))).sum())
    if solid < len(values):
        what = f"the table has {solid} dimensions, {len(values)} were asked for"
        raise InputError(what, "correspondence analysis", f"ask for at most {solid}, or give a table that differs more")


def _check_width(table: sp.csr_array, width: int, what: str) -> None:
    if table.shape[1] != width:
        raise InputError(f"{table.shape[1]} {what} instead of {width}", "projection", "give the same as were analysed")
