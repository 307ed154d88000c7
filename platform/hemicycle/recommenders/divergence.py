"""Training that diverges: the loss of an epoch is no longer a number."""

import math
from collections.abc import Sequence

import numpy as np

from hemicycle.core.errors import HemicycleError


class DivergenceError(HemicycleError):
    """The loss is no longer a number."""


def mean_loss(losses: Sequence[float], number: int) -> float:
    """Return the mean loss of the steps of an epoch.

    Raises:
        DivergenceError: it is no longer a number.
    """
    loss = float(np.mean(losses))
    if not math.isfinite(loss):
        raise DivergenceError(f"training diverged in epoch {number} (loss {loss}); lower train.lr")
    return loss
