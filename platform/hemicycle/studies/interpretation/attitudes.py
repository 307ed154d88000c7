"""A step that finds where people stand: latent dimensions of the data, mapped to the scales of a party survey."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.attitudes.ches import party_table, table_path
from hemicycle.attitudes.inference import Inferred, attitude_table, infer
from hemicycle.attitudes.map_points import attitude_points
from hemicycle.attitudes.parties import PartyPositions, match
from hemicycle.core.errors import InputError, raise_problems
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.studies.interpretation.attitude_evidence import (
    AUDIENCES,
    VALIDATION,
    WAVES,
    attitude_problems,
    evidence,
)
from hemicycle.studies.interpretation.attitude_inputs import (
    column_of,
    countries_of,
    label_positions,
    members_of,
    table_of,
    texts_of,
)
from hemicycle.studies.interpretation.attitude_options import AttitudeOptions, AttitudeStepOptions
from hemicycle.studies.steps import Cost, Step, Work

__all__ = [
    "ATTITUDES",
    "AttitudeOptions",
    "attitude_problems",
    "attitudes_of",
    "attitudes_step",
    "attitudes_steps",
    "party_positions",
]

MAP_RESULTS, ATTITUDE_POINTS, INFERRED = "map_results", "attitude_points", "attitudes"
ATTITUDES = dict.fromkeys((MAP_RESULTS, ATTITUDE_POINTS, VALIDATION, AUDIENCES, WAVES), ("attitudes",))
"""Table -> kinds of steps that make it; inferred attitudes stay in the step's folder."""
RECORD = "data"
"""``record_id`` of what is found in the data themselves, without a model."""
_SECONDS = {"correspondence": 30.0, "ideal_points": 300.0}


def attitudes_step(work: Work) -> None:
    """Write scores of the maps, points of the ideological map, what speaks for them, and everybody's attitudes."""
    dataset = Dataset.read(work.inputs["data"])
    raise_problems(attitude_problems(dataset, work.options))
    found, notes = attitudes_of(dataset, work.options)
    users = dataset.users.take(pa.array(found.users.index))
    beside, said = evidence(dataset, found, work.options)
    points = _points(users, found, members_public=is_public(members_of(dataset, work.options)))
    for name, frame in {MAP_RESULTS: found.map.results, ATTITUDE_POINTS: points, **beside}.items():
        rows = frame.copy()
        rows.insert(0, "record_id", RECORD)
        work.out.write_table(name, pa.Table.from_pandas(rows, preserve_index=False))
    ids, public = users["id"].cast(pa.string()), is_public(users)
    work.out.write_table(INFERRED, attitude_table(found.users, found.map.attitudes, ids, public=public))
    work.out.write_json("notes.json", {"notes": [*notes, *found.notes, *said]})


def _points(users: pa.Table, found: Inferred, *, members_public: bool) -> pd.DataFrame:
    public = is_public(users)
    names, groups = (texts_of(users, with_role(users, role)) if public else () for role in ("name", "group"))
    return attitude_points(found, public=public, members_public=members_public, names=names, groups=groups)


def attitudes_steps(title: str, inputs: Mapping[str, Step], options: AttitudeOptions) -> list[Step]:
    """Return the step; ``inputs`` holds the step ``data``.

    Raises:
        InputError: a table of parties is not there.
    """
    files = [table_path(name) for name in (options.table, *options.waves) if name]
    contents = {f"{number} {path.name}": _hash(path) for number, path in enumerate(files)}
    given = AttitudeStepOptions(**options.model_dump(), contents=contents)
    cost = Cost(seconds=_SECONDS[options.method], memory=2e9)
    return [Step("attitudes", f"attitudes {title}", attitudes_step, given, {"data": inputs["data"]}, cost=cost)]


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def attitudes_of(dataset: Dataset, options: AttitudeOptions) -> tuple[Inferred, tuple[str, ...]]:
    """Infer the attitudes of a data set's users.

    Returns:
        What was found, and notes on which parties matched.

    Raises:
        InputError: a relation or column is missing, positions differ within a party, or parties do not match.
    """
    parties, positions, notes = party_positions(dataset, options)
    table, blocks = table_of(dataset, options.relations)
    side: Literal["rows", "columns"] = "rows" if options.members == "users" else "columns"
    if side == "columns" and blocks is not None:
        raise InputError("items that belong to parties are analysed in one relation", "relations", "name one")
    return infer(table, parties, positions, options, members=side, blocks=blocks), notes


def party_positions(
    dataset: Dataset, options: AttitudeOptions
) -> tuple[NDArray[np.int64], PartyPositions, tuple[str, ...]]:
    """Return each member's party (-1: none), the positions of parties, and notes on which matched.

    Raises:
        InputError: a column is missing, positions differ within a party, or parties do not match.
    """
    members = members_of(dataset, options)
    if options.positions:
        return label_positions(members, options)
    positions = party_table(options.table, options.attitudes, options.columns)
    matched = match(column_of(members, options.party), positions, countries_of(members, options))
    return matched.rows, positions, matched.notes
