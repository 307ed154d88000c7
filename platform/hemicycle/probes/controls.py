"""What a score has to beat: permuted labels, covariates alone, groups alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.probes.target import Target, encode, is_missing, is_numeric

MAX_LEVELS = 200
"""Categories that get a column of their own; rarer ones share the last."""


BINS = 10
"""Classes of similar degree."""
_LEAST = 5
"""Units that a class of similar degree has at least."""


@dataclass(frozen=True, eq=False)
class Shuffle:
    """Which label each unit gets, permutation by permutation.

    Args:
        units: what exchanges labels, shape (n,), 0 ... units - 1: users, or groups within which labels are constant.
        first: a row of each unit, shape (units,).
        orders: unit whose label each unit gets, shape (permutations, units).
    """

    units: NDArray[np.int64]
    first: NDArray[np.int64]
    orders: NDArray[np.int64]

    def __call__(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return permuted copies of labels (n,), shape (n, permutations)."""
        copies = labels[self.first][self.orders].T
        return copies if len(self.first) == len(self.units) else copies[self.units]


def shuffled(units: NDArray[np.int64], strata: NDArray[np.int64], generators: Sequence[np.random.Generator]) -> Shuffle:
    """Permute units inside strata; users of one unit keep one common label.

    Args:
        units: shape (n,).
        strata: shape (n,): labels stay inside a stratum (that of a unit's first user); one stratum: free permutation.
        generators: one for each permutation.
    """
    first = np.unique(units, return_index=True)[1] if len(units) else np.zeros(0, np.int64)
    stratum = strata[first]
    orders = np.empty((len(generators), len(first)), np.int64)
    if np.all(stratum == stratum[:1]):
        for order, generator in zip(orders, generators, strict=True):
            order[:] = generator.permutation(len(first))
        return Shuffle(units, first, orders)
    places = np.argsort(stratum, kind="stable")
    for order, generator in zip(orders, generators, strict=True):
        order[places] = np.lexsort((generator.random(len(first)), stratum))
    return Shuffle(units, first, orders)


def permuted(
    labels: NDArray[Any], units: NDArray[np.int64], strata: NDArray[np.int64], generators: Sequence[np.random.Generator]
) -> NDArray[Any]:
    """Permute labels (n,), constant within units, between units and inside strata, shape (n, permutations)."""
    return shuffled(units, strata, generators)(labels)


def strata_of(target: Target, units: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the strata inside which labels are also permuted, by control: similar degree, same community.

    A unit of several rows has their mean degree and the community of most of them. What would be the free
    permutation, or none at all, is left out.
    """
    found = {}
    if target.degree is not None:
        found["permuted within degree"] = _degree_bins(target.degree.astype(float), units)
    if target.community is not None:
        found["permuted within community"] = _modes(encode(target.community)[0], units)[units]
    return {name: strata for name, strata in found.items() if _matters(strata, units)}


def _degree_bins(degrees: NDArray[np.float64], units: NDArray[np.int64]) -> NDArray[np.int64]:
    means = np.bincount(units, np.nan_to_num(degrees)) / np.bincount(units)
    count = int(min(BINS, len(means) // _LEAST))
    if count < 2:
        return np.zeros(len(units), np.int64)
    edges = np.quantile(means, np.arange(1, count) / count)
    return np.searchsorted(edges, means)[units]


def _modes(codes: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Most frequent code of each unit, shape (units,); of several the smallest."""
    pairs, counts = np.unique(np.stack([units, codes]), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    return np.asarray(pairs[1][order][np.unique(pairs[0][order], return_index=True)[1]])


def _matters(strata: NDArray[np.int64], units: NDArray[np.int64]) -> bool:
    sizes = np.unique(strata[np.unique(units, return_index=True)[1]], return_counts=True)[1]
    return len(sizes) > 1 and bool(sizes.max() > 1)


def one_hot(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return a column of 0 and 1 for each category, shape (n, categories); a missing value is a category too."""
    codes = ranked(values)
    return np.eye(int(codes.max()) + 1)[codes]


def ranked(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return codes of categories, the most frequent 0; a missing value is a category, the rarest share the last."""
    codes, levels = encode(values)
    codes = np.where(codes < 0, levels, codes)
    frequency = np.bincount(codes, minlength=levels + 1)
    rank = np.empty(len(frequency), np.int64)
    rank[np.lexsort((np.arange(len(frequency)), -frequency))] = np.arange(len(frequency))
    return np.asarray(np.minimum(rank[codes], MAX_LEVELS - 1))


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
    target: Target, groups: Mapping[str, NDArray[np.int64]], explaining: Mapping[str, NDArray[Any]] | None = None
) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Return the blocks of predictors of each control that has any.

    Groups and other covariates are blocks of their own: a covariate with many categories then cannot make the
    covariates-only model worse than the groups that it contains.

    Args:
        target: the label with its covariates.
        groups: the group columns that count, as codes: each alone.
        explaining: those of them that stand together with the covariates; None: all.
    """
    alone = {name: (one_hot(target.groups[name]),) for name in groups}
    beside = {name: target.groups[name] for name in groups} if explaining is None else explaining
    blocks = design({name: values.astype(object) for name, values in beside.items()}), design(target.covariates)
    covariates = tuple(block for block in blocks if block is not None)
    return {"covariates": covariates, **alone} if covariates else dict(alone)
