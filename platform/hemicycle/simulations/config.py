"""Configuration of a simulation: opinion models x arms x seeds, and a design over its options."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError, Problem
from hemicycle.exposure.base import ExposureConfig
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.conduct import ConductConfig
from hemicycle.opinions.base import OpinionConfig
from hemicycle.opinions.catalogue import OPINION
from hemicycle.simulations.design import (
    SOCIETY,
    Cell,
    Plain,
    SensitivityConfig,
    Value,
    changed,
    grid_cells,
    path_problems,
    sensitivity_cells,
    size_problems,
)
from hemicycle.simulations.horizon import Horizon
from hemicycle.simulations.knowledge import KnowledgeConfig
from hemicycle.simulations.zealots import ZealotConfig

MOST_SEEDS = 10_000
"""More are taken for a slip of the pen."""
Varied = Literal["graph", "opinion", "simulation"]


class SimulationConfig(Horizon):
    """Every opinion model under every arm of exposure for every seed."""

    name: str = "simulation"
    """Name in tables and figures."""
    opinions: tuple[Annotated[Any, OPINION], ...] = Field(min_length=1)
    """Opinion models."""
    arms: tuple[Annotated[Any, EXPOSURE], ...] = Field(min_length=1)
    """Exposures, one an arm."""
    reference: str = "none"
    """Name of the arm with which the others are compared."""
    seeds: int | tuple[int, ...] = 5
    """Seeds, or how many (then 0, 1, ...). A seed draws the random exposure and the noise of the innate opinions:
    where nothing is drawn, seeds repeat each other and intervals over them have no width."""
    vary: tuple[Varied, ...] = ("graph", "opinion", "simulation")
    """What a seed changes. ``graph``: who follows whom, and the mediators trained on it; ``opinion``: parties,
    attitudes, who is a zealot; ``simulation``: all that is drawn on the way, and the noise. What it does not change is
    the society's own seed's (0 of the simulation): vary graph and simulation to keep the same people, or simulation
    alone to know what chance on the way does. Users, graph and opinions of real data are what they are."""
    zealots: ZealotConfig | None = None
    """Users who never move; null: nobody."""
    states: int | None = Field(default=None, ge=2, le=1000)
    """Put the opinions at the start on so many values, spaced evenly between the bounds, by equal slices of the bounds:
    for models of discrete opinions (2: a voter model's yes and no; Axelrod's traits); null: opinions as they are."""
    conduct: ConductConfig | None = None
    """What users do about what they are shown: follow, unfollow, click; null: nothing, the graph stays."""
    knowledge: KnowledgeConfig | None = None
    """What is read of opinions from the mediators' vectors at every refresh; null: nothing."""
    grid: dict[str, tuple[Value, ...]] = Field(default_factory=dict)
    """Dotted option -> values; a cell for each combination, e.g. ``opinions.bounded_confidence.confidence: [.2, .3]``
    and ``society.follows.homophily: [0, 2, 4]``. Entries of a list are called by name or by place, from 0."""
    sensitivity: SensitivityConfig | None = None
    """Sobol indices of options, in place of a grid; null: none."""

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, seeds: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if isinstance(seeds, int):
            if not 1 <= seeds <= MOST_SEEDS:
                raise ValueError(f"give a count of 1 to {MOST_SEEDS} seeds, or a list")
            return seeds
        if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError("seeds are a count of 1 or more, or a list of different integers from 0 on")
        return seeds

    @field_validator("vary")
    @classmethod
    def _each_once(cls, vary: tuple[Varied, ...]) -> tuple[Varied, ...]:
        if not vary or len(set(vary)) < len(vary):
            raise ValueError("vary names one or several of graph, opinion, simulation, each once")
        return vary

    @field_validator("opinions", "arms")
    @classmethod
    def _distinct(cls, configs: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = [label for label, count in Counter(config.label for config in configs).items() if count > 1]
        if twice:
            raise ValueError(f"two entries are called {twice[0]!r}; give each a 'name' of its own")
        return configs

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [arm.label for arm in self.arms]
        if self.reference not in names:
            raise ValueError(f"there is no reference arm {self.reference!r}; arms: {', '.join(names)}")
        problems = [f"{config.label}: {p.what}" for config in self.opinions for p in _problems(config, self.width)]
        if self.states is not None and (self.bounds is None or self.noise):
            raise ValueError("states are spaced between bounds and kept by no noise: give bounds, and drop noise")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _designed(self) -> Self:
        """Every factor must be an option and every value allowed; those of the society are checked with it."""
        if not self.grid and self.sensitivity is None:
            return self
        base, mine = self.plain(), [name for name in self.factors if not _of_society(name)]
        found = [*size_problems(self.grid, self.sensitivity), *path_problems(base, mine)]
        if not found:
            found = [p for name in mine for value in self.factors[name] for p in self._refused(base, name, value)]
        if found:
            raise ValueError("; ".join(f"{p.where or 'design'}: {p.what} ({p.remedy})" for p in found))
        return self

    def _refused(self, base: Plain, name: str, value: Value) -> list[Problem]:
        """What is wrong with one value of a factor."""
        try:
            validate(type(self), Raw(changed(base, {name: value}), {}))
        except InputError as error:
            return [replace(problem, where=f"{name} = {value}") for problem in error.problems]
        return []

    @property
    def factors(self) -> dict[str, tuple[Value, ...]]:
        """Dotted option -> values, or the ends of its range."""
        return self.grid if self.sensitivity is None else dict(self.sensitivity.factors)

    def plain(self) -> Plain:
        """Options as plain values, without a design."""
        return {**self.model_dump(mode="json"), "grid": {}, "sensitivity": None}

    def cells(self, society: Plain | None = None) -> list[Cell]:
        """Return the cells of the design, numbered from 1; one cell 0 where there is none.

        Args:
            society: options of the society as plain values, where they are varied.
        """
        if self.sensitivity is not None:
            return sensitivity_cells(self.sensitivity, {**self.plain(), SOCIETY: society or {}})
        return grid_cells(self.grid) if self.grid else [Cell()]

    def at(self, cell: Cell) -> Self:
        """Return the simulation of one cell; factors of the society are not applied here.

        Raises:
            InputError: values that do not go together.
        """
        if not cell.number:
            return self
        mine = {name: value for name, value in cell.factors.items() if not _of_society(name)}
        return validate(type(self), Raw(changed(self.plain(), mine), {}))

    @property
    def seed_list(self) -> Sequence[int]:
        """The seeds."""
        return range(self.seeds) if isinstance(self.seeds, int) else self.seeds


@dataclass(frozen=True)
class Run:
    """One trajectory of a simulation: an opinion model under one arm from one seed."""

    opinion: OpinionConfig
    arm: ExposureConfig
    seed: int


def runs(config: SimulationConfig) -> Iterator[Run]:
    """Every run of a simulation; runs of one seed share all that the seed draws."""
    return (Run(o, a, seed) for o in config.opinions for a in config.arms for seed in config.seed_list)


def _problems(config: OpinionConfig, width: float) -> list[Any]:
    return list(OPINION.build(config).problems(width))


def _of_society(name: str) -> bool:
    return name.partition(".")[0] == SOCIETY
