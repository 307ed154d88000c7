import numba
import numpy as np
import pytest

from hemicycle.core.counters import below, row_key, uniform, uniform_of
from hemicycle.core.seeding import key_of, keyed_uniform


@numba.njit
def table(key, rows, columns):
    out = np.empty((len(rows), len(columns)))
    for i in range(len(rows)):
        for j in range(len(columns)):
            out[i, j] = uniform(key, rows[i], columns[j])
    return out


@numba.njit
def row(key, i, n):
    shared = row_key(key, i)
    return [uniform_of(shared, column) for column in range(n)]


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1, key_of("counters", 1)])
def test_compiled_numbers_are_those_of_keyed_uniform_to_the_last_bit(key):
    rows, columns = np.array([0, 1, 2, 999_999, 2**40]), np.array([0, 1, 7, 2**33])
    np.testing.assert_array_equal(table(np.uint64(key), rows, columns), keyed_uniform(key, rows, columns))


def test_a_row_key_gives_the_numbers_of_its_row():
    key = key_of("a row")
    expected = keyed_uniform(key, np.array([17]), np.arange(6))[0]
    np.testing.assert_array_equal(row(np.uint64(key), 17, 6), expected)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1_000_003, 2**31])
def test_below_reaches_neither_end_wrongly(n):
    assert below(n, 2.0**-53) == 0
    assert below(n, 1 - 2.0**-53) == n - 1


def test_below_is_even():
    drawn = [below(5, u) for u in keyed_uniform(3, np.arange(5000), np.arange(1))[:, 0]]
    np.testing.assert_allclose(np.bincount(drawn) / 5000, 0.2, atol=0.02)
