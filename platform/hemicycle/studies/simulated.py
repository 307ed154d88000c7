"""What the simulations of a study are made of: a society, and the recommenders that mediate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from hemicycle.attitudes.parties import PartyColumns
from hemicycle.core.config import Chosen, Options, Raw, validate
from hemicycle.core.errors import InputError, Problem
from hemicycle.data.society_configurations import Preset
from hemicycle.data.synthetic import SyntheticConfig
from hemicycle.graphs.splits import SplitConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.config import SimulationConfig
from hemicycle.simulations.design import SOCIETY, Cell, changed, path_problems
from hemicycle.training.options import TrainingOptions


class SurveyPositions(Options):
    """Parties where experts place them; their members are spread around them."""

    survey: str
    """``ches:2019``, ``ches:2024``, ``ches:trend-2014``, or the path of a table of parties."""
    attitudes: tuple[str, ...] = Field(min_length=1, max_length=8)
    """Columns of the survey, one for each attitude dimension, e.g. ``[lrecon, galtan]``."""
    parties: tuple[str, ...] = ()
    """Ids or names of the parties; none: all of the countries."""
    countries: tuple[str, ...] = ()
    """ISO codes of countries, e.g. ``[fr]``; none: all."""
    shares: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Party's id or name -> its size, in any unit; none: all alike."""
    spread: float = Field(default=0.2, ge=0, le=2)
    """Standard deviation of a party's members around it, where a scale from end to end is 2."""
    scale: tuple[float, float] | None = None
    """Ends of the table's scale, which are laid on -1 and 1; null: those of the survey's own questions."""
    columns: PartyColumns | None = None
    """Which columns of a table of one's own are no positions."""


class SocietyConfig(SyntheticConfig):
    """Users among whom opinions move: synthetic ones, whose positions may follow real ones, or those of the data."""

    positions: Preset | SurveyPositions | None = None
    """A starting configuration by name, or parties of a survey; null: as ``parties`` says."""
    positions_from: tuple[str, ...] = ()
    """Numeric labels of the data whose smoothed distribution the positions follow, or which are the users' opinions
    where the society is the data's; none: the synthetic parties', or all numeric labels of the data."""
    groups_from: str = ""
    """Group column within which positions are drawn, e.g. ``party``."""
    bandwidth: float = Field(0.2, ge=0, le=2)
    """Width of the smoothing kernel, in standard deviations of the label within its group."""
    from_data: bool = False
    """True: the society is the data's own users, with their relations and labels; options of synthetic users then mean
    nothing."""
    relation: str = ""
    """Which of the data's relations says who follows whom; empty: the first. Of one between users and items, everybody
    follows those most alike."""
    nearest: int = Field(default=20, ge=1, le=1000)
    """Of a relation between users and items: how many users of the highest cosine similarity everybody follows."""
    unlabelled: Literal["leave out", "neighbours"] = "leave out"
    """Users of the data without a label: left out, or at the mean of those they follow, round by round."""
    isolated: Literal["refuse", "keep", "leave out"] = "refuse"
    """Users who follow nobody hear of nobody but by proposals: refused, kept, or left out with all who then follow
    nobody."""
    scale: tuple[float, float] | None = None
    """Ends of the labels' scale, which are laid on -1 and 1; null: opinions are the labels as they are."""
    sources: Literal["none", "items", "outlets"] = "none"
    """What there is to hear from beside users: items at their leaning, or outlets at the mean of their items."""
    item_positions: tuple[str, ...] = ()
    """Items' columns with their positions, one for each opinion, where the society is the data's; none: an item stands
    at the mean of its audience, and where that is too small at the mean of all."""

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.positions is not None and (self.positions_from or self.from_data):
            raise ValueError("positions is for synthetic users; drop it, or positions_from and from_data")
        if isinstance(self.positions, str) and self.positions in ("cross-cutting", "aligned") and self.dimensions < 2:
            raise ValueError(f"positions: {self.positions} is about several dimensions; set dimensions to 2 or more")
        if self.scale is not None and self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale is (least, greatest) with least < greatest, not {self.scale}")
        return self

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        if self.sources != "none" and not self.from_data and not self.items.number:
            raise ValueError(f"sources: {self.sources}, and the society has no items; set items above 0")
        return self


class MemberMediator(Options):
    """A mediator that the study has trained already, on the data whose users are the society."""

    member: str
    """Name of a member of the population; a seed of the simulation takes its record of this seed, modulo their number.
    """


@dataclass(frozen=True)
class _Mediators(Chosen):
    """A recommender to train, or the name of a member."""

    def validate(self, value: Any) -> Any:
        """Turn a mapping into the config of a recommender or of a member."""
        if isinstance(value, MemberMediator):
            return value
        if not isinstance(value, Mapping) or "member" not in value:
            return super().validate(value)
        try:
            return MemberMediator.model_validate(dict(value))
        except ValidationError as error:
            about = {"count": error.error_count(), "errors": error.errors(), "model": MemberMediator}
            raise PydanticCustomError("nested", "{count} problems in mediator", about) from error

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        trained = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [*trained["anyOf"], MemberMediator.model_json_schema()]}


MEDIATOR = _Mediators("mediator", "model", RECOMMENDER.table)


class MediatedSimulation(SimulationConfig):
    """A simulation and the recommenders that mediate its ``recommended`` arms."""

    mediators: dict[str, Annotated[Any, MEDIATOR]] = Field(default_factory=dict)
    """Name -> recommender that is trained on the society's follows (on who takes which item, where arms ask for items),
    or ``{member: NAME}``: a member of the population, where the society is the data's; ``recommended`` arms show its
    lists."""
    mediator_train: TrainingOptions = TrainingOptions()
    """How mediators are trained."""
    mediator_split: SplitConfig = SplitConfig()
    """What is withheld from them at first; one that is trained again in the loop sees all. ``{test: 0, valid: 0}``:
    nothing, and the last epoch is taken."""

    @model_validator(mode="after")
    def _mediated(self) -> Self:
        for arm in (arm for arm in self.arms if arm.exposure == "recommended"):
            wanted = arm.model
            known = set(self.mediators) | {_family(mediator) for mediator in self.mediators.values()} - {""}
            if not known or wanted not in {"", *known}:
                raise ValueError(_no_mediator(arm.label, wanted, known))
            if arm.label == self.reference and len(self.mediators) > 1:
                raise ValueError(f"the reference {arm.label!r} has several mediators; choose an arm that is one run")
        for name in self.mediators:
            if len(self.listed_by(name)) > 1:
                raise ValueError(f"the mediator {name!r} would list users and items; say which by the arms' 'model'")
        return self

    def admitted(self, wanted: str) -> list[str]:
        """Names of the mediators that an arm of this ``model`` admits."""
        return [name for name, mediator in self.mediators.items() if wanted in ("", name, _family(mediator))]

    def listed_by(self, name: str) -> set[str]:
        """What arms ask a mediator to list: users, items, both or nothing."""
        arms = [arm for arm in self.arms if arm.exposure == "recommended"]
        return {getattr(arm, "of", "users") for arm in arms if name in self.admitted(arm.model)}


def _no_mediator(arm: str, wanted: str, known: set[str]) -> str:
    """What to say of an arm that shows the lists of a mediator that is not there."""
    if not known:
        return f"the arm {arm!r} has no mediator whose lists it could show; name one under 'mediators'"
    return f"the arm {arm!r} has no mediator {wanted!r}; there are: {', '.join(sorted(known))}"


def _family(mediator: Any) -> str:
    return str(getattr(mediator, "model", ""))


# -- designs over the society ------------------------------------------------------------------------------------------


def society_of_cell(society: SocietyConfig, cell: Cell) -> SocietyConfig:
    """Return the society of one cell of a design.

    Raises:
        InputError: values that do not go together.
    """
    mine = {name: value for name, value in cell.factors.items() if name.startswith(f"{SOCIETY}.")}
    if not mine:
        return society
    plain = changed({SOCIETY: society.model_dump(mode="json")}, mine)
    return validate(SocietyConfig, Raw(plain[SOCIETY], {}))


def society_factor_problems(simulation: MediatedSimulation, society: SocietyConfig) -> list[Problem]:
    """What is wrong with the factors of a simulation that are options of the society; empty when nothing is."""
    names = [name for name in simulation.factors if name.partition(".")[0] == SOCIETY]
    found = list(path_problems({SOCIETY: society.model_dump(mode="json")}, names))
    for name in [] if found else names:
        for value in simulation.factors[name]:
            try:
                society_of_cell(society, Cell(1, {name: value}))
            except InputError as error:
                found += [replace(problem, where=f"{name} = {value}") for problem in error.problems]
    return [replace(p, where=f"simulations.{simulation.name}: {p.where}") for p in found]
