"""Correspondence analysis of who follows whom, filters included."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from hemicycle.attitudes.correspondence import correspondence
from hemicycle.attitudes.filters import FilterOptions, filtered
from hemicycle.bench.workloads import about, load

NOTHING = FilterOptions(min_actors=1, min_followers=1)


def analysis(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Filters and ``dims`` dimensions of the training edges."""
    counts = about(spec["data"])
    users, items = (np.array(column) for column in load(spec["data"], "train_users", "train_items"))
    shape = (counts["users"], counts["items"])
    table = sp.csr_array((np.ones(len(users), np.float32), (users, items)), shape=shape)

    def run() -> dict[str, Any]:
        left = filtered(table, NOTHING).table
        found = correspondence(left, spec["dims"])
        return {"first": float(found.singular_values[0]), "entries": left.nnz}

    return run
