"""Where users of a synthetic society start: parties and their places, by name or one by one."""

from collections.abc import Callable
from itertools import product
from typing import Literal, get_args

from pydantic import Field

from hemicycle.core.config import Options

Preset = Literal["two-party", "multi-party", "uniform", "normal", "one-dimensional", "cross-cutting", "aligned"]
SEVERAL = ("cross-cutting", "aligned")
"""Configurations that are about how dimensions go together."""
PRESETS: tuple[str, ...] = get_args(Preset)


class Party(Options):
    """A party: where its members stand, and how many they are."""

    name: str = Field(min_length=1)
    """Value of the column ``party``."""
    share: float = Field(gt=0, le=1)
    """Probability that a user belongs to it; the shares of all parties sum to 1."""
    position: tuple[float, ...]
    """Centre, one coordinate in [-1, 1] for each dimension."""
    spread: float = Field(default=0.2, ge=0, le=2)
    """Standard deviation in each dimension (normal), or half the width (uniform)."""
    shape: Literal["normal", "uniform"] = "normal"
    """Distribution of its members around the centre."""


def preset(name: Preset, dimensions: int) -> tuple[Party, ...]:
    """Return the parties of a configuration.

    ``one-dimensional`` or ``two-party``: halves at -.5 and .5 on dimension 0, alike on the others. ``aligned``: halves
    at -.5 and .5 on every dimension, so that one issue tells all others. ``cross-cutting``: a party at each corner of
    {-.5, .5}^D, of equal shares, so that the sides on one issue say nothing of those on another. ``multi-party``: five
    parties along dimension 0, the middle ones larger, alternating on dimension 1. ``uniform`` and ``normal``: no
    parties, users uniform over the space, or normal around its middle with standard deviation 1/3.
    """

    def at(first: float, second: float = 0.0) -> tuple[float, ...]:
        return (first, second, *[0.0] * dimensions)[:dimensions]

    if name == "uniform":
        return (Party(name="all", share=1, position=at(0.0), spread=1, shape="uniform"),)
    if name == "normal":
        return (Party(name="all", share=1, position=at(0.0), spread=1 / 3),)
    if name == "cross-cutting":
        return _corners(dimensions)
    if name == "multi-party":
        return _five(at)
    aligned = name == "aligned"
    sides = (("left", -0.5), ("right", 0.5))
    return tuple(Party(name=n, share=0.5, position=(x,) * dimensions if aligned else at(x)) for n, x in sides)


def _corners(dimensions: int) -> tuple[Party, ...]:
    """A party at every corner; its name tells the side on each dimension."""
    corners = list(product((-0.5, 0.5), repeat=dimensions))
    names = ["-".join("left" if x < 0 else "right" for x in corner) for corner in corners]
    return tuple(
        Party(name=name, share=1 / len(corners), position=corner) for name, corner in zip(names, corners, strict=True)
    )


def _five(at: Callable[[float, float], tuple[float, ...]]) -> tuple[Party, ...]:
    """Five parties from far left to far right."""
    names = ("far-left", "left", "centre", "right", "far-right")
    shares, places = (0.1, 0.25, 0.3, 0.25, 0.1), (-0.8, -0.4, 0.0, 0.4, 0.8)
    return tuple(
        Party(name=n, share=share, position=at(x, 0.3 * (-1) ** k), spread=0.12)
        for k, (n, share, x) in enumerate(zip(names, shares, places, strict=True))
    )
