"""Single recommendations to public people, explained: the attitudes' parts, and what of the history speaks for them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hemicycle.core.seeding import rng
from hemicycle.data.schema import is_public, with_role
from hemicycle.explanation.shares import in_order
from hemicycle.explanation.single import Memory, Why, combined_memory, memory_of, why
from hemicycle.studies.interpretation.explanation_case import Case

EXAMPLES = ["record_id", "user", "item", "score", "kind", "name", "attribute", "value"]
"""Columns; ``kind`` is ``axis``, ``history`` or ``rest``."""
MOST_HISTORY = 5
"""Items of the history that are listed: those that speak most for the recommendation."""


def example_rows(case: Case) -> pd.DataFrame:
    """Explain the first recommendation to some public people; an empty table of others.

    Axes come in the order of the labels, each what it adds to those before, so that the parts of kind ``axis`` add up
    to the score.
    """
    items = case.dataset.users if case.parts.context.social or case.dataset.items is None else case.dataset.items
    if not (case.public and is_public(items)) or not case.options.examples or not case.axes:
        return pd.DataFrame(columns=EXAMPLES)
    names = [_names(table) for table in (case.dataset.users, items)]
    usable = np.flatnonzero((case.parts.context.degrees[case.users] > 0) & (case.lists[:, 0] >= 0))
    rows: list[dict[str, Any]] = []
    for place in np.sort(rng("explained examples").permutation(usable)[: case.options.examples]):
        pair = int(case.users[place]), int(case.lists[place, 0])
        found = why(case.vectors, _memory(case, pair[0]), in_order(list(case.axes.values())), pair, public=case.public)
        ids = {"user": names[0][pair[0]], "item": names[1][pair[1]], "score": found.score}
        rows += [ids | row for row in _parts(found, names[1])]
    return pd.DataFrame(rows, columns=EXAMPLES)


def _memory(case: Case, user: int) -> Memory:
    """The user's vector as a sum over her history: exact where the model allows."""
    exact = None if case.recommender is None else memory_of(case.recommender, case.parameters(), case.parts.context)
    return combined_memory(case.vectors, case.parts.context, user) if exact is None else exact(case.vectors, user)


def _parts(found: Why, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for axis, value in found.axes.items():
        yield {"kind": "axis", "name": axis, "attribute": axis if axis in found.along else "", "value": value}
    for place in np.argsort(-found.contributions, kind="stable")[:MOST_HISTORY]:
        name = names[found.history[place]]
        yield {"kind": "history", "name": name, "attribute": "", "value": float(found.contributions[place])}
        for axis, values in found.along.items():
            yield {"kind": "history", "name": name, "attribute": axis, "value": float(values[place])}
    yield {"kind": "rest", "name": "own vector", "attribute": "", "value": found.rest}


def _names(table: pa.Table) -> list[str]:
    """What public entities are called."""
    column = next(iter(with_role(table, "name")), "id")
    return [str(name) for name in table[column].to_pylist()]
