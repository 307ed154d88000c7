"""How much what a group is shown changes what it attends to, estimated beside the influence of other groups.

For log attention x of group g and topic k, less its mean over topics, and exposure e less its baseline,

    x_gkt = mu_gk + sum over h, l of A_l,gh x_hk,t-l + w_g e_gkt + error,

by least squares with an effect of each topic. Under limited capacity (:mod:`hemicycle.agenda.simulated.capacity`) with
the log share as signal this is the equation that made the data. Errors of a day sum to 0 over topics and may be shared
between groups, so standard errors are clustered by day, with t quantiles (Cameron and Miller 2015, *Journal of Human
Resources* 50). The mean weight of all groups comes from the residuals of each group's regression of attention and of
exposure on all else (Frisch and Waugh 1933, *Econometrica* 1).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.scale import ScaleOptions, floor
from hemicycle.agenda.label_means import less_label_means
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
ALL = "all groups"
_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "p_value"]


class WeightOptions(Options):
    """The regression of attention on exposure."""

    lags: int = Field(default=1, ge=1, le=60)
    """Days back from which attention is explained."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one group's regression, all with the mean of their topic taken away.

    Args:
        y: attention, shape (n,).
        lagged: attention of all groups on the days before, lag by lag, shape (n, lags * groups).
        shown: exposure, shape (n,).
        day: of each row, shape (n,).
        topics: number of topics.
    """

    y: Floats
    lagged: Floats
    shown: Floats
    day: NDArray[np.int64]
    topics: int


def log_attention(attention: Attention) -> Floats:
    """Return log shares less their mean over topics, shape (days, groups, topics); NaN where attention is missing.

    A share of 0 is read as half the rounding unit, of unrounded shares as half the least one.
    """
    shares = np.moveaxis(attention.shares, 0, -1)
    x = np.log(np.maximum(shares, floor(attention, ScaleOptions())))
    return np.asarray(x - x.mean(axis=-1, keepdims=True))


def mediation_weight(attention: Attention, shown: Floats, options: WeightOptions) -> pd.DataFrame:
    """Estimate the weight of what groups are shown.

    Args:
        attention: of all groups.
        shown: exposure less its baseline, shape (days, groups, topics); 0 throughout for a group without.
        options: lags and level.

    Returns:
        Columns group (each that is shown something, then ``all groups``), estimate (log odds for each unit of share),
        se, ci_low, ci_high, p_value, rows, days.

    Raises:
        InputError: nobody is shown anything, or there are too few days.
    """
    x, seen = log_attention(attention), [g for g in range(shown.shape[1]) if shown[:, g].any()]
    if not seen:
        raise InputError("no group is shown anything", remedy="give the exposure of an arm with a recommender")
    parts = [_partial(rows_of(x, shown, g, options.lags)) for g in seen]
    table = [_weight(attention.groups[g], [part], options) for g, part in zip(seen, parts, strict=True)]
    return pd.DataFrame([*table, _weight(ALL, parts, options)])


def influence_given(attention: Attention, shown: Floats | None, options: WeightOptions) -> pd.DataFrame:
    """Estimate who follows whom, with exposure held constant or (``shown`` None) left out.

    Args:
        attention: of all groups.
        shown: exposure less its baseline, shape (days, groups, topics); None: left out.
        options: lags and level.

    Returns:
        Columns from, to, lag, estimate, se, ci_low, ci_high, p_value; ``from`` equal to ``to`` is inertia.

    Raises:
        InputError: there are too few days.
    """
    x, tables = log_attention(attention), []
    given = np.zeros_like(x) if shown is None else shown
    for g, name in enumerate(attention.groups):
        rows = rows_of(x, given, g, options.lags)
        design = np.column_stack([rows.lagged, rows.shown]) if rows.shown.any() else rows.lagged
        found = least_squares(rows, design, options.confidence)[: rows.lagged.shape[1]]
        names = [(leader, name, lag + 1) for lag in range(options.lags) for leader in attention.groups]
        tables.append(pd.DataFrame(names, columns=["from", "to", "lag"]).join(pd.DataFrame(found, columns=_COLUMNS)))
    return pd.concat(tables, ignore_index=True)


def rows_of(x: Floats, shown: Floats, group: int, lags: int) -> Rows:
    """Return the rows of one group's regression; those with anything missing are left out.

    Args:
        x: log attention, shape (days, groups, topics); NaN: missing.
        shown: exposure less its baseline, of the same shape.
        group: position of the group whose attention is explained.
        lags: days back from which it is explained.

    Raises:
        InputError: fewer rows than twice the coefficients are left.
    """
    days, groups, topics = x.shape
    past = np.stack([x[lags - lag : days - lag, h] for lag in range(1, lags + 1) for h in range(groups)], axis=-1)
    columns = np.concatenate([x[lags:, group, :, None], past, shown[lags:, group, :, None]], axis=-1)
    keep = np.isfinite(columns).all(axis=-1)
    day, topic = np.nonzero(keep)
    check_rows(len(day), (days, groups, topics), lags)
    within = less_label_means(columns[keep], topic, topics)
    return Rows(within[:, 0], within[:, 1:-1], within[:, -1], day, topics)


def check_rows(rows: int, shape: tuple[int, ...], lags: int) -> None:
    """Refuse a regression of fewer rows than twice its coefficients.

    Args:
        rows: of days and topics.
        shape: days, groups, topics.
        lags: days back.

    Raises:
        InputError: there are too few.
    """
    days, groups, topics = shape
    if rows < 2 * (lags * groups + topics):
        what = f"{rows} rows of {days} days and {topics} topics for {lags} lags of {groups} groups"
        raise InputError(what, remedy="give more days, or fewer lags")


def least_squares(rows: Rows, design: Floats, confidence: float) -> Floats:
    """Return estimate, standard error, interval and p-value of each column of a design, shape (columns, 5).

    Args:
        rows: of one group; the effects of topics that were taken away count as coefficients.
        design: what explains attention, shape (n, columns).
        confidence: level of the t intervals.
    """
    inverse = np.linalg.pinv(design.T @ design)
    estimate = inverse @ (design.T @ rows.y)
    score = design * (rows.y - design @ estimate)[:, None]
    days, place = np.unique(rows.day, return_inverse=True)
    sums = np.stack([np.bincount(place, column) for column in score.T], axis=1)
    free = len(rows.y) - design.shape[1] - rows.topics
    factor = len(days) / (len(days) - 1) * len(rows.y) / free
    se = np.sqrt(factor * np.einsum("ij,tj,tk,ik->i", inverse, sums, sums, inverse, optimize=True))
    return inference(estimate, se, len(days) - 1, confidence)


def inference(estimate: Floats, se: Floats, free: int, confidence: float) -> Floats:
    """Return estimate, standard error, t interval and two-sided p-value, shape (n, 5).

    Args:
        estimate: shape (n,).
        se: standard errors, shape (n,); p is NaN where one is 0.
        free: degrees of freedom.
        confidence: level of the interval.
    """
    half = stats.t.ppf((1 + confidence) / 2, free) * se
    p = 2 * stats.t.sf(np.abs(estimate) / np.where(se > 0, se, np.nan), free)
    return np.stack([estimate, se, estimate - half, estimate + half, p], axis=1)


@dataclass(frozen=True, eq=False)
class Partial:
    """One group's attention and exposure with all else taken away; shapes (n,)."""

    y: Floats
    shown: Floats
    rows: Rows


def _partial(rows: Rows) -> Partial:
    both = np.column_stack([rows.y, rows.shown])
    rest = both - rows.lagged @ np.linalg.lstsq(rows.lagged, both, rcond=None)[0]
    return Partial(rest[:, 0], rest[:, 1], rows)


def _weight(group: str, parts: list[Partial], options: WeightOptions) -> dict[str, object]:
    y, shown = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "shown"))
    day = np.concatenate([part.rows.day for part in parts])
    square = float(shown @ shown)
    estimate = float(shown @ y) / square if square > 0 else float("nan")
    days, place = np.unique(day, return_inverse=True)
    sums = np.bincount(place, shown * (y - estimate * shown))
    used = sum(part.rows.lagged.shape[1] + 1 + part.rows.topics for part in parts)
    factor = len(days) / (len(days) - 1) * len(y) / (len(y) - used)
    se = np.sqrt(factor * float(sums @ sums)) / square if square > 0 else float("nan")
    found = inference(np.array([estimate]), np.array([se]), len(days) - 1, options.confidence)[0]
    return {"group": group, **dict(zip(_COLUMNS, found.tolist(), strict=True)), "rows": len(y), "days": len(days)}
