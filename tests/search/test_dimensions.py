import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.search.config import Dimension
from hemicycle.search.dimensions import allows, at, bounds, described, distribution, ends, level, levels, nearest, size

decimals = st.integers(-300, 300).map(lambda n: n / 100)


@st.composite
def ranges(draw):
    """A range of any kind."""
    integer, log = draw(st.booleans()), draw(st.booleans())
    low = draw(st.integers(-9, 9) if integer else decimals)
    low = abs(low) + 1 if log else low
    high = low + draw(st.integers(1, 40) if integer else st.integers(1, 400).map(lambda n: n / 100))
    step = (
        None if log else draw(st.none() | (st.integers(1, 7) if integer else st.integers(1, 99).map(lambda n: n / 100)))
    )
    return Dimension(low=low, high=high, log=log, integer=integer, step=step)


choices = st.lists(st.none() | st.booleans() | st.integers(2, 9) | st.text(max_size=3), min_size=1, unique=True)
dimensions = ranges() | choices.map(lambda values: Dimension(choice=tuple(values)))


@given(dimensions, st.floats(0, 1, exclude_max=True))
def test_every_share_is_a_value_of_the_space_and_of_optunas(dimension, u):
    value = at(dimension, u)
    assert allows(dimension, value)
    assert value == nearest(dimension, value)
    there = distribution(dimension)
    assert there._contains(there.to_internal_repr(value))
    if dimension.choice is None:
        assert type(value) is (int if dimension.integer else float)


@given(dimensions)
def test_a_finite_dimension_is_the_list_of_its_values(dimension):
    if size(dimension) is None:
        assert levels(dimension) == []
        return
    values = levels(dimension)
    assert len(values) == size(dimension) == len(set(values))
    assert all(allows(dimension, value) for value in values)
    there = distribution(dimension)
    if dimension.choice is None:
        assert values == sorted(values)
        assert (values[0], values[-1]) == bounds(dimension) == (there.low, there.high)
        assert dimension.step is None or values[-1] + dimension.step > dimension.high - 1e-9


@given(ranges(), st.floats(0, 0.999), st.floats(0, 0.999))
def test_a_greater_share_is_no_smaller_value(dimension, u, v):
    assert at(dimension, min(u, v)) <= at(dimension, max(u, v))


def test_shares_are_even():
    third = Dimension(choice=("a", "b", "c"))
    assert [at(third, u) for u in (0, 0.33, 0.34, 0.66, 0.67, 0.999)] == ["a", "a", "b", "b", "c", "c"]
    assert at(Dimension(low=0.01, high=1, log=True), 0.5) == pytest.approx(0.1)
    counts = [at(Dimension(low=1, high=4, integer=True, log=True), i / 1000) for i in range(1000)]
    assert [counts.count(k) for k in (1, 2, 3, 4)] == pytest.approx(
        [1000 * math.log((k + 0.5) / (k - 0.5)) / math.log(9) for k in (1, 2, 3, 4)], abs=1
    )


def test_steps_do_not_pick_up_noise():
    tenths = Dimension(low=0.1, high=0.75, step=0.1)
    assert levels(tenths) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert ends(tenths) == [0.1, 0.7]
    assert level(tenths, 2) == 0.3
    assert nearest(tenths, 0.1 + 2 * 0.1) == 0.3


def test_what_is_allowed_is_told_apart():
    flags = Dimension(choice=(True, 2, None))
    assert [v for v in (True, 1, None, 2.0, 3, False) if allows(flags, v)] == [True, None, 2.0]
    assert nearest(flags, 2.0) is flags.choice[1]
    count = Dimension(low=2, high=8, integer=True, step=2)
    assert [v for v in range(12) if allows(count, v)] == [2, 4, 6, 8]
    assert not any(allows(count, v) for v in (True, "4", None, 4.5, math.nan, math.inf))
    assert described(count) == "an integer from 2 to 8 in steps of 2"
    assert described(flags) == "one of True, 2, None"
