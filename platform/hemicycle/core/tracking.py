"""Where experiments are followed: a protocol and the null object that follows nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class TrackedRun:
    """What is told of one model or one simulation arm: aggregates only, never a row of a person.

    Args:
        id: stable id; telling the same run twice does not double it.
        name: for people.
        group: the study.
        kind: ``model`` or ``simulation``.
        config: nested plain values.
        history: one mapping per step, each with the key ``step`` (an epoch or a time step).
        summary: final scores.
    """

    id: str
    name: str
    group: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    summary: Mapping[str, float] = field(default_factory=dict)


class Tracker(Protocol):
    """Receives finished runs."""

    def record(self, run: TrackedRun) -> None:
        """Tell of one run."""


class NullTracker:
    """Tracks nothing."""

    def record(self, run: TrackedRun) -> None:
        """Do nothing."""
