"""What a study says of attitudes that are inferred from its data."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hemicycle.attitudes.inference import InferenceOptions
from hemicycle.attitudes.parties import PartyColumns


class AttitudeOptions(InferenceOptions):
    """Attitudes from the data of a study."""

    relations: tuple[str, ...] = ()
    """What is analysed: one relation, or several, e.g. votes for and against: an item then has a column for each, and
    the analysis is made within items, so that absence does not tell people apart. None: the first."""
    members: Literal["users", "items"] = "users"
    """Who belongs to parties: the users (members of parliament who vote), or the items (accounts that are followed)."""
    party: str = "party"
    """Their column of parties."""
    country: str = ""
    """Their column of countries, where parties of several share names; none: ``country``, where there is one."""
    positions: tuple[str, ...] = ()
    """Their labels that are positions of the party, the same for all of a party; or else ``table``."""
    average: bool = False
    """Labels in ``positions`` may differ within a party, e.g. candidates' own answers to a survey: the party stands at
    their mean, with the standard deviation between them. Without it they are refused."""
    table: str = ""
    """Party positions: ``ches:2019``, ``ches:2024``, ``ches:trend-2014``, or the path of a table."""
    columns: PartyColumns = PartyColumns()
    """Columns of that table."""
    attitudes: tuple[str, ...] = ()
    """Its attitudes; none: all."""
    labels: tuple[str, ...] = ()
    """Users' labels from elsewhere, numbers or two categories, that the attitudes are compared with: table
    ``validation_results``. Not those in ``positions``, which the map was fitted to."""
    audiences: tuple[str, ...] = ()
    """Relations to public items, e.g. shares of media, that are placed at the mean of their users: table
    ``audience_positions``."""
    waves: tuple[str, ...] = ()
    """Other tables of the same parties, e.g. ``ches:2024``, that ``table`` is compared with: table ``wave_results``."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.positions) == bool(self.table):
            raise ValueError("give either 'positions' (labels of members) or 'table' (a survey), not both")
        if self.waves and not self.table:
            raise ValueError("'waves' are compared with 'table', and there is none")
        if both := sorted(set(self.labels) & set(self.positions)):
            raise ValueError(f"{', '.join(both)}: 'labels' come from elsewhere, not from 'positions'")
        return self


class AttitudeStepOptions(AttitudeOptions):
    """What the step needs to know, and what its identity hangs on."""

    contents: dict[str, str] = Field(default_factory=dict)
    """Hashes of the tables of parties."""
