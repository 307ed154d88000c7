"""Validation of attitudes against independent labels.

Intervals are percentile bootstrap intervals (Efron 1979) over users, or over groups whenever a label is constant within
them (all members of a party have the party's position): then groups are drawn whole (Cameron, Gelbach and Miller 2008)
and the permutation control shuffles labels among groups, for there are no more independent ones. Correlations are also
corrected for attenuation, r / sqrt(rel_x rel_y) (Spearman, American Journal of Psychology 15(1), 1904).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import rankdata

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_RANGE = (2.5, 97.5)


@dataclass(frozen=True)
class _Measure:
    """A measure and what it reads: ranks are found once, not for every resample."""

    of: Callable[[Floats, Floats, Floats], float]
    x: Callable[[Floats], Floats] = np.asarray
    y: Callable[[Floats], Floats] = np.asarray


class ValidationOptions(Options):
    """How attitudes are validated."""

    draws: int = Field(1000, ge=20)
    """Resamples of an interval."""
    permutations: int = Field(200, ge=0)
    """Shuffles of the control; 0: none."""
    least: int = Field(5, ge=3)
    """Fewer users, groups or parties in common are refused."""


@dataclass(frozen=True)
class Validity:
    """One measure of one attitude against one label.

    Args:
        measure: ``pearson``, ``spearman``, ``auc``, ``mean_difference`` (first less second group), ``cohens_d``.
        value: the measure.
        low: lower end of its 95 % interval.
        high: upper end.
        corrected: for attenuation; NaN where no reliability is known.
        null_low: 2.5 % quantile with shuffled labels.
        null_high: 97.5 % quantile.
        p_value: two-sided, (1 + shuffles at least as far from the null's centre) / (1 + permutations).
        n: users.
        n_groups: groups drawn whole; 0: users were drawn.
    """

    measure: str
    value: float
    low: float
    high: float
    corrected: float
    null_low: float
    null_high: float
    p_value: float
    n: int
    n_groups: int


def reliability(
    values: NDArray[np.floating], sds: NDArray[np.floating], kind: Literal["estimates", "posterior"] = "estimates"
) -> float:
    """Return the share of variance that is not error, at least 0.

    Args:
        values: shape (n,), NaN left out.
        sds: their standard errors, or posterior standard deviations.
        kind: ``estimates`` scatter more than the truth, 1 - mean(sd^2) / var(x); means of a ``posterior`` scatter less,
            var(x) / (var(x) + mean(sd^2)).

    Raises:
        InputError: fewer than two values, a constant, or standard deviations that are none.
    """
    known = np.isfinite(values) & np.isfinite(sds) if len(values) == len(sds) else np.zeros(len(values), bool)
    if known.sum() < 2 or np.ptp(values[known]) == 0 or (sds[known] < 0).any():
        raise InputError("reliability needs two different values or more, each with its error", "sds", "see Wave")
    spread, error = float(np.var(values[known])), float(np.square(sds[known]).mean())
    return max(0.0, 1 - error / spread) if kind == "estimates" else spread / (spread + error)


def validate(  # noqa: PLR0913 - two columns, what groups them, and how
    attitudes: NDArray[np.floating],
    labels: NDArray[Any],
    rng: np.random.Generator,
    *,
    groups: NDArray[Any] | None = None,
    reliabilities: tuple[float, float] | None = None,
    options: ValidationOptions | None = None,
) -> list[Validity]:
    """Compare an attitude with an independent label.

    Numbers give ``pearson`` and ``spearman``; two categories give ``auc``, ``mean_difference`` and ``cohens_d``, of the
    category that comes last in alphabetical order over the first (False, True count as such).

    Args:
        attitudes: shape (n,), NaN where unknown.
        labels: numbers (NaN where missing) or two categories (None or "" where missing), shape (n,).
        rng: resamples and shuffles.
        groups: e.g. parties; drawn whole where the label is constant within each.
        reliabilities: of attitude and label, for the correction.
        options: how.

    Raises:
        InputError: lengths differ, the label or the attitude is constant, more than two categories, too few rows.
    """
    options = options or ValidationOptions()
    values, codes, numeric = _known(attitudes, labels, options)
    units, whole = _units(values, codes, groups, options)
    keep = np.isfinite(values) & np.isfinite(codes)
    x, y = values[keep], codes[keep]
    numbers = pd.factorize(units[keep])[0]
    measures = _NUMBERS if numeric else _CATEGORIES
    drawn = _Drawn(numbers, rng, options)
    one, sides = np.ones(len(x)), [(m.x(x), m.y(y)) for m in measures.values()]
    found = _all(measures, one, sides)
    resampled = np.array([_all(measures, weights, sides) for weights in drawn.weights()])
    null = np.empty((options.permutations, len(measures)))
    for k, row in enumerate(drawn.shuffled(y, by_unit=whole)):
        null[k] = _all(measures, one, [(a, m.y(row)) for m, (a, _) in zip(measures.values(), sides, strict=True)])
    size = len(x), int(numbers.max() + 1) if whole else 0
    columns = zip(measures, found, resampled.T, null.T, strict=True)
    return [_validity(name, value, a, b, (size, reliabilities)) for name, value, a, b in columns]


def _all(measures: Mapping[str, _Measure], weights: Floats, sides: Sequence[tuple[Floats, Floats]]) -> list[float]:
    return [measure.of(weights, x, y) for measure, (x, y) in zip(measures.values(), sides, strict=True)]


def _validity(
    name: str,
    value: float,
    resampled: Floats,
    null: Floats,
    about: tuple[tuple[int, int], tuple[float, float] | None],
) -> Validity:
    (n, n_groups), reliabilities = about
    low, high = np.nanpercentile(resampled, _RANGE)
    null_low, null_high, p_value = np.nan, np.nan, np.nan
    if len(null):
        null_low, null_high = np.nanpercentile(null, _RANGE)
        centre = 0.5 if name == "auc" else 0.0
        beyond = (np.abs(null - centre) >= abs(value - centre) - 1e-12).sum()
        p_value = (1 + beyond) / (1 + len(null))
    corrected = _corrected(value, reliabilities) if name in _NUMBERS else np.nan
    ends = (float(low), float(high), corrected, float(null_low), float(null_high), float(p_value))
    return Validity(name, float(value), *ends, n, n_groups)


def table(rows: Sequence[Validity], **columns: str) -> pd.DataFrame:
    """Return rows as a table, with further columns of one value each in front."""
    frame: pd.DataFrame = pd.DataFrame([{**columns, **asdict(row)} for row in rows])
    return frame


# -- rows and units --------------------------------------------------------------------------------------------------


def _known(
    attitudes: NDArray[np.floating], labels: NDArray[Any], options: ValidationOptions
) -> tuple[Floats, Floats, bool]:
    """Return attitudes and labels as numbers, NaN where unknown, and whether labels were numbers."""
    values, column = np.asarray(attitudes, np.float64), pd.Series(np.asarray(labels))
    if values.ndim != 1 or len(values) != len(column):
        raise InputError(f"attitudes of shape {values.shape}, {len(column)} labels", "labels", "one label an attitude")
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric:
        codes = column.to_numpy(np.float64, na_value=np.nan)
    else:
        numbers, names = pd.factorize(column.replace("", None), sort=True)
        codes = np.where(numbers < 0, np.nan, numbers)
        if len(names) > 2:
            remedy = "give numbers, or compare two categories at a time"
            raise InputError(f"the label has {len(names)} categories", "labels", remedy)
    _check_known(values, codes, options)
    return values, codes, bool(numeric)


def _check_known(values: Floats, codes: Floats, options: ValidationOptions) -> None:
    there = np.isfinite(values) & np.isfinite(codes)
    if there.sum() < options.least:
        what = f"{int(there.sum())} of {len(there)} rows have both an attitude and a label"
        raise InputError(what, "labels", f"{options.least} are needed")
    for name, column in (("label", codes), ("attitude", values)):
        if np.ptp(column[there]) == 0:
            raise InputError(f"the {name} is constant over {int(there.sum())} rows", name, "nothing can be compared")


def _units(
    values: Floats, codes: Floats, groups: NDArray[Any] | None, options: ValidationOptions
) -> tuple[NDArray[np.int64], bool]:
    """Return what is drawn with replacement, and whether it is groups; rows without a group stand alone."""
    rows = np.arange(len(values))
    if groups is None:
        return rows, False
    if len(groups) != len(values):
        raise InputError(f"{len(groups)} groups, {len(values)} attitudes", "groups", "one group a row")
    there = np.isfinite(values) & np.isfinite(codes)
    numbers, _ = pd.factorize(pd.Series(np.asarray(groups)).replace("", None))
    numbers = np.where(numbers < 0, numbers.max() + 1 + rows, numbers)
    units = np.full(len(values), -1)
    units[there] = pd.factorize(numbers[there])[0]
    ranges = pd.Series(codes[there]).groupby(units[there]).agg(np.ptp)
    if (ranges > 0).any():
        return rows, False
    if len(ranges) < options.least:
        what = f"the label is constant within each of {len(ranges)} groups"
        raise InputError(what, "groups", f"{options.least} groups are needed: there are no more independent labels")
    return units, True


@dataclass(frozen=True)
class _Drawn:
    """Resamples and shuffles of rows that come in units."""

    units: NDArray[np.int64]
    rng: np.random.Generator
    options: ValidationOptions

    def weights(self) -> Iterator[Floats]:
        """Yield how often each row is drawn, shape (n,)."""
        n = int(self.units.max()) + 1
        for _ in range(self.options.draws):
            yield np.bincount(self.rng.integers(0, n, n), minlength=n)[self.units].astype(np.float64)

    def shuffled(self, labels: Floats, *, by_unit: bool) -> Iterator[Floats]:
        """Yield shuffled labels, shape (n,)."""
        each = labels
        if by_unit:
            each = np.zeros(self.units.max() + 1)
            each[self.units] = labels
        for _ in range(self.options.permutations):
            mixed = self.rng.permutation(each)
            yield mixed[self.units] if by_unit else mixed


# -- measures --------------------------------------------------------------------------------------------------------


def _pearson(weights: Floats, x: Floats, y: Floats) -> float:
    total = weights.sum()
    a, b = x - weights @ x / total, y - weights @ y / total
    norm = float((weights @ np.square(a)) * (weights @ np.square(b)))
    return float(weights @ (a * b)) / norm**0.5 if norm > 0 else np.nan


def _places(values: Floats) -> Floats:
    """Return numbers of the different values in ascending order, from 0."""
    return np.asarray(rankdata(values, "dense") - 1, np.float64)


def _auc(weights: Floats, x: Floats, y: Floats) -> float:
    """Chance that a row of the second category has a higher attitude than one of the first; ties count half.

    ``x`` holds places, see :func:`_places`.
    """
    ranks = x.astype(np.int64)
    above = np.bincount(ranks, weights * (y > 0))
    below = np.bincount(ranks, weights * (y <= 0))
    pairs = above.sum() * below.sum()
    return float(above @ (np.cumsum(below) - below / 2) / pairs) if pairs > 0 else np.nan


def _means(weights: Floats, x: Floats, y: Floats) -> tuple[float, float]:
    """Return the difference of means and the pooled standard deviation; NaN where a category was not drawn."""
    sizes, means, squares = [], [], 0.0
    for part in (weights * (y <= 0), weights * (y > 0)):
        size = float(part.sum())
        if size == 0:
            return np.nan, np.nan
        means.append(float(part @ x) / size)
        squares += float(part @ np.square(x - means[-1]))
        sizes.append(size)
    return means[1] - means[0], (squares / max(sum(sizes) - 2, 1)) ** 0.5


def _mean_difference(weights: Floats, x: Floats, y: Floats) -> float:
    return _means(weights, x, y)[0]


def _cohens_d(weights: Floats, x: Floats, y: Floats) -> float:
    difference, spread = _means(weights, x, y)
    return difference / spread if spread > 0 else np.nan


def _corrected(value: float, reliabilities: tuple[float, float] | None) -> float:
    if reliabilities is None or min(reliabilities) <= 0:
        return np.nan
    return float(value / (reliabilities[0] * reliabilities[1]) ** 0.5)


_NUMBERS = {"pearson": _Measure(_pearson), "spearman": _Measure(_pearson, rankdata, rankdata)}
_CATEGORIES = {
    "auc": _Measure(_auc, _places),
    "mean_difference": _Measure(_mean_difference),
    "cohens_d": _Measure(_cohens_d),
}
