"""implicit: alternating least squares by conjugate gradients, BPR, and its full ranking."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares  # type: ignore[import-not-found]
from implicit.cpu.bpr import BayesianPersonalizedRanking  # type: ignore[import-not-found]
from implicit.evaluation import ranking_metrics_at_k  # type: ignore[import-not-found]

Spec = Mapping[str, Any]
Facts = dict[str, Any]


def als(spec: Spec) -> Callable[[], Facts]:
    """Iterations of ALS; their number is ``iterations``."""
    return _fit(AlternatingLeastSquares, spec)


def bpr(spec: Spec) -> Callable[[], Facts]:
    """Epochs of BPR; their number is ``iterations``."""
    return _fit(BayesianPersonalizedRanking, spec)


def _fit(kind: Any, spec: Spec) -> Callable[[], Facts]:
    train = matrix(spec, "train")
    options = {"factors": spec["dim"], "iterations": spec["iterations"], "num_threads": spec["threads"]}

    def run() -> Facts:
        kind(random_state=0, **options).fit(train, show_progress=False)
        return {"share": float(spec["iterations"])}

    return run


def ranking(spec: Spec) -> Callable[[], Facts]:
    """Metrics at 20 of given vectors."""
    train, test = matrix(spec, "train"), matrix(spec, "test")
    model = AlternatingLeastSquares(num_threads=spec["threads"])
    model.user_factors, model.item_factors = (np.load(Path(spec["data"], f"{side}.npy")) for side in ("users", "items"))

    def run() -> Facts:
        found = ranking_metrics_at_k(model, train, test, K=20, show_progress=False, num_threads=spec["threads"])
        return {"ndcg@20": float(found["ndcg"])}

    return run


def matrix(spec: Spec, part: str) -> sp.csr_matrix:
    """Edges as users x items."""
    folder = Path(spec["data"])
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    users, items = (np.load(folder / f"{part}_{side}.npy") for side in ("users", "items"))
    values = np.ones(len(users), np.float32)
    return sp.csr_matrix((values, (users, items)), shape=(about["users"], about["items"]))
