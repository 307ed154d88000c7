"""Models derived from others: what they need beside their parents lies in a folder of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.evaluation.reference_lists import listed_only
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.scoring import Scores
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.transforms.attributes import Attributes
from hemicycle.transforms.base import Scene, Trained, Transform
from hemicycle.transforms.catalogue import TRANSFORM
from hemicycle.transforms.erasers import Eraser

PARENTS, DIRECTION, ERASER = "parents.json", "direction", "eraser"


@dataclass(frozen=True, eq=False)
class Derivation:
    """What a derived model knows beside its parents' scores.

    Args:
        parents: name, as the transform knows it -> record; of several the first counts as the parent.
        attributes: sides and categories, which a transform or its frontier may need.
        direction: the direction that is limited, or None.
        eraser: what takes labels away, or None.
        store: root of the store in which the parents lie, for transforms that need their parameters.
    """

    parents: Mapping[str, ModelRecord]
    attributes: Attributes
    direction: NDArray[np.floating] | None = None
    eraser: Eraser | None = None
    store: Folder | None = None

    def write(self, folder: Folder) -> None:
        """Write all of it."""
        folder.write_json(PARENTS, [[name, record.to_json()] for name, record in self.parents.items()])
        self.attributes.write(folder)
        if self.direction is not None:
            folder.write_array(DIRECTION, self.direction)
        if self.eraser is not None:
            self.eraser.write(folder / ERASER)

    @classmethod
    def read(cls, folder: Folder) -> "Derivation":
        """Read what :meth:`write` wrote."""
        parents = {name: ModelRecord.from_json(row) for name, row in folder.read_json(PARENTS)}
        direction = folder.read_array(DIRECTION) if folder.exists(f"{DIRECTION}.npy") else None
        eraser = Eraser.read(folder / ERASER) if folder.exists(ERASER) else None
        return cls(parents, Attributes.read(folder), direction, eraser, _store_of(folder))

    def scene(self, parts: Split, k: int, scores: Callable[[ModelRecord], Scores | None]) -> Scene:
        """Return what a transform is given.

        Args:
            parts: the split graph on which the parents were trained.
            k: length of the lists.
            scores: of a parent.

        Of a foreign model alone nothing but its lists can be re-ranked; in a blend what it does not list scores 0.

        Raises:
            InputError: a parent has no scores.
        """
        found = {name: scores(record) for name, record in self.parents.items()}
        known = {name: each for name, each in found.items() if each is not None}
        if [record.status for record in self.parents.values()] == ["foreign"]:
            known = {name: listed_only(each) for name, each in known.items()}
        if missing := [self.parents[name].family for name in found if name not in known]:
            raise InputError(f"the {missing[0]} model has vectors but no scores to derive from", "parent")
        masks = (parts.context, parts.valid)
        trained = self._trained()
        return Scene(known, parts.context, masks, self.attributes, k, self.direction, self.eraser, trained)

    def _trained(self) -> Callable[[], Trained] | None:
        """Reads the parameters of the first parent, where it has any."""
        record, store = next(iter(self.parents.values())), self.store
        if store is None or record.status not in {"trained", "untrained"}:
            return None
        return lambda: trained_model(store, record)


def _store_of(folder: Folder) -> Folder:
    """Root of the store in which a step's folder lies."""
    return Folder(folder.uri.rsplit("/steps/", 1)[0])


def trained_model(store: Folder, record: ModelRecord) -> Trained:
    """Return a trained or untrained model with the parameters by which it recommends."""
    recommender = RECOMMENDER.build(RECOMMENDER.validate(record.config["recommender"]))
    return Trained(recommender, Checkpoints(store / record.folder).load(record.best_epoch))


def transform_of(record: ModelRecord) -> Transform:
    """Build the transform that a derived record describes."""
    transform: Transform = TRANSFORM.build(TRANSFORM.validate(record.config["transform"]))
    return transform
