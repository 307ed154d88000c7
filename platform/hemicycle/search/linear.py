"""Least squares on blocks of columns, with what is estimable, and errors that may differ between units."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special

Matrix = NDArray[np.float64]
POOLED, HC3 = "pooled", "HC3"
"""Covariances: from the pooled residual variance, or robust (MacKinnon and White, J. Econometrics 1985)."""
TINY = 1e-8


@dataclass(frozen=True)
class Layout:
    """A linear model without its outcome: an intercept and named blocks of columns.

    Args:
        blocks: name -> columns, (n, columns of the block).
        weights: how much each unit counts, (n,); they say what is averaged, not how precise the units are.
    """

    blocks: Mapping[str, Matrix]
    weights: Matrix

    @cached_property
    def matrix(self) -> Matrix:
        """All columns, (n, p)."""
        return np.hstack([np.ones((len(self.weights), 1)), *self.blocks.values()])

    @cached_property
    def places(self) -> dict[str, slice]:
        """Columns of each block."""
        ends = np.cumsum([1, *(block.shape[1] for block in self.blocks.values())]).tolist()
        return {name: slice(*pair) for name, pair in zip(self.blocks, pairwise(ends), strict=True)}

    @cached_property
    def operator(self) -> Matrix:
        """Turns values into (weighted) least squares coefficients, the shortest where several fit as well, (p, n)."""
        root = np.sqrt(self.weights)
        return np.asarray(np.linalg.pinv(self.matrix * root[:, None], rcond=1e-10) * root)

    @cached_property
    def estimable(self) -> Matrix:
        """Projection of coefficients on the space of the rows, (p, p)."""
        return np.asarray(self.operator @ self.matrix)

    @cached_property
    def leverages(self) -> Matrix:
        """What each unit's value has in its own fitted value, (n,)."""
        return np.asarray(np.einsum("ij,ji->i", self.matrix, self.operator))

    @cached_property
    def basis(self) -> Matrix:
        """Orthonormal basis of the columns, (n, rank)."""
        basis, sizes, _ = np.linalg.svd(self.matrix, full_matrices=False)
        return np.asarray(basis[:, sizes > TINY * sizes[0]])

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return len(self.weights) - int(self.basis.shape[1])

    def row(self, name: str, weights: Matrix) -> Matrix:
        """Weighted sums of a block's coefficients as rows over all coefficients, (rows, p)."""
        found = np.zeros((len(weights), self.matrix.shape[1]))
        found[:, self.places[name]] = weights
        return found

    def tells(self, row: Matrix) -> bool:
        """Tell whether weighted sums of coefficients are the same in all fits that are as good."""
        return bool(np.abs(row @ self.estimable - row).max() < TINY * max(1.0, np.abs(row).max()))

    def beyond(self, columns: Matrix) -> Matrix:
        """Combinations of columns, as many as the layout's own do not span."""
        left = columns - self.basis @ (self.basis.T @ columns)
        _, sizes, directions = np.linalg.svd(left, full_matrices=False)
        return np.asarray(columns @ directions[sizes > TINY * np.sqrt(len(columns))].T)


@dataclass(frozen=True)
class FTest:
    """A Wald test that all coefficients of a block are 0.

    Args:
        df: coefficients.
        statistic: F.
        p: two-sided.
        eta2: partial eta squared, from the pooled variance.
    """

    df: int
    statistic: float
    p: float
    eta2: float


@dataclass(frozen=True)
class Fit:
    """A layout fitted to the values of one outcome.

    Args:
        layout: the model.
        values: of the units, (n,).
        robust: whether the covariance is HC3; it is pooled all the same where a unit alone decides its fitted value.
    """

    layout: Layout
    values: Matrix
    robust: bool = False

    @cached_property
    def estimates(self) -> Matrix:
        """Coefficients, (p,)."""
        return np.asarray(self.layout.operator @ self.values)

    @cached_property
    def residuals(self) -> Matrix:
        """Values less fitted values, (n,)."""
        return np.asarray(self.values - self.layout.matrix @ self.estimates)

    @cached_property
    def scale(self) -> float:
        """Residual variance, of the unweighted fit; 0 where nothing is left over."""
        left = self.values - self.layout.basis @ (self.layout.basis.T @ self.values)
        found = float(left @ left) / self.layout.df if self.layout.df > 0 else 0.0
        return found if found > (1e-12 * np.abs(self.values).max()) ** 2 else 0.0

    @cached_property
    def pooled(self) -> Matrix:
        """Covariance of the coefficients if all units vary alike, (p, p)."""
        return np.asarray(self.scale * self.layout.operator @ self.layout.operator.T)

    @property
    def variance(self) -> str:
        """POOLED or HC3."""
        return HC3 if self.robust and self.layout.leverages.max() < 1 - 1e-6 else POOLED

    @cached_property
    def covariance(self) -> Matrix:
        """Covariance of the coefficients, (p, p)."""
        if self.variance == POOLED:
            return self.pooled
        scaled = self.layout.operator * (self.residuals / (1 - self.layout.leverages))
        return np.asarray(scaled @ scaled.T)

    def contrast(self, name: str, weights: Matrix) -> tuple[float, float]:
        """Estimate and standard error of a weighted sum of a block's coefficients; NaN where they cannot be told."""
        row = self.layout.row(name, weights[None, :])
        if not self.layout.tells(row):
            return np.nan, np.nan
        error = np.sqrt((row @ self.covariance @ row.T).item()) if self.layout.df > 0 else np.nan
        return float((row @ self.estimates).item()), float(error)

    def test(self, name: str) -> FTest | None:
        """Test a block; None where the units cannot tell, or nothing is left over to tell it from."""
        place = self.layout.places[name]
        row = self.layout.row(name, np.eye(place.stop - place.start))
        if not self.layout.tells(row) or not self.scale:
            return None
        statistic, pooled = (_wald(row, self.estimates, c) for c in (self.covariance, self.pooled))
        p = float(special.fdtrc(len(row), self.layout.df, statistic))
        return FTest(len(row), statistic, p, len(row) * pooled / (len(row) * pooled + self.layout.df))


def _wald(row: Matrix, estimates: Matrix, covariance: Matrix) -> float:
    values = row @ estimates
    return float(values @ np.linalg.solve(row @ covariance @ row.T, values)) / len(row)


def holm(p: Matrix) -> Matrix:
    """Correct p values for all tests together (Holm, Scandinavian Journal of Statistics 1979)."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    found = np.empty_like(raised)
    found[order] = raised
    return found
