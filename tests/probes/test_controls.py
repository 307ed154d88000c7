"""Permutations and designs of the controls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.seeding import rng
from hemicycle.probes.controls import MAX_LEVELS, control_designs, design, numeric, one_hot, permuted, strata_of
from hemicycle.probes.target import Target, encode


def generators(count=20):
    return [rng("test", p) for p in range(count)]


@given(st.integers(2, 60), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_free_permutations_keep_values_within_strata(n, strata):
    labels, stratum = np.arange(n) * 1.0, np.arange(n) % strata
    columns = permuted(labels, np.arange(n), stratum, generators(5))
    assert columns.shape == (n, 5)
    for column in columns.T:
        for s in range(strata):
            np.testing.assert_array_equal(np.sort(column[stratum == s]), labels[stratum == s])


def test_free_permutations_are_uniform():
    columns = permuted(np.arange(4), np.arange(4), np.zeros(4, int), generators(2000))
    assert np.abs((columns[0][:, None] == np.arange(4)).mean(0) - 0.25).max() < 0.04


def test_groups_exchange_their_values_whole():
    units = np.repeat(np.arange(10), 3)
    columns = permuted(units * 1.0, units, np.zeros(30, int), generators())
    for column in columns.T:
        assert len(np.unique(column)) == 10
        assert (column.reshape(10, 3) == column.reshape(10, 3)[:, :1]).all()
    assert not (units == columns.T).all(axis=1).any()


def test_one_hot_has_a_column_for_missing_and_pools_rare_levels():
    hot = one_hot(np.array(["a", "b", None, "a"], object))
    assert hot.shape == (4, 3)
    assert (hot.sum(1) == 1).all()
    assert (hot[0] == hot[3]).all()
    many = one_hot(np.repeat(np.arange(300), np.where(np.arange(300) == 7, 5, 1)))
    assert many.shape == (304, MAX_LEVELS)
    assert many[:, 0].sum() == 5
    assert many[:, -1].sum() == 300 - (MAX_LEVELS - 1)


def test_missing_numbers_are_marked():
    assert numeric(np.array([1.0, np.nan, 3.0])).tolist() == [[1, 0], [2, 1], [3, 0]]
    assert numeric(np.array([1, 3])).tolist() == [[1], [3]]
    assert np.isfinite(numeric(np.array([np.nan, np.nan]))).all()


def test_numeric_group_codes_are_categories():
    target = Target("a", np.arange(4.0), {"party": np.array([100, 200, 100, 328])}, {"degree": np.arange(4.0)})
    designs = control_designs(target, {"party": encode(target.groups["party"])[0]})
    assert {name: [x.shape for x in blocks] for name, blocks in designs.items()} == {
        "covariates": [(4, 3), (4, 1)],
        "party": [(4, 3)],
    }


def test_without_columns_there_is_no_design():
    assert design({}) is None
    assert control_designs(Target("a", np.arange(4.0)), {}) == {}


def test_strata_are_classes_of_degree_and_communities():
    n = 100
    target = Target("a", np.arange(n * 1.0), degree=np.arange(n)[::-1] ** 2, community=np.arange(n) % 4)
    found = strata_of(target, np.arange(n))
    assert np.bincount(found["permuted within degree"]).tolist() == [10] * 10
    assert (np.diff(found["permuted within degree"]) <= 0).all()
    assert len(np.unique(found["permuted within community"])) == 4


def test_strata_of_groups_are_means_and_modes():
    units = np.repeat(np.arange(12), 5)
    community = np.where(np.arange(60) % 5 == 0, 9, units // 6)
    found = strata_of(Target("a", units * 1.0, degree=units + np.tile([0, 40], 30), community=community), units)
    assert all((found[name].reshape(12, 5) == found[name].reshape(12, 5)[:, :1]).all() for name in found)
    assert len(np.unique(found["permuted within degree"])) == 2
    np.testing.assert_array_equal(np.unique(found["permuted within community"]), [0, 1])


@pytest.mark.parametrize("community", [np.zeros(30), np.arange(30)])
def test_strata_that_permute_freely_or_not_at_all_are_no_control(community):
    assert strata_of(Target("a", np.arange(30.0), degree=np.ones(30), community=community), np.arange(30)) == {}
