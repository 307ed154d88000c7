"""Configuration of attention data: ready-made shares or counts, wide or long, or texts."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from hemicycle.agenda.attention.topic_options import TopicOptions
from hemicycle.core.config import Options

Step = Literal["hour", "day", "week"]


def _written(value: Any) -> Any:
    """Turn what YAML makes of a date without quotes back into text."""
    return value.isoformat() if isinstance(value, date) else value


Day = Annotated[str, BeforeValidator(_written)]
"""A date or time, ISO 8601."""


class AttentionColumns(Options):
    """What the columns are called."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    time: str = "date"
    """ISO 8601 dates or times, or numbers (seconds since 1970, UTC)."""
    time_format: str | None = None
    """How other dates are written, as of ``strptime``: ``%d/%m/%Y``, ``%Y%m%d``."""
    topic: str = "topic"
    """Id of the topic; not read from texts."""
    group: str = "group"
    """Name of the group; in a long table and with texts."""
    value: str | None = None
    """Long table: share or count; default: ``share`` or ``count``, as ``values`` says."""
    text: str = "text"
    """The text of a document."""


class TopicsFile(Options):
    """A table that says which topics there are."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    file: str
    """CSV, TSV or Parquet; relative paths start at the current folder, then at ``$HEMICYCLE_DATA``."""
    id: str = "topic"
    """Column of the ids that the attention table uses."""
    label: str | None = None
    """Column of what people call a topic."""
    category: str | None = None
    """Column of its issue area."""
    keep: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Column -> the value or values of the topics that are kept, such as ``{kind: political}``."""
    only: bool = True
    """Whether topics that are not listed are left out; otherwise they have neither label nor category."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between fields; default: a tab for .tsv and .txt, else a comma."""


class AttentionConfig(Options):
    """Where attention comes from.

    A wide table has a row per time and topic and a column per group; a long one a row per time, group and topic.
    Several rows of counts for one cell are added; a share has one row. Counts, and the topics of texts, become shares
    of all that the group attends to at that time, before topics are selected.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    file: str
    """CSV, TSV (each also .gz) or Parquet; relative paths start at the current folder, then at ``$HEMICYCLE_DATA``."""
    form: Literal["wide", "long", "texts"] = "wide"
    """Shape of the table; ``texts`` has a document a row and topics are found by ``topic_model``."""
    values: Literal["shares", "counts"] = "shares"
    """What the numbers are."""
    columns: AttentionColumns = AttentionColumns()
    """What the columns are called."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between fields; default: a tab for .tsv and .txt, else a comma."""
    groups: tuple[str, ...] | dict[str, str] | None = None
    """Groups that are kept, in this order: names in the file, or ``{name in the file: name}``. Groups given the same
    name are added where there are counts or texts. Default: all."""
    topics: tuple[str, ...] | None = None
    """Ids of the topics that are kept; default: all."""
    topics_file: TopicsFile | None = None
    """Labels and categories of topics, and which are kept."""
    merge: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Id of a new topic -> ids of the topics whose shares it is the sum of; these are then left out,
    unless ``topics`` names them."""
    step: Step | None = None
    """Time from one point of the grid to the next; default: inferred from the times, a day for texts. Finer times are
    brought to it: counts are added, shares averaged. Weeks start on Monday when it is given."""
    gaps: Literal["refuse", "missing"] = "refuse"
    """What happens where no group has a row at some time of the grid: an error, or missing values."""
    absent: Literal["zero", "missing"] | None = None
    """What a topic has that no row names at a time when the group has others; default: 0 in counts and texts, missing
    in shares."""
    unattended: Literal["refuse", "drop"] = "refuse"
    """What happens to topics that no group ever attends to: an error, or they are left out."""
    first: Day | None = None
    """First date or time; default: that of the file."""
    last: Day | None = None
    """Last date or time, included; default: that of the file."""
    tolerance: float = Field(0.005, ge=0, le=0.5)
    """By how much the shares of a group may exceed 1 in all, beside half a rounding unit a topic."""
    topic_model: TopicOptions = TopicOptions()
    """How topics are found in texts."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.form != "long" and self.columns.value is not None:
            raise ValueError("columns.value belongs to a long table: write 'form: long', or leave it out")
        if self.form == "texts" and self.values == "counts":
            raise ValueError("texts have neither shares nor counts: leave 'values' out")
        if isinstance(self.groups, dict) and self.values == "shares" and self.form != "texts":
            names = list(self.groups.values())
            if len(set(names)) < len(names):
                raise ValueError("shares of several groups cannot be added: give each its own name, or counts")
        return self

    @property
    def counted(self) -> bool:
        """Whether the table holds amounts that can be added over groups and times."""
        return self.values == "counts"

    @property
    def value(self) -> str:
        """Column of a long table's numbers."""
        return self.columns.value or self.values.removesuffix("s")
