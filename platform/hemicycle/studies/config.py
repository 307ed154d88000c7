"""What a study is made of: data, a population of models, probes, simulations."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from hemicycle.core.config import Options
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.nothing import NothingConfig
from hemicycle.graphs.features import FeatureConfig
from hemicycle.graphs.splits import SplitConfig
from hemicycle.population.foreign import ForeignConfig
from hemicycle.probes.catalogue import PROBE
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.config import SearchConfig
from hemicycle.search.designs import DesignConfig, members
from hemicycle.simulations.config import MOST_SEEDS
from hemicycle.studies.agenda_config import AgendaConfig, Agendas
from hemicycle.studies.interpretation.questions import InterpretationConfig
from hemicycle.studies.simulated import MediatedSimulation, MemberMediator, SocietyConfig, society_factor_problems
from hemicycle.training.options import TrainingOptions
from hemicycle.transforms.catalogue import TRANSFORM

__all__ = ["MediatedSimulation", "MemberConfig", "SocietyConfig", "StudyConfig", "seeds_of"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Names of studies and members."""


def _some_seeds(seeds: Any) -> Any:
    count = type(seeds) is int and 1 <= seeds <= MOST_SEEDS
    listed = seeds if isinstance(seeds, list | tuple) else [0] if count else []
    whole = all(type(seed) is int and 0 <= seed < 2**31 for seed in listed)
    if not listed or not whole or len(set(listed)) < len(listed):
        raise ValueError(f"seeds are a count of 1 to {MOST_SEEDS}, or a list of different integers from 0 to 2^31 - 1")
    return seeds


Seeds = Annotated[int | list[int], BeforeValidator(_some_seeds)]
"""A number of seeds (0, 1, ...) or the seeds themselves."""


def seeds_of(seeds: Seeds) -> list[int]:
    """Return the seeds that are meant."""
    return list(range(seeds)) if isinstance(seeds, int) else seeds


class MemberConfig(ForeignConfig):
    """Members of the population: a recommender to train with several seeds, or a foreign model's file."""

    recommender: Annotated[Any, RECOMMENDER] | None = None
    """The recommender to train, e.g. ``{model: mf, dim: 16}``."""
    train: TrainingOptions | None = None
    """What differs from the study's ``train``."""
    seeds: Seeds | None = None
    """Other seeds than the study's."""
    workers: int = Field(1, ge=1, le=1024)
    """Processes that share one fit, each with a block of the embedding's columns."""
    together: bool = False
    """Train all fits of members that say so as stacks, one propagation for many: several times cheaper for small models
    of small graphs, equal up to rounding. What differs too much to be stacked is trained by itself."""
    transform: Annotated[Any, TRANSFORM] | None = None
    """What makes a better recommender of another, e.g. ``{transform: mmr, strength: 0.3}``."""
    parent: str | None = None
    """The member that is transformed; a blend names its ``parents`` itself."""
    strengths: tuple[float, ...] | None = None
    """Several strengths of the transform, one record each."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if sum(given is not None for given in (self.recommender, self.embeddings, self.lists, self.transform)) != 1:
            raise ValueError("give one of recommender, embeddings, lists, transform")
        return self

    @model_validator(mode="after")
    def _stacks(self) -> Self:
        if self.together and (self.workers > 1 or self.recommender is None):
            raise ValueError("together is for recommenders that one worker trains: drop together, or workers")
        return self

    @model_validator(mode="after")
    def _derives(self) -> Self:
        if self.transform is None:
            if self.parent is not None or self.strengths is not None:
                raise ValueError("parent and strengths belong to a transform")
            return self
        if (self.parent is None) != hasattr(self.transform, "parents"):
            raise ValueError("a transform needs a parent, and a blend names its parents itself")
        if self.seeds is not None or self.train is not None or self.workers != 1 or self.together:
            raise ValueError(
                "a derived model has the seeds of its parents and is not trained: drop seeds, train, workers, together"
            )
        if self.strengths is not None and len(set(self.strengths)) != max(1, len(self.strengths)):
            raise ValueError("strengths are one or several different numbers")
        _ = self.variants()
        return self

    @property
    def parents(self) -> tuple[str, ...]:
        """Members from which it derives."""
        if self.parent is not None:
            return (self.parent,)
        return tuple(getattr(self.transform, "parents", ()))

    def variants(self) -> list[tuple[Any, str]]:
        """The transform at every strength, each with what is added to the member's name."""
        if self.transform is None or self.strengths is None:
            return [] if self.transform is None else [(self.transform, "")]
        return [(self.transform.replace(strength=t), f"-t{t:g}") for t in self.strengths]

    @property
    def foreign(self) -> ForeignConfig | None:
        """The foreign model, if it is one."""
        if self.recommender is not None or self.transform is not None:
            return None
        return ForeignConfig(**{name: getattr(self, name) for name in ForeignConfig.model_fields})


class TrackingConfig(Options):
    """Where runs are followed beside the report."""

    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """``auto``: online with a key, offline without."""
    project: str = "hemicycle"
    """Project of the dashboard."""


class StudyConfig(Options):
    """A whole study."""

    name: str = Field(pattern=rf"^{NAME.pattern}$", max_length=100)
    """Short name: a folder of the store."""
    title: str = ""
    """Headline of the report."""
    question: str = ""
    """What the study asks, in a sentence."""
    data: Annotated[Any, SOURCE] = NothingConfig()
    """Where users, items and edges come from; simulations of synthetic users need none."""
    relation: str = ""
    """Which edges the recommenders are trained on; empty: the first."""
    also: tuple[str, ...] = ()
    """Other relations of the same users that recommenders may use beside it, e.g. friends of those who listen."""
    features: FeatureConfig = FeatureConfig()
    """Vectors of users and items that content-aware recommenders use."""
    split: SplitConfig = SplitConfig()
    """What is withheld for validation and test."""
    population: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], MemberConfig] = Field(default_factory=dict)
    """Name -> recommender or foreign model."""
    searches: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], SearchConfig] = Field(default_factory=dict)
    """Name -> search, every trial of which joins the population."""
    designs: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], DesignConfig] = Field(default_factory=dict)
    """Name -> factorial design, whose members join the population as ``NAME-001``, ``NAME-002`` ..."""
    train: TrainingOptions = TrainingOptions()
    """How recommenders are trained, unless a member says otherwise."""
    seeds: Seeds = 3
    """Seeds of every member."""
    k: int = Field(20, ge=1, le=1000)
    """Length of the recommendation lists that are evaluated."""
    test_users: int = Field(20_000, ge=1)
    """Users at most, drawn once for all models, whose lists are evaluated in the test."""
    item_positions: dict[str, str] = Field(default_factory=dict)
    """Users' label -> items' column with positions on the same scale, for the ideological distance of lists; without
    one an item stands where its training users stand on average."""
    probes: tuple[Annotated[Any, PROBE], ...] = ()
    """What is read from representations."""
    interpretation: InterpretationConfig = InterpretationConfig()
    """What else is asked of representations: their geometry and similarity, erasure, explanation, attacks, controls."""
    society: SocietyConfig | None = None
    """Users of the simulations."""
    simulations: dict[str, MediatedSimulation] = Field(default_factory=dict)
    """Name -> opinion models, arms and seeds."""
    agenda: Agendas = Field(default_factory=dict)
    """Name -> analysis of attention: who leads whom, what recommenders do to it, simulations that know the answer."""
    threads: int = Field(1, ge=1, le=256)
    """Threads of every step; part of its identity, since rounding depends on it."""
    tracking: TrackingConfig = TrackingConfig()
    """Where runs are followed."""

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, values: Any) -> Any:
        """Lay each member's ``train`` on the study's, and call simulations by their keys."""
        if not isinstance(values, dict):
            return values
        base, population, simulations = (values.get(key) for key in ("train", "population", "simulations"))
        changed = {}
        designed = _designed(values.get("designs"))
        if designed and isinstance(population or {}, dict):
            population = changed["population"] = {**(population or {}), **designed}
        if isinstance(population, dict) and isinstance(base, dict) and _is_valid(base):
            changed["population"] = {name: _trained_like(base, member) for name, member in population.items()}
        if isinstance(simulations, dict):
            changed["simulations"] = {
                name: {"name": name, **s} if isinstance(s, dict) else s for name, s in simulations.items()
            }
        return {**values, **changed}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.population and not self.simulations and not self.searches and not self.agenda:
            raise ValueError("the study does nothing: give a population, searches, simulations or an agenda")
        if self.simulations and self.society is None:
            raise ValueError("simulations need a society")
        if isinstance(self.data, NothingConfig) and (asking := self._asking_for_data()):
            raise ValueError(f"{asking} needs users and what they did: say under 'data' where they come from")
        if refused := [p for s in self.simulations.values() for p in self._simulation_problems(s)]:
            raise ValueError("; ".join(refused))
        if refused := [p for name, one in self.agenda.items() for p in self._agenda_problems(name, one)]:
            raise ValueError("; ".join(refused))
        named = self.interpretation.members
        if unknown := [f"{q}: {name!r}" for q, names in named.items() for name in names if not self._has(name)]:
            there = ", ".join([*self.population, *self.searches]) or "none"
            raise ValueError(f"interpretation.members names {'; '.join(unknown)}, but the members are: {there}")
        if problems := [p for name, member in self.population.items() for p in self._parent_problems(name, member)]:
            raise ValueError("; ".join(problems))
        return self

    def _asking_for_data(self) -> str:
        """What cannot be done without data; empty: nothing."""
        own = self.society is not None and (self.society.from_data or bool(self.society.positions_from))
        asked = {"population": self.population, "searches": self.searches, "probes": self.probes, "society": own}
        return next((name for name, given in asked.items() if given), "")

    def _simulation_problems(self, simulation: MediatedSimulation) -> list[str]:
        """What keeps a simulation from being designed over this society, and mediated by these members."""
        assert self.society is not None
        found = [f"{p.where}: {p.what} ({p.remedy})" for p in society_factor_problems(simulation, self.society)]
        for name, mediator in simulation.mediators.items():
            where = f"simulations.{simulation.name}.mediators.{name}"
            if isinstance(mediator, MemberMediator):
                found += [f"{where}: {what}" for what in self._member_problems(mediator.member)]
        return found

    def _agenda_problems(self, name: str, agenda: AgendaConfig) -> list[str]:
        """What keeps members from mediating the agenda."""
        if agenda.mediation is None:
            return []
        where, asked = f"agenda.{name}.mediation", agenda.mediation.members
        able = [
            key for key, member in self.population.items() if member.recommender is not None and not member.together
        ]
        if not able:
            return [f"{where}: no member of the population is trained by itself; add a recommender of items"]
        wrong = [member for member in asked if member not in able]
        return [f"{where}: the member {member!r} cannot mediate; choose among {', '.join(able)}" for member in wrong]

    def _member_problems(self, name: str) -> list[str]:
        """What keeps a member from mediating."""
        member, society = self.population.get(name), self.society
        if member is None:
            return [f"there is no member {name!r}, only {', '.join(self.population) or 'none'}"]
        if society is None or not society.from_data:
            return ["a member knows the data's users; set society.from_data, or name a recommender to train"]
        if member.recommender is None:
            return [f"the member {name!r} is not trained here; name one with a recommender"]
        return [f"the member {name!r} is trained together with others; drop its together"] * member.together

    def _has(self, name: str) -> bool:
        """Whether there is a member of this name, a design's, or a trial of a search."""
        member = name.rsplit("-s", 1)[0]
        return bool({name, member} & {*self.population, *self.searches}) or name.startswith(tuple(self.searches))

    def _parent_problems(self, name: str, member: MemberConfig) -> list[str]:
        """What keeps a member from deriving from its parents."""
        problems = []
        for parent in member.parents:
            found = self.population.get(parent)
            if found is None:
                problems.append(f"population.{name}: there is no member {parent!r}, only {', '.join(self.population)}")
            elif found.strengths is not None:
                problems.append(f"population.{name}: {parent!r} has several strengths; derive from a member with one")
            elif found.together:
                problems.append(f"population.{name}: {parent!r} is trained together with others; drop its together")
            elif found.embeddings is not None:
                problems.append(f"population.{name}: {parent!r} has vectors but no scores to derive from; give lists")
        if member.parents and not problems and name not in derivation_order(self.population):
            problems.append(f"population.{name}: its parents derive from itself")
        return problems

    @property
    def probed_users(self) -> Literal["all", "report"]:
        """Whose labels are reported: where a search chose models by a probe, the half that it did not see."""
        asked = [one.metric for search in self.searches.values() for one in search.objectives]
        asked += [one.metric for search in self.searches.values() for one in search.constraints]
        return "report" if "probe" in asked else "all"


def derivation_order(population: Mapping[str, MemberConfig]) -> list[str]:
    """Derived members, parents first; those that wait for each other are left out."""
    waiting = {name: set(member.parents) for name, member in population.items() if member.transform is not None}
    found: list[str] = []
    while ready := [name for name, parents in waiting.items() if not parents & waiting.keys()]:
        found += ready
        for name in ready:
            del waiting[name]
    return found


def _designed(designs: Any) -> dict[str, Any]:
    """Members of all designs, as a population has them; what is wrong with a design is reported there."""
    found: dict[str, Any] = {}
    for name, design in designs.items() if isinstance(designs, dict) else ():
        try:
            checked = DesignConfig.model_validate(design)
            found |= {key: {**raw, "together": checked.together} for key, raw in members(name, checked).items()}
        except ValidationError:
            continue
    return found


def _is_valid(train: dict[str, Any]) -> bool:
    """Tell whether members can inherit; what is wrong with the study's ``train`` is reported there, once."""
    try:
        TrainingOptions.model_validate(train)
    except ValidationError:
        return False
    return True


def _trained_like(base: dict[str, Any], member: Any) -> Any:
    if not isinstance(member, dict) or member.get("recommender") is None:
        return member
    own = member.get("train") or {}
    return {**member, "train": {**base, **own} if isinstance(own, dict) else own}
