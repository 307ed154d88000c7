"""scikit-learn: ridge probes by the same rule, penalties chosen for each label on nested folds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = np.array([float(f"{10**e:.3g}") for e in np.linspace(3, -6, 13)])
"""Relative to the number of training rows; scikit-learn's alpha is their product."""
FOLDS = 5
Array = NDArray[np.floating]


def vectors_of(folder: str) -> NDArray[np.float32]:
    """Vectors of all nodes, users and items alike, shape (n, 64)."""
    return np.concatenate([np.load(Path(folder) / f"{side}.npy") for side in ("users", "items")])


def labels_of(x: Array, count: int) -> Array:
    """Labels of which vectors hold a half, a fifth, a tenth, ..., shape (n, count)."""
    noise = np.random.default_rng(0).standard_normal((len(x), count))
    return np.asarray(x[:, :count] + noise * (1 + np.arange(count)))


def grid_search(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """``GridSearchCV`` as one would write it: a label at a time; one label and one outer fold of all are done."""
    x, folds, y = _given(spec, 1)

    def run() -> dict[str, Any]:
        train = folds != 0
        alphas = PENALTIES * train.sum() * (FOLDS - 2) / (FOLDS - 1)
        pipeline = make_pipeline(StandardScaler(), Ridge())
        search = GridSearchCV(pipeline, {"ridge__alpha": alphas}, cv=PredefinedSplit(folds[train]), scoring="r2")
        search.fit(x[train], y[train, 0])
        return {"score": search.score(x[~train], y[~train, 0]), "share": 1 / (FOLDS * _columns(spec))}

    return run


def side_by_side(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """All labels and permuted labels in each fit, the best that scikit-learn allows; one outer fold is done."""
    x, folds, y = _given(spec, _columns(spec))

    def run() -> dict[str, Any]:
        nested(x, y, folds, [0])
        return {"share": 1 / FOLDS}

    return run


def _columns(spec: Mapping[str, Any]) -> int:
    return int(spec["labels"]) * (1 + int(spec["permutations"]))


def _given(spec: Mapping[str, Any], columns: int) -> tuple[Array, NDArray[np.int64], Array]:
    x, random = vectors_of(spec["data"]), np.random.default_rng(1)
    labels = labels_of(x, spec["labels"])
    copies = [random.permutation(labels[:, i % labels.shape[1]]) for i in range(labels.shape[1], columns)]
    return x, random.permutation(len(x)) % FOLDS, np.column_stack([labels, *copies])[:, :columns]


def nested(x: Array, y: Array, folds: NDArray[np.integer], outer: Sequence[int]) -> Array:
    """Predictions of labels (n, t) in the outer folds asked for, NaN elsewhere; each label has its own penalty."""
    out = np.full(y.shape, np.nan)
    for k in outer:
        losses = np.zeros((len(PENALTIES), y.shape[1]))
        for j in [j for j in range(FOLDS) if j != k]:
            train, judged = (folds != j) & (folds != k), folds == j
            said = _fits(x, y, train, judged)
            losses += [((y[judged] - part) ** 2).sum(axis=0) for part in said]
        train, best = folds != k, losses.argmin(axis=0)
        said = _fits(x, y, train, ~train, [int(p) for p in np.unique(best)])
        for p, part in zip(np.unique(best), said, strict=True):
            out[np.ix_(~train, best == p)] = part[:, best == p]
    return out


def _fits(
    x: Array, y: Array, train: NDArray[np.bool_], judged: NDArray[np.bool_], which: Sequence[int] | None = None
) -> list[Array]:
    scaler = StandardScaler().fit(x[train])
    z, z_judged = scaler.transform(x[train]), scaler.transform(x[judged])
    chosen = PENALTIES if which is None else PENALTIES[list(which)]
    return [Ridge(alpha=a * train.sum()).fit(z, y[train]).predict(z_judged) for a in chosen]
