"""Opinions that are one of a few states, as numbers in the same arrays as all others."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from hemicycle.core.errors import Problem
from hemicycle.opinions.base import OpinionModel, Opinions


def _ascending(states: tuple[float, ...]) -> tuple[float, ...]:
    if list(states) != sorted(set(states)) or not np.isfinite(states).all():
        raise ValueError("states must be finite, distinct and ascending")
    return states


States = Annotated[tuple[float, ...], Field(min_length=2, max_length=1000), AfterValidator(_ascending)]
"""Two states or more, ascending."""
TwoStates = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Two states, the lower one first."""


def evenly(number: int, low: float, high: float) -> tuple[float, ...]:
    """Return ``number`` states at equal distances from ``low`` to ``high``."""
    return tuple(np.linspace(low, high, number).tolist())


def nearest(opinions: Opinions, states: tuple[float, ...]) -> Opinions:
    """Return the state nearest to every opinion, the higher one in the middle, in the opinions' shape and type."""
    known = np.asarray(states, dtype=opinions.dtype)
    found: NDArray[np.intp] = np.searchsorted((known[1:] + known[:-1]) / 2, opinions, side="right")
    return known[found]


class DiscreteModel(OpinionModel):
    """An opinion model whose opinions are states."""

    @property
    def states(self) -> tuple[float, ...]:
        """The states, ascending: the option of that name."""
        found: tuple[float, ...] = self.config.states  # type: ignore[attr-defined]
        return found

    def started(self, opinions: Opinions) -> Opinions:
        """Return starting opinions at their nearest states."""
        return nearest(opinions, self.states)

    def start_problems(self, opinions: Opinions, bounds: tuple[float, float] | None) -> list[Problem]:
        """Report opinions that are no states, and states outside the bounds."""
        found, shown = [], ", ".join(f"{state:g}" for state in self.states[:5])
        shown += ", ..." if len(self.states) > 5 else ""
        name = self.config.label
        wrong = int((opinions != nearest(opinions, self.states)).any(axis=1).sum())
        if wrong:
            what = f"{wrong} of {len(opinions)} users hold opinions that are no states of {name}"
            found.append(Problem(what, remedy=f"start at the states {shown}, or give the model other states"))
        if bounds is not None and (self.states[0] < bounds[0] or self.states[-1] > bounds[1]):
            what = f"states of {name} ({shown}) lie outside the bounds [{bounds[0]:g}, {bounds[1]:g}]"
            found.append(Problem(what, remedy="give states within the bounds, or wider bounds"))
        return found
