"""Are the series stationary? Tests of a unit root and of stationarity, per topic and group.

ADF (Dickey and Fuller 1979; Said and Dickey 1984) has the unit root as its null hypothesis: small p-values speak for
stationarity. KPSS (Kwiatkowski, Phillips, Schmidt and Shin 1992) has stationarity as its null: small p-values speak
against it. Both with an intercept. p-values are corrected over all series, test by test (Benjamini and Hochberg 1995).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtr

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.scale import ScaleOptions, scaled
from hemicycle.probes.multiplicity import benjamini_hochberg

LEAST = 20
"""Fewest observed values of a series that is tested."""

_TAU_LOW, _TAU_SPLIT, _TAU_HIGH = -18.83, -1.61, 2.74
_TAU_SMALL = (2.1659, 1.4412, 0.038269)
_TAU_LARGE = (1.7339, 0.93202, -0.12745, -0.010368)
_KPSS_CRITICAL = (0.347, 0.463, 0.574, 0.739)
_KPSS_P = (0.10, 0.05, 0.025, 0.01)


@dataclass(frozen=True)
class Tested:
    """Outcome of one test: statistic, p-value and number of lags; NaN and -1 where it could not be made."""

    statistic: float = np.nan
    p_value: float = np.nan
    lags: int = -1


def stationarity(attention: Attention, options: ScaleOptions) -> pd.DataFrame:
    """Test every series on the scale it is analysed on.

    Series that never change, or with fewer than :data:`LEAST` values, have no result (NaN).

    Args:
        attention: of all topics and groups.
        options: the scale that series are tested on.

    Returns:
        Table ``agenda_stationarity``: topic, group, test (adf | kpss), statistic, p_value (KPSS: within the table's
        range from .01 to .1), p_bh, lags.
    """
    values = scaled(attention, options)
    rows = [
        {"topic": topic, "group": group, "test": name, **vars(test(values[t, :, g]))}
        for name, test in (("adf", adf), ("kpss", kpss))
        for t, topic in enumerate(attention.topics)
        for g, group in enumerate(attention.groups)
    ]
    table = pd.DataFrame(rows)
    adjusted = table.groupby("test")["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(np.float64)))
    return table.assign(p_bh=adjusted)[["topic", "group", "test", "statistic", "p_value", "p_bh", "lags"]]


def adf(series: NDArray[np.float64]) -> Tested:
    """Augmented Dickey-Fuller test with intercept: the t-value of x(t-1) in a regression of x(t) - x(t-1).

    The number of lagged differences has the least AIC among 0 to 12 (n / 100)^(1/4), all on the same rows; rows with a
    missing value are left out. p-value: MacKinnon's (1994) response surface.
    """
    n = int(np.isfinite(series).sum())
    if n < LEAST or _unchanging(series):
        return Tested()
    most = min(int(np.ceil(12 * (n / 100) ** 0.25)), n // 2 - 3)
    lags = int(np.argmin(_criteria(*_regression(series, most))))
    y, x = _regression(series, lags)
    if len(y) <= x.shape[1]:
        return Tested()
    statistic = _t_value(y, x)
    return Tested(statistic, _mackinnon(statistic), lags)


def _regression(series: NDArray[np.float64], lags: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences, and columns: 1, level before, lagged differences; complete rows alone."""
    change = np.diff(series)
    window = sliding_window_view(change, lags + 1)
    before = series[lags : lags + len(window)]
    x = np.column_stack([np.ones(len(window)), before, window[:, -2::-1] if lags else window[:, :0]])
    seen = np.isfinite(window).all(axis=1) & np.isfinite(before)
    return window[seen, -1], x[seen]


def _criteria(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """AIC of every number of lags: the regressions are nested, so that one QR decomposition serves them all."""
    if len(y) <= x.shape[1]:
        return np.zeros(1)
    explained = np.cumsum((np.linalg.qr(x)[0].T @ y) ** 2)[1:]
    left = np.maximum(y @ y - explained, np.finfo(float).tiny)
    return np.asarray(len(y) * np.log(left) + 2 * np.arange(2, x.shape[1] + 1))


def _t_value(y: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    q, r = np.linalg.qr(x)
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ y)
    residual = y - x @ beta
    variance = residual @ residual / (len(y) - x.shape[1])
    return float(beta[1] / np.sqrt(variance * (inverse[1] @ inverse[1])))


def _mackinnon(tau: float) -> float:
    """p-value of the ADF statistic with intercept (MacKinnon 1994, J. Business & Econ. Statistics 12(2), table 3)."""
    if not _TAU_LOW <= tau <= _TAU_HIGH:
        return float(tau > _TAU_HIGH)
    surface = _TAU_SMALL if tau <= _TAU_SPLIT else _TAU_LARGE
    return float(ndtr(np.polynomial.polynomial.polyval(tau, surface)))


def kpss(series: NDArray[np.float64]) -> Tested:
    """KPSS test of level stationarity: sum of squared partial sums of residuals over their long-run variance.

    The lags of the Bartlett window are those of Hobijn, Franses and Ooms (2004). Missing values are left out, and what
    stands on both sides of them counts as neighbours. The p-value is interpolated in the authors' table 1 and stays
    within its range: .01 means at most .01, and .1 at least .1.
    """
    seen = series[np.isfinite(series)]
    if len(seen) < LEAST or _unchanging(seen):
        return Tested()
    residual = seen - seen.mean()
    lags = _bandwidth(residual)
    weights = 2 * (1 - np.arange(1, lags + 1) / (lags + 1))
    variance = (residual @ residual + weights @ _products(residual, lags)) / len(seen)
    statistic = float((residual.cumsum() ** 2).sum() / (len(seen) ** 2 * variance))
    return Tested(statistic, float(np.interp(statistic, _KPSS_CRITICAL, _KPSS_P)), lags)


def _products(residual: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Sum of x(t) x(t - k) for k = 1 ... lags."""
    return np.array([residual[k:] @ residual[: len(residual) - k] for k in range(1, lags + 1)])


def _bandwidth(residual: NDArray[np.float64]) -> int:
    n = len(residual)
    products = _products(residual, int(n ** (2 / 9))) / (n / 2)
    s0 = residual @ residual / n + products.sum()
    s1 = np.arange(1, len(products) + 1) @ products
    gamma = 1.1447 * ((s1 / s0) ** 2) ** (1 / 3)
    return int(min(n - 1, int(gamma * n ** (1 / 3))))


def _unchanging(series: NDArray[np.float64]) -> bool:
    seen = series[np.isfinite(series)]
    return bool(np.ptp(seen) <= 1e-12 * max(1.0, float(np.abs(seen).max())))
