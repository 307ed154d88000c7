"""Configuration of a simulation: opinion models x arms x seeds."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from hemicycle.core.config import Options
from hemicycle.exposure.base import ExposureConfig
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.opinions.base import OpinionConfig
from hemicycle.opinions.catalogue import OPINION

MOST_SEEDS = 10_000
"""More are taken for a slip of the pen."""


class Horizon(Options):
    """How long a simulation runs, what it records, and between which bounds opinions lie."""

    steps: int = Field(default=50, ge=1)
    """Steps of the opinion model."""
    metrics_every: int = Field(default=1, ge=1)
    """Steps between two measurements; the start and the last step are always measured."""
    bounds: tuple[float, float] = (-1.0, 1.0)
    """Least and greatest value of an opinion in every dimension."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of normal errors added to the innate opinions, drawn by seed and user, the same in all arms;
    sums that leave the bounds are put on them."""

    @field_validator("bounds")
    @classmethod
    def _ascending(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if bounds[0] >= bounds[1]:
            raise ValueError(f"bounds are (least, greatest) with least < greatest, not {bounds}")
        return bounds

    @property
    def width(self) -> float:
        """Range of an opinion in one dimension."""
        return self.bounds[1] - self.bounds[0]

    def measures(self, step: int) -> bool:
        """Tell whether the opinions after ``step`` steps are measured."""
        return step % self.metrics_every == 0 or step == self.steps


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
        if problems:
            raise ValueError("; ".join(problems))
        return self

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
