"""Scales: floors, the way back, trend and season, and series that cannot be analysed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.scale import ScaleOptions, floor, logit, scale, scaled
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

N = 140


def attention(unit: float = 0.0, n: int = N, hours: int = 24) -> Attention:
    shares = 0.05 + 0.3 * rng("scale").random((2, n, 3))
    shares = np.round(shares / unit) * unit if unit else shares
    times = np.datetime64("2013-01-01", "s") + np.arange(n) * np.timedelta64(hours, "h")
    return Attention(shares, ("1", "2"), ("a", "b", "c"), times, unit)


def with_values(base: Attention, shares: np.ndarray) -> Attention:
    return Attention(shares, base.topics, base.groups, base.times, base.unit)


@given(st.floats(1e-6, 1 - 1e-6))
def test_log_odds_and_back(share: float) -> None:
    assert expit(logit(np.array([share]), 0.01))[0] == pytest.approx(share, rel=1e-9)


def test_ends_of_the_scale() -> None:
    found = expit(logit(np.array([0.0, 1.0, 0.004, np.nan]), 0.01))
    assert found[:3] == pytest.approx([0.01, 0.99, 0.004]), "true values below the floor stay"
    assert np.isnan(found[3])


def test_floors() -> None:
    rounded, free = attention(0.001), attention()
    assert floor(rounded, ScaleOptions()) == 0.0005
    assert floor(free, ScaleOptions()) == free.shares.min() / 2
    assert floor(rounded, ScaleOptions(zeros="published")) == 0.01
    assert floor(rounded, ScaleOptions(zeros=0.2)) == 0.2


@pytest.mark.parametrize("form", ["logit", "share"])
@pytest.mark.parametrize("detrend", ["none", "linear", "differences"])
@pytest.mark.parametrize("season", ["none", "week"])
def test_the_way_back(form: str, detrend: str, season: str) -> None:
    base = attention()
    base.shares[0, 5, 1] = np.nan
    found = scale(base, ScaleOptions.model_validate({"scale": form, "detrend": detrend, "season": season}))
    back = found.shares()
    known = np.isfinite(found.values)
    assert back[known] == pytest.approx(base.shares[known], rel=1e-9)
    assert (~known).sum() == (1 if detrend != "differences" else 2 + 6), "and the first time of all six series"


def test_a_planted_trend_and_weekday_go_and_the_mean_stays() -> None:
    base = attention()
    weekday = (np.arange(N) % 7)[:, None]
    noise = rng("noise").standard_normal((2, N, 3)) * 0.1
    level = -3 + 0.01 * np.arange(N)[:, None] + 0.3 * (weekday == 5) + noise
    options = ScaleOptions(detrend="linear", season="week")
    values = scaled(with_values(base, expit(level)), options)
    assert values.mean(axis=1) == pytest.approx(level.mean(axis=1))
    assert np.abs(values - values.mean(axis=1, keepdims=True) - (noise - noise.mean(axis=1, keepdims=True))).max() < 0.1
    by_day = np.stack([values[:, day::7].mean(axis=1) for day in range(7)])
    assert np.ptp(by_day, axis=0).max() < 0.01
    slope = np.polyfit(np.arange(N), values[0, :, 0], 1)[0]
    assert abs(slope) < 1e-10


def test_hours_of_the_day_and_of_the_week() -> None:
    base = attention(n=24 * 21, hours=1)
    hour = (np.arange(24 * 21) % 24)[:, None]
    shares = expit(-2 + 0.5 * np.sin(hour / 24 * 2 * np.pi) + 1e-6 * logit(base.shares, 0.01))
    for season in ("day", "week"):
        values = scaled(with_values(base, shares), ScaleOptions.model_validate({"season": season}))
        assert values.std(axis=1).max() < 1e-5


@pytest.mark.parametrize(("season", "hours"), [("day", 24), ("week", 24 * 7)])
def test_a_season_finer_than_the_data(season: str, hours: int) -> None:
    with pytest.raises(InputError, match=f"season: {season} needs several times"):
        scaled(attention(hours=hours), ScaleOptions.model_validate({"season": season}))


def test_differences() -> None:
    base = attention()
    values = scaled(base, ScaleOptions(detrend="differences"))
    assert np.isnan(values[:, 0]).all()
    assert values[:, 1:] == pytest.approx(np.diff(logit(base.shares, 0.01), axis=1))


def test_series_that_never_change() -> None:
    base = attention()
    base.shares[1, :, 2] = 0.25
    with pytest.raises(InputError, match=r"1 series never change: '2 of c'"):
        scaled(base, ScaleOptions())
    assert np.ptp(scaled(base, ScaleOptions(constant="keep"))[1, :, 2]) == 0


def test_topics_and_groups_without_attention() -> None:
    base = attention()
    base.shares[1] = 0
    with pytest.raises(InputError, match="no group ever attends to '2'"):
        scaled(base, ScaleOptions(constant="keep"))
    other = attention()
    other.shares[:, :, 0] = np.nan
    with pytest.raises(InputError, match="these groups attend to none of the topics: 'a'"):
        scaled(other, ScaleOptions())


def test_a_series_without_any_value_stays_missing() -> None:
    base = attention()
    base.shares[0, :, 1] = np.nan
    values = scaled(base, ScaleOptions(detrend="linear", season="week"))
    assert np.isnan(values[0, :, 1]).all()
    assert np.isfinite(values).sum() == 5 * N


def test_missing_values_may_be_taken_for_zero() -> None:
    base = attention()
    base.shares[:, -1, 0] = np.nan
    values = scaled(base, ScaleOptions(missing="zero", zeros="published"))
    assert expit(values[:, -1, 0]) == pytest.approx([0.01, 0.01])
    assert np.isnan(scaled(base, ScaleOptions())[:, -1, 0]).all()


def test_long_lists_are_cut() -> None:
    base = attention(n=20)
    many = Attention(np.zeros((9, 20, 1)), tuple("abcdefghi"), ("g",), base.times)
    with pytest.raises(InputError, match="'e' and 4 more"):
        scaled(many, ScaleOptions())
