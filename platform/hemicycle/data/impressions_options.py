"""Configuration of the reader of impression logs."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hemicycle.core.config import Options
from hemicycle.data.tabular import Attributes

Layout = Literal["mind", "eb_nerd", "generic"]


class LogColumns(Options):
    """What the columns of a log of layout ``generic`` are called."""

    user: str = "user"
    """Id of who saw it."""
    time: str = "time"
    """Numbers (seconds) or ISO 8601 dates."""
    shown: str = "shown"
    """Ids of what was shown, in order: a list, or a text cut by ``list_separator``."""
    clicked: str = "clicked"
    """Ids of what was clicked."""
    history: str | None = None
    """Ids of what the user had clicked before, without times."""

    def named(self) -> dict[str, str]:
        """Key -> column for every column that is named."""
        return {key: value for key, value in self.model_dump().items() if value is not None}


class ItemTable(Options):
    """What is known of items, for the layout ``generic``: one row an item."""

    path: str
    """File: CSV, TSV, JSON lines (each also .gz) or Parquet."""
    id: str = "id"
    """Column of the ids that the log uses."""
    title: str | None = None
    """Column of titles."""
    abstract: str | None = None
    """Column of abstracts or whole texts."""
    category: str | None = None
    """Column of categories."""
    published: str | None = None
    """Column of times of publication: numbers (seconds) or ISO 8601 dates."""

    def named(self) -> dict[str, str]:
        """Key -> column for every column that is named."""
        return {key: value for key, value in self.model_dump(exclude={"path"}).items() if value is not None}


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ImpressionsConfig(Options):
    """Configuration of :class:`hemicycle.data.impressions.ImpressionSource`."""

    source: Literal["impressions"] = "impressions"
    name: str = "news"
    """For people."""
    layout: Layout
    """``mind``: folders with behaviors.tsv and news.tsv; ``eb_nerd``: folders with behaviors.parquet and
    history.parquet, articles.parquet there or in the folder above; ``generic``: files whose ``columns`` are named."""
    path: Annotated[
        tuple[str, ...], BeforeValidator(_many, json_schema_input_type=str | list[str]), Field(min_length=1)
    ]
    """One or several folders or files; of several the impressions are put together."""
    columns: LogColumns = LogColumns()
    """Names of the columns (``generic``)."""
    list_separator: str = Field(" ", min_length=1)
    """Between the ids in one field (``generic``)."""
    items: ItemTable | None = None
    """What is known of the items (``generic``)."""
    attributes: tuple[Attributes, ...] = ()
    """Attribute tables of users or items, as of the source ``tabular``."""
    public: bool = False
    """Whether the users are public entities, who may be shown one by one."""
    items_public: bool = True
    """Whether the items' ids and texts may be shown."""

    @model_validator(mode="after")
    def _items_of_generic(self) -> Self:
        if self.items is not None and self.layout != "generic":
            raise ValueError(f"'items' belong to the layout generic; {self.layout} has a file of its own for them")
        return self
