"""How an embedding recommender is trained."""

import math
import re
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from hemicycle.core.config import Options
from hemicycle.graphs.ordering import Ordering


def _known_keep(text: str) -> str:
    if text not in {"all", "labelled"} and not re.fullmatch(r"sample:[1-9]\d*", text):
        raise ValueError(f"keep is 'all', 'labelled' or 'sample:N', not {text!r}")
    return text


class TrainingOptions(Options):
    """Options of the training loop."""

    epochs: int = Field(80, ge=0)
    """Passes over all training edges."""
    batch: int = Field(32768, ge=1)
    """Edges in a step, about: a step takes all edges of randomly drawn users, and propagates once."""
    max_steps: int | None = Field(None, ge=1)
    """Stop after this many steps even in the middle of an epoch."""
    lr: float = Field(0.03, gt=0)
    """Learning rate of Adam."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """Learning rate after the warm-up: ``constant``, or falling to 0 along a line or half a cosine."""
    warmup: int = Field(10, ge=0)
    """Steps in which the learning rate rises linearly."""
    l2: float = Field(0.005, ge=0)
    """Weight of the squared norm of the start vectors of each pair."""
    loss: Literal["bpr", "softmax"] = "softmax"
    """``bpr``: pairs against exact negatives; ``softmax``: against negatives that the whole step shares."""
    negatives: int | None = Field(None, ge=1)
    """Negatives of each pair (``bpr``, by default 1) or of the step (``softmax``, by default 2048; from the number of
    items on all items compete)."""
    negatives_by: Literal["uniform", "popularity"] = "popularity"
    """How the shared negatives are drawn; the softmax corrects for it. BPR draws uniformly."""
    validate_every: int = Field(5, ge=1)
    """Epochs between validations by full ranking; the last epoch is always validated."""
    validate_users: int = Field(10_000, ge=1)
    """Users at most in a validation, always the same."""
    patience: int = Field(0, ge=0)
    """Stop after this many validations without a better NDCG@20; 0: never."""
    keep: Annotated[str, AfterValidator(_known_keep)] = "labelled"
    """Checkpoints: ``all`` epochs, ``labelled`` (untrained, best, last and ``label_epochs``) or ``sample:N`` (N spread
    evenly over the epochs, and the labelled ones)."""
    label_epochs: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Epochs whose checkpoint is kept in any case."""
    resume_every: int = Field(10, ge=0)
    """Epochs between states from which an interrupted fit goes on; 0: none."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the table and of all that follows."""
    precision: Literal["full", "bf16"] = "full"
    """``bf16``: propagation reads rows in bfloat16, which halves the traffic that bounds it, and sums them in single
    precision; the table, its gradient and Adam stay in ``dtype``."""
    ordering: Ordering = "none"
    """Order of the nodes in memory during propagation: by ``degree``, or ``rcm`` (reverse Cuthill-McKee, half a minute
    for ten million edges), which pays in long fits on graphs with communities that the cache cannot hold. Results are
    the same to the last bit."""
    exchange: Literal["auto", "scores", "rows", "mixed"] = "auto"
    """What workers send each other in a step: partial ``scores``, the step's ``rows`` of the table, or (softmax)
    ``mixed``: scores of the positives and rows of the negatives. ``auto``: whatever takes the fewest floats. Results
    agree up to rounding."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.exchange == "mixed" and self.loss != "softmax":
            raise ValueError("exchange: mixed needs negatives that a step shares (loss: softmax), not loss: bpr")
        if self.precision == "bf16" and self.dtype == "float64":
            raise ValueError("precision: bf16 goes with dtype: float32, not float64")
        return self

    @property
    def n_negatives(self) -> int:
        """Negatives, with the default of the loss."""
        return self.negatives or (1 if self.loss == "bpr" else 2048)

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (counted from 0) out of ``steps``."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        if self.schedule == "constant" or step < self.warmup:
            return self.lr * rise
        done = (step - self.warmup) / max(1, steps - self.warmup)
        left = 1 - min(done, 1.0)
        return self.lr * (left if self.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left)))

    def always_kept(self, epoch: int) -> bool:
        """True when an epoch's checkpoint stays whether or not it turns out to be the best or the last."""
        if epoch == 0 or epoch in self.label_epochs or self.keep == "all":
            return True
        if self.keep == "labelled":
            return False
        return epoch in np.linspace(0, self.epochs, int(self.keep.removeprefix("sample:"))).round()
