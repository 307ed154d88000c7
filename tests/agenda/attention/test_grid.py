"""The grid of times: steps, gaps, aggregation; rounding units."""

import numpy as np
import pytest

from hemicycle.agenda.attention.cells import Cells
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.grid import infer_step, on_grid, rounding_unit, shares_of
from hemicycle.core.errors import InputError

HOUR, DAY, WEEK = 3600, 86_400, 604_800
START = 1_356_998_400  # 2013-01-01, a Tuesday


def config(**keys: object) -> AttentionConfig:
    return AttentionConfig.model_validate({"file": "x.csv", **keys})


@pytest.mark.parametrize(
    ("seconds", "step"),
    [([0, HOUR, 3 * HOUR], "hour"), ([0, 2 * DAY], "day"), ([0, WEEK, 5 * WEEK], "week"), ([7], "day"), ([0, 5], None)],
)
def test_steps_are_inferred(seconds: list[int], step: str | None) -> None:
    assert infer_step(START + np.array(seconds)) == step


def test_irregular_times_need_a_step() -> None:
    times = START + np.array([0, 5, 7000])
    with pytest.raises(InputError, match="neither weeks, days nor hours apart"):
        on_grid(config(), times)
    places, grid = on_grid(config(step="hour"), times)
    assert places.tolist() == [0, 0, 1]
    assert grid[1] == np.datetime64("2013-01-01T01:00:00")


def test_an_inferred_grid_starts_at_the_first_time() -> None:
    noon = START + 12 * HOUR + np.arange(3) * DAY
    assert on_grid(config(), noon)[1][0] == np.datetime64("2013-01-01T12:00:00")
    assert on_grid(config(step="day"), noon)[1][0] == np.datetime64("2013-01-01T00:00:00")


def test_given_weeks_start_on_monday() -> None:
    grid = on_grid(config(step="week"), START + np.arange(14) * DAY)[1]
    assert [str(time)[:10] for time in grid] == ["2012-12-31", "2013-01-07", "2013-01-14"]


def test_many_gaps_are_counted() -> None:
    with pytest.raises(InputError) as caught:
        on_grid(config(step="hour"), START + np.arange(0, 40, 2) * HOUR)
    text = str(caught.value)
    assert "19 of 39 hours have no row: 2013-01-01T01, 2013-01-01T03" in text
    assert "and 14 more gaps" in text


def test_texts_of_whole_hours_are_counted_by_day() -> None:
    times = START + np.array([0, 3 * HOUR, DAY + 5 * HOUR])
    places, grid = on_grid(config(form="texts"), times)
    assert (places.tolist(), len(grid)) == ([0, 0, 1], 2)
    assert len(on_grid(config(form="texts", step="hour", gaps="missing"), times)[1]) == 30


def cells(times: list[int], values: list[float]) -> Cells:
    zeros = np.zeros(len(times), np.int64)
    return Cells(START + np.array(times), zeros, zeros, np.array(values), ("1",), ("a",))


def test_finer_shares_are_averaged_and_counts_added() -> None:
    rows = cells([0, HOUR, DAY], [0.2, 0.4, 0.5])
    shares, grid = shares_of(config(step="day"), rows)
    assert shares.ravel() == pytest.approx([0.3, 0.5])
    assert len(grid) == 2
    two = Cells(rows.times, np.array([0, 1, 0]), rows.group, np.array([3.0, 1, 5]), ("1", "2"), ("a",))
    counted = shares_of(config(step="day", values="counts", form="long"), two)[0]
    assert counted[..., 0].tolist() == [[0.75, 1], [0.25, 0]]


def test_a_mean_leaves_missing_values_out() -> None:
    shares, _ = shares_of(config(step="day"), cells([0, HOUR, DAY], [0.2, np.nan, 0.0]))
    assert shares.ravel()[0] == pytest.approx(0.2)
    assert np.isnan(shares.ravel()[1])


@pytest.mark.parametrize(
    ("values", "unit"),
    [([0.001, 0.02, 0.0], 0.001), ([0.1, 0.3], 0.1), ([1 / 3, 0.25], 0.0), ([0.0], 0.0), ([0.123456], 1e-6)],
)
def test_rounding_units(values: list[float], unit: float) -> None:
    assert rounding_unit(np.array([*values, np.nan])) == unit
