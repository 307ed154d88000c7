"""Boosted trees on covariates: what is explained by them in ways that no linear reader sees.

Histogram gradient boosting (Friedman, Annals of Statistics 2001; Ke et al., NeurIPS 2017), in scikit-learn's
implementation, out of fold. Trees see no vectors, so that they are fitted once for a label and its folds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hemicycle.core.seeding import rng
from hemicycle.probes.controls import ranked
from hemicycle.probes.target import is_numeric

Array = NDArray[np.float64]
_OPTIONS: dict[str, Any] = {"max_iter": 60, "max_leaf_nodes": 8, "l2_regularization": 1.0, "early_stopping": False}
ROWS = 20_000
"""Training rows of one forest; of more, so many are drawn."""


def tree_design(groups: Mapping[str, NDArray[Any]], covariates: Mapping[str, NDArray[Any]]) -> "Design | None":
    """Return predictors for trees; None where these could say no more than a regression on the same columns.

    That is so of one categorical column: every level has a coefficient of its own already.

    Args:
        groups: columns that are categories whatever their type.
        covariates: numbers or categories.
    """
    numbers = {name: values for name, values in covariates.items() if is_numeric(values)}
    kinds = {**groups, **{name: values for name, values in covariates.items() if name not in numbers}}
    if not numbers and len(kinds) < 2:
        return None
    columns = [ranked(np.asarray(values, object)).astype(float) for values in kinds.values()]
    columns += [np.where(np.isfinite(v), v, np.nan) for v in (c.astype(float) for c in numbers.values())]
    return Design(np.stack(columns, axis=1), len(kinds))


@dataclass(frozen=True, eq=False)
class Design:
    """Predictors (n, p), of which the first ``categories`` are codes."""

    x: Array
    categories: int


def nested_predictions(design: Design, labels: NDArray[Any], folds: NDArray[np.integer], classes: int) -> Array:
    """Predictions that know neither a row's own fold nor the outer fold, shape (n, folds, classes or 1).

    For outer fold k, rows of k are predicted by trees fitted without k, and rows of another fold j by trees fitted
    without j and k. A second reader of what the trees leave can then be fitted without k and judged on it.

    Args:
        design: covariates of n rows.
        labels: numbers, or class codes 0 ... classes - 1, shape (n,).
        folds: fold of each row, shape (n,).
        classes: number of classes; 0 for numbers.
    """
    count = int(folds.max()) + 1
    found = np.empty((len(labels), count, max(classes, 1)))
    for j in range(count):
        for k in range(j, count):
            judged = (folds == j) | (folds == k)
            rows = _drawn(np.flatnonzero(~judged), j, k)
            said = _fitted(design, labels, rows, np.flatnonzero(judged), classes)
            found[folds == j, k] = said[folds[judged] == j]
            found[folds == k, j] = said[folds[judged] == k]
    return found


def _drawn(rows: NDArray[np.intp], j: int, k: int) -> NDArray[np.intp]:
    if len(rows) <= ROWS:
        return rows
    return np.sort(rng("probe-trees", j, k).choice(rows, ROWS, replace=False))


def _fitted(
    design: Design, labels: NDArray[Any], rows: NDArray[np.intp], judged: NDArray[np.intp], classes: int
) -> Array:
    """Predictions for ``judged`` by trees fitted on ``rows``, shape (judged, classes or 1)."""
    from sklearn.ensemble import (  # noqa: PLC0415 a quarter of a second, and few processes fit trees
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    options = {**_OPTIONS, "categorical_features": list(range(design.categories)) or None, "random_state": 0}
    with threadpool_limits(limits=1, user_api="openmp"):
        if not classes:
            model = HistGradientBoostingRegressor(**options).fit(design.x[rows], labels[rows])
            return np.asarray(model.predict(design.x[judged]))[:, None]
        said = np.zeros((len(judged), classes))
        known = np.unique(labels[rows])
        if len(known) == 1:
            said[:, known[0]] = 1
            return said
        model = HistGradientBoostingClassifier(**options).fit(design.x[rows], labels[rows])
        said[:, model.classes_] = model.predict_proba(design.x[judged])
        return said
