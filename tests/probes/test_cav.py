"""Concept activation vectors: the planted direction, its stability, and what rises along it."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD
from sklearn.linear_model import Ridge as Reference
from sklearn.preprocessing import StandardScaler

from hemicycle.core.errors import InputError
from hemicycle.probes.cav import CAV_SCHEMA, cav_table, concept_rows, concepts, directions, stability
from hemicycle.probes.folds import FoldPlan
from hemicycle.probes.target import Target

PLAN = FoldPlan(5, 0)


def planted(n=200, d=6, items=60, seed=0):
    """A label along the first axis, on which two thirds of the items are above 0."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    y = rng.standard_normal((items, d))
    y[:, 0] = np.where(np.arange(items) % 3, 1.0, -1.0) * np.abs(y[:, 0])
    return x, y, x[:, 0] + 0.3 * rng.standard_normal(n)


def test_directions_are_those_of_ridge_regression():
    x, _, values = planted()
    x = x * np.array([1, 2, 3, 4, 5, 6.0])
    folds = np.arange(200) % 5
    found = directions(x, np.stack([values, values**2], 1), folds)
    scaled = StandardScaler().fit(x)
    for k in range(5):
        train = folds != k
        slope = Reference(alpha=0.01 * train.sum()).fit(scaled.transform(x[train]), values[train]).coef_ / scaled.scale_
        np.testing.assert_allclose(found[k, 0], slope / np.linalg.norm(slope), atol=1e-9)


def test_stability_is_the_mean_cosine_of_pairs():
    normals = np.random.default_rng(0).standard_normal((4, 3, 5))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    pairs = [(a, b) for a in range(4) for b in range(a)]
    literal = np.mean([(normals[a] * normals[b]).sum(-1) for a, b in pairs], axis=0)
    np.testing.assert_allclose(stability(normals), literal)


def test_the_planted_concept_is_stable_and_its_items_rise():
    x, y, values = planted()
    row = concept_rows((x, y), Target("attitude", values), RECORD, PLAN)[0]
    assert row["stability"] > 0.98 > row["stability_high"]
    assert row["stability_p"] == pytest.approx(1 / 101)
    assert row["rising"] == pytest.approx(2 / 3, abs=0.05)
    assert row["rising_control"] == pytest.approx(0.5, abs=0.1)
    assert (row["n"], row["n_items"], row["concept"]) == (200, 60, "")


def test_a_random_label_is_neither_stable_nor_significant():
    x, y, values = planted()
    values = np.random.default_rng(5).permutation(values)
    row = concept_rows((x, y), Target("attitude", values), RECORD, PLAN)[0]
    assert row["stability_p"] > 0.05
    assert row["rising_p"] > 0.05


def test_concepts_of_classes():
    values = np.array(["a"] * 30 + ["b"] * 40 + ["rare"] * 3, object)
    assert list(concepts(Target("party", values))) == ["a", "b"]
    two = concepts(Target("side", np.array(["l", "r"] * 20, object)))
    assert list(two) == ["r"]
    assert two["r"].tolist() == [0, 1] * 20


def test_without_items_only_the_stability_is_told():
    x, _, values = planted()
    rows = concept_rows((x, np.empty((0, 0))), Target("attitude", values), RECORD, PLAN, 20)
    assert "rising" not in rows[0]
    table = cav_table(rows)
    assert table.schema == CAV_SCHEMA
    assert table["rising"].to_pylist() == [None]


def test_folds_by_group_and_broken_vectors():
    x, y, values = planted()
    group = np.arange(200) // 10
    constant = values[group * 10]
    target = Target("attitude", constant, {"party": group})
    assert concept_rows((x, y), target, RECORD, PLAN, 20)[0]["stability"] < 0.9
    x[3, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        concept_rows((x, y), target, RECORD, PLAN)
