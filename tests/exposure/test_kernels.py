import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.exposure.kernels import first_above, holds, order_statistic, place

numbers = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(numbers, st.integers(-5, 5))
def test_sorted_rows_are_searched_as_numpy_does(values, wanted):
    row = np.unique(values).astype(np.int32)
    assert first_above(row, wanted) == np.searchsorted(row, wanted, side="right")
    assert holds(row, wanted) == (wanted in row)


@settings(max_examples=60, deadline=None)
@given(numbers, st.data())
def test_order_statistics_are_those_of_the_sorted_values(values, data):
    rank = data.draw(st.integers(0, len(values) - 1))
    assert order_statistic(np.array(values, float), rank) == sorted(values)[rank]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10), st.integers(1, 5))
def test_lists_hold_the_largest_in_order(pairs, k):
    ids, values, ties = np.full(k, -1, np.int32), np.full(k, -np.inf), np.full(k, -np.inf)
    distinct = sorted(set(pairs))
    for j, (value, tie) in enumerate(distinct):
        place(ids, values, ties, (np.int32(j), float(value), float(tie)))
    expected = list(range(len(distinct)))[::-1][:k]
    np.testing.assert_array_equal(ids, expected + [-1] * (k - len(expected)))
