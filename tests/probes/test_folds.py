"""Folds: what is kept together, what is spread, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.probes.folds import FoldPlan, constant_column, make_folds

PLAN = FoldPlan(5, 0)


@given(st.integers(10, 200), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_row_folds_are_equal_in_size_and_depend_on_seed_and_n_only(n, seed):
    plan = FoldPlan(5, seed)
    one, two = (make_folds(np.random.default_rng(s).standard_normal(n), {}, plan) for s in (1, 2))
    np.testing.assert_array_equal(one.assignment, two.assignment)
    assert np.ptp(np.bincount(one.assignment, minlength=5)) <= 1
    assert (one.by, one.cv, one.n_units) == ("", "5 folds", n)


@given(st.integers(0, 999), st.booleans())
@settings(max_examples=40, deadline=None)
def test_groups_stay_whole(seed, stratified):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 25, 200)
    labels = (np.arange(25) % 2 if stratified else rng.standard_normal(25))[codes]
    folds = make_folds(labels, {"party": codes}, FoldPlan(5, seed, stratified))
    assert folds.by == "party"
    assert all(len(np.unique(folds.assignment[codes == c])) == 1 for c in np.unique(codes))
    assert np.bincount(folds.assignment, minlength=5).min() > 0
    if stratified:
        assert all(len(np.unique(labels[folds.assignment == k])) == 2 for k in range(5))


def test_classes_are_spread():
    labels = np.repeat([0, 1, 2], [50, 33, 7])
    folds = make_folds(labels, {}, FoldPlan(5, 3, stratified=True))
    for c in range(3):
        assert np.ptp(np.bincount(folds.assignment[labels == c], minlength=5)) <= 1
    assert folds.cv == "5 stratified folds"


def test_the_coarsest_constant_column_counts():
    country = np.repeat(np.arange(6), 10)
    columns = {"party": np.repeat(np.arange(12), 5), "country": country, "sex": np.arange(60) % 2}
    labels = country * 1.0
    assert constant_column(labels, columns) == "country"
    assert make_folds(labels, columns, PLAN).cv == "5 folds by country (detected)"
    assert constant_column(np.arange(60.0), columns) == ""


def test_rows_without_a_group_are_units_of_their_own():
    codes = np.concatenate([np.repeat(np.arange(8), 5), np.full(4, -1)])
    labels = np.concatenate([np.repeat(np.arange(8.0), 5), [0.1, 0.2, 0.3, 0.4]])
    folds = make_folds(labels, {"party": codes}, PLAN)
    assert folds.n_units == 12
    assert len(np.unique(folds.units[-4:])) == 4


@pytest.mark.parametrize(
    ("labels", "groups", "plan", "message"),
    [
        (np.arange(9.0), {}, PLAN, "9 labelled rows are too few"),
        (np.repeat(np.arange(4.0), 9), {"p": np.repeat(np.arange(4), 9)}, PLAN, "4 groups of p, within"),
        (np.array([0] * 40 + [1] * 4), {}, FoldPlan(5, 0, stratified=True), "smallest class has 4"),
    ],
)
def test_too_little_is_refused(labels, groups, plan, message):
    with pytest.raises(InputError, match=message):
        make_folds(labels, groups, plan)
