"""Documents of a store that a person, a disk or another program may have damaged: read with care, named when broken."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder, StorageError
from hemicycle.population.population import RECORDS
from hemicycle.studies.marker import FINGERPRINT

PLAN, MANIFEST = "plan.json", "manifest.json"
KIND = re.compile(r"[A-Za-z0-9_-]+")


def read_plan(study: Folder) -> dict[str, Any]:
    """Return a study's plan: name, config and steps with fingerprint, kind and title.

    Raises:
        InputError: it cannot be read, or is no plan.
    """
    try:
        plan = study.read_json(PLAN)
        good = isinstance(plan["config"], dict) and all(_is_step(step) for step in plan["steps"])
    except (StorageError, KeyError, TypeError, ValueError):
        good = False
    if not good:
        what = f"the plan of study {study.name} is damaged"
        remedy = "run its configuration again: the plan is written anew and finished steps are found; or forget the "
        remedy += f"study: hemicycle gc --study {study.name}"
        raise InputError(what, f"{study.uri}/{PLAN}", remedy)
    return dict(plan)


def _is_step(step: Any) -> bool:
    """Whether a row of a plan names a folder below ``steps``, and no other place."""
    return bool(KIND.fullmatch(step["kind"]) and FINGERPRINT.fullmatch(step["fingerprint"]))


def step_folders(plan: dict[str, Any], store: Folder) -> list[Folder]:
    """Folders of a plan's steps."""
    return [store / "steps" / step["kind"] / step["fingerprint"] for step in plan["steps"]]


def damage(step: Folder) -> list[Problem]:
    """What is broken in the documents of a finished step."""
    checks: dict[str, Callable[[Any], object]] = {
        MANIFEST: lambda found: (float(found["seconds"]), dict(found)),
        RECORDS: lambda found: [ModelRecord.from_json(row) for row in list(found)],
    }
    problems = []
    for name, check in checks.items():
        try:
            if step.exists(name):
                check(step.read_json(name))
        except (StorageError, KeyError, TypeError, AttributeError, ValueError):
            remedy = f"delete the folder {step.uri} and give the same command: the step is made anew"
            problems.append(Problem("the file is damaged", f"{step.uri}/{name}", remedy))
    return problems


def damaged_steps(study: Folder, store: Folder) -> list[Problem]:
    """What is broken in the documents of a study's finished steps, by the titles of the steps.

    Raises:
        InputError: the plan is damaged.
    """
    plan = read_plan(study)
    found = zip(plan["steps"], step_folders(plan, store), strict=True)
    steps = ((str(row.get("title", "")), step) for row, step in found if step.done)
    return [_of_step(title, step, study, problem) for title, step in steps for problem in damage(step)]


def _of_step(title: str, step: Folder, study: Folder, problem: Problem) -> Problem:
    """Say of a damaged document whose it is, to somebody whose command makes no steps."""
    remedy = f"delete the folder {step.uri}, then run the study again: hemicycle retry {study.name}"
    return Problem(f"step {title!r} is damaged", problem.where, remedy)


@contextmanager
def blaming_damage(steps: Callable[[], Iterable[Folder]]) -> Iterator[None]:
    """Where work on finished steps breaks, look whether one of them is damaged, and say which.

    Raises:
        InputError: every damaged document.
    """
    try:
        yield
    except (StorageError, KeyError, TypeError, AttributeError, ValueError) as error:
        try:
            raise_problems(problem for step in steps() if step.done for problem in damage(step))
        except InputError as found:
            raise found from error
        raise
