"""prince: its correspondence analysis of a dense table."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import prince  # type: ignore[import-not-found]


def correspondence(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Fit, and coordinates of rows and columns."""
    folder = Path(spec["data"])
    users, items = (np.load(folder / f"train_{side}.npy") for side in ("users", "items"))
    for_users, for_items = (np.unique(side, return_inverse=True)[1] for side in (users, items))
    table = np.zeros((for_users.max() + 1, for_items.max() + 1))
    table[for_users, for_items] = 1
    frame = pd.DataFrame(table)

    def run() -> dict[str, Any]:
        model = prince.CA(n_components=spec["dims"], n_iter=5, random_state=0).fit(frame)
        shapes = [list(model.row_coordinates(frame).shape), list(model.column_coordinates(frame).shape)]
        return {"first": float(np.sqrt(model.eigenvalues_[0])), "entries": int(table.sum()), "shapes": shapes}

    return run
