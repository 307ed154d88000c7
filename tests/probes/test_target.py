"""Labels, groups and covariates as they come."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.probes.target import Target, encode, is_constant_within, is_missing, is_numeric, is_same_partition


def test_encode_sorts_and_marks_missing():
    codes, levels = encode(np.array(["b", None, "a", "", "b", np.nan], object))
    assert (codes.tolist(), levels) == ([1, -1, 0, -1, 1, -1], 2)
    assert encode(np.array([10, 9, 10]))[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("values", "numeric", "missing"),
    [
        (np.array([1.0, np.nan]), True, [False, True]),
        (np.array([1, 2]), True, [False, False]),
        (np.array([True, False]), False, [False, False]),
        (np.array(["x", ""]), False, [False, True]),
        (np.array(["x", None], object), False, [False, True]),
    ],
)
def test_kinds(values, numeric, missing):
    assert is_numeric(values) is numeric
    assert is_missing(values).tolist() == missing


def test_constant_within():
    codes = np.array([0, 0, 1, 1, -1])
    assert is_constant_within(np.array([3.0, 3.0 + 1e-12, 5.0, 5.0, 9.0]), codes)
    assert not is_constant_within(np.array([3.0, 3.1, 5.0, 5.0, 9.0]), codes)
    assert not is_constant_within(np.arange(4.0), np.arange(4))


def test_same_partition():
    assert is_same_partition(np.array([0, 1, 1]), np.array([5, 2, 2]))
    assert not is_same_partition(np.array([0, 1, 1]), np.array([0, 1, 2]))
    assert not is_same_partition(np.array([0, 1, 2]), np.array([0, 1, 1]))
    assert is_same_partition(np.array([0, 1, 1]), np.array([0, 1, -1]))


def test_select_keeps_columns_aligned():
    target = Target("a", np.array([1.0, np.nan, 3]), {"g": np.array(["x", "y", "z"])}, {"d": np.arange(3)})
    known = target.select(target.known)
    assert known.values.tolist() == [1, 3]
    assert known.groups["g"].tolist() == ["x", "z"]
    assert known.covariates["d"].tolist() == [0, 2]


def test_refuses_short_columns_and_reserved_names():
    with pytest.raises(InputError, match="degree: not as many rows"):
        Target("a", np.zeros(3), covariates={"degree": np.zeros(2)})
    with pytest.raises(InputError, match="called permuted"):
        Target("a", np.zeros(3), groups={"permuted": np.zeros(3)})
