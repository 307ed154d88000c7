"""scipy: its sparse product, on one thread."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp


def product(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """One product of a weighted CSR matrix."""
    folder = Path(spec["data"])
    x = np.concatenate([np.load(folder / f"{side}.npy") for side in ("users", "items")])
    pointers, indices = np.load(folder / "pointers.npy"), np.load(folder / "indices.npy")
    scale = 1 / np.sqrt(np.maximum(np.diff(pointers), 1))
    values = np.repeat(scale, np.diff(pointers)) * scale[indices]
    matrix = sp.csr_array((values.astype(np.float32), indices, pointers.astype(np.int32)), shape=(len(x), len(x)))

    def run() -> dict[str, Any]:
        matrix @ x
        return {}

    return run
