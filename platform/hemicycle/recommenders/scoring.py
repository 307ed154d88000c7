"""What a recommender answers when it is asked for scores."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Scores = Callable[[NDArray[np.integer]], NDArray[np.floating]]
"""Users (batch,) -> scores (batch, n_items)."""


@dataclass(frozen=True, eq=False)
class DotScores:
    """Scores s_ui = x_u . y_i + b_i; a ranking can ask for them block of items by block of items.

    Args:
        users: shape (n_users, d).
        items: shape (n_items, d).
        bias: shape (n_items,), or None for 0.
    """

    users: torch.Tensor
    items: torch.Tensor
    bias: torch.Tensor | None = None

    def __call__(self, batch: NDArray[np.integer]) -> NDArray[np.floating]:
        """Return the scores of all items, shape (batch, n_items)."""
        found: NDArray[np.floating] = self.block(torch.as_tensor(batch), slice(None)).cpu().numpy()
        return found

    def block(self, batch: torch.Tensor, items: slice) -> torch.Tensor:
        """Return the scores of some items, on the vectors' device, shape (batch, len(items))."""
        x = self.users[batch.to(self.users.device, torch.int64)]
        if self.bias is None:
            return x @ self.items[items].T
        return torch.addmm(self.bias[items], x, self.items[items].T)
