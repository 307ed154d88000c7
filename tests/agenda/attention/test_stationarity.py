"""Tests of stationarity against statsmodels, on known processes, and with missing values."""

import warnings

import numpy as np
import pytest
from statsmodels.tsa.stattools import adfuller
from statsmodels.tsa.stattools import kpss as reference_kpss

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.scale import ScaleOptions
from hemicycle.agenda.attention.stationarity import adf, kpss, stationarity
from hemicycle.core.seeding import rng


def process(memory: float, n: int = 400, seed: int = 0) -> np.ndarray:
    noise = rng("process", seed).standard_normal(n)
    series = np.empty(n)
    last = 0.0
    for t in range(n):
        series[t] = last = memory * last + noise[t]
    return series


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("n", [30, 400])
def test_adf_is_that_of_statsmodels(memory: float, n: int) -> None:
    series = process(memory, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its result's type is about to change
        statistic, p_value, lags, *_ = adfuller(series, regression="c", autolag="AIC")
    found = adf(series)
    assert (found.statistic, found.p_value) == pytest.approx((statistic, p_value), rel=1e-9)
    assert found.lags == lags


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("n", [30, 400])
def test_kpss_is_that_of_statsmodels(memory: float, n: int) -> None:
    series = process(memory, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # p-values outside its table, and as above
        statistic, p_value, lags, _ = reference_kpss(series, regression="c", nlags="auto")
    found = kpss(series)
    assert (found.statistic, found.p_value) == pytest.approx((statistic, p_value), rel=1e-9)
    assert found.lags == lags


def test_extremes_of_the_p_value() -> None:
    trend = np.arange(300.0) ** 3
    assert adf(process(-0.9)).p_value < 1e-6
    assert adf(np.exp(np.arange(100) / 5) + process(0.0, 100)).p_value > 0.9
    assert kpss(trend).p_value == 0.01


def test_missing_values_are_left_out() -> None:
    whole, holed = process(0.5), process(0.5)
    holed[[5, 6, 100, 250]] = np.nan
    assert adf(holed).statistic == pytest.approx(adf(whole).statistic, rel=0.15)
    assert kpss(holed).statistic == pytest.approx(kpss(whole).statistic, rel=0.3)


def test_a_series_that_never_changes_has_no_result() -> None:
    for test in (adf, kpss):
        assert np.isnan(test(np.full(100, 0.3)).p_value)
        assert test(np.arange(5.0)).lags == -1


def attention(groups: int = 3) -> Attention:
    shares = np.empty((2, 300, groups))
    for group in range(groups):
        shares[0, :, group] = 1 / (1 + np.exp(-process(0.3, 300, group)))
        shares[1, :, group] = 1 / (1 + np.exp(-process(1.0, 300, group) / 5))
    times = np.datetime64("2013-01-01", "s") + np.arange(300) * np.timedelta64(1, "D")
    return Attention(shares, ("1", "2"), tuple("abc"[:groups]), times)


def test_the_table_has_every_series_and_test() -> None:
    table = stationarity(attention(), ScaleOptions())
    assert list(table) == ["topic", "group", "test", "statistic", "p_value", "p_bh", "lags"]
    assert len(table) == 2 * 2 * 3
    unit_root = table[table["test"] == "adf"].groupby("topic")["p_bh"].max()
    assert unit_root["1"] < 0.01
    assert unit_root["2"] > 0.05
    assert (table["p_bh"] >= table["p_value"] * (1 - 1e-12)).all()


def test_correction_is_test_by_test() -> None:
    table = stationarity(attention(1), ScaleOptions())
    adf_rows = table[table["test"] == "adf"].sort_values("p_value")
    assert adf_rows["p_bh"].tolist() == pytest.approx(
        [min(adf_rows["p_value"].iloc[0] * 2, adf_rows["p_value"].iloc[1]), adf_rows["p_value"].iloc[1]]
    )


def test_differences_make_a_random_walk_stationary() -> None:
    table = stationarity(attention(), ScaleOptions(detrend="differences"))
    assert (table.loc[table["test"] == "adf", "p_value"] < 0.01).all()
