"""What a search proposes, what became of it, and who carries it out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from hemicycle.search.config import Params

State = Literal["complete", "stopped", "failed"]


@dataclass(frozen=True)
class Proposal:
    """A trial before it is run.

    Args:
        number: from 0, in the order of proposal.
        branch: the architecture.
        params: dotted key -> value, of the dimensions that exist for it.
        memory: what the sampler wants to be told again with the result; plain values.
    """

    number: int
    branch: str
    params: Params
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A trial that has come to an end.

    Args:
        proposal: what was tried.
        generation: from 0; in asynchronous mode, 0.
        state: ``complete``; ``stopped`` by halving, with the values it had by then; or ``failed``.
        values: name of an objective, a constraint or the halving's metric -> value; empty when it failed.
        epochs: epochs to which it was trained, or was to be when it failed.
        error: first line of what went wrong.
        measured: identity of what measured it, where who carried it out keeps that; two trials may share it.
    """

    proposal: Proposal
    generation: int
    state: State
    values: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    error: str = ""
    measured: str = ""

    @property
    def number(self) -> int:
        """Number of the proposal."""
        return self.proposal.number

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Trial":
        """Inverse of :meth:`to_json`."""
        return cls(**{**value, "proposal": Proposal(**value["proposal"])})


class Runner(Protocol):
    """Carries out trials, one rung at a time; picklable, and usable in any process that sees the store.

    What is finished in the store is returned at once, so that a search that goes on after an interruption repeats
    nothing.
    """

    def rungs(self, proposal: Proposal) -> tuple[int, ...]:
        """Epochs at which a trial is compared, ascending; the last ends it. One, without halving."""

    def run(self, proposal: Proposal, rung: int) -> Mapping[str, float]:
        """Train to a rung (0, 1, ...; the ones before it were run) and return what is asked of the trial by then.

        Raises:
            HemicycleError: or any other, when it fails.
        """
