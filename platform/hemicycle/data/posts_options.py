"""Configuration of the reader of posts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hemicycle.core.config import Options
from hemicycle.data.outlets import OutletOptions
from hemicycle.data.tabular import Attributes

Kind = Literal["retweets", "quotes", "replies", "mentions", "shares"]
COLUMN_OF = {
    "retweets": "retweeted",
    "quotes": "quoted",
    "replies": "answered",
    "mentions": "mentioned",
    "shares": "links",
}
"""Key of the column that each kind of interaction is read from."""


class PostColumns(Options):
    """What the columns are called; in JSON lines ``a.b`` is ``b`` inside ``a``."""

    author: str = "author"
    """Id of who posted."""
    time: str | None = None
    """Numbers (seconds) or ISO 8601 dates."""
    post: str | None = None
    """Id of the post: one that stands twice counts once."""
    text: str | None = None
    """Its text."""
    retweeted: str | None = None
    """Id of whose post it passes on."""
    quoted: str | None = None
    """Id of whose post it quotes."""
    answered: str | None = None
    """Id of whose post it answers."""
    mentioned: str | None = None
    """Ids of whom it mentions: a list, or a text cut by ``list_separator``."""
    links: str | None = None
    """URLs: a list, or a text cut by ``list_separator``."""

    def named(self) -> dict[str, str]:
        """Key -> column for every column that is named."""
        return {key: value for key, value in self.model_dump().items() if value is not None}


PRESETS: dict[str, dict[str, str]] = {
    "minet": {
        "author": "user_id",
        "time": "timestamp_utc",
        "post": "id",
        "text": "text",
        "retweeted": "retweeted_user_id",
        "quoted": "quoted_user_id",
        "answered": "to_userid",
        "mentioned": "mentioned_ids",
        "links": "links",
    }
}
"""Names of columns by program: ``minet`` is the CSV of its Twitter commands (Sciences Po medialab)."""


class ShareOptions(Options):
    """What users share."""

    item: Literal["url", "domain", "outlet"] = "domain"
    """An item is a page (its address made equal for equal pages), a site, or an outlet."""
    outlets: OutletOptions | None = None
    """Outlets and their categories, which become columns of the items."""
    texts: int = Field(0, ge=0, le=1000)
    """Posts whose texts, without handles and addresses, describe an item; 0: none."""
    text_authors: int = Field(10, ge=1)
    """An item's text is kept only when so many different people wrote it."""

    @model_validator(mode="after")
    def _outlets_known(self) -> Self:
        if self.item == "outlet" and self.outlets is None:
            raise ValueError("items are outlets: say in 'outlets' which table has their prefixes")
        return self


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class PostsConfig(Options):
    """Configuration of :class:`hemicycle.data.posts.Posts`."""

    source: Literal["posts"] = "posts"
    name: str = "posts"
    """For people."""
    path: Annotated[
        tuple[str, ...], BeforeValidator(_many, json_schema_input_type=str | list[str]), Field(min_length=1)
    ]
    """One or several files: CSV, TSV, JSON lines (each also .gz) or Parquet."""
    preset: Literal["minet"] | None = None
    """Program that wrote the files: names all columns; ``columns`` may rename some."""
    columns: PostColumns = PostColumns()
    """Names of the columns."""
    relations: tuple[Kind, ...] = Field(("retweets",), min_length=1)
    """Which interactions become relations; recommenders are trained on the first."""
    shares: ShareOptions = ShareOptions()
    """What counts as an item of ``shares``."""
    reshared: bool = True
    """Whether the links of a post that is passed on count as shared by who passes it on."""
    authors_only: bool = False
    """Whether interactions with people who posted nothing are left out."""
    user_texts: int = Field(0, ge=0, le=10_000)
    """Posts of their own kept as the text of each user; only where users are public."""
    public: bool = False
    """Whether the users are public entities, who may be shown one by one."""
    items_public: bool | None = None
    """Whether items and their texts may be shown; default: sites and outlets may, pages as ``public``."""
    list_separator: str = Field("|", min_length=1)
    """Between several values in one field."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between fields; default: a tab for .tsv and .txt, else a comma."""
    attributes: tuple[Attributes, ...] = ()
    """Attribute tables of users or items, as of the source ``tabular``."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        preset = PRESETS.get(str(value.get("preset"))) if isinstance(value, Mapping) else None
        own = value.get("columns", {}) if preset else None
        return {**value, "columns": {**(preset or {}), **own}} if isinstance(own, Mapping) else value

    @model_validator(mode="after")
    def _columns_named(self) -> Self:
        named = self.columns.named()
        for kind in self.relations:
            if COLUMN_OF[kind] not in named:
                raise ValueError(f"{kind} need a column: name columns.{COLUMN_OF[kind]}, or choose a preset")
        if (self.user_texts or ("shares" in self.relations and self.shares.texts)) and "text" not in named:
            raise ValueError("texts are asked for: name columns.text, or choose a preset")
        if self.user_texts and not self.public:
            raise ValueError("texts of users who are not public are by design not kept: leave user_texts out")
        return self

    @property
    def show_items(self) -> bool:
        """Whether items may be shown."""
        return (self.public or self.shares.item != "url") if self.items_public is None else self.items_public

    def wanted(self) -> dict[str, str]:
        """Key -> column for every column that is read."""
        named = self.columns.named()
        keys = {"author", "time", "post", "retweeted", *(COLUMN_OF[kind] for kind in self.relations)}
        texts = {"text"} if self.user_texts or ("shares" in self.relations and self.shares.texts) else set()
        return {key: column for key, column in named.items() if key in keys | texts}
