"""Full ranking of all items for all users."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from hemicycle.bench.workloads import graphs, load
from hemicycle.evaluation.ranking import evaluate
from hemicycle.recommenders.scoring import DotScores


def full(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Recall, NDCG, precision and MAP at 20 of given vectors, training edges masked."""
    train, test = graphs(spec["data"])
    assert test is not None, "a workload with a test part"
    vectors = [torch.from_numpy(array[:].copy()).to(spec["device"]) for array in load(spec["data"], "users", "items")]
    held = test

    def run() -> dict[str, Any]:
        found = evaluate(DotScores(*vectors), train, held)
        return {name: found.metrics[name] for name in ("recall@20", "ndcg@20")}

    return run
