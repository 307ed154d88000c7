"""What is measured: cases, each one row of the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["ours", "peer", "bound"]
_OURS_ON_CPU = {f"hemicycle.bench.ours.{name}" for name in ("correspondence", "probing", "workers")}
_CPU_ALONE = {"with_implicit", "with_cornac", "with_prince", "with_scipy", *_OURS_ON_CPU}
OWN = "own"
"""The environment in which this runs."""


@dataclass(frozen=True)
class Target:
    """What a case is asked for.

    Args:
        quantity: ``ratio``: its time over the reference's of its group; ``seconds``: its time by the case's clock.
        limit: the number asked for.
        least: True when the number is a lower limit, False when an upper one.
    """

    quantity: Literal["ratio", "seconds"]
    limit: float
    least: bool = True

    def __str__(self) -> str:
        sign, unit = ("≥" if self.least else "≤"), ("" if self.quantity == "ratio" else " s")
        return f"{sign} {self.limit:.3g}{unit}"

    def met(self, ratio: float, seconds: float) -> bool:
        """Tell whether a measurement holds it."""
        found = ratio if self.quantity == "ratio" else seconds
        return found >= self.limit if self.least else found <= self.limit


@dataclass(frozen=True, eq=False)
class Case:
    """One thing to be timed, in a process of its own.

    Args:
        group: cases of a group do the same thing and are compared with the group's reference.
        name: whose, and how.
        role: ours, a peer's, or a limit of the machine.
        module: of ``bench/peers``, or a dotted one of ours.
        task: function of the module, see ``bench/peers/harness.py``.
        arguments: what the function is told.
        workload: name of the data that it works on.
        environment: who runs it, one of ``environments.PEERS`` or ``OWN``.
        clock: ``cpu``: seconds of all threads; ``wall``: seconds that passed.
        threads: threads it may use.
        calls: timed calls in a process; the first ``warmups`` calls before them are not counted.
        warmups: calls that are not counted.
        times: the measured time stands for this many times as much.
        reference: True for the one of its group to which the others are compared.
        target: what is asked for, if anything.
        memory: bytes that it is known to need, where that is much.
        note: what a reader of the table must know.
    """

    group: str
    name: str
    role: Role
    module: str
    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    workload: str = "gowalla"
    environment: str = OWN
    clock: Literal["cpu", "wall"] = "cpu"
    threads: int = 1
    calls: int = 1
    warmups: int = 0
    times: float = 1.0
    reference: bool = False
    target: Target | None = None
    memory: float = 0.0
    note: str = ""

    @property
    def title(self) -> str:
        """Name within all groups."""
        return f"{self.group}: {self.name}"

    @property
    def on_device(self) -> bool:
        """True where a CUDA device can do it, too."""
        return self.threads == 1 and self.module not in _CPU_ALONE

    def clock_of(self, call: Mapping[str, Any]) -> float:
        """Seconds of a call by the case's clock, for all that it stands for."""
        return self.times * float(call[self.clock])
