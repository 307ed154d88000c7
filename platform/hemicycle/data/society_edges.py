"""Edges of a synthetic society: follows and interactions, drawn one user at a time.

User u with out-degree k_u draws k_u different targets, one after the other, each with

    p(v | u) = (1 - c) w_v K(u, v) / Z_u + c [community v = community u] w_v K(u, v) / Z'_u,
    K(u, v) = exp(-h |x_a(u) - y_b(v)| / s),

where w is popularity (a truncated power law), h the decay (homophily or affinity), c the strength of communities and s
the root mean square distance of two users. This is a latent-space model (Hoff, Raftery & Handcock 2002, JASA 97) with
expected in-degrees as in Chung & Lu (2002, PNAS 99) and blocks as in the degree-corrected block model (Karrer & Newman
2011, PRE 83). Distances are those of the centres x_a and y_b of the cells in which u and v lie: at most about 512
cells of equal size, cut at quantiles dimension by dimension (up to 512 users or items have a cell each). Given the
cells the draw is exact: the target's cell by its cumulative probability, then the target within it by popularity, so
the cost of an edge is two binary searches whatever the parameters. Self-loops and repetitions are drawn again; a user
who still lacks targets after 8 k_u + 64 attempts fills up with targets drawn uniformly.

Attempt t of user u reads numbers 3t, 3t + 1 and 3t + 2 of the stream keyed by (key, u): results do not depend on
threads or order. Compiled code is kept between processes where ``NUMBA_CACHE_DIR`` names a folder.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import uniform
from hemicycle.core.loops import compiled
from hemicycle.data.society_people import Floats

_CELLS = 512
_TABLE = 1 << 25
_CHUNK = 1 << 16


class Cells(NamedTuple):
    """Points sorted into cells: the cell of each, shape (n,), and the cells' centres, shape (cells, dimensions)."""

    of: NDArray[np.int64]
    centres: NDArray[np.float64]


class Sources(NamedTuple):
    """Who draws: cell and community of each user, and where its edges stand, pointers of shape (n_users + 1,)."""

    cell: NDArray[np.int64]
    community: NDArray[np.int64]
    pointers: NDArray[np.int64]


class Pool(NamedTuple):
    """What can be drawn: cells, popularity and community of each target, shape (n,); strength of communities."""

    cells: Cells
    weights: NDArray[np.float64]
    community: NDArray[np.int64]
    strength: float


class Targets(NamedTuple):
    """What is drawn from, sorted by cell and within it by community.

    Args:
        tables: cumulative probabilities of cells, float32 of shape (1 + communities, source cells, target cells);
            table 0 is of all targets, table 1 + c of those of community c (absent when ``strength`` is 0).
        order: targets as sorted, shape (n,).
        bounds: where each (cell, community) starts in ``order``, shape (cells * communities + 1,).
        cumulative: cumulative weights as sorted, shape (n + 1,).
        strength: probability to draw within the own community.
        social: targets are the users themselves.
        key: of the random numbers.
    """

    tables: NDArray[np.float32]
    order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    cumulative: NDArray[np.float64]
    strength: float
    social: bool
    key: np.uint64


def popularity(draws: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Weights of mean 1 with density w^-exponent up to the natural cut-off n^(1 / (exponent - 1)).

    Args:
        draws: uniform numbers, shape (n,).
        exponent: of the density, above 1.
    """
    least = 1 / max(1, len(draws))
    weights = (1 - (1 - least) * draws) ** (-1 / (exponent - 1))
    return np.asarray(weights / weights.mean())


def degrees(activity: NDArray[np.floating], total: int, most: int, phase: float) -> NDArray[np.int64]:
    """Share an exact number of edges among users in proportion to activity, by systematic rounding.

    Everybody has at least one where ``total`` allows it, nobody more than ``most``.

    Args:
        activity: positive, shape (n,).
        total: number of edges, at most n * most.
        most: largest degree.
        phase: start of the systematic rounding, in [0, 1).
    """
    base = min(1, total // len(activity))
    rest = total - base * len(activity)
    steps = np.cumsum(_shared(activity.astype(np.float64), rest, most - base))
    marks = np.minimum(np.floor(steps + phase), rest).astype(np.int64)
    marks[-1] = rest
    return _capped(base + np.diff(marks, prepend=0), most)


def _shared(activity: NDArray[np.float64], total: int, most: int) -> NDArray[np.float64]:
    """Expected degrees: proportional to activity below the cap, the cap elsewhere."""
    full = np.zeros(len(activity), bool)
    while True:
        rest = activity[~full].sum() or 1.0
        expected = np.where(full, most, (total - most * full.sum()) * activity / rest)
        over = (expected > most) & ~full
        if not over.any():
            return np.asarray(expected)
        full |= over


def _capped(counts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Hand what rounding put above the cap to the first users with room."""
    excess = int(np.maximum(counts - most, 0).sum())
    counts = np.minimum(counts, most)
    counts[np.flatnonzero(counts < most)[:excess]] += 1
    return counts


def cells(points: Floats, communities: int = 1) -> Cells:
    """Sort points, shape (n, dimensions), into cells of nearly equal numbers; fewer of them with many communities."""
    n, dims = points.shape
    limit = min(_CELLS, int((_TABLE / (1 + communities)) ** 0.5))
    if n <= limit:
        return Cells(np.arange(n), points.astype(np.float64))
    parts = int(limit ** (1 / dims) + 1e-9)
    cell = np.zeros(n, np.int64)
    for column in points.T:
        order = np.lexsort((column, cell))
        sizes = np.bincount(cell)
        rank = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        cell[order] = cell[order] * parts + rank * parts // sizes[cell[order]]
    sizes = np.bincount(cell)
    sums = np.stack([np.bincount(cell, weights=column) for column in points.T], axis=1)
    return Cells(cell, sums / np.maximum(sizes, 1)[:, None])


def decay(sources: Cells, targets: Cells, rate: float) -> NDArray[np.float64]:
    """exp(-rate * (distance - least distance of the row)) of cells, shape (source cells, target cells)."""
    squares = np.zeros((len(sources.centres), len(targets.centres)))
    for a, b in zip(sources.centres.T, targets.centres.T, strict=True):
        squares += (a[:, None] - b[None, :]) ** 2
    distances = np.sqrt(squares)
    return np.asarray(np.exp(-rate * (distances - distances.min(axis=1, keepdims=True))))


def prepare(pool: Pool, kernel: NDArray[np.float64], key: int, *, social: bool) -> Targets:
    """Sort a pool of targets and tabulate its cells.

    Args:
        pool: the targets.
        kernel: K, shape (source cells, target cells).
        key: of the random numbers.
        social: True when the targets are the users who draw.
    """
    order, bounds = block_sort(pool.cells.of, pool.community)
    sums = np.concatenate([[0.0], np.cumsum(pool.weights[order])])
    blocks = np.diff(sums[bounds]).reshape(kernel.shape[1], -1).T
    rows = np.concatenate([blocks.sum(axis=0, keepdims=True), blocks if pool.strength else blocks[:0]])
    return Targets(tables(kernel, rows), order, bounds, sums, pool.strength, social, np.uint64(key))


def tables(kernel: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Cumulative probabilities over target cells, one table for each row of cell weights.

    Args:
        kernel: K, shape (source cells, target cells).
        weights: weight of each target cell, shape (tables, target cells).
    """
    out = np.empty((len(weights), *kernel.shape), np.float32)
    for table, row in zip(out, weights, strict=True):
        sums = np.cumsum(kernel * row, axis=1)
        table[:] = sums / np.maximum(sums[:, -1:], np.finfo(np.float64).tiny)
    return out


def block_sort(cell: NDArray[np.int64], community: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order by cell, then community, and the bounds of all (cell, community) in that order."""
    communities = int(community.max()) + 1
    block = cell * communities + community
    sizes = np.bincount(block, minlength=(int(cell.max()) + 1) * communities)
    return np.argsort(block, kind="stable"), np.concatenate([[0], np.cumsum(sizes)])


def draw_edges(sources: Sources, targets: Targets) -> NDArray[np.int32]:
    """Draw the targets of all users, shape (n_edges,), those of user u at ``pointers[u]:pointers[u + 1]``."""
    out = np.empty(sources.pointers[-1], np.int32)
    users = len(sources.pointers) - 1
    fill = partial(_draw_rows, sources=sources, targets=targets, out=out)
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        for start in [pool.submit(fill, first, min(first + _CHUNK, users)) for first in range(0, users, _CHUNK)]:
            start.result()
    return out


# -- compiled --------------------------------------------------------------------------------------------------------


@compiled
def _pick(user: int, attempt: int, sources: Sources, targets: Targets) -> int:
    """Draw one target of a user."""
    communities = (len(targets.bounds) - 1) // targets.tables.shape[2]
    own = uniform(targets.key, user, 3 * attempt) < targets.strength
    community = sources.community[user]
    row = targets.tables[community + 1 if own else 0, sources.cell[user]]
    cell = np.searchsorted(row, uniform(targets.key, user, 3 * attempt + 1), side="right")
    block = min(cell, len(row) - 1) * communities
    first = targets.bounds[block + community if own else block]
    last = targets.bounds[block + community + 1 if own else block + communities]
    low, high = targets.cumulative[first], targets.cumulative[last]
    level = low + uniform(targets.key, user, 3 * attempt + 2) * (high - low)
    place = first + np.searchsorted(targets.cumulative[first + 1 : last + 1], level, side="right")
    return int(targets.order[min(place, last - 1)])


@compiled
def _draw_rows(first: int, last: int, sources: Sources, targets: Targets, out: NDArray[np.int32]) -> None:
    """Draw the different targets of users first to last - 1."""
    n = len(targets.order)
    taken = np.full(n, -1, np.int64)
    for user in range(first, last):
        if targets.social:
            taken[user] = user
        place, end = sources.pointers[user], sources.pointers[user + 1]
        limit, attempt = 8 * (end - place) + 64, 0
        while place < end:
            if attempt < limit:
                item = _pick(user, attempt, sources, targets)
            else:
                item = int(uniform(targets.key, user, 3 * attempt) * n)
            attempt += 1
            if taken[item] != user:
                taken[item] = user
                out[place] = item
                place += 1
