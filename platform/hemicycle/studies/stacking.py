"""One step that fits many small models together, in place of one step for each.

``<n>/``: artefacts of member n, as a fit of its own would leave them; ``records.json``, ``ranking_results`` and the
metrics of single users: those of all members; ``failed.json``: number -> why, of members that diverged.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import Field

from hemicycle.core.config import Options, fingerprint
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.graphs.splits import Split
from hemicycle.population.population import write_records
from hemicycle.recommenders.base import Recommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.divergence import DivergenceError
from hemicycle.studies.models import FitOptions, fitted_records, ranking_rows, validation_rows
from hemicycle.studies.steps import Work
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import FitResult
from hemicycle.training.stack import Member, fit_stacked
from hemicycle.training.stackable import stack_key

FAILED = "failed.json"
"""Number of each member that diverged -> why."""
KIND = "stack"
"""Of the step."""


class StackOptions(Options):
    """Several fits in one."""

    members: tuple[FitOptions, ...] = Field(min_length=1)
    """The fits, of one kind; see :func:`stacks`."""


def stacks(fits: Sequence[FitOptions], at_most: int = 32) -> list[list[int]]:
    """Group fits on one graph by what can be trained together, in order of first appearance.

    Args:
        fits: what is fitted.
        at_most: members of a stack.

    Returns:
        Numbers of fits; a group of one is trained by itself.
    """
    groups: dict[str, list[int]] = {}
    for n, options in enumerate(fits):
        key = stack_key(RECOMMENDER.build(options.recommender), options.train) if type(options) is FitOptions else None
        groups.setdefault(fingerprint([n] if key is None else key), []).append(n)
    return [group[start : start + at_most] for group in groups.values() for start in range(0, len(group), at_most)]


def stack_title(names: Sequence[str]) -> str:
    """Title of the step that trains these members, from which :func:`names_in` reads them."""
    return f"fit together: {', '.join(names)}"


def names_in(title: str) -> list[str]:
    """Names of a stack's members, in their order."""
    return title.partition(": ")[2].split(", ")


def place_of(record: ModelRecord) -> int:
    """Number of a record's member in its stack."""
    return int(record.folder.rsplit("/", 1)[-1])


def member_id(stack: str, n: int) -> str:
    """Return the id of the record of a stack's member, by the id of the stack's step."""
    return fingerprint({"stack": stack, "member": n})


def stacked_step(work: Work) -> None:
    """Fit all members, rank the best and the untrained state of each on the test edges, write all records.

    Raises:
        DivergenceError: every member diverged.
    """
    options: StackOptions = work.options
    parts = Split.read(work.inputs["graph"])
    recommenders: list[Recommender] = [RECOMMENDER.build(fit.recommender) for fit in options.members]
    found = fit_stacked(_members(options, recommenders, work.out), parts, work.group)
    failed = {n: str(error) for n, error in enumerate(found) if isinstance(error, DivergenceError)}
    if len(failed) == len(found):
        raise DivergenceError(f"all {len(found)} members diverged; the first: {failed[0]}")
    records, rows = [], []
    for n, result in enumerate(found):
        if isinstance(result, FitResult):
            own = _records(work.out, n, (options.members[n], recommenders[n], result))
            records += own
            rows += [*validation_rows(result, own[0].id), *_ranked(work, n, (recommenders[n], parts, own))]
    work.out.write_table("ranking_results", pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    work.out.write_json(FAILED, failed)
    write_records(work.out, records)


def _members(options: StackOptions, recommenders: Sequence[Any], out: Folder) -> list[Member]:
    return [
        Member(recommender, fit.train, fit.seed, out / str(n))
        for n, (fit, recommender) in enumerate(zip(options.members, recommenders, strict=True))
    ]


def _records(out: Folder, n: int, fitted: tuple[FitOptions, Recommender, FitResult]) -> list[ModelRecord]:
    """Return a member's record and that of its untrained twin."""
    options, recommender, result = fitted
    records = fitted_records(options, member_id(out.name, n), recommender, result)
    return [replace(record, folder=f"steps/{KIND}/{out.name}/{n}") for record in records]


def _ranked(work: Work, n: int, fitted: tuple[Recommender, Split, list[ModelRecord]]) -> list[dict[str, Any]]:
    """Test metrics of a member and its twin."""
    (recommender, parts, records), own = fitted, replace(work, options=work.options.members[n])
    rows = []
    for record in records if parts.test.n_edges else ():
        parameters = Checkpoints(work.out / str(n)).load(record.best_epoch)
        rows += ranking_rows(recommender.scores(parameters, parts.context), own, record)
    return rows
