"""Effect coding of factors: columns of a linear model whose coefficients are deviations from the mean over levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.search.linear import Matrix

TREND = "linear trend"
"""What a trend is a difference against, in the table of effects."""


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of the effects of a factor's levels.

    Args:
        level: what is compared, or ``per unit`` or ``per doubling``.
        against: with what, or TREND.
        weights: of the factor's columns, (columns,).
        rows: rows of the model that it is about.
    """

    level: str
    against: str
    weights: Matrix
    rows: int


@dataclass(frozen=True)
class Factor:
    """A factor as columns of a linear model.

    With L levels it has L - 1 columns: column j is 1 at level j, -1 at the last level and 0 elsewhere, as it is in
    rows that do not have the factor. Coefficients are then deviations of levels from the unweighted mean over levels,
    and other factors' coefficients are averages over its levels, each counting the same.

    Args:
        name: of the factor.
        levels: in the order of the design, the reference first; only those that some row has.
        codes: index of each row's level, -1 where the row does not have the factor, (rows,).
    """

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, values: Sequence[str | None], order: Sequence[str]) -> "Factor":
        """Code text per row (None: not there) by levels in the given order; levels without a row are dropped."""
        codes = pd.Categorical(np.array(values, dtype=object), categories=list(order)).codes
        present = np.unique(codes[codes >= 0])
        places = np.full(len(order) + 1, -1)  # the last is for rows without the factor
        places[present] = np.arange(len(present))
        return cls(name, tuple(order[place] for place in present), places[codes])

    @cached_property
    def effects(self) -> Matrix:
        """Effect of each level as a weighted sum of coefficients, (L, L - 1)."""
        width = len(self.levels) - 1
        return np.vstack([np.eye(width), -np.ones((1, width))])

    @cached_property
    def columns(self) -> Matrix:
        """The model's columns, (rows, L - 1)."""
        lookup = np.vstack([self.effects, np.zeros((1, len(self.levels) - 1))])
        return np.asarray(lookup[self.codes])

    @cached_property
    def shares(self) -> Matrix:
        """How much of a cell without the factor's weight falls on each row, (rows,): 1 / L, or all of it."""
        return np.where(self.codes >= 0, 1 / len(self.levels), 1.0)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Every level against the first, and the trend over three or more numbers."""
        at = np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels))
        found = [
            Contrast(level, self.levels[0], self.effects[place] - self.effects[0], int(at[place] + at[0]))
            for place, level in enumerate(self.levels)
            if place
        ]
        return found + [Contrast(unit, TREND, weights @ self.effects, int(at.sum())) for unit, weights in self._trend()]

    def _trend(self) -> list[tuple[str, Matrix]]:
        """Least-squares slope over the levels, each counting the same."""
        values = pd.to_numeric(pd.Series(self.levels), errors="coerce").to_numpy(np.float64)
        if len(values) < 3 or not np.isfinite(values).all():
            return []
        unit, x = ("per doubling", np.log2(values)) if _geometric(values) else ("per unit", values)
        centred = x - x.mean()
        return [(unit, centred / (centred @ centred))]


def _geometric(values: Matrix) -> bool:
    """Tell whether positive numbers are spaced more evenly on a logarithmic scale than on their own."""
    if (values <= 0).any():
        return False
    own, logarithmic = np.diff(np.sort(values)), np.diff(np.sort(np.log(values)))
    return bool(logarithmic.std() / logarithmic.mean() < own.std() / own.mean())


def products(one: Factor, other: Factor) -> Matrix:
    """Columns of the interaction of two factors, zero where a row lacks one of them."""
    both = one.columns[:, :, None] * other.columns[:, None, :]
    return both.reshape(len(both), -1)
