"""Which labels of a data set are erased, and from which of its users an eraser is learnt."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, with_role
from hemicycle.studies.probing import column, kind_of
from hemicycle.transforms.base import Scene
from hemicycle.transforms.erase import EraseConfig, site_of
from hemicycle.transforms.erasers import Eraser, fit, label_columns


def erased_labels(dataset: Dataset, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels that are meant: those that are named, or the first one.

    Raises:
        InputError: the users have no column of this name, or no label at all.
    """
    known = [*with_role(dataset.users, "label"), *with_role(dataset.users, "group")]
    if not known:
        raise InputError("the users have no label that could be erased", "labels", "choose data with labels")
    if missing := [name for name in labels if name not in known]:
        raise InputError(f"no label {missing[0]!r} of users", "labels", f"there are: {', '.join(known)}")
    return labels or (known[0],)


def is_class(dataset: Dataset, label: str) -> bool:
    """Tell labels of classes from numbers."""
    return kind_of(dataset.users, label) == "class"


def label_of(dataset: Dataset, label: str) -> NDArray[Any]:
    """Values of a label: numbers, or texts (None where missing) where it names classes."""
    values = column(dataset.users, label)
    if not is_class(dataset, label):
        return values.astype(np.float64)
    if values.dtype.kind == "f":
        return np.array([f"{value:g}" if np.isfinite(value) else None for value in values], object)
    return np.array([None if pd.isna(value) or value == "" else str(value) for value in values], object)


def erased_columns(dataset: Dataset, labels: tuple[str, ...]) -> NDArray[np.float64]:
    """Labels as the columns from which erasers are fitted, shape (n_users, k), NaN where missing."""
    return label_columns([label_of(dataset, name) for name in erased_labels(dataset, labels)])


def teachers(columns: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Draw the users from whom erasers are learnt, the same for all models, shape (n_users,).

    Args:
        columns: labels, NaN where missing, shape (n_users, k).
        share: of the users of whom all labels are known.
    """
    known = np.flatnonzero(np.isfinite(columns).all(1))
    n = min(len(known), max(2, round(share * len(known))))
    chosen = np.zeros(len(columns), bool)
    chosen[rng("erase", len(known)).permutation(known)[:n]] = True
    return chosen


def learnt_eraser(scene: Scene, dataset: Dataset, config: EraseConfig) -> Eraser:
    """Fit the eraser of a derived model on the labels of some users."""
    columns = erased_columns(dataset, config.labels)
    chosen = teachers(columns, config.share)
    return fit(site_of(scene, config.site).vectors[chosen], columns[chosen], config)
