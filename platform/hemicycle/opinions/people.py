"""What a run knows of its users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class People:
    """What a run knows of its users, the same in all steps.

    Args:
        n_users: number of users.
        key: 64-bit key of the draws that last a whole run (activities, per-user parameters).
        bounds: least and greatest opinion; None: unbounded.
        groups: each user's group, shape (n_users,); None when there are none.
        columns: numeric columns of the users' table, each of shape (n_users,).
        fixed: users who never move (zealots), shape (n_users,); None: nobody.
    """

    n_users: int
    key: int = 0
    bounds: tuple[float, float] | None = (-1.0, 1.0)
    groups: NDArray[np.str_] | None = None
    columns: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    fixed: NDArray[np.bool_] | None = None
