"""What a mediator knows of its users' opinions, refresh by refresh."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.exposure.mediator import Mediator, Occasion
from hemicycle.exposure.mediator_checks import no_vectors
from hemicycle.probes.base import RECORD
from hemicycle.probes.probe import probe_targets
from hemicycle.probes.ridge import RidgeConfig
from hemicycle.probes.target import Target

Row = dict[str, Any]
COLUMNS = (
    *("step", "status", "n", "opinions", "dimension"),
    *("r2", "ci_low", "ci_high", "control", "control_low", "control_high"),
)
"""Columns of a row; ``status``: trained or untrained; ``opinions``: initial or current."""


class KnowledgeConfig(Options):
    """How a mediator's knowledge is measured at every refresh."""

    users: int = Field(default=5000, ge=50)
    """Users whose vectors are read, at most; of more, some are drawn once, keyed by the simulation's seed."""
    folds: int = Field(default=5, ge=3, le=20)
    """Folds of the probe; the score of a fold comes from a probe fitted on the others."""
    permutations: int = Field(default=20, ge=20)
    """Permuted labels of the control."""
    untrained: bool = True
    """Whether the untrained mediator is read beside the trained one."""


def knowledge_rows(mediator: Mediator, occasion: Occasion, config: KnowledgeConfig) -> list[Row]:
    """Return what the users' vectors, as they score, tell of initial and of current opinions: one row each.

    The probe is a ridge regression on the vectors after erasure; its score is the R2 out of fold.

    Args:
        mediator: as it is after the refresh.
        occasion: what the refresh went by.
        config: how.

    Returns:
        Rows with the columns ``COLUMNS``; a dimension in which all users agree has NaN.
    """
    seen = _users(len(occasion.opinions), config.users, occasion.scene.seed)
    rows = _read(mediator, occasion, config, seen, "trained")
    control = mediator.untrained() if config.untrained else None
    return rows if control is None else rows + _read(control, occasion, config, seen, "untrained")


def _users(n_users: int, limit: int, seed: int) -> NDArray[np.int64]:
    """Users whose vectors are read, the same at every refresh and in all arms of a seed."""
    if n_users <= limit:
        return np.arange(n_users)
    return np.sort(rng("users whose vectors are read", seed).choice(n_users, limit, replace=False))


def _read(
    mediator: Mediator, occasion: Occasion, config: KnowledgeConfig, users: NDArray[np.int64], status: str
) -> list[Row]:
    """Rows of one mediator.

    Raises:
        InputError: it has no vectors.
    """
    vectors = mediator.vectors()
    if vectors is None:
        raise InputError([no_vectors(mediator.recommender.config.model, "probed")])
    about = {"step": occasion.step, "status": status, "n": len(users)}
    rows: list[Row] = []
    for kind, opinions in (("initial", occasion.innate), ("current", occasion.opinions)):
        found = _scores(vectors[users], np.asarray(opinions[users], np.float64), config)
        rows += [{**about, "opinions": kind, "dimension": d, **values} for d, values in enumerate(found)]
    return rows


_NOTHING = dict.fromkeys(("r2", "ci_low", "ci_high", "control", "control_low", "control_high"), float("nan"))


def _scores(vectors: NDArray[np.floating[Any]], labels: NDArray[np.float64], config: KnowledgeConfig) -> list[Row]:
    """Score, interval and permuted control of each dimension of opinions, shape (n, n_dims).

    Raises:
        InputError: vectors that are not finite, or too few users.
    """
    varying = np.flatnonzero(np.ptp(labels, axis=0) > 0)
    if not len(varying):
        return [_NOTHING] * labels.shape[1]
    targets = [Target(f"dimension {dimension}", labels[:, dimension]) for dimension in varying]
    probe = RidgeConfig(folds=config.folds, permutations=config.permutations)
    rows = probe_targets(vectors, targets, probe, dict.fromkeys(RECORD, ""))
    read = {row["attribute"]: _values(row) for row in rows if row["control"] == "permuted"}
    return [read.get(f"dimension {dimension}", _NOTHING) for dimension in range(labels.shape[1])]


def _values(row: Row) -> dict[str, float]:
    score = {"r2": row["score"], "ci_low": row["ci_low"], "ci_high": row["ci_high"]}
    return score | {
        "control": row["control_score"],
        "control_low": row["control_low"],
        "control_high": row["control_high"],
    }
