"""Tests of differences between models or members: user by user, or over seeds; corrected together.

Two models that were tested on the same users are compared user by user (paired bootstrap; Sakai, SIGIR 2006); what is
not known of single users is compared over seeds (Welch, Biometrika 1947). All tests of one comparison are corrected
together (Holm, Scandinavian Journal of Statistics 1979).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.core.disclosure import K
from hemicycle.core.seeding import rng
from hemicycle.evaluation.ranking import Ranking, paired_difference
from hemicycle.ledger.comparison_sides import Catalogue, Side
from hemicycle.studies.comparing import LEVEL, kept_users, over_seeds

PAIRED, WELCH = "paired bootstrap over users", "Welch t over seeds"
METRIC = "ranking"
"""Part of a comparison whose measures are known of single users."""


@dataclass(frozen=True)
class Sample:
    """A measure of one side.

    Args:
        value: mean over seeds.
        low: lower end of its 95 % interval: over seeds where there are several, else its own, else NaN.
        high: upper end.
        deviation: standard deviation over seeds; NaN for one.
        n: seeds.
    """

    value: float
    low: float
    high: float
    deviation: float
    n: int


@dataclass(frozen=True)
class Difference:
    """One side's value minus another's, with its 95 % interval, two-sided p and what n counts."""

    value: float
    low: float
    high: float
    p: float
    method: str
    n: int


def sample_of(values: Iterable[float], low: Iterable[float], high: Iterable[float]) -> Sample:
    """Mean over seeds, with the Student interval over seeds; for one seed, with its own interval."""
    of = np.asarray(list(values), float)
    n, mean = len(of), float(of.mean())
    if n == 1:
        return Sample(mean, float(next(iter(low))), float(next(iter(high))), np.nan, 1)
    deviation = float(of.std(ddof=1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * deviation / n**0.5
    return Sample(mean, mean - half, mean + half, deviation, n)


def sample_of_interval(value: float, low: float, high: float, n: int) -> Sample:
    """Mean over n with its Student interval, from which the deviation follows; NaN for one."""
    reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) if n > 1 else np.nan
    return Sample(value, low, high, (high - low) / 2 / reach * n**0.5, n)


class Kept:
    """Metrics of single users, read when they are first needed; they stay in this process.

    Args:
        catalogue: of the store.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._found: dict[tuple[str, str], Ranking | None] = {}

    def difference(self, side: Side, against: Side, key: tuple[str, str, str]) -> Difference | None:
        """Compare user by user; None where the test edges differ, or the metric of single users is not known."""
        part, member, metric = key
        if part != METRIC or not self._same_test(side, against, member):
            return None
        one, other = self._of(side, member), self._of(against, member)
        if one is None or other is None or metric not in one.per_user or metric not in other.per_user:
            return None
        drawn = rng("comparison", side.label, against.label, member, metric)
        found = paired_difference(one, other, metric, drawn)
        if found.n < K:
            return None
        p = _two_sided(found.value, found.error)
        return Difference(found.value, found.low, found.high, p, PAIRED, found.n)

    def _same_test(self, side: Side, against: Side, member: str) -> bool:
        tests = {self._catalogue.test_of(str(step)) for s in (side, against) for step in s.members[member]["step"]}
        return len(tests) == 1 and None not in tests

    def _of(self, side: Side, member: str) -> Ranking | None:
        """Mean over seeds, user by user; None unless every seed was kept."""
        key = side.label, member
        if key not in self._found:
            models = side.members[member]
            kept = [self._kept(model) for _, model in models.iterrows()]
            known = [ranking for ranking in kept if ranking is not None and ranking.n]
            self._found[key] = over_seeds(known) if known and len(known) == len(models) else None
        return self._found[key]

    def _kept(self, model: pd.Series) -> Ranking | None:
        found = (kept_users(folder, str(model["id"])) for folder in self._catalogue.ranked_in(model))
        return next((ranking for ranking in found if ranking is not None), None)


def _two_sided(value: float, error: float) -> float:
    """Two-sided p of a normal statistic; 1 where nothing differs at all."""
    if not value:
        return 1.0
    return float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else 0.0


def welch(one: Sample, other: Sample) -> Difference | None:
    """Welch's t: the difference over its standard error, with Satterthwaite's degrees of freedom.

    None unless both have several seeds and some of them differ.
    """
    if min(one.n, other.n) < 2:
        return None
    a, b = one.deviation**2 / one.n, other.deviation**2 / other.n
    if not a + b > 0:
        return None
    share = a / (a + b)
    freedom = 1 / (share**2 / (one.n - 1) + (1 - share) ** 2 / (other.n - 1))
    value, error = one.value - other.value, float(np.sqrt(a + b))
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Difference(value, value - half, value + half, p, WELCH, one.n + other.n)


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Holm's step-down correction: with sorted p, the running maximum of (m - rank) p, at most 1."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted
