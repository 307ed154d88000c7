"""Steps that look at what a record recommends: its lists, whom they suit, and how it orders what people were shown."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.ranking import evaluate_lists, sample_users, top_k
from hemicycle.evaluation.reference_lists import listed_only
from hemicycle.graphs.splits import Split
from hemicycle.population.population import Population
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.group_quality import GROUP_COLUMNS, GROUPS, group_rows
from hemicycle.studies.impressions import IMPRESSION_COLUMNS, IMPRESSIONS, impression_rows
from hemicycle.studies.list_measures import LIST_COLUMNS, LISTS, Shown, list_rows
from hemicycle.studies.steps import Step, Work, store_of

ASSESSED = {LISTS: ("assess",), GROUPS: ("assess",), IMPRESSIONS: ("impressions",)}
"""Table -> kinds of steps that make it."""


class AssessOptions(Options):
    """The lists of one record."""

    record: dict[str, Any]
    """The record."""
    k: int = 20
    """Length of the lists."""
    test_users: int = 20_000
    """Users at most, the same as in the test."""
    item_positions: dict[str, str] = Field(default_factory=dict)
    """Users' label -> items' column that holds positions on the same scale; a label whose name both tables have needs
    no entry, and without a column an item stands where its training users stand on average."""


def assess_step(work: Work) -> None:
    """Write what a record's lists are like, against its users' own history and chance, and their quality by group."""
    options: AssessOptions = work.options
    record = ModelRecord.from_json(options.record)
    dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
    scores = scores_of(work, record)
    listed, grouped = pd.DataFrame(columns=LIST_COLUMNS), pd.DataFrame(columns=GROUP_COLUMNS)
    if scores is not None:
        users = sample_users(parts.test if parts.test.n_edges else parts.context, options.test_users)
        lists = top_k(scores, [parts.context, parts.valid], users, options.k)
        shown = Shown.of(dataset, parts, users, lists)
        listed = list_rows(shown, options.item_positions)
        grouped = group_rows(evaluate_lists(lists, users, parts.test), dataset, parts.context)
    for name, frame in ((LISTS, listed), (GROUPS, grouped)):
        rows = frame.assign(record_id=record.id)
        work.out.write_table(name, pa.Table.from_pandas(rows, preserve_index=False))


class ImpressionOptions(Options):
    """The impressions of one record."""

    record: dict[str, Any]
    """The record."""


def impressions_step(work: Work) -> None:
    """Write how well a record orders what people were shown in the time of the test."""
    record = ModelRecord.from_json(work.options.record)
    dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
    scores = scores_of(work, record)
    rows = pd.DataFrame(columns=IMPRESSION_COLUMNS) if scores is None else impression_rows(dataset, parts, scores)
    rows = rows.assign(record_id=record.id)
    work.out.write_table(IMPRESSIONS, pa.Table.from_pandas(rows, preserve_index=False))


def scores_of(work: Work, record: ModelRecord) -> Scores | None:
    """Scores of a record's best checkpoint; None for a foreign model of which vectors alone are known."""
    store = store_of(work.inputs["model"])
    scores = Population(store, work.inputs["graph"], (record,)).scores(record)
    return listed_only(scores) if scores is not None and record.status == "foreign" else scores


def assess_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: AssessOptions) -> list[Step]:
    """Return the steps that look at one record.

    Args:
        record: of any status.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: lists' length, users, and where items stand; the record in it is replaced.
    """
    row = record.to_json()
    return [Step("assess", f"assess {title}", assess_step, options.replace(record=row), inputs)]


def impression_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step]) -> list[Step]:
    """Return the step that lets one record order impressions; only for data that have some."""
    options = ImpressionOptions(record=record.to_json())
    return [Step("impressions", f"impressions {title}", impressions_step, options, inputs)]
