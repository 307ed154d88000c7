"""The scale on which attention is analysed: log odds, without trend and season, and back.

Trend and season are fitted together, series by series, by least squares on the line t and on indicators of the
position in the day or week; what they explain beyond the mean of the series is taken away. Differences come after the
season.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from hemicycle.agenda.attention.attention import Attention, Times
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems

PUBLISHED_FLOOR = 0.01
_HOUR, _DAY, _WEEK = 3600, 86_400, 604_800
_SHOWN = 5


class ScaleOptions(Options):
    """How shares become the values that are analysed."""

    scale: Literal["logit", "share"] = "logit"
    """Log odds, or the shares as they are."""
    zeros: Literal["half unit", "published"] | Annotated[float, Field(gt=0, lt=0.5)] = "half unit"
    """What a share of 0 is taken for before the log odds: half the rounding unit (half the smallest positive share
    where shares are not rounded); ``published``: .01, as Barbera et al. (2019), above small true values; or a
    number."""
    missing: Literal["keep", "zero"] = "keep"
    """What happens to missing values: they stay missing, or are taken for 0, as published."""
    detrend: Literal["none", "linear", "differences"] = "none"
    """A line through each series' values is taken away (its mean stays), or each value's predecessor."""
    season: Literal["none", "day", "week"] = "none"
    """``week``: means of the weekdays (with hourly data: of the hours of the week) are made equal; ``day``: means of
    the hours of the day."""
    constant: Literal["refuse", "keep"] = "refuse"
    """What happens to a series that never changes."""


@dataclass(frozen=True, eq=False)
class Scaled:
    """Scaled attention that knows the way back.

    Args:
        values: shape (topics, times, groups); NaN: missing.
        removed: what was taken away: trend and season, and with differences the predecessor; same shape.
        options: how it was made.
    """

    values: NDArray[np.float64]
    removed: NDArray[np.float64]
    options: ScaleOptions

    def shares(self, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return shares from values on this scale (default: its own), one step at a time; zeros come back as the floor.

        With differences, values are added to what was observed the step before.
        """
        level = (self.values if values is None else values) + self.removed
        return np.asarray(special.expit(level)) if self.options.scale == "logit" else level


def floor(attention: Attention, options: ScaleOptions) -> float:
    """Share that a zero is taken for.

    Args:
        attention: whose rounding unit or smallest positive share counts.
        options: what a zero is taken for.
    """
    if isinstance(options.zeros, float):
        return options.zeros
    if options.zeros == "published":
        return PUBLISHED_FLOOR
    if attention.unit:
        return attention.unit / 2
    positive = attention.shares[attention.shares > 0]
    return float(positive.min()) / 2 if positive.size else PUBLISHED_FLOOR


def logit(shares: NDArray[np.float64], zero: float) -> NDArray[np.float64]:
    """log(p / (1 - p)), where 0 is taken for ``zero`` and 1 for 1 - ``zero``; NaN stays.

    Args:
        shares: any shape, which is that of the result.
        zero: share that 0 is taken for, 1 for its complement.
    """
    inner = np.where(shares <= 0, zero, np.where(shares >= 1, 1 - zero, shares))
    return np.asarray(np.log(inner) - np.log1p(-inner))


def scaled(attention: Attention, options: ScaleOptions) -> NDArray[np.float64]:
    """Values that are analysed, shape (topics, times, groups); NaN: missing; see :func:`scale`."""
    return scale(attention, options).values


def scale(attention: Attention, options: ScaleOptions) -> Scaled:
    """Scale attention and keep what is needed to go back.

    Raises:
        InputError: series that never change, topics or groups without attention, a season finer than the data.
    """
    raise_problems([*_dead(attention), *(_constant(attention) if options.constant == "refuse" else ())])
    shares = np.nan_to_num(attention.shares) if options.missing == "zero" else attention.shares
    level = logit(shares, floor(attention, options)) if options.scale == "logit" else shares
    removed = _explained(level, _design(attention.times, attention.step, options))
    if options.detrend == "differences":
        removed[:, 1:] += (level - removed)[:, :-1]
        removed[:, 0] = np.nan
    return Scaled(level - removed, removed, options)


# -- trend and season --------------------------------------------------------------------------------------------------


def _design(times: Times, step: np.timedelta64, options: ScaleOptions) -> NDArray[np.float64]:
    """Columns of trend and season, shape (times, columns); none: (times, 0)."""
    columns = [np.empty((len(times), 0))]
    if options.detrend == "linear":
        columns.append(np.linspace(-1, 1, len(times))[:, None])
    if options.season != "none":
        place = _season(times, int(step / np.timedelta64(1, "s")), options.season)
        columns.append((place[:, None] == np.unique(place)).astype(np.float64))
    return np.concatenate(columns, axis=1)


def _season(times: Times, step: int, season: Literal["day", "week"]) -> NDArray[np.int64]:
    """Position of each time in the day or week, in steps."""
    period = _DAY if season == "day" else _WEEK
    if step * 2 > period:
        raise InputError(
            f"season: {season} needs several times a {season}, but a step lasts {step / _HOUR:g} hours",
            where="scale.season",
            remedy="write none, or give finer data",
        )
    return np.asarray(times.astype("datetime64[s]").astype(np.int64) % period // step)


def _explained(level: NDArray[np.float64], design: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the design explains of each series beyond its mean; missing values take no part in the fit."""
    removed = np.zeros_like(level)
    if not design.shape[1]:
        return removed
    for topic, group in np.ndindex(level.shape[0], level.shape[2]):
        series = level[topic, :, group]
        seen = np.isfinite(series)
        if not seen.any():
            continue
        centred = design - design[seen].mean(axis=0)
        fitted = np.linalg.lstsq(centred[seen], series[seen] - series[seen].mean(), rcond=None)[0]
        removed[topic, :, group] = centred @ fitted
    return removed


# -- series that cannot be analysed ------------------------------------------------------------------------------------


def _dead(attention: Attention) -> Iterator[Problem]:
    shares = np.nan_to_num(attention.shares)
    topics = [attention.names[row] for row in np.flatnonzero(~shares.any(axis=(1, 2)))]
    groups = [attention.groups[row] for row in np.flatnonzero(~shares.any(axis=(0, 1)))]
    if topics:
        yield Problem(f"no group ever attends to {_listed(topics)}", remedy="leave these topics out")
    if groups and len(topics) < len(attention.topics):
        yield Problem(f"these groups attend to none of the topics: {_listed(groups)}", remedy="leave these groups out")


def _constant(attention: Attention) -> Iterator[Problem]:
    seen = np.isfinite(attention.shares)
    low = np.where(seen, attention.shares, np.inf).min(axis=1)
    high = np.where(seen, attention.shares, -np.inf).max(axis=1)
    some = np.nan_to_num(attention.shares) > 0
    alive = np.asarray(some.any(axis=(1, 2)))[:, None] & some.any(axis=(0, 1))
    found = [f"{attention.names[t]} of {attention.groups[g]}" for t, g in np.argwhere(alive & (low == high))]
    if found:
        yield Problem(
            f"{len(found)} series never change: {_listed(found)}",
            remedy="leave the topic or the group out, or keep them with scale.constant: keep",
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
