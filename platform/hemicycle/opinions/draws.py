"""Distributions from which the values of a per-user option are drawn, by their quantiles."""

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import betaincinv, ndtr, ndtri

from hemicycle.core.config import Options


class _Ascending(Options):
    """A distribution whose values have a lower and an upper end."""

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.support[0] >= self.support[1]:
            raise ValueError(f"give low < high, not {self.support[0]:g} and {self.support[1]:g}")
        return self


class _Bounded(_Ascending):
    """A distribution between two numbers."""

    low: float
    """Least value."""
    high: float
    """Greatest value."""

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return self.low, self.high


class UniformDraw(_Bounded):
    """Uniform between two numbers."""

    draw: Literal["uniform"]

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        return self.low + u * (self.high - self.low)


class NormalDraw(_Ascending):
    """Normal, cut to what lies between two numbers."""

    draw: Literal["normal"]
    mean: float
    """Mean before the cut."""
    deviation: float = Field(gt=0)
    """Standard deviation before the cut."""
    low: float | None = None
    """Least value; null: none."""
    high: float | None = None
    """Greatest value; null: none."""

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        low, high = (ndtr((edge - self.mean) / self.deviation) for edge in self.support)
        values = self.mean + self.deviation * np.asarray(ndtri(low + u * (high - low)), np.float64)
        return np.clip(values, *self.support)

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high


class BetaDraw(_Bounded):
    """Beta, scaled to lie between two numbers."""

    draw: Literal["beta"]
    a: float = Field(gt=0)
    """First shape; the mean is a / (a + b) of the way from low to high."""
    b: float = Field(gt=0)
    """Second shape."""
    low: float = 0.0
    """Least value."""
    high: float = 1.0
    """Greatest value."""

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        return self.low + (self.high - self.low) * np.asarray(betaincinv(self.a, self.b, u), np.float64)


class PowerLawDraw(_Bounded):
    """Density proportional to x^-exponent between two positive numbers."""

    draw: Literal["power_law"]
    exponent: float
    """Exponent; activities are often drawn with 2.1."""
    low: float = Field(gt=0)
    """Least value."""

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        rest = 1.0 - self.exponent
        if abs(rest) < 1e-9:
            return self.low * np.power(self.high / self.low, u)
        shares: NDArray[np.float64] = 1.0 + u * ((self.high / self.low) ** rest - 1.0)
        return self.low * np.power(shares, 1.0 / rest)


Draw = UniformDraw | NormalDraw | BetaDraw | PowerLawDraw
