"""Distributions along a run: each dimension of opinion, opinion against what one hears, the plane of two dimensions.

Cells that describe few people who are not public are hidden, and as many others as protect them
(:mod:`hemicycle.core.disclosure`).
"""

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.disclosure import K
from hemicycle.opinions.base import Opinions
from hemicycle.simulations.situation import Situation

COLUMNS = ("step", "kind", "dimension", "x_low", "x_high", "y_low", "y_high", "share")
"""``kind``: ``opinion`` (histogram of a dimension), ``neighbours`` (a dimension against the mean of whom one follows)
or ``plane`` (the first two dimensions, ``dimension`` 0). Cells without anybody are left out; a hidden one has NaN."""
BINS = 60
"""Intervals of a histogram."""
CELLS = 30
"""Intervals on either side of a two-dimensional density, each two of a histogram."""
Row = tuple[int, str, int, float, float, float, float, float]
Counts = NDArray[np.int64]


def density_rows(situation: Situation, step: int, *, public: bool) -> list[Row]:
    """Return all distributions of a situation as rows with the columns ``COLUMNS``.

    Args:
        situation: opinions on a graph.
        step: number of the step.
        public: True when users are public or synthetic, so that nothing is hidden.
    """
    low, high = opinion_range(situation)
    rows: list[Row] = []
    heard = situation.heard.totals > 0
    for dimension in range(situation.opinions.shape[1]):
        x, m = situation.opinions[:, dimension], situation.heard.means[:, dimension]
        head = (step, "opinion", dimension)
        rows += _rows(head, _counted(x[:, None], low, high, BINS), (low, high), public=public)
        both = np.stack([x[heard], m[heard]], axis=1)
        head = (step, "neighbours", dimension)
        rows += _rows(head, _counted(both, low, high, CELLS), (low, high), public=public)
    if situation.opinions.shape[1] > 1:
        plane = _counted(situation.opinions[:, :2], low, high, CELLS)
        rows += _rows((step, "plane", 0), plane, (low, high), public=public)
    return rows


def opinion_range(situation: Situation) -> tuple[float, float]:
    """Interval that the cells divide: the bounds, or without bounds the whole numbers around all opinions."""
    if situation.bounds is not None:
        return situation.bounds
    if not situation.opinions.size:
        return -1.0, 1.0
    low, high = float(np.floor(situation.opinions.min())), float(np.ceil(situation.opinions.max()))
    return (low, high) if low < high else (low - 1, high + 1)


def _counted(points: Opinions, low: float, high: float, cells: int) -> Counts:
    """Number of points in each cell of a grid, shape (cells,) or (cells, cells)."""
    places = ((points.astype(np.float64) - low) * (cells / (high - low))).astype(np.int64)
    places = np.clip(places, 0, cells - 1)
    codes = places[:, 0] if points.shape[1] == 1 else places[:, 0] * cells + places[:, 1]
    return np.bincount(codes, minlength=cells ** points.shape[1]).reshape((cells,) * points.shape[1])


def _rows(head: tuple[int, str, int], counts: Counts, ends: tuple[float, float], *, public: bool) -> list[Row]:
    """Rows of the cells where somebody is."""
    total = counts.sum()
    shares = np.where(np.zeros(counts.shape, bool) if public else hidden(counts), np.nan, counts / max(1, total))
    edges = np.linspace(*ends, counts.shape[0] + 1)
    found: list[Row] = []
    for place in zip(*np.nonzero(counts), strict=True):
        first, second = place[0], place[1] if len(place) > 1 else None
        y = (np.nan, np.nan) if second is None else (float(edges[second]), float(edges[second + 1]))
        x = (float(edges[first]), float(edges[first + 1]))
        found.append((*head, *x, *y, float(shares[place])))
    return found


def hidden(counts: Counts, k: int = K) -> NDArray[np.bool_]:
    """Return which cells are hidden: those of 1 to k - 1 people, and more, so that no sum gives one away.

    Totals of rows and columns may be known from other tables. So in every line of a grid with a hidden cell, there are
    two hidden ones at least, of k people together; the fullest cell next to too few is hidden too, again and again,
    until that holds (complementary suppression; Hundepool et al., Statistical Disclosure Control, 2012, ch. 4).

    Args:
        counts: people in each cell, shape (n,) or (n, n).
        k: fewest people that a shown cell describes.
    """
    found = (counts > 0) & (counts < k)
    if counts.ndim == 1:
        return _protected(counts, found, k)
    while True:
        more = np.array([_protected(*line, k) for line in zip(counts, found, strict=True)])
        more = np.array([_protected(*line, k) for line in zip(counts.T, more.T, strict=True)]).T
        if (more == found).all():
            return found
        found = more


def _protected(counts: Counts, hide: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    """Hide more cells of a line, the smallest first, until its hidden cells are none, or two and more of k people."""
    hide = hide.copy()
    others = iter(sorted(np.flatnonzero(~hide & (counts > 0)), key=lambda cell: (counts[cell], cell)))
    while hide.any() and (hide.sum() < 2 or counts[hide].sum() < k):
        cell = next(others, None)
        if cell is None:
            break
        hide[cell] = True
    return hide
