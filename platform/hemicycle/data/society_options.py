"""Configuration of a synthetic society."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from hemicycle.core.config import Options
from hemicycle.data.news_options import News
from hemicycle.data.society_configurations import PRESETS, SEVERAL, Party, Preset, preset
from hemicycle.data.society_follows import MOST_COMPLETE, Communities, Follows

Correlation = Annotated[float, Field(gt=-1, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
ROWS = 2**31 - 1
"""Edges hold row numbers as int32."""


def _number_as(*names: str) -> Callable[[Any], Any]:
    """Let a bare number stand for a mapping that sets these keys to it."""

    def expand(value: Any) -> Any:
        return dict.fromkeys(names, value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    return expand


def _preset_or_list(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Validate a name as a preset and all else as a list, so that errors speak of one of the two only."""
    if not isinstance(value, str):
        return TypeAdapter(tuple[Party, ...]).validate_python(value)
    if value not in PRESETS:
        raise ValueError(f"there is no preset of parties {value!r}; choose {', '.join(PRESETS)} or list them")
    return handler(value)


class Items(Options):
    """What users interact with. A bare number stands for ``number``; 0: no items."""

    number: int = Field(default=1000, ge=0, le=ROWS)
    """How many."""
    outlets: int = Field(default=20, ge=1)
    """Number of publishers; an item's leaning is near its outlet's."""
    leaning: Literal["users", "uniform"] = "users"
    """Where outlets stand: like users drawn at random, or uniformly over the attitude space."""
    spread: float = Field(default=0.1, ge=0, le=2)
    """Standard deviation of items around their outlet, in half-widths of the attitude space."""
    exponent: float = Field(default=2.5, gt=1.2, le=10)
    """Exponent of the power law of popularity."""
    texts: bool = False
    """Give every item a short text whose words depend on its leaning."""
    words: int = Field(default=8, ge=1, le=100)
    """Words in a text."""
    slant: float = Field(default=3.0, ge=0, le=100)
    """How strongly words depend on leaning; 0: not at all."""


class Interactions(Options):
    """Which items users consume. A bare number stands for ``per_user``."""

    per_user: float = Field(default=10.0, ge=0)
    """Mean number of items of a user."""
    total: int | None = Field(default=None, ge=0)
    """Exact number of edges; replaces ``per_user``."""
    affinity: float = Field(default=3.0, ge=0, le=100)
    """Decay of the probability to consume with attitude distance; 0: taste plays no part."""
    popularity: float = Field(default=1.0, ge=0, le=4)
    """Power of an item's popularity in the probability to consume; 0: popularity plays no part."""


class Confounding(Options):
    """Correlation of covariates with attitude dimension 0. A bare number stands for all three."""

    age: Correlation = 0.0
    """With age."""
    activity: Correlation = 0.0
    """With the logarithm of activity, which drives out-degrees."""
    region: Correlation = 0.0
    """With the normal score of which the regions are equal slices."""


class SyntheticConfig(Options):
    """A synthetic society: its equations stand in :mod:`hemicycle.data.synthetic`."""

    source: str = "synthetic"
    """Short name of the source."""
    name: str = Field(default="synthetic society", min_length=1)
    """Name of the data set, for people."""
    users: int = Field(default=1000, ge=2, le=ROWS)
    """Number of users."""
    dimensions: int = Field(default=1, ge=1, le=8)
    """Attitude dimensions."""
    parties: Annotated[Preset | tuple[Party, ...], WrapValidator(_preset_or_list)] = "two-party"
    """A configuration by name (one-dimensional or two-party, cross-cutting, aligned, multi-party, uniform, normal) or a
    list of parties."""
    correlation: Correlation = 0.0
    """Correlation between any two dimensions within a party."""
    follows: Annotated[Follows, BeforeValidator(_number_as("per_user"), json_schema_input_type=Follows | float)] = (
        Follows()
    )
    """The social graph."""
    communities: Annotated[
        Communities, BeforeValidator(_number_as("number"), json_schema_input_type=Communities | int)
    ] = Communities()
    """Communities of the social graph."""
    items: Annotated[Items, BeforeValidator(_number_as("number"), json_schema_input_type=Items | int)] = Items()
    """Items and their outlets."""
    interactions: Annotated[
        Interactions, BeforeValidator(_number_as("per_user"), json_schema_input_type=Interactions | float)
    ] = Interactions()
    """Consumption of items."""
    news: Annotated[News, BeforeValidator(_number_as("per_user"), json_schema_input_type=News | float)] | None = None
    """Impressions of items that appear and age, and clicks; a bare number stands for ``per_user``."""
    confounding: Annotated[
        Confounding,
        BeforeValidator(_number_as("age", "activity", "region"), json_schema_input_type=Confounding | float),
    ] = Confounding()
    """Correlation of age, activity and region with attitude dimension 0."""
    activity_spread: float = Field(default=0.5, ge=0, le=3)
    """Standard deviation of the logarithm of activity."""
    regions: int = Field(default=8, ge=1, le=1000)
    """Number of regions."""
    seed: int = Field(default=0, ge=0)
    """Seed of items and interactions, and of what follows where it has none of its own."""
    graph_seed: int | None = Field(default=None, ge=0)
    """Seed of communities and follows; None: ``seed``."""
    opinion_seed: int | None = Field(default=None, ge=0)
    """Seed of parties, attitudes and confounders; None: ``seed``."""

    @property
    def n_follows(self) -> int:
        """Number of follows; of ties, where following is mutual."""
        return self.follows.edges(self.users)

    @property
    def n_interactions(self) -> int:
        """Exact number of interactions."""
        return _total(self.interactions, self.users) if self.items.number else 0

    @property
    def n_impressions(self) -> int:
        """Exact number of impressions."""
        if self.news is None:
            return 0
        return round(self.news.per_user * self.users) if self.news.total is None else self.news.total

    def seed_of(self, part: Literal["graph", "opinion"]) -> int:
        """Return the seed of the social graph or of the opinions."""
        own = self.graph_seed if part == "graph" else self.opinion_seed
        return self.seed if own is None else own

    def party_list(self) -> tuple[Party, ...]:
        """Return the parties, those of a preset spelt out."""
        return self.parties if isinstance(self.parties, tuple) else preset(self.parties, self.dimensions)

    @model_validator(mode="after")
    def _parties_fit(self) -> Self:
        if self.parties in SEVERAL and self.dimensions < 2:
            raise ValueError(f"parties: {self.parties} is about several dimensions; set dimensions to 2 or more")
        parties = self.party_list()
        total = sum(party.share for party in parties)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of the parties sum to {total:g}; they must sum to 1")
        if len({party.name for party in parties}) < len(parties):
            raise ValueError("two parties have the same name; give each its own")
        for party in parties:
            self._check_position(party)
        return self

    def _check_position(self, party: Party) -> None:
        given = len(party.position)
        if given != self.dimensions:
            raise ValueError(
                f"party {party.name!r} has a position of {given} coordinates, but dimensions is {self.dimensions}; "
                "give one coordinate for each dimension"
            )
        if any(abs(coordinate) > 1 for coordinate in party.position):
            raise ValueError(f"party {party.name!r} stands at {list(party.position)}; coordinates are in [-1, 1]")

    @model_validator(mode="after")
    def _correlation_possible(self) -> Self:
        lowest = -1 / (self.dimensions - 1) if self.dimensions > 1 else -1
        if self.correlation <= lowest and self.dimensions > 1:
            raise ValueError(
                f"{self.dimensions} dimensions cannot all be correlated by {self.correlation:g}; "
                f"choose a correlation above {lowest:.3g}"
            )
        return self

    @model_validator(mode="after")
    def _edges_fit(self) -> Self:
        room = {
            "follows": (self.n_follows, self.follows.room(self.users)),
            "interactions": (self.n_interactions, self.users * self.items.number),
        }
        for name, (wanted, most) in room.items():
            if wanted > most:
                raise ValueError(
                    f"{wanted} {name} do not fit: {self.users} users allow at most {most} distinct ones; "
                    f"lower {name}.total or {name}.per_user"
                )
        if self.follows.kind == "complete" and self.users > MOST_COMPLETE:
            raise ValueError(f"a complete graph of {self.users} users: have at most {MOST_COMPLETE}, or another kind")
        if not self.items.number and (self.interactions.total or 0) > 0:
            raise ValueError("interactions need items; set items.number above 0 or interactions.total to 0")
        return self

    @model_validator(mode="after")
    def _news_fits(self) -> Self:
        if self.news is None:
            return self
        if self.items.number < 8 * self.news.shown:
            least = 8 * self.news.shown
            raise ValueError(f"news that show {self.news.shown} of {self.items.number} items: have at least {least}")
        if self.n_impressions < 1:
            raise ValueError("there is no impression; raise news.per_user or give news.total")
        if self.news.days * 24 / self.news.half_life > 1000:
            raise ValueError("an item is gone in less than a thousandth of the days; raise news.half_life")
        return self


def _total(amount: Interactions, users: int) -> int:
    return round(amount.per_user * users) if amount.total is None else amount.total
