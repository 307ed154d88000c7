"""Trees on covariates: what they see, and what they must not see."""

import numpy as np
import pytest

from hemicycle.probes import trees
from hemicycle.probes.trees import nested_predictions, tree_design


def curved(n=400, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(n)
    return tree_design({}, {"z": z}), np.sin(3 * z) + 0.1 * rng.standard_normal(n), np.arange(n) % 5


def test_a_curve_is_found_out_of_fold():
    design, labels, folds = curved()
    said = nested_predictions(design, labels, folds, 0)[np.arange(400), folds, 0]
    assert 1 - ((labels - said) ** 2).mean() / labels.var() > 0.85


def test_predictions_know_neither_their_own_fold_nor_the_outer_one():
    design, labels, folds = curved()
    changed = np.where(folds == 2, 50.0, labels)
    one, two = (nested_predictions(design, y, folds, 0) for y in (labels, changed))
    np.testing.assert_array_equal(one[:, 2], two[:, 2])
    np.testing.assert_array_equal(one[folds == 2], two[folds == 2])
    assert not np.array_equal(one[folds == 1][:, 3], two[folds == 1][:, 3])


def test_classes_get_probabilities():
    design, labels, folds = curved()
    said = nested_predictions(design, (labels > 0).astype(int) + (labels > 0.8), folds, 3)
    assert said.shape == (400, 5, 3)
    np.testing.assert_allclose(said.sum(2), 1)


def test_a_class_unseen_in_training_gets_no_probability():
    design, _, folds = curved(100)
    said = nested_predictions(design, (folds == 4).astype(int), folds, 2)
    np.testing.assert_array_equal(said[folds == 4, 4], [[1, 0]] * 20)


@pytest.mark.parametrize(
    ("groups", "covariates", "expected"),
    [
        ({}, {}, None),
        ({"party": ["a", "b"]}, {}, None),
        ({"party": [1, 2]}, {"sex": ["f", "m"]}, ((2, 2), 2)),
        ({"party": ["a", "b"]}, {"degree": [1.0, np.inf]}, ((2, 2), 1)),
    ],
)
def test_one_category_is_left_to_regression(groups, covariates, expected):
    design = tree_design(*({k: np.array(v) for k, v in columns.items()} for columns in (groups, covariates)))
    assert (None if design is None else (design.x.shape, design.categories)) == expected


def test_large_training_sets_are_drawn_from_and_still_deterministic(monkeypatch):
    monkeypatch.setattr(trees, "ROWS", 150)
    design, labels, folds = curved()
    one, two = (nested_predictions(design, labels, folds, 0) for _ in range(2))
    np.testing.assert_array_equal(one, two)
