"""Rows, ratios, and what a reader sees."""

import math

import pytest

from hemicycle.bench.cases import Case, Target
from hemicycle.bench.figure import draw
from hemicycle.bench.measure import Measurement
from hemicycle.bench.tables import markdown, plain, table


def case(name, role="peer", **more):
    return Case("speed", name, role, "module", "task", **more)


def took(*seconds, **facts):
    return Measurement(tuple({"cpu": s, "wall": 2 * s, **facts} for s in seconds), 5e8)


@pytest.fixture
def frame():
    return table(
        {
            case("ours", "ours", reference=True): [took(2.0, 1.0), took(3.0)],
            case("slow", target=Target("ratio", 70), note="3 of 9 steps"): [took(100.0)],
            case("near", target=Target("ratio", 70), times=4): [took(10.0)],
            case("absent", target=Target("ratio", 1)): [Measurement(problem="cannot be installed: no | network")],
            case("bound", "bound", clock="wall"): [took(0.25, bytes=1e9)],
        }
    )


def test_times_are_the_least_and_the_median_over_all_processes(frame):
    ours = frame.iloc[0]
    assert (ours["least"], ours["median"], ours["calls"], ours["processes"]) == (1.0, 2.0, 3, 2)
    assert ours["memory"] == 500


def test_ratios_are_over_the_group_s_reference(frame):
    assert frame["ratio"].tolist()[:3] == [1.0, 100.0, 40.0]
    assert math.isnan(frame["ratio"][3])
    assert frame["ratio"][4] == 0.5


def test_targets_are_met_or_missed_where_there_is_a_number(frame):
    assert frame["met"].tolist() == [None, True, False, None, None]


def test_a_group_without_its_reference_has_no_ratio():
    assert math.isnan(table({case("alone"): [took(1.0)]})["ratio"][0])


def test_the_table_tells_what_was_missed_and_what_was_not_measured(frame):
    text = markdown(frame)
    assert text.startswith("**speed**\n\n| | CPU s | median CPU s | times ours | MB | asked | remark |\n|---|---|")
    assert "| slow | 100 | 100 | 100 | 500 | ≥ 70: met | 3 of 9 steps |" in text
    assert "| near | 40.0 | 40.0 | 40.0 | 500 | ≥ 70: missed |  |" in text
    assert "| absent |  |  |  |  |  | not measured: cannot be installed: no / network |" in text
    assert "2.0 GB/s" in text


def test_numbers_keep_three_digits():
    assert (
        plain(table({case("a"): [took(1234.5)]})[["least", "name"]]) == "| least | name |\n| --- | --- |\n| 1,234 | a |"
    )


def test_the_figure_shows_everybody_with_a_ratio(frame):
    image = draw(frame)
    assert image.startswith("<svg")
    assert all(name in image for name in ("ours", "slow", "near", "bound"))
    assert "absent" not in image
    assert draw(frame[frame["name"] == "absent"]) is None
