"""scipy and numpy: a sparse product, and correspondence analysis by what they offer for it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, svds


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


def correspondence(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Correspondence analysis by ``svds`` (ARPACK) of the implicit centred operator."""
    table = counted(spec)

    def run() -> dict[str, Any]:
        masses = [np.asarray(table.sum(axis=axis)).ravel() / table.sum() for axis in (1, 0)]
        rows, columns = (np.sqrt(mass) for mass in masses)
        scaled = sp.diags_array(1 / rows) @ (table / table.sum()) @ sp.diags_array(1 / columns)
        operator = LinearOperator(
            table.shape,
            matvec=lambda x: scaled @ np.ravel(x) - rows * (columns @ np.ravel(x)),
            rmatvec=lambda y: scaled.T @ np.ravel(y) - columns * (rows @ np.ravel(y)),
            dtype=np.float64,
        )
        left, values, right = svds(operator, k=spec["dims"], rng=np.random.default_rng(0))
        coordinates = left * values / rows[:, None], right.T * values / columns[:, None]
        return {"first": float(values.max()), "entries": table.nnz, "shapes": [list(c.shape) for c in coordinates]}

    return run


def dense(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Correspondence analysis by the singular value decomposition of the dense table (LAPACK)."""
    table = counted(spec).toarray()

    def run() -> dict[str, Any]:
        share = table / table.sum()
        rows, columns = share.sum(axis=1), share.sum(axis=0)
        expected = np.outer(rows, columns)
        values = np.linalg.svd((share - expected) / np.sqrt(expected), full_matrices=False)[1]
        return {"first": float(values[0]), "entries": int(table.sum())}

    return run


def counted(spec: Mapping[str, Any]) -> sp.csr_array:
    """Training edges as a table of ones, without empty rows and columns."""
    folder = Path(spec["data"])
    users, items = (np.load(folder / f"train_{side}.npy") for side in ("users", "items"))
    for_users, for_items = (np.unique(side, return_inverse=True)[1] for side in (users, items))
    table = sp.csr_array((np.ones(len(users)), (for_users, for_items)))
    table.sum_duplicates()
    return table
