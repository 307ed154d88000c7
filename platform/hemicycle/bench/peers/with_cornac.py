"""cornac: BPR by stochastic gradient descent."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cornac.data import Dataset  # type: ignore[import-not-found]
from cornac.models import BPR  # type: ignore[import-not-found]


def bpr(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Epochs of BPR on one thread (a seed implies that); their number is ``iterations``."""
    users, items = (np.load(Path(spec["data"], f"train_{side}.npy")) for side in ("users", "items"))
    train = Dataset.from_uir(zip(users.tolist(), items.tolist(), [1.0] * len(users), strict=True), seed=0)
    model = BPR(k=spec["dim"], max_iter=spec["iterations"], learning_rate=0.01, seed=0)

    def run() -> dict[str, Any]:
        model.fit(train)
        return {"share": float(spec["iterations"])}

    return run
