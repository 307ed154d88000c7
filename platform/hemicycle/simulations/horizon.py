"""How long a simulation runs, what it records, and when it stops."""

import math
from typing import Self

from pydantic import Field, field_validator, model_validator

from hemicycle.core.config import Options
from hemicycle.simulations.metrics import NAMES


class StopConfig(Options):
    """When a run ends before its last step. Both rules look at measured steps alone."""

    consensus: float | None = Field(default=None, ge=0)
    """Stop when all opinions lie at most this far from each other in every dimension; null: do not."""
    stationary: tuple[str, ...] = ()
    """Stop when each of these metrics has moved by at most ``tolerance`` within the last ``window`` measurements."""
    window: int = Field(default=10, ge=2)
    """Measurements in a window."""
    tolerance: float = Field(default=1e-6, ge=0)
    """Greatest less least value of a metric that counts as no movement; a metric that is NaN throughout has none."""

    @field_validator("stationary")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"there is no metric {unknown[0]!r}; metrics: {', '.join(NAMES)}")
        return names

    @model_validator(mode="after")
    def _some_rule(self) -> Self:
        if self.consensus is None and not self.stationary:
            raise ValueError("a stop needs 'consensus', a tolerance, or 'stationary', names of metrics")
        return self


class Horizon(Options):
    """How long a simulation runs, what it records, and between which bounds opinions lie."""

    steps: int = Field(default=50, ge=1)
    """Steps of the opinion model."""
    metrics_every: int = Field(default=1, ge=1)
    """Steps between two measurements; the start and the last step are always measured."""
    costly_every: int = Field(default=10, ge=0)
    """Steps between two measurements of the costly metrics (a linear system, random walks, communities), which are
    also taken at the start and at the last step; 0: never."""
    bounds: tuple[float, float] | None = (-1.0, 1.0)
    """Least and greatest value of an opinion in every dimension; null: any."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of normal errors added to the innate opinions, drawn by seed and user, the same in all arms;
    sums that leave the bounds are put on them."""
    densities: int = Field(default=0, ge=0)
    """Number of times, as evenly spaced on a logarithmic scale as steps allow, at which distributions are kept."""
    snapshots: int = Field(default=0, ge=0)
    """Number of times, spaced alike, at which all opinions are kept, each in 16 bits."""
    stop: StopConfig | None = None
    """When a run ends early; null: never."""

    @field_validator("bounds")
    @classmethod
    def _ascending(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and bounds[0] >= bounds[1]:
            raise ValueError(f"bounds are (least, greatest) with least < greatest, not {bounds}")
        return bounds

    @property
    def width(self) -> float:
        """Range of an opinion in one dimension; infinite without bounds."""
        return math.inf if self.bounds is None else self.bounds[1] - self.bounds[0]

    def measures(self, step: int) -> bool:
        """Tell whether the opinions after ``step`` steps are measured."""
        return step % self.metrics_every == 0 or step == self.steps

    def measures_costly(self, step: int) -> bool:
        """Tell whether the costly metrics are among what is measured after ``step`` steps."""
        return self.costly_every > 0 and (step % self.costly_every == 0 or step == self.steps)


def spaced(number: int, steps: int) -> list[int]:
    """Return ``number`` times from 0 to ``steps``, spaced evenly in log(1 + t); fewer where whole steps coincide."""
    if number <= 1:
        return [steps][:number]
    ends = (math.log1p(steps) * i / (number - 1) for i in range(number))
    return sorted({round(math.expm1(end)) for end in ends})
