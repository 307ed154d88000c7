"""How opinions are distributed over people: spread, shape, groups and extremes.

Legend: x opinions (n, n_dims), or their coordinates on the first principal axis (n,).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.opinions.base import Opinions
from hemicycle.simulations.situation import covariance

Floats = NDArray[np.float64]
CONSENSUS = 1e-6
"""Variance below which opinions agree, so that the shape of their distribution means nothing."""
GROUPS = 20
"""Groups of equal width on the opinion axis in the Esteban-Ray index."""
NEAR = 0.01
"""Share of the opinion axis up to which neighbours in opinion are of one cluster."""
MAJOR = 0.05
"""Least share of the users that makes a cluster a major one."""
_PAIRS = 100_000
_ALL_PAIRS = 1000
_BINS = 1024


def mean(opinions: Opinions) -> float:
    """Mean opinion, over users and dimensions."""
    return float(opinions.mean(dtype=np.float64))


def variance(opinions: Opinions) -> float:
    """Trace of the covariance matrix: mean squared distance to the mean opinion, in squared units of opinion."""
    return float(np.trace(covariance(opinions)))


def leading_share(opinions: Opinions) -> float:
    """Greatest eigenvalue of the covariance matrix over its trace: 1 when all dimensions are one; NaN at consensus.

    One dimension has 1; n_dims uncorrelated dimensions of one variance have 1 / n_dims.
    """
    matrix = covariance(opinions)
    total = np.trace(matrix)
    return float(np.linalg.eigvalsh(matrix)[-1] / total) if total > CONSENSUS else float("nan")


def extremity(opinions: Opinions, middle: float = 0.0) -> float:
    """Mean distance to the middle of the bounds, in units of opinion."""
    if opinions.shape[1] == 1:
        return float(np.abs(opinions - opinions.dtype.type(middle)).mean(dtype=np.float64))
    return float(np.linalg.norm(opinions.astype(np.float64) - middle, axis=1).mean())


def extremity_growth(opinions: Opinions, start: Opinions, middle: float = 0.0) -> float:
    """Mean distance to the middle less that of the start: above 0 where people have become more extreme."""
    return extremity(opinions, middle) - extremity(start, middle)


def spread(opinions: Opinions) -> float:
    """Greatest less least opinion, of the dimension where it is greatest, in units of opinion."""
    return float(np.ptp(opinions, axis=0).max())


def one_sidedness(x: Floats) -> float:
    """|mean sign x| of coordinates whose 0 is the middle: 1 where all stand on one side, 0 where sides are equal.

    It tells one-sided radicalization from polarization (Baumann et al., PRL 124, 048301, 2020). NaN without users.
    """
    return float(np.abs(np.sign(x).mean())) if len(x) else float("nan")


def consensus(opinions: Opinions, bounds: tuple[float, float] | None) -> float:
    """Return 1 where all opinions lie within ``NEAR`` of the bounds' width (without bounds: of 1), else 0.

    Its mean over seeds is the probability of consensus.
    """
    return float(spread(opinions) <= NEAR * (1.0 if bounds is None else bounds[1] - bounds[0]))


def topic_correlation(opinions: Opinions) -> float:
    """Mean of Pearson's correlation over pairs of dimensions; NaN where a dimension is at consensus, or the only one.

    Near 0 where people are divided on every topic, but not by the same lines; of one sign where positions on a topic
    tell those on others, an ideology (Baumann et al., PRX 11, 011012, 2021).
    """
    return float(np.mean(_correlations(opinions)))


def alignment(opinions: Opinions) -> float:
    """Mean of the absolute correlation over pairs of dimensions; NaN as :func:`topic_correlation`."""
    return float(np.mean(np.abs(_correlations(opinions))))


def _correlations(opinions: Opinions) -> Floats:
    """Correlation of every pair of dimensions; one NaN where there is none."""
    matrix = covariance(opinions)
    scales = np.sqrt(np.diag(matrix))
    if len(matrix) < 2 or (scales**2 <= CONSENSUS).any():
        return np.array([np.nan])
    return np.asarray((matrix / np.outer(scales, scales))[np.triu_indices(len(matrix), 1)])


def bimodality(x: Floats) -> float:
    """Sarle's bimodality coefficient of coordinates on the first principal axis.

    (g^2 + 1) / (k + 3 (n - 1)^2 / ((n - 2) (n - 3))) with the bias-corrected sample skewness g and excess kurtosis k
    (SAS Institute 1990; Pfister, Schwarz, Janczyk, Dale and Freeman, Front. Psychol. 4:700, 2013). A uniform
    distribution has 5/9, a normal one 1/3; values above 5/9 point to two modes. NaN for fewer than four users or at
    consensus.
    """
    n, x = len(x), x - x.mean() if len(x) else x
    squares = x * x
    second = squares.mean() if n else 0.0
    if n < 4 or second <= CONSENSUS:
        return float("nan")
    skewness = np.sqrt(n * (n - 1)) / (n - 2) * (squares @ x) / n / second**1.5
    kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ((squares @ squares) / n / second**2 - 3) + 6)
    return float((skewness**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def esteban_ray(x: Floats, span: float, alpha: float = 1.6) -> float:
    """Polarization of Esteban and Ray (Econometrica 62, 1994): K sum_ij p_i^(1 + alpha) p_j |y_i - y_j|.

    Groups are ``GROUPS`` intervals of equal width with shares p and middles y. K makes it 1 when one half stands at
    either end of the axis, its greatest value; it is 0 when all are in one group. ``alpha`` in (0, 1.6] weighs how much
    people identify with their group. NaN where the axis has no length.

    Args:
        x: coordinates within [-span / 2, span / 2], shape (n,).
        span: length of the axis.
        alpha: sensitivity to identification.
    """
    if not span > 0 or not len(x):
        return float("nan")
    shares = _histogram(x, -span / 2, span / 2, GROUPS) / len(x)
    places = np.arange(GROUPS) / (GROUPS - 1)
    return float(shares ** (1 + alpha) @ np.abs(places[:, None] - places) @ shares * 2 ** (1 + alpha))


def flache_macy(opinions: Opinions, seed: int = 0) -> float:
    """Variance of the distances of all pairs (Flache and Macy, J. Conflict Resolution 55, 2011), in squared units.

    The distance of two users is the mean over dimensions of |x_i - x_j|. It is 0 at consensus, and 1 for opinions in
    [-1, 1] when very many people stand half at either end. In one dimension it is exact, by sorting: the mean of
    |x_i - x_j| over pairs is 2 sum_i (2 i - n - 1) x_(i) / (n (n - 1)). In several it is exact for up to 1,000 users,
    and over 100,000 pairs drawn by the seed for more. NaN for fewer than two users.
    """
    n, dims = opinions.shape
    if n < 2:
        return float("nan")
    if dims == 1:
        ordered = np.sort(opinions[:, 0]).astype(np.float64)
        ordered -= ordered.mean()
        first = 2 * (np.arange(1 - n, n, 2, dtype=np.float64) @ ordered) / n / (n - 1)
        return float(max(0.0, 2 * (ordered @ ordered) / (n - 1) - first**2))
    rows, others = np.triu_indices(n, 1) if n <= _ALL_PAIRS else drawn_pairs(n, _PAIRS, key_of("pairs", seed))
    return float(np.abs(opinions[rows] - opinions[others]).mean(axis=1, dtype=np.float64).var())


def drawn_pairs(n: int, number: int, key: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw pairs of different users out of ``n`` >= 2, each alike, with replacement; two arrays of shape (number,)."""
    uniform = keyed_uniform(key, np.arange(number), np.arange(2))
    first, second = (uniform[:, 0] * n).astype(np.int64), (uniform[:, 1] * (n - 1)).astype(np.int64)
    return first, second + (second >= first)


# -- groups of opinion -------------------------------------------------------------------------------------------------


def cluster_sizes(opinions: Opinions, near: float) -> NDArray[np.int64]:
    """Sizes of the clusters of opinion, greatest first.

    In one dimension two users are of one cluster when a chain of users leads from one to the other with gaps of at most
    ``near`` (single linkage). In several, opinions are put in boxes of the width ``near``, and clusters are the
    connected components of occupied boxes that touch, by a corner too.
    """
    if opinions.shape[1] == 1:
        ordered = np.sort(opinions[:, 0]).astype(np.float64)
        starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > near)
        return np.sort(np.diff(starts, append=len(ordered)))[::-1]
    if not near > 0:
        return np.sort(np.unique(opinions, axis=0, return_counts=True)[1])[::-1]
    boxes, counts = _occupied(np.floor((opinions - opinions.min(axis=0)) / near).astype(np.int64))
    return np.sort(np.bincount(_touching(boxes), counts).astype(np.int64))[::-1]


def _occupied(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Different rows and how often each occurs; by one number a row where that fits, which sorts faster."""
    shape = [int(size) for size in places.max(axis=0) + 1]
    if math.prod(shape) >= 2**62:
        return np.unique(places, axis=0, return_counts=True)
    codes, counts = np.unique(np.ravel_multi_index(tuple(places.T), shape), return_counts=True)
    return np.stack(np.unravel_index(codes, shape), axis=1), counts


def _touching(boxes: NDArray[np.int64]) -> NDArray[np.int32]:
    """Label the connected components of boxes, of which two are connected when no coordinate differs by more than 1."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - slow to import, and only several dimensions need it

    pairs = cKDTree(boxes).query_pairs(1.0, p=np.inf, output_type="ndarray")
    ones = np.ones(len(pairs), np.int8)
    matrix = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(boxes), len(boxes)))
    return np.asarray(connected_components(matrix, directed=False)[1])


def effective_clusters(sizes: NDArray[np.integer]) -> float:
    """Effective number of clusters 1 / sum p^2 of their shares p (Laakso and Taagepera, Comp. Pol. Stud. 12, 1979)."""
    shares = sizes / sizes.sum()
    return float(1 / (shares @ shares))


def major_clusters(sizes: NDArray[np.integer]) -> float:
    """Number of clusters with at least ``MAJOR`` of the users; the others are minor ones.

    Models of bounded confidence leave minor clusters between and beyond the major ones, of which predictions such as
    floor(1 / (2 eps)) do not speak (Ben-Naim, Krapivsky and Redner, Physica D 183, 2003).
    """
    return float((sizes >= MAJOR * sizes.sum()).sum())


def peaks(x: Floats) -> float:
    """Number of peaks of the density of coordinates; NaN for fewer than four users or at consensus.

    The density is a histogram of 1,024 bins smoothed by a normal kernel of Silverman's width 0.9 min(s, IQR / 1.34)
    n^(-1/5) (Silverman, Density Estimation, 1986, eq. 3.31). A peak counts when it is at least a tenth as high as
    the highest and rises by as much above the lowest point between it and any higher one, so that ripples do not count.
    """
    n = len(x)
    if n < 4 or x.var() <= CONSENSUS:
        return float("nan")
    quartiles = np.subtract(*np.quantile(x, [0.75, 0.25])) / 1.34
    width = 0.9 * (min(x.std(), quartiles) or x.std()) * n**-0.2
    low, high = x.min() - 3 * width, x.max() + 3 * width
    counts = _histogram(x, low, high, _BINS).astype(np.float64)
    density = gaussian_filter1d(counts, max(1.0, width / (high - low) * _BINS), mode="constant")
    return float(_prominent(density, 0.1 * density.max()))


def _prominent(density: Floats, least: float) -> int:
    """Number of local maxima whose prominence is at least ``least``."""
    from scipy.signal import find_peaks  # noqa: PLC0415 - slow to import, and only costly measurements need it

    padded = np.concatenate([[0.0], density, [0.0]])
    return len(find_peaks(padded, prominence=least)[0])


def _histogram(x: Floats, low: float, high: float, bins: int) -> NDArray[np.int64]:
    """Counts in bins of equal width; what lies outside is put in the bins at the ends."""
    places = ((x - low) * (bins / (high - low))).astype(np.int32)
    return np.bincount(np.clip(places, 0, bins - 1), minlength=bins)
