import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.attitudes.filters import FilterOptions, filtered
from hemicycle.core.errors import InputError


def literal(counts, options):
    """Drop rows and columns one by one until none is left to drop."""
    rows, columns = set(range(counts.shape[0])), set(range(counts.shape[1]))
    while True:
        bad = [i for i in rows if sum(counts[i, j] > 0 for j in columns) < options.min_actors]
        worse = [j for j in columns if sum(counts[i, j] > 0 for i in rows) < options.min_followers]
        if not bad and not worse:
            return sorted(rows), sorted(columns)
        rows, columns = (rows - {bad[0]}, columns) if bad else (rows, columns - {worse[0]})


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), density=st.floats(0.1, 0.6), least=st.integers(1, 4))
def test_filters_end_where_dropping_one_by_one_ends(seed, density, least):
    counts = (np.random.default_rng(seed).random((15, 9)) < density).astype(float)
    options = FilterOptions(min_actors=least, min_followers=3)
    rows, columns = literal(counts, options)
    if not rows or not columns:
        with pytest.raises(InputError, match="no user and actor is left"):
            filtered(sp.csr_array(counts), options)
        return
    found = filtered(sp.csr_array(counts), options)
    assert (found.rows.tolist(), found.columns.tolist()) == (rows, columns)
    np.testing.assert_array_equal(found.table.toarray(), counts[np.ix_(rows, columns)])
    assert sum(found.dropped.values()) == 24 - len(rows) - len(columns)


def test_what_was_dropped_is_said():
    counts = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 0]])
    found = filtered(sp.csr_array(counts), FilterOptions(min_actors=2, min_followers=2))
    assert found.notes() == [
        "2 users who follow fewer than 2 actors dropped",
        "1 actors with fewer than 2 followers dropped",
    ]
    assert found.rounds == 2


def test_one_of_equal_rows_is_kept():
    counts = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [2, 1, 0], [0, 1, 1], [1, 1, 0]])
    options = FilterOptions(min_actors=1, min_followers=1, drop_duplicates=True)
    found = filtered(sp.csr_array(counts), options)
    assert found.rows.tolist() == [0, 2, 3, 4]
    assert found.notes() == ["2 users who follow the same actors as another dropped"]
    assert filtered(sp.csr_array(counts), options.replace(drop_duplicates=False)).rows.tolist() == list(range(6))


def test_entries_of_zero_do_not_count():
    stored = sp.csr_array((np.array([1.0, 0.0, 1.0]), ([0, 0, 1], [0, 1, 1])))
    assert filtered(stored, FilterOptions(min_actors=1, min_followers=1)).table.nnz == 2


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_other_entries_are_refused(value):
    with pytest.raises(InputError, match=r"negative or NaN|infinite"):
        filtered(sp.csr_array(np.array([[1.0, value]])), FilterOptions())
