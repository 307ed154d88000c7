"""Points of people who are not public, shown as hexagonal cells that hold enough of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, hidden_cells

Array = NDArray[np.float64]
MOST = 30
"""Hexagons across a map at most; fewer people get larger ones, so that most hold enough people to be shown."""


@dataclass(frozen=True, eq=False)
class MapCells:
    """Hexagonal cells of n points.

    Args:
        centres: of the cells, shape (cells, 2).
        sizes: points in each, shape (cells,).
        cell: of each point, shape (n,).
        shown: False for cells of fewer than ``K`` points, and for others that would give them away, shape (cells,).
    """

    centres: Array
    sizes: NDArray[np.int64]
    cell: NDArray[np.int64]
    shown: NDArray[np.bool_]


def map_cells(points: Array, most: int = MOST) -> MapCells:
    """Put points, shape (n, 2), into hexagonal cells, at most about ``most`` across."""
    centres = hexagons(points, most)
    places, cell, sizes = np.unique(centres, axis=0, return_inverse=True, return_counts=True)
    hidden = hidden_cells(sizes.astype(np.float64), [np.arange(len(sizes))])
    return MapCells(places, sizes, cell.ravel(), ~hidden)


def hexagons(points: Array, most: int = MOST) -> Array:
    """Centre of the hexagon around each point, shape (n, 2): the nearer of two shifted rectangular lattices."""
    low, high = np.percentile(points, (1, 99), axis=0)
    across = min(float(most), max(1.0, np.sqrt(len(points) / (3 * K))))
    width = max(float((high - low).max()) / across, 1e-12)
    step = np.array([width, width * np.sqrt(3)])
    lattices = [np.rint(points / step) * step, (np.floor(points / step) + 0.5) * step]
    distances = [((points - lattice) ** 2).sum(axis=1) for lattice in lattices]
    return np.asarray(np.round(np.where((distances[0] < distances[1])[:, None], *lattices), 9))
