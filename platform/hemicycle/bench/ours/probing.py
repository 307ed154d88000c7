"""Probes of several models on the same users."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.bench.peers.with_sklearn import labels_of, vectors_of
from hemicycle.probes.base import RECORD
from hemicycle.probes.probe import probe_targets
from hemicycle.probes.ridge import RidgeConfig
from hemicycle.probes.target import Target


def ridge(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Ridge probes with nested penalties, permuted labels, random vectors and intervals, of ``models`` models."""
    x, config = vectors_of(spec["data"]), RidgeConfig(permutations=spec["permutations"])
    targets = [Target(f"label {i}", column) for i, column in enumerate(labels_of(x, spec["labels"]).T)]
    models = [_model(x, seed) for seed in range(spec["models"])]
    record: dict[str, Any] = dict.fromkeys(RECORD, "") | {"seed": 0, "epoch": 0}

    def run() -> dict[str, Any]:
        rows = [row for model in models for row in probe_targets(model, targets, config, record)]
        return {"score": float(np.mean([row["score"] for row in rows]))}

    return run


def _model(x: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """The vectors in other directions, as another seed would have trained them."""
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((x.shape[1], x.shape[1])))[0]
    return x @ turn.astype(np.float32)
