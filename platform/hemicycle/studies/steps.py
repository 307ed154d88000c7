"""A step of a study: a named function of a configuration and of other steps' results, and what identifies it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hemicycle.core.config import Options, fingerprint
from hemicycle.core.storage import Folder
from hemicycle.training.group import SINGLE, Group

SCHEMA = 2
"""Raised when the layout of the store changes; enters every fingerprint."""


@dataclass(frozen=True)
class Work:
    """What a step's function is given.

    Args:
        options: the step's configuration, of the class that its function knows.
        inputs: finished folders of the steps it builds on, by name.
        out: the folder to fill; it is closed by whoever runs the step.
        group: this process among those that share the step.
        search: carries out an asynchronous search where somebody better than this process does so.
    """

    options: Any
    inputs: Mapping[str, Folder]
    out: Folder
    group: Group = SINGLE
    search: Callable[[Any, Folder], Any] | None = None


@dataclass(frozen=True)
class Cost:
    """What a step is expected to take, for ``plan``: seconds on one core, peak bytes of memory, bytes on disk."""

    seconds: float = 1.0
    memory: float = 5e8
    disk: float = 1e5


@dataclass(frozen=True, eq=False)
class Step:
    """One node of a plan.

    Args:
        kind: groups steps of one function, e.g. ``fit``; also the folder in the store.
        title: for people, e.g. ``fit lightgcn-s1``.
        function: module-level function of a :class:`Work`.
        options: everything that determines the result, beside the inputs.
        inputs: name -> the step whose folder is needed.
        version: raised when the function's meaning changes.
        threads: threads it computes with; part of the identity, since sums depend on it.
        workers: processes that share it; part of the identity for the same reason.
        cost: what it is expected to take.
        tolerates: names of inputs that may have failed; their folders are then without DONE.
        tells: name of a JSON file of the folder whose numbers are told to whoever watches.
        then: finished folder -> the steps that follow from what is in it (every record that a fit yields is probed).
    """

    kind: str
    title: str
    function: Callable[[Work], None]
    options: Options
    inputs: Mapping[str, "Step"] = field(default_factory=dict)
    version: int = 1
    threads: int = 1
    workers: int = 1
    cost: Cost = field(default_factory=Cost)
    tolerates: frozenset[str] = frozenset()
    tells: str = ""
    then: Callable[[Folder], list["Step"]] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the result: the same whatever the order, the executor or the machine."""
        return fingerprint(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                "version": self.version,
                "threads": self.threads,
                "workers": self.workers,
                "options": self.options.model_dump(mode="json"),
                "inputs": {name: step.fingerprint for name, step in self.inputs.items()},
            }
        )

    def folder(self, store: Folder) -> Folder:
        """Where the result lies in a store."""
        return store / "steps" / self.kind / self.fingerprint

    def work(self, store: Folder) -> Work:
        """What the function is given in a store."""
        return Work(self.options, {name: s.folder(store) for name, s in self.inputs.items()}, self.folder(store))


def store_of(folder: Folder) -> Folder:
    """The store below which a step's folder lies; inverse of :meth:`Step.folder`."""
    return Folder(folder.uri.rsplit("/steps/", 1)[0])


def closure(steps: Iterable[Step]) -> list[Step]:
    """Return steps and everything that they build on, each once, what is built on first."""
    found: dict[str, Step] = {}

    def visit(step: Step) -> None:
        if step.fingerprint not in found:
            for before in step.inputs.values():
                visit(before)
            found[step.fingerprint] = step

    for step in steps:
        visit(step)
    return list(found.values())
