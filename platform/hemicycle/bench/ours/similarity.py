"""Linear CKA of every pair of many models."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import rng
from hemicycle.geometry.similarity import SimilarityConfig, population_similarity, sample_rows

Spec = Mapping[str, Any]
Floats = NDArray[np.float32]


def population(spec: Spec) -> Callable[[], dict[str, Any]]:
    """All pairs with intervals and permuted controls; ``spec`` holds ``models``, ``users``, ``dim``, ``measures``."""
    vectors, config = drawn(spec), SimilarityConfig(measures=spec["measures"])

    def run() -> dict[str, Any]:
        found = population_similarity(vectors, config)[config.measures[0]]
        half = (found.high - found.low)[np.triu_indices(len(vectors), 1)].mean() / 2
        return {"value": float(found.value[0, 1]), "half": float(half)}

    return run


def one_by_one(spec: Spec) -> Callable[[], dict[str, Any]]:
    """A pair at a time by the textbook formula, without interval and control; ``pairs`` of them are timed."""
    rows = sample_rows(spec["users"], SimilarityConfig().users, 0)
    vectors, models = [part[rows].astype(np.float64) for part in drawn({**spec, "models": 2})], spec["models"]

    def run() -> dict[str, Any]:
        values = [textbook(vectors[0], vectors[1]) for _ in range(spec["pairs"])]
        return {"value": values[0], "share": 2 * spec["pairs"] / (models * (models - 1))}

    return run


def textbook(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Linear CKA of two models (Kornblith et al., ICML 2019)."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(x.T @ y) ** 2 / norms)


def drawn(spec: Spec) -> list[Floats]:
    """Vectors of models that share half of their variance."""
    users, dim = spec["users"], spec["dim"]
    shared = rng("bench similarity").standard_normal((users, dim), np.float32)
    return [_model(shared, number) for number in range(spec["models"])]


def _model(shared: Floats, number: int) -> Floats:
    source = rng("bench similarity", number)
    turned = shared @ (
        source.standard_normal((shared.shape[1],) * 2, np.float32) / np.sqrt(np.float32(shared.shape[1]))
    )
    return np.asarray(turned + source.standard_normal(shared.shape, np.float32))
