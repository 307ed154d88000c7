"""Distributions from which the values of a per-user option are drawn, by their quantiles."""

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import betaincinv, ndtr, ndtri

from hemicycle.core.config import Options


class UniformDraw(Options):
    """Uniform between two numbers."""

    draw: Literal["uniform"]
    low: float
    """Least value."""
    high: float
    """Greatest value."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _check(*self.support)
        return self

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        return self.low + u * (self.high - self.low)

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return self.low, self.high


class NormalDraw(Options):
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

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _check(*self.support)
        return self

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        low, high = (ndtr((edge - self.mean) / self.deviation) for edge in self.support)
        values = self.mean + self.deviation * np.asarray(ndtri(low + u * (high - low)), np.float64)
        return np.clip(values, *self.support)

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high


class BetaDraw(Options):
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

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _check(*self.support)
        return self

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        return self.low + (self.high - self.low) * np.asarray(betaincinv(self.a, self.b, u), np.float64)

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return self.low, self.high


class PowerLawDraw(Options):
    """Density proportional to x^-exponent between two positive numbers."""

    draw: Literal["power_law"]
    exponent: float
    """Exponent; activities are often drawn with 2.1."""
    low: float = Field(gt=0)
    """Least value."""
    high: float
    """Greatest value."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _check(*self.support)
        return self

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values below which shares u lie."""
        rest = 1.0 - self.exponent
        if abs(rest) < 1e-9:
            return self.low * np.power(self.high / self.low, u)
        shares: NDArray[np.float64] = 1.0 + u * ((self.high / self.low) ** rest - 1.0)
        return self.low * np.power(shares, 1.0 / rest)

    @property
    def support(self) -> tuple[float, float]:
        """Between what values lie."""
        return self.low, self.high


Draw = UniformDraw | NormalDraw | BetaDraw | PowerLawDraw


def _check(low: float, high: float) -> None:
    if low >= high:
        raise ValueError(f"give low < high, not {low:g} and {high:g}")
