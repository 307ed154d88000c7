"""Rows that other packages exchange: models of a population, and what a model's embedding is called."""

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from hemicycle.core.config import fingerprint

Status = Literal["trained", "untrained", "rewired", "foreign", "derived"]
READOUT = "readout"
"""Layer whose dot products score recommendations; layers before it are named "0", "1", ..."""


@dataclass(frozen=True)
class ModelRecord:
    """One model of a population.

    Args:
        id: fingerprint of what the model is: its configuration, data, seed and status.
        name: short name for people, unique within a study, e.g. ``lightgcn-s1``.
        family: recommender's name, e.g. ``lightgcn``, or ``foreign``.
        seed: seed of the fit; -1 where there is none.
        status: ``trained``, its ``untrained`` twin, its ``rewired`` twin (trained on a graph of the same degrees),
            ``foreign`` (we did not train it) or ``derived``.
        parent: id of the record it derives from (a twin names its trained model); empty otherwise.
        config: the recommender's configuration.
        folder: URI of the folder with its artefacts.
        layers: names of the layers that can be embedded; empty for models without vectors.
        epochs: checkpoints, ascending; 0 is the untrained state.
        best_epoch: the checkpoint that recommends.
        metrics: test metrics of the best checkpoint, e.g. ``ndcg@20``.
    """

    id: str
    name: str
    family: str
    seed: int
    status: Status
    parent: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    folder: str = ""
    layers: tuple[str, ...] = ()
    epochs: tuple[int, ...] = ()
    best_epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, by the names of the columns; nothing is copied."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ModelRecord":
        """Inverse of :meth:`to_json`."""
        known = {f.name for f in fields(cls)}
        plain = {key: item for key, item in value.items() if key in known}
        return cls(**plain | {"layers": tuple(plain.get("layers", ())), "epochs": tuple(plain.get("epochs", ()))})


def record_id(**parts: object) -> str:
    """Return the id of a record made of these parts."""
    return fingerprint(parts)


def member_of(name: str) -> str:
    """Name of a model without its seed: ``mf-s3`` is a seed of ``mf``, its twin one of ``mf-untrained``."""
    return re.sub(r"-s\d+(?=$|-untrained$)", "", name)
