"""Bootstrap draws of whole clusters (Cameron, Gelbach and Miller, Review of Economics and Statistics 2008)."""

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, keyed_uniform

Floats = NDArray[np.float64]


def draws(number: int, key: int, replications: int, first: int = 0) -> Floats:
    """Return how often each cluster is drawn, with replacement, in each replication, shape (replications, number).

    A replication's draw depends on the key and on its own number alone: replications first ... first + replications - 1
    of one table are the same, whichever task makes them.

    Args:
        number: of clusters; as many are drawn.
        key: of the bootstrap.
        replications: how many.
        first: number of the first replication.
    """
    rows = np.arange(first, first + replications)
    uniform = keyed_uniform(key_of("agenda clusters", key), rows, np.arange(number))
    drawn = (uniform * number).astype(np.int64) + number * np.arange(replications)[:, None]
    return np.bincount(drawn.ravel(), minlength=replications * number).reshape(replications, number).astype(np.float64)
