"""What a probe reads out of vectors: a label, and everything else that is known about the same users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.errors import InputError

RESERVED = frozenset(
    {
        "permuted",
        "permuted within degree",
        "permuted within community",
        "random vectors",
        "covariates",
        "covariates by trees",
    }
)
"""Names of controls, which no group column may take."""


@dataclass(frozen=True, eq=False)
class Target:
    """A label of n users (or items) with the columns that could explain it without the vectors.

    Args:
        attribute: name of the label, e.g. ``nominate_dim1``.
        values: shape (n,); numbers (NaN where missing) or categories (None, NaN or "" where missing).
        groups: column -> categories, shape (n,), e.g. ``party``; each is a control of its own, and the column by
            which folds are cut when the label is constant within it.
        covariates: column -> numbers or categories, shape (n,), e.g. ``degree``; enter the covariates-only control.
        entity: what a row is.
        degree: shape (n,); labels are also permuted among rows of similar degree. None: not known.
        community: codes of communities of the graph, shape (n,); labels are also permuted inside them.
    """

    attribute: str
    values: NDArray[Any]
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    covariates: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    entity: str = "user"
    degree: NDArray[Any] | None = None
    community: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        strata = {"degree": self.degree, "community": self.community}
        columns = {
            **self.groups,
            **self.covariates,
            **{name: column for name, column in strata.items() if column is not None},
        }
        wrong = [name for name, column in columns.items() if len(column) != len(self.values)]
        if wrong:
            raise InputError(f"{', '.join(wrong)}: not as many rows as the label {self.attribute}", where="target")
        if RESERVED & set(self.groups):
            raise InputError(
                f"a group column is called {' and '.join(sorted(RESERVED & set(self.groups)))}",
                where="target",
                remedy="these are names of controls: rename the column",
            )

    @property
    def known(self) -> NDArray[np.bool_]:
        """True where the label is not missing, shape (n,)."""
        return ~is_missing(self.values)

    def select(self, keep: NDArray[np.bool_]) -> "Target":
        """Return the target of the rows where ``keep``, shape (n,), is True."""
        return Target(
            self.attribute,
            self.values[keep],
            {name: column[keep] for name, column in self.groups.items()},
            {name: column[keep] for name, column in self.covariates.items()},
            self.entity,
            None if self.degree is None else self.degree[keep],
            None if self.community is None else self.community[keep],
        )


def is_numeric(values: NDArray[Any]) -> bool:
    """Tell numbers from categories; truth values are categories."""
    return values.dtype.kind in "fiu"


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """True where a value is None, NaN or an empty text."""
    absent = np.asarray(pd.isna(values), bool)
    return absent if is_numeric(values) or values.dtype.kind == "b" else absent | (values == "")


def encode(values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Number the categories 0, 1, ... in the order of their texts; missing ones are -1.

    Returns:
        Codes of shape (n,) and the number of categories.
    """
    values = np.asarray(values)
    known = ~is_missing(values)
    codes = np.full(len(values), -1)
    levels, codes[known] = np.unique(values[known].astype(str), return_inverse=True)
    return codes, len(levels)


def is_constant_within(labels: NDArray[Any], codes: NDArray[np.int64]) -> bool:
    """Tell whether a label (numbers or codes) has one value in each group; rows without a group do not count.

    A column in which no group has two members says nothing, so it yields False.
    """
    known = codes >= 0
    labels, codes = labels[known].astype(float), codes[known]
    if len(np.unique(codes)) == len(codes):
        return False
    low, high = np.full(codes.max() + 1, np.inf), np.full(codes.max() + 1, -np.inf)
    np.minimum.at(low, codes, labels)
    np.maximum.at(high, codes, labels)
    return bool(np.all(high - low <= 1e-9 * np.ptp(labels)))


def is_same_partition(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Tell whether two codings cut the rows into the same classes: then one is the other under another name."""
    known = second >= 0
    pairs = len(np.unique(np.stack([first[known], second[known]]), axis=1).T)
    return bool(pairs == len(np.unique(first)) == len(np.unique(second[known])))
