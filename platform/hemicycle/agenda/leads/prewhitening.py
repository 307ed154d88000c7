"""Series without what their own past tells: innovations of an autoregression of each topic and group."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_CONSTANT = 1e-10


def innovations(values: Floats, lags: int) -> Floats:
    """Return the standardised innovations of each series.

    Both series of a pair are whitened by their own past, so that a lasting rise of the two at about the same time is
    not taken for a lead (Haugh, J. American Statistical Association 1976).

    Args:
        values: shape (topics, times, groups); NaN: missing.
        lags: of the autoregressions, which have an intercept.

    Returns:
        Same shape; mean 0 and variance 1 within a topic and group. NaN where the day or one of the lags is missing, and
        everywhere in a series that has too few days or that its past determines (a constant one).
    """
    found = np.full(values.shape, np.nan)
    for topic, group in np.ndindex(values.shape[0], values.shape[2]):
        found[topic, :, group] = _whitened(values[topic, :, group], lags)
    return found


def topic_sizes(values: Floats) -> Floats:
    """Return how large each topic's day-to-day changes are against those of all topics, shape (topics,).

    The root, over groups, of the mean ratio of the changes' variance to its mean over topics; 1 where a topic never
    changes. A topic has one size for all groups, so that coefficients between groups stay what they are.

    Args:
        values: shape (topics, times, groups); NaN: missing.
    """
    changes = np.diff(values, axis=1)
    known = np.isfinite(changes)
    variance = (np.where(known, changes, 0.0) ** 2).sum(1) / np.maximum(known.sum(1), 1)
    mean = variance.mean(0)
    ratio = (variance[:, mean > 0] / mean[mean > 0]).mean(1) if (mean > 0).any() else np.zeros(len(values))
    return np.sqrt(np.where(ratio > 0, ratio, 1.0))


def _whitened(series: Floats, lags: int) -> Floats:
    found = np.full(len(series), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(series, lags + 1) if len(series) > lags else series[:0, None]
    known = np.flatnonzero(np.isfinite(windows).all(1))
    if len(known) <= 2 * (lags + 1):
        return found
    x, y = windows[known, :-1], windows[known, -1]
    x, y = x - x.mean(0), y - y.mean()
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    spread = np.sqrt((left**2).mean())
    if spread > _CONSTANT * max(1.0, float(np.abs(series[known]).max())):
        found[known + lags] = left / spread
    return found
