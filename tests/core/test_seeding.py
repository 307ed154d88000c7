import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hemicycle.core import seeding
from hemicycle.core.seeding import key_of, keyed_normal, keyed_uniform, rng

KEY = key_of("test")
MASK = 2**64 - 1


def uniform_reference(key, row, column):
    """One number, from the definition, in Python's integers."""

    def mix(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    bits = mix(mix((row * golden + key) & MASK) ^ mix((column + golden) & MASK))
    return ((bits >> 12) + 0.5) / 2**52


def test_keys_are_stable_in_every_process():
    here = key_of("split", 3)
    code = "from hemicycle.core.seeding import key_of; print(key_of('split', 3))"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(there) == here == int.from_bytes(hashlib.sha256(b'["split", 3]').digest()[:8], "little")


def test_a_key_tells_its_parts_apart():
    parts = [("a", "b"), ("ab",), ("a,b",), ("b", "a"), ("a", 1), ("a", "1"), ("a\x1fstr:b",), ('a", "b',), ()]
    assert len({key_of(*part) for part in parts}) == len(parts)


def test_numpy_integers_are_integers_and_floats_are_refused():
    assert key_of("seed", np.int64(3)) == key_of("seed", 3)
    with pytest.raises(TypeError):
        key_of("seed", 3.0)


def test_a_generator_depends_on_its_key_alone():
    first = rng("split", 1).random(4)
    rng("other", 1).random(100)
    np.testing.assert_array_equal(rng("split", 1).random(4), first)
    assert not np.array_equal(rng("split", 2).random(4), first)


@given(
    st.integers(0, MASK),
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4),
    st.lists(st.integers(0, 2**31), min_size=1, max_size=4),
)
def test_numbers_are_those_of_the_definition(key, rows, columns):
    expected = [[uniform_reference(key, row, column) for column in columns] for row in rows]
    np.testing.assert_array_equal(keyed_uniform(key, np.array(rows), np.array(columns)), expected)


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1), st.sets(st.integers(0, 7), min_size=1))
def test_numbers_do_not_depend_on_order_or_on_who_else_is_asked(order, some_rows, some_columns):
    whole = keyed_normal(KEY, np.arange(12), np.arange(8))
    order, rows, columns = np.array(order), np.array(sorted(some_rows)), np.array(sorted(some_columns))
    np.testing.assert_array_equal(keyed_normal(KEY, order, np.arange(8)), whole[order])
    np.testing.assert_array_equal(keyed_normal(KEY, rows, columns), whole[np.ix_(rows, columns)])


def test_chunks_do_not_show(monkeypatch):
    whole = keyed_normal(KEY, np.arange(50), np.arange(3))
    monkeypatch.setattr(seeding, "_CHUNK", 7)
    np.testing.assert_array_equal(keyed_normal(KEY, np.arange(50), np.arange(3)), whole)


def test_uniform_and_normal_numbers_are_so_distributed():
    uniform = keyed_uniform(KEY, np.arange(500), np.arange(40)).ravel()
    normal = keyed_normal(KEY, np.arange(500), np.arange(40)).ravel()
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    assert stats.kstest(normal, "norm").pvalue > 0.001
    assert abs(normal.mean()) < 4 / np.sqrt(normal.size)
    assert normal.dtype == np.float32


def test_rows_columns_and_keys_are_uncorrelated():
    table = keyed_normal(KEY, np.arange(4000), np.arange(6))
    other = keyed_normal(key_of("test", 1), np.arange(4000), np.arange(6))
    neighbours = np.corrcoef(table[:-1].ravel(), table[1:].ravel())[0, 1]
    between = np.corrcoef(table.T) - np.eye(6)
    assert np.abs(between).max() < 5 / np.sqrt(4000)
    assert abs(neighbours) < 5 / np.sqrt(table.size)
    assert abs(np.corrcoef(table.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(table.size)


def test_no_two_numbers_are_the_same():
    assert np.unique(keyed_uniform(KEY, np.arange(2000), np.arange(50))).size == 100_000


@pytest.mark.parametrize("bits", [0, MASK])
def test_the_ends_are_never_reached(monkeypatch, bits):
    monkeypatch.setattr(seeding, "_mix", lambda x: np.full_like(x, bits))
    number = keyed_uniform(KEY, np.zeros(1, int), np.zeros(1, int))
    assert 0 < number[0, 0] < 1


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_requests_have_empty_answers(shape):
    assert keyed_normal(KEY, np.arange(shape[0]), np.arange(shape[1])).shape == shape
