"""Errors that say what was given, what is allowed and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass


class HemicycleError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        exit_code: what the command line returns for it.
    """

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what the user gave.

    Args:
        what: what was found, in one sentence.
        where: file, line, column or key path; empty when there is none.
        remedy: what to do about it.
    """

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n    -> {self.remedy}" if self.remedy else text


class InputError(HemicycleError):
    """The user's input cannot be used; nothing has been started. Exit code 2."""

    exit_code = 2

    def __init__(self, what: str | Iterable[Problem], where: str = "", remedy: str = "") -> None:
        self.problems = (Problem(what, where, remedy),) if isinstance(what, str) else tuple(what)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class DisclosureError(InputError):
    """Sensitive values were about to leave through a door that does not allow it."""


class PartialFailureError(HemicycleError):
    """The run ended, but some of its items failed; each is a row of the failures table. Exit code 3."""

    exit_code = 3


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise one InputError holding all problems, or return when there are none."""
    found = tuple(problems)
    if found:
        raise InputError(found)
