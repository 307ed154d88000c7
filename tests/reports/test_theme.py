"""Numbers as prose, labels, colours."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.reports.theme import (
    BLUE,
    CYCLE,
    VERMILION,
    group_colours,
    inline,
    interval,
    label,
    listing,
    number,
    signed,
    small,
    vega_config,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.934, ".93"), (-0.021, "\u2212.02"), (1.0, "1.00"), (-0.001, ".00"), (0.999, "1.00"), (12.3, "12.30")],
)
def test_numbers_lose_their_leading_zero(value, text):
    assert number(value) == text


@given(st.floats(-50, 50, allow_nan=False))
def test_a_formatted_number_reads_back(value):
    assert float(number(value, 3).replace("\u2212", "-")) == pytest.approx(value, abs=5.1e-4)


def test_missing_values_are_said():
    assert number(float("nan")) == small(math.inf) == "n/a"
    assert interval(float("nan"), 1.0) == ""


def test_differences_carry_a_sign_unless_they_round_to_zero():
    assert [signed(v) for v in (0.21, -0.05, 0.001)] == ["+.21", "\u2212.05", ".00"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.00234, ".0023"), (0.21, ".21"), (3.4, "3.4"), (153.0, "153"), (0, ".00")]
)
def test_small_keeps_two_digits(value, text):
    assert small(value) == text


def test_labels():
    assert label("ndcg@20") == "NDCG@20"
    assert label("recall@20") == "Recall@20"
    assert label("friedkin_johnsen") == "Friedkin-Johnsen"
    assert label("my_arm") == "my arm"
    assert label("r2") == "R²"


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listing(parts, text):
    assert listing(parts) == text


def test_parties_have_their_customary_colours_and_others_do_not_repeat_them():
    assert group_colours(["Democrat", "Republican"]) == [BLUE, VERMILION]
    found = group_colours(["Republican", "x", "y", "z"])
    assert len(set(found)) == 4
    assert set(found[1:]) < set(CYCLE) - {VERMILION}


def test_inline_data_are_short_and_have_no_nan():
    data = inline(pd.DataFrame({"a": [1 / 3, float("nan")], "b": ["x", None]})).to_dict()
    assert data == {"values": [{"a": 0.33333, "b": "x"}, {"a": None, "b": None}]}


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_that_wcag_asks_for(dark):
    config = vega_config(dark=dark)
    ground = luminance(config["background"])
    for colour in (config["axis"]["labelColor"], config["axis"]["titleColor"], config["text"]["color"]):
        bright, dim = sorted((luminance(colour), ground), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5
