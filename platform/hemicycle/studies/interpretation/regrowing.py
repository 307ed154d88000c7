"""Whether what was erased grows back: training goes on from an altered table, and readers look again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE, EmbeddingRecommender, Parameters
from hemicycle.training.group import SINGLE
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions
from hemicycle.transforms.base import Trained
from hemicycle.transforms.erasers import Eraser

Fit = Callable[[NDArray[np.bool_]], Eraser]
"""Users on whom an eraser may be fitted, shape (n_users,) -> the eraser of the table."""


@dataclass(frozen=True, eq=False)
class Regrowth:
    """A trained model whose table is altered and then trained on.

    Args:
        model: recommender and parameters.
        train: the graph that it was trained on.
        known: the graph on which it is embedded.
        options: how it was trained, with the number of epochs for which it goes on.
        seed: of the fit.
    """

    model: Trained
    train: InteractionGraph
    known: InteractionGraph
    options: TrainingOptions
    seed: int

    @property
    def recommender(self) -> EmbeddingRecommender:
        """The recommender, which has one table.

        Raises:
            InputError: it has none.
        """
        found = self.model.recommender
        if not isinstance(found, EmbeddingRecommender):
            what = f"{found.config.model} has no one table of vectors from which training could go on after erasure"
            raise InputError(
                what, "erasure.regrow_epochs", "set it to 0, or choose a recommender such as mf or lightgcn"
            )
        return found

    def epochs(self, eraser: Eraser) -> Iterator[tuple[int, Parameters]]:
        """Yield the parameters right after erasure at full strength (epoch 0) and at :func:`looks` along training.

        Training starts anew from the altered table: Adam without memory, the schedule of its learning rate over these
        epochs, edges dealt out as in a fit of the same seed.
        """
        trainer = Trainer(self.recommender, self.train, self.options, self.seed, SINGLE)
        table = eraser.apply(np.array(self.model.parameters[TABLE]))
        yield 0, {TABLE: table}
        zeros = np.zeros_like(table)
        trainer.restore({"table": table.copy(), "mean": zeros, "square": zeros.copy()}, 0)
        for epoch in range(1, self.options.epochs + 1):
            trainer.epoch(epoch)
            if epoch in looks(self.options.epochs):
                yield epoch, {TABLE: np.array((trainer.parameters() or {})[TABLE])}

    def vectors(self, parameters: Parameters) -> NDArray[np.floating]:
        """Users' vectors of the read-out."""
        return self.recommender.embed(parameters, self.known).users

    def table(self) -> NDArray[np.floating]:
        """Users' rows of the table."""
        first = self.recommender.adjacency(self.known).user_offset
        return np.asarray(self.model.parameters[TABLE])[first : first + self.known.n_users]


def looks(epochs: int) -> tuple[int, ...]:
    """Epochs at which a regrowth is looked at: 0, the powers of two, and the last."""
    return (0, *(1 << place for place in range(epochs.bit_length()) if 1 << place < epochs), *([epochs] * (epochs > 0)))


def regrowth_of(record: ModelRecord, model: Trained, graphs: Mapping[str, Any], epochs: int) -> Regrowth | None:
    """Return how training would go on for some epochs; None where it cannot.

    Args:
        record: trained; of other models it is not known how they were.
        model: its recommender and parameters.
        graphs: ``train`` and ``known``.
        epochs: for how long.
    """
    one_table = isinstance(model.recommender, EmbeddingRecommender)
    if not epochs or record.status != "trained" or not one_table or "train" not in record.config:
        return None
    options = TrainingOptions.model_validate(record.config["train"]).replace(epochs=epochs, max_steps=None)
    return Regrowth(model, graphs["train"], graphs["known"], options, record.seed)
