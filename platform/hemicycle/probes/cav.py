"""Concept activation vectors: in which direction a concept lies, and whether recommendations rise along it.

A concept's direction v is the normal of a linear regression that tells its members from others, or of a number, in the
space of the vectors (Kim et al., ICML 2018: TCAV). Fitted without each fold in turn, directions that mean something
agree: their mean cosine is compared with that of permuted labels. A dot-product score changes along it as
d s_ui / d v = v . y_i, for every user alike; ``rising`` is the share of items that gain. Under no concept that share
scatters around what permuted labels give, which yields the two-sided p-value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.probes.base import RECORD, Row
from hemicycle.probes.controls import permuted
from hemicycle.probes.folds import FoldPlan, make_folds
from hemicycle.probes.intervals import LEVEL
from hemicycle.probes.target import Target, encode, is_numeric

Array = NDArray[np.float64]
CAV_RESULTS = "cav_results"
CAV = (
    *RECORD,
    *("attribute", "concept", "n", "n_items", "stability", "stability_control", "stability_high", "stability_p"),
    *("rising", "rising_control", "rising_low", "rising_high", "rising_p"),
)
"""Columns of the table of concepts: one row a concept and site."""
_KINDS = dict.fromkeys(("seed", "epoch", "n", "n_items"), pa.int64())
_TEXTS = dict.fromkeys((*(c for c in RECORD if c not in _KINDS), "attribute", "concept"), pa.string())
CAV_SCHEMA = pa.schema([(column, {**_KINDS, **_TEXTS}.get(column, pa.float64())) for column in CAV])
"""Arrow schema of that table."""
PENALTY = 0.01
"""Ridge penalty relative to the number of rows."""
_LEAST = 10
"""Members and others of a concept at least."""


def directions(x: Array, labels: Array, folds: NDArray[np.integer], penalty: float = PENALTY) -> Array:
    """Unit normals of ridge regressions without each fold, shape (folds, t, d).

    Args:
        x: vectors, shape (n, d).
        labels: shape (n, t).
        folds: fold of each row, shape (n,).
        penalty: relative to the number of training rows, of standardised vectors.
    """
    scale = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(scale > 1e-12, scale, np.inf)
    found = []
    for k in range(int(folds.max()) + 1):
        train = folds != k
        a, y = z[train] - z[train].mean(axis=0), labels[train] - labels[train].mean(axis=0)
        slopes = np.linalg.solve(a.T @ a + penalty * len(a) * np.eye(a.shape[1]), a.T @ y)
        normals = slopes.T / np.where(scale > 1e-12, scale, np.inf)
        found.append(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300))
    return np.stack(found)


def stability(normals: Array) -> Array:
    """Mean cosine between the normals of different folds, (folds, t, d) -> (t,)."""
    count = len(normals)
    return np.asarray(((normals.sum(axis=0) ** 2).sum(axis=-1) - (normals**2).sum(axis=(0, 2))) / (count * (count - 1)))


def concepts(target: Target) -> dict[str, Array]:
    """Concepts of a label, without missing values: the number itself, or each class with enough members, as 0 and 1."""
    if is_numeric(target.values):
        return {"": target.values.astype(np.float64)}
    codes, levels = encode(target.values)
    names = [str(target.values[codes == code][0]) for code in range(levels)]
    sizes = np.bincount(codes, minlength=levels)
    wanted = [c for c in range(levels) if _LEAST <= sizes[c] <= len(codes) - _LEAST]
    wanted = wanted[-1:] if levels == 2 else wanted
    return {names[code]: (codes == code).astype(np.float64) for code in wanted}


def concept_rows(
    vectors: tuple[NDArray[np.floating], NDArray[np.floating]],
    target: Target,
    record: Mapping[str, Any],
    plan: FoldPlan,
    permutations: int = 100,
) -> list[Row]:
    """Rows of the table ``CAV`` for a label: each concept's direction, how stable it is, and what rises along it.

    Args:
        vectors: of the n users with a row in ``target``, (n, d), and of all items, (n_items, d); without items, or
            with items of another space, (0, any), only the stability is told.
        target: label with its groups, by which folds are cut where it is constant in them.
        record: the columns ``RECORD``.
        plan: folds and seed.
        permutations: of labels.

    Raises:
        InputError: vectors that are not finite, or fewer rows or groups than folds.
    """
    known = target.known
    x, items, target = vectors[0][known].astype(np.float64), vectors[1].astype(np.float64), target.select(known)
    if not np.isfinite(x).all() or not np.isfinite(items).all():
        raise InputError("vectors hold NaN or infinity", f"concept {target.attribute}", "leave these rows out")
    given = {column: record[column] for column in RECORD} | {"attribute": target.attribute, "n": len(x)}
    rows = []
    for concept, labels in concepts(target).items():
        coded = {name: encode(values)[0] for name, values in target.groups.items()}
        folds = make_folds(labels, coded, plan)
        keys = ("cav-permutation", plan.seed, len(labels))
        copies = permuted(labels, folds.units, np.zeros_like(folds.units), [rng(*keys, p) for p in range(permutations)])
        normals = directions(x, np.column_stack([labels, copies]), folds.assignment)
        rows.append({**given, "concept": concept, "n_items": len(items), **_found(normals, items)})
    return rows


def _found(normals: Array, items: Array) -> Row:
    agree = stability(normals)
    told = {
        "stability": agree[0],
        "stability_control": agree[1:].mean(),
        "stability_high": np.percentile(agree[1:], LEVEL[1]),
        "stability_p": (1 + (agree[1:] >= agree[0]).sum()) / len(agree),
    }
    if len(items) and items.shape[1] == normals.shape[2]:
        rising = ((normals.mean(axis=0) @ items.T) > 0).mean(axis=1)
        low, high = np.percentile(rising[1:], LEVEL)
        far = np.abs(rising - rising[1:].mean())
        told |= {"rising": rising[0], "rising_control": rising[1:].mean(), "rising_low": low, "rising_high": high}
        told["rising_p"] = (1 + (far[1:] >= far[0]).sum()) / len(far)
    return {name: float(value) for name, value in told.items()}


def cav_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows of concepts as one table."""
    return pa.Table.from_pylist([dict(row) for row in rows], CAV_SCHEMA)
