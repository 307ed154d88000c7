"""What a report is made from: the facts of a study, and figures that carry their own sentence and table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

Tables: TypeAlias = Mapping[str, pd.DataFrame]
"""Result tables by name, e.g. ``probe_results``; any may be absent or empty."""

Chart: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart | alt.ConcatChart | alt.VConcatChart


@dataclass(frozen=True)
class StudyFacts:
    """What a report says of its study beside the result tables.

    Args:
        title: heading of the report.
        question: the research question, one sentence.
        name: short name, used as the group of tracked runs.
        fingerprint: identity of the study's configuration.
        config: the validated configuration as plain values.
        provenance: versions, git commit, hardware, timings.
        data: description of the data set: name, counts, origin, licence.
        public: True when every person in the data is a public figure, who may be named.
        citations: sources of the data, for people.
    """

    title: str
    question: str
    name: str
    fingerprint: str
    config: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    public: bool = False
    citations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """One figure of a report.

    Args:
        id: file name without its ending, unique in a report.
        title: heading.
        chart: the drawing.
        sentence: what the figure shows, computed from ``table``.
        alt_text: what a reader who cannot see it needs to know.
        table: what is drawn, one row per mark.
    """

    id: str
    title: str
    chart: Chart
    sentence: str
    alt_text: str
    table: pd.DataFrame

    @cached_property
    def vega_lite(self) -> Mapping[str, Any]:
        """The drawing's specification, checked against the schema: once, for it is drawn in four formats."""
        return self.chart.to_dict()


def table(tables: Tables, name: str) -> pd.DataFrame:
    """Return a result table, or an empty one when the study did not make it."""
    found = tables.get(name)
    return pd.DataFrame() if found is None else found
