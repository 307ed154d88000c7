"""What a score has to beat: permuted labels, covariates alone, groups alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.probes.target import Target, encode, is_missing, is_numeric

MAX_LEVELS = 200
"""Categories that get a column of their own; rarer ones share the last."""


def permuted(
    labels: NDArray[Any],
    units: NDArray[np.int64],
    strata: NDArray[np.int64],
    generators: list[np.random.Generator],
) -> NDArray[Any]:
    """Permute labels between units, inside strata; users of one unit keep one common label.

    Args:
        labels: shape (n,), constant within units.
        units: what exchanges labels, shape (n,), 0 ... units - 1: users, or groups within which labels are constant.
        strata: shape (n,): labels stay inside a stratum (that of a unit's first user); one stratum: free permutation.
        generators: one for each permutation.

    Returns:
        Shape (n, permutations).
    """
    first = np.unique(units, return_index=True)[1]
    values, stratum = labels[first], strata[first]
    places = np.argsort(stratum, kind="stable")
    columns = np.empty((len(generators), len(first)), labels.dtype)
    for column, generator in zip(columns, generators, strict=True):
        column[places] = values[np.lexsort((generator.random(len(first)), stratum))]
    return columns[:, units].T


def one_hot(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return a column of 0 and 1 for each category, shape (n, categories); a missing value is a category too."""
    codes, levels = encode(values)
    codes = np.where(codes < 0, levels, codes)
    frequency = np.bincount(codes, minlength=levels + 1)
    rank = np.empty(len(frequency), np.int64)
    rank[np.lexsort((np.arange(len(frequency)), -frequency))] = np.arange(len(frequency))
    width = min(int((frequency > 0).sum()), MAX_LEVELS)
    return np.eye(width)[np.minimum(rank[codes], width - 1)]


def numeric(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the numbers with missing ones at the mean, and where any is missing a column that says so."""
    missing = is_missing(values) | ~np.isfinite(values.astype(float))
    filled = values.astype(float)
    filled[missing] = filled[~missing].mean() if not missing.all() else 0.0
    return np.stack([filled, missing.astype(float)] if missing.any() else [filled], axis=1)


def design(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
    """Return predictors made from columns, shape (n, width); None when there is no column."""
    blocks = [numeric(values) if is_numeric(values) else one_hot(values) for values in columns.values()]
    return np.concatenate(blocks, axis=1) if blocks else None


def control_designs(
    target: Target, groups: Mapping[str, NDArray[np.int64]]
) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Return the blocks of predictors of each control that has any.

    Groups and other covariates are blocks of their own: a covariate with many categories then cannot make the
    covariates-only model worse than the groups that it contains.

    Args:
        target: the label with its covariates.
        groups: the group columns that count, as codes: each alone, and together with the covariates.
    """
    alone = {name: (one_hot(target.groups[name]),) for name in groups}
    blocks = design({name: target.groups[name].astype(object) for name in groups}), design(target.covariates)
    covariates = tuple(block for block in blocks if block is not None)
    return {"covariates": covariates, **alone} if covariates else dict(alone)
