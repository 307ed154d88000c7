import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.agenda.responses.panel import panel_of
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng


def random_values(topics=4, times=30, groups=2, seed=0):
    return rng("panel", seed).normal(size=(topics, times, groups))


def literal_windows(values, lags):
    """Every topic and time with a complete window, newest first."""
    found = []
    for topic in values:
        for t in range(lags, len(topic)):
            window = topic[t - lags : t + 1][::-1]
            if not np.isnan(window).any():
                found.append(window)
    return np.array(found).reshape(-1, lags + 1, values.shape[2])


@given(st.integers(1, 4), st.integers(0, 1000), st.floats(0, 0.06))
def test_windows_are_all_complete_ones(lags, seed, missing):
    values = random_values(seed=seed)
    values[rng("missing", seed).random(values.shape) < missing] = np.nan
    np.testing.assert_array_equal(panel_of(values, lags).windows(), literal_windows(values, lags))


@given(st.integers(1, 4), st.integers(0, 1000))
def test_stacked_windows_run_across_borders(lags, seed):
    values = random_values(seed=seed)
    stacked = values.reshape(1, -1, 2)
    panel = panel_of(values, lags, stacked=True)
    np.testing.assert_array_equal(panel.windows(), literal_windows(stacked, lags))
    assert len(panel.rows) == 4 * 30 - lags


@pytest.mark.parametrize(("day", "lost"), [(10, 4), (0, 1), (29, 1), (28, 2)])
def test_a_missing_day_cuts_the_rows_that_touch_it(day, lost):
    values = random_values()
    before = len(panel_of(values, 3).rows)
    values[1, day, 0] = np.nan
    assert before - len(panel_of(values, 3).rows) == lost


def test_rows_know_topic_series_and_time():
    values = random_values(topics=2, times=12)
    values[0, 5] = np.nan
    panel = panel_of(values, 2)
    np.testing.assert_array_equal(panel.topic[panel.rows], [0] * (3 + 4) + [1] * 10)
    np.testing.assert_array_equal(panel.row_series, panel.topic[panel.rows])
    np.testing.assert_array_equal(panel.time[panel.rows], [2, 3, 4, 8, 9, 10, 11, *range(2, 12)])
    assert not panel_of(values, 2, stacked=True).row_series.any()


def test_without_fixed_effects_there_is_one_constant():
    panel = panel_of(random_values(), 2, fixed_effects=False)
    assert panel.n_effects == 1
    assert not panel.effect.any()
    assert panel_of(random_values(), 2).n_effects == 4


def test_too_few_days_say_how_many_are_needed():
    with pytest.raises(InputError, match="7 lags of 2 groups take 15 coefficients") as caught:
        panel_of(random_values(topics=1, times=20), 7)
    assert "at least 24 times without gaps, fewer lags" in str(caught.value)
    panel_of(random_values(topics=1, times=24), 7)


def test_topics_without_any_run():
    with pytest.raises(InputError, match="only 0 times"):
        panel_of(np.full((2, 10, 2), np.nan), 1)


def test_days_needed_per_topic():
    with pytest.raises(InputError, match="per topic"):
        panel_of(random_values(topics=3, times=10), 7)
