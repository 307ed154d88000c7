"""Distances between sources and weights of entries, inside compiled code."""

from typing import Any

import numpy as np

from hemicycle.core.loops import compiled


@compiled
def squared_distance(positions: Any, i: int, j: int) -> float:
    """Return the squared Euclidean distance between two rows of positions, in float64."""
    total = 0.0
    for d in range(positions.shape[1]):
        total += (np.float64(positions[j, d]) - np.float64(positions[i, d])) ** 2
    return total


@compiled
def weight_of(weights: Any, e: int) -> float:
    """Return the weight of an entry; 1 where there are no weights, see :func:`hemicycle.opinions.meetings.entries`."""
    return 1.0 if len(weights) == 0 else np.float64(weights[e])
