"""Attitudes from texts: an axis between groups of anchor texts, and users at the mean of what they wrote.

Anchors are texts whose side is known: they hold words of one side only, or their authors are labelled. With X their
vectors, centred, and y the poles of their groups (-1 and 1 for two), the axis is w = (X'X + a I)^-1 X'y, the
regularised discriminant (Hastie, Tibshirani and Friedman 2009, ch. 4.3), a chosen by predictions for authors left out.
A text stands at its product with w, an anchor where the axis of folds without its author puts it; a user at the mean of
k texts, with

    se^2 = s^2 / k  +  variance over axes of resampled anchors,   interval: mean +- t_(k-1) se.

s^2 / k is the bootstrap's variance of a mean, which has a closed form, with k - 1 for k. Users with few texts are
unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import t as student

from hemicycle.attitudes.text_anchors import Anchors, Codes, Floats
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.graphs.texts import TextOptions, text_vectors


class StanceOptions(Options):
    """How texts place users."""

    least_texts: int = Field(3, ge=2)
    """Users with fewer texts are unknown."""
    least_anchors: int = Field(5, ge=2)
    """Groups of fewer anchor texts are refused."""
    ridges: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)
    """Candidates of a, in units of the mean eigenvalue of X'X."""
    folds: int = Field(5, ge=2)
    """Folds of the anchors, by author."""
    draws: int = Field(100, ge=0)
    """Resamples of the anchors."""
    shuffles: int = Field(20, ge=0)
    """Control: shuffles of the anchors' groups."""
    level: float = Field(0.95, gt=0, lt=1)
    """Of the intervals."""


@dataclass(frozen=True, eq=False)
class Stances:
    """Users' positions; NaN where unknown.

    Args:
        values: in units of the poles, shape (n_users,).
        low: lower ends, shape (n_users,).
        high: upper ends, shape (n_users,).
        n_texts: shape (n_users,).
        texts: position of every text, shape (n_texts,).
        ridge: chosen candidate.
        held_out: correlation of anchors' poles with where folds without their authors put them.
        null: the same with shuffled poles, shape (shuffles,).
    """

    values: Floats
    low: Floats
    high: Floats
    n_texts: NDArray[np.int64]
    texts: Floats
    ridge: float
    held_out: float
    null: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """True where a user has a position, shape (n_users,)."""
        return np.isfinite(self.values)


def stances_of_texts(  # noqa: PLR0913 - texts, whose, what the sides say, and how
    texts: Sequence[str],
    authors: Codes,
    n_users: int,
    anchors: Anchors,
    rng: np.random.Generator,
    *,
    space: TextOptions | None = None,
    options: StanceOptions | None = None,
) -> Stances:
    """As :func:`stances`, in the space of latent semantic analysis of these very texts."""
    vectors = text_vectors(texts, space or TextOptions(), "texts")
    return stances(vectors, authors, n_users, anchors, rng, options=options)


def stances(  # noqa: PLR0913 - vectors, whose, what is known of them, and how
    vectors: NDArray[np.floating],
    authors: Codes,
    n_users: int,
    anchors: Anchors,
    rng: np.random.Generator,
    *,
    options: StanceOptions | None = None,
) -> Stances:
    """Place users by their texts.

    Args:
        vectors: of the texts, any encoder's; rows of zeros or NaN (empty texts) are left out, shape (n_texts, d).
        authors: user of each text, shape (n_texts,).
        n_users: number of users.
        anchors: texts whose side is known.
        rng: folds, resamples and shuffles.
        options: how.

    Raises:
        InputError: shapes do not fit, or a group has too few anchors or authors.
    """
    options = options or StanceOptions()
    points, authors, anchors = _checked(vectors, authors, n_users, anchors, options)
    there = np.isfinite(points).all(1)
    known = _Known.of(points, authors, anchors, rng, options)
    ridge = max(options.ridges, key=known.score)
    scores = np.full(len(points), np.nan)
    scores[there] = known.line(known.poles, ridge).place(points[there])
    scores[anchors.rows] = known.held_out(known.poles, ridge)
    null = [known.shuffled_score(rng, options.ridges) for _ in range(options.shuffles)]
    sums = _Sums.of(points, scores, authors, n_users)
    mean, low, high = sums.intervals(known.axes(rng, ridge, options.draws), options)
    held_out = known.score(ridge)
    return Stances(mean, low, high, sums.counts, scores, ridge, held_out, np.array(null, np.float64))


@dataclass(frozen=True, eq=False)
class _Line:
    """Position of a text: (x - centre) . axis + middle."""

    centre: Floats
    axis: Floats
    middle: float

    def place(self, points: Floats) -> Floats:
        """Return positions, shape (n,)."""
        return np.asarray((points - self.centre) @ self.axis + self.middle)


@dataclass(frozen=True, eq=False)
class _Known:
    """Anchors' vectors (k, d), poles (k,), folds (k,) and units (k,).

    Units are what is resampled and shuffled whole: authors where each writes for one side, else texts.
    """

    points: Floats
    poles: Floats
    folds: NDArray[np.int64]
    units: NDArray[np.int64]

    @classmethod
    def of(
        cls, points: Floats, authors: Codes, anchors: Anchors, rng: np.random.Generator, options: StanceOptions
    ) -> "_Known":
        """Cut the anchors' authors into folds."""
        _, writers = np.unique(authors[anchors.rows], return_inverse=True)
        folds = min(options.folds, int(writers.max()) + 1)
        dealt = rng.permutation(int(writers.max()) + 1) % folds
        least, most = np.full((2, len(dealt)), np.inf)
        np.minimum.at(least, writers, anchors.poles)
        np.minimum.at(most, writers, -anchors.poles)
        units = writers if (least == -most).all() else np.arange(len(writers))
        return cls(points[anchors.rows], anchors.poles, dealt[writers], units)

    def line(self, poles: Floats, ridge: float, weights: Floats | None = None) -> _Line:
        """Fit the axis; ``weights`` (k,) tell how often each anchor counts."""
        weights = np.ones(len(poles)) if weights is None else weights
        share = weights / weights.sum()
        centre, middle = share @ self.points, float(share @ poles)
        inside = self.points - centre
        gram = (inside * weights[:, None]).T @ inside
        size = max(float(np.trace(gram)) / len(gram), 1e-12)
        gram[np.diag_indices_from(gram)] += ridge * size
        return _Line(centre, np.linalg.solve(gram, (inside * weights[:, None]).T @ (poles - middle)), middle)

    def held_out(self, poles: Floats, ridge: float) -> Floats:
        """Return where folds without their authors put the anchors, shape (k,)."""
        out = np.empty(len(poles))
        for fold in range(int(self.folds.max()) + 1):
            left = self.folds == fold
            out[left] = self.line(poles, ridge, (~left).astype(np.float64)).place(self.points[left])
        return out

    def score(self, ridge: float, poles: Floats | None = None) -> float:
        """Return the correlation of poles and held-out positions."""
        poles = self.poles if poles is None else poles
        found = self.held_out(poles, ridge)
        return float(np.corrcoef(found, poles)[0, 1]) if np.ptp(found) > 0 else 0.0

    def shuffled_score(self, rng: np.random.Generator, ridges: Sequence[float]) -> float:
        """Return the best score that shuffled poles reach."""
        poles = rng.permutation(self._of_units())[self.units]
        return max(self.score(ridge, poles) for ridge in ridges)

    def axes(self, rng: np.random.Generator, ridge: float, draws: int) -> list[_Line]:
        """Return the axes of resampled anchors; every group keeps its size, so that none disappears."""
        return [self.line(self.poles, ridge, self._resampled(rng)) for _ in range(draws)]

    def _of_units(self) -> Floats:
        """Return the pole of each unit."""
        poles = np.empty(int(self.units.max()) + 1)
        poles[self.units] = self.poles
        return poles

    def _resampled(self, rng: np.random.Generator) -> Floats:
        poles = self._of_units()
        times = np.zeros(len(poles))
        for pole in np.unique(poles):
            rows = np.flatnonzero(poles == pole)
            times[rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
        return times[self.units]


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of every user's texts: their number, mean and variance of positions (n_users,), mean vectors (n_users, d)."""

    counts: NDArray[np.int64]
    means: Floats
    variances: Floats
    vectors: Floats

    @classmethod
    def of(cls, points: Floats, scores: Floats, authors: Codes, n_users: int) -> "_Sums":
        """Sum over texts that have a position."""
        there = np.isfinite(scores)
        users, values = authors[there], scores[there]
        counts = np.bincount(users, minlength=n_users)
        safe = np.maximum(counts, 1)
        means = np.bincount(users, values, n_users) / safe
        squares = np.bincount(users, np.square(values - means[users]), n_users)
        vectors = np.stack([np.bincount(users, column, n_users) / safe for column in points[there].T], 1)
        return cls(counts, means, squares / np.maximum(counts - 1, 1), vectors)

    def intervals(self, lines: Sequence[_Line], options: StanceOptions) -> tuple[Floats, Floats, Floats]:
        """Return means and interval ends; NaN for users with few texts."""
        placed = np.stack([line.place(self.vectors) for line in lines]) if lines else np.zeros((1, len(self.means)))
        error = np.sqrt(self.variances / np.maximum(self.counts, 1) + placed.var(0))
        reach = student.ppf((1 + options.level) / 2, np.maximum(self.counts - 1, 1)) * error
        enough = self.counts >= options.least_texts
        low, mean, high = (
            np.where(enough, ends, np.nan) for ends in (self.means - reach, self.means, self.means + reach)
        )
        return mean, low, high


# -- input -----------------------------------------------------------------------------------------------------------


def _checked(
    vectors: NDArray[np.floating], authors: Codes, n_users: int, anchors: Anchors, options: StanceOptions
) -> tuple[Floats, Codes, Anchors]:
    """Return vectors with NaN for empty texts, authors, and the anchors among texts that are not empty."""
    points, authors = np.array(vectors, np.float64), np.asarray(authors)
    if points.ndim != 2 or authors.shape != points.shape[:1]:
        what = f"vectors of shape {points.shape}, authors of shape {authors.shape}"
        raise InputError(what, "texts", "one author a text")
    if len(authors) and (authors.min() < 0 or authors.max() >= n_users):
        raise InputError(f"an author is none of {n_users} users", "authors", "number users from 0")
    if len(np.unique(anchors.rows)) < len(anchors.rows) or not len(anchors.rows) == len(anchors.poles):
        raise InputError("anchors stand twice or have no pole", "anchors", "one pole for each anchor text")
    points[~np.isfinite(points).all(1) | (points == 0).all(1)] = np.nan
    kept = np.isfinite(points[anchors.rows]).all(1)
    found = Anchors(np.asarray(anchors.rows)[kept], np.asarray(anchors.poles, np.float64)[kept])
    raise_problems(_anchor_problems(found, anchors, authors, options))
    return points, authors, found


def _anchor_problems(found: Anchors, given: Anchors, authors: Codes, options: StanceOptions) -> list[Problem]:
    poles = np.unique(given.poles)
    if len(poles) < 2:
        return [Problem(f"anchors of {len(poles)} group", "anchors", "an axis needs two groups or more")]
    counts = {float(pole): int((found.poles == pole).sum()) for pole in poles}
    remedy = f"{options.least_anchors} are needed: name more words, or label more texts or users"
    few = [
        Problem(f"the group at {pole:g} has {count} anchor texts that are not empty", "anchors", remedy)
        for pole, count in counts.items()
        if count < options.least_anchors
    ]
    writers = {float(pole): len(np.unique(authors[found.rows[found.poles == pole]])) for pole in poles}
    return few or [
        Problem(f"all anchors of the group at {pole:g} were written by one author", "anchors", "take several authors")
        for pole, count in writers.items()
        if count < 2
    ]
