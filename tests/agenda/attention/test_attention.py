"""Attention: selection, its errors, and the way to disk and back."""

import numpy as np
import pytest

from hemicycle.agenda.attention.attention import Attention, moment, unknown
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder


def days(count: int, first: str = "2013-01-01") -> np.ndarray:
    return np.datetime64(first, "s") + np.arange(count) * np.timedelta64(1, "D")


@pytest.fixture
def attention() -> Attention:
    shares = rng("attention").random((3, 5, 2)) / 3
    shares[1, 2, 0] = np.nan
    labels, categories = ("guns", "", "jobs"), ("law", "law", "economy")
    return Attention(shares, ("1", "2", "10"), ("Left", "Right"), days(5), 0.001, labels, categories)


def test_select_keeps_shares_with_their_names(attention: Attention) -> None:
    some = attention.select(topics=["jobs", "1"], groups=["Right"], first="2013-01-02", last="2013-01-03")
    assert (some.topics, some.groups, some.labels) == (("10", "1"), ("Right",), ("jobs", "guns"))
    assert some.categories == ("economy", "law")
    assert np.array_equal(some.shares, attention.shares[[2, 0]][:, 1:3][:, :, [1]])
    assert some.times.tolist() == attention.times[1:3].tolist()
    assert some.unit == 0.001


def test_select_by_category_and_nothing(attention: Attention) -> None:
    assert attention.select(categories=["law"]).topics == ("1", "2")
    everything = attention.select()
    assert np.array_equal(everything.shares, attention.shares, equal_nan=True)
    assert everything.groups == attention.groups


def test_order_of_groups_is_that_which_is_asked_for(attention: Attention) -> None:
    turned = attention.select(groups=["Right", "Left"])
    assert np.array_equal(turned.shares, attention.shares[:, :, ::-1], equal_nan=True)


def test_all_unknown_names_are_told_at_once_with_the_nearest(attention: Attention) -> None:
    with pytest.raises(InputError) as caught:
        attention.select(topics=["gun", "99"], groups=["Rihgt"], categories=["econmy"])
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "no topic 'gun'; did you mean 'guns'?" in text
    assert "no topic '99'; there are: '1', '2'" in text
    assert "no group 'Rihgt'; did you mean 'Right'?" in text
    assert "no category 'econmy'; did you mean 'economy'?" in text


def test_a_category_where_there_is_none() -> None:
    plain = Attention(np.zeros((1, 2, 1)), ("1",), ("a",), days(2))
    with pytest.raises(InputError, match="no category 'law'; there are: none"):
        plain.select(categories=["law"])


def test_nothing_left_is_an_error(attention: Attention) -> None:
    with pytest.raises(InputError, match="no time is left"):
        attention.select(first="2014-01-01")
    with pytest.raises(InputError, match="no topic is left"):
        attention.select(topics=["1"], categories=["economy"])


def test_names_and_step(attention: Attention) -> None:
    assert attention.names == ("guns", "2", "jobs")
    assert attention.step == np.timedelta64(86_400, "s")
    assert str(attention) == "3 topics, 2 groups, 5 times (2013-01-01 to 2013-01-05)"
    assert Attention(np.zeros((1, 1, 1)), ("1",), ("a",), days(1)).names == ("1",)


def test_to_disk_and_back(attention: Attention, tmp_path) -> None:
    folder = Folder.at(tmp_path)
    attention.write(folder)
    found = Attention.read(folder)
    for name in ("topics", "groups", "unit", "labels", "categories"):
        assert getattr(found, name) == getattr(attention, name)
    assert np.array_equal(found.shares, attention.shares, equal_nan=True)
    assert found.times.dtype == attention.times.dtype
    assert np.array_equal(found.times, attention.times)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topics": ("1",)}, "shares have shape"),
        ({"labels": ("one",)}, "labels must be empty"),
        ({"times": np.array(["2013-01-01", "2013-01-02", "2013-01-04"], "datetime64[s]")}, "regular grid"),
    ],
)
def test_parts_must_fit(changes: dict, message: str) -> None:
    parts = {"shares": np.zeros((2, 3, 1)), "topics": ("1", "2"), "groups": ("a",), "times": days(3)} | changes
    with pytest.raises(ValueError, match=message):
        Attention(**parts)


def test_moments() -> None:
    assert moment("2013-01-02", "last", end=True) == np.datetime64("2013-01-02T23:59:59")
    assert moment("2013-01-02T10:00", "last", end=True) == np.datetime64("2013-01-02T10:00:00")
    assert moment("2013-01-02T10:00+02:00", "first") == np.datetime64("2013-01-02T08:00:00")
    assert moment(None, "first") is None
    with pytest.raises(InputError, match="first: 'soon' is no date"):
        moment("soon", "first")
    with pytest.raises(InputError, match="last: 'May' is no date"):
        moment("May", "last")


def test_long_lists_of_names_are_cut() -> None:
    (problem,) = unknown("topic", ["zzz"], [str(number) for number in range(100)])
    assert "'11' and 88 more" in problem.what
