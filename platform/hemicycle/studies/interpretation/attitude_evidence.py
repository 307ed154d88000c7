"""What speaks for or against the attitudes inferred from a study's data, as tables."""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.attitudes.ches import party_table
from hemicycle.attitudes.evidence_tables import (
    AUDIENCE_COLUMNS,
    WAVE_COLUMNS,
    audience_table,
    validation_table,
    wave_table,
)
from hemicycle.attitudes.inference import Inferred
from hemicycle.core.errors import Problem
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.studies.interpretation.attitude_inputs import column_of, ends_of, label_of, matrix_of, texts_of
from hemicycle.studies.interpretation.attitude_options import AttitudeOptions

VALIDATION, AUDIENCES, WAVES = "validation_results", "audience_positions", "wave_results"


def attitude_problems(dataset: Dataset, options: AttitudeOptions) -> list[Problem]:
    """What of the options the data do not have."""
    labels, relations = with_role(dataset.users, "label"), dataset.relations
    problems = [
        Problem(f"the data have no relation {name!r}", where, f"choose from {', '.join(relations)}")
        for where, names in (("relations", options.relations), ("audiences", options.audiences))
        for name in names
        if name not in relations
    ]
    problems += [
        Problem(f"the users have no label {name!r}", "labels", f"labels: {', '.join(labels) or 'none'}")
        for name in options.labels
        if name not in labels
    ]
    what = "where they stand may say something about people"
    return problems + [
        Problem(f"the items of {name!r} are not public: {what}", "audiences", "set items_public, if they are media")
        for name in options.audiences
        if name in relations and not is_public(ends_of(dataset, name))
    ]


def evidence(
    dataset: Dataset, found: Inferred, options: AttitudeOptions
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Return tables of validation, audiences and waves, without rows where they are not asked for; and notes."""
    waves: tuple[pd.DataFrame, tuple[str, ...]] = pd.DataFrame(columns=list(WAVE_COLUMNS)), ()
    if options.waves:
        others = (party_table(name, (), options.columns) for name in options.waves)
        waves = wave_table([found.positions, *others], options.map.seed)
    validation = _validation(dataset.users.take(pa.array(found.users.index)), found, options)
    audiences = _audiences(dataset, found, options)
    notes = (*waves[1], *validation[1], *audiences[1])
    return {VALIDATION: validation[0], AUDIENCES: audiences[0], WAVES: waves[0]}, notes


def _validation(users: pa.Table, found: Inferred, options: AttitudeOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    labels = {name: label_of(users, name) for name in options.labels}
    groups = np.array(column_of(users, options.party), object) if options.party in users.column_names else None
    return validation_table(found.users.attitudes, found.map.attitudes, labels, options.map.seed, groups)


def _audiences(dataset: Dataset, found: Inferred, options: AttitudeOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    everybody = np.full((dataset.users.num_rows, len(found.map.attitudes)), np.nan)
    everybody[found.users.index] = found.users.attitudes
    parts = [_audience(dataset, name, everybody, found.map.attitudes) for name in options.audiences]
    empty = pd.DataFrame(columns=list(AUDIENCE_COLUMNS))
    tables = [table for table, _ in parts if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else empty, tuple(note for _, said in parts for note in said)


def _audience(
    dataset: Dataset, relation: str, attitudes: NDArray[np.float64], names: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    ends, public = ends_of(dataset, relation), is_public(dataset.users)
    called = texts_of(ends, with_role(ends, "name")) or texts_of(ends, ["id"])
    return audience_table(matrix_of(dataset, relation), called, attitudes, names, relation=relation, public=public)
