"""Designs of experiments: which options of a simulation or its society take which values, as numbered cells.

A factor is a dotted option: ``opinions.0.confidence`` (an entry by its place, or by its name),
``arms.random.strength``, ``society.follows.homophily``, ``noise``. A grid has a cell for each combination of values; a
sensitivity analysis has the cells of a Saltelli design (:mod:`hemicycle.simulations.sensitivity`).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from pydantic import Field, field_validator, model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.simulations.sensitivity import saltelli

Value = float | int | str | bool
Plain = dict[str, Any]
"""Options as plain nested values."""
MOST_CELLS = 100_000
"""More are taken for a slip of the pen."""
SOCIETY = "society"
"""First part of the options of a society."""
FIXED = frozenset({"name", "reference", "seeds", "vary", "grid", "sensitivity"})
"""Options that make a simulation what it is: no factors."""
_NAMES = ("name", "opinion", "exposure")
"""Keys by which an entry of a list is known, in this order."""


class SensitivityConfig(Options):
    """A variance-based sensitivity analysis: how much of an outcome's variance is due to which option."""

    factors: dict[str, tuple[float, float]] = Field(min_length=1)
    """Dotted option -> least and greatest value, drawn uniformly. Where the option is a whole number, and both ends
    are, whole numbers are drawn."""
    samples: int = Field(default=64, ge=4, le=2**14)
    """Base samples N, a power of 2: the design has N (factors + 2) cells."""
    seed: int = Field(default=0, ge=0)
    """Scrambles the sequence, and keys the bootstrap."""
    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap samples of the intervals."""

    @field_validator("samples")
    @classmethod
    def _power_of_two(cls, samples: int) -> int:
        if samples & (samples - 1):
            raise ValueError(f"samples of a Sobol sequence are a power of 2, such as 64 or 128, not {samples}")
        return samples

    @model_validator(mode="after")
    def _ascending(self) -> "SensitivityConfig":
        for name, (low, high) in self.factors.items():
            if low >= high:
                raise ValueError(f"{name}: give (least, greatest) with least < greatest, not ({low:g}, {high:g})")
        return self

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.samples * (len(self.factors) + 2)


@dataclass(frozen=True)
class Cell:
    """One cell of a design.

    Args:
        number: from 1; 0 where there is no design.
        factors: dotted option -> value.
    """

    number: int = 0
    factors: Mapping[str, Value] = field(default_factory=dict)


def grid_cells(grid: Mapping[str, Sequence[Value]]) -> list[Cell]:
    """Return a cell for each combination of values, the last factor varying fastest."""
    combinations = product(*grid.values())
    return [Cell(number, dict(zip(grid, values, strict=True))) for number, values in enumerate(combinations, 1)]


def sensitivity_cells(config: SensitivityConfig, base: Plain) -> list[Cell]:
    """Return the cells of a Saltelli design: blocks A, B and one for each factor, N cells each.

    Args:
        config: factors and samples.
        base: the options that are varied, to tell whole numbers from others.
    """
    points = saltelli(len(config.factors), config.samples, config.seed).reshape(-1, len(config.factors))
    scales = [
        (low, high, _counts(value_at(base, name)) and float(low).is_integer() and float(high).is_integer())
        for name, (low, high) in config.factors.items()
    ]
    return [
        Cell(number, {name: _scaled(u, *scale) for name, u, scale in zip(config.factors, row, scales, strict=True)})
        for number, row in enumerate(points.tolist(), 1)
    ]


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _scaled(u: float, low: float, high: float, whole: bool) -> float | int:
    return int(low) + min(int(u * (high - low + 1)), int(high - low)) if whole else low + u * (high - low)


def n_cells(grid: Mapping[str, Sequence[Value]]) -> int:
    """Number of cells of a grid."""
    return prod(len(values) for values in grid.values())


def size_problems(grid: Mapping[str, Sequence[Value]], sensitivity: SensitivityConfig | None) -> Iterator[Problem]:
    """What is wrong with the size of a design."""
    for name, values in grid.items():
        if not values or len({repr(value) for value in values}) < len(values):
            yield Problem(f"{list(values)} are no different values", f"grid.{name}", "give one or several, each once")
    if grid and sensitivity is not None:
        yield Problem("a grid and a sensitivity analysis", remedy="make two simulations of them")
    most = max(n_cells(grid), 0 if sensitivity is None else sensitivity.n_cells)
    if most > MOST_CELLS:
        yield Problem(f"a design of {most} cells", remedy=f"have at most {MOST_CELLS}: fewer values or samples")


# -- dotted options --------------------------------------------------------------------------------------------------


def path_problems(base: Plain, names: Iterable[str]) -> Iterator[Problem]:
    """What is wrong with the names of factors.

    Args:
        base: the options that are varied, as plain nested values.
        names: dotted options.
    """
    for name in names:
        root = name.partition(".")[0]
        if root in FIXED:
            yield Problem(f"{root!r} is no factor: it makes the simulation what it is", name, "vary another option")
            continue
        try:
            value_at(base, name)
        except InputError as error:
            yield from error.problems


def value_at(base: Plain, name: str) -> Any:
    """Return the value of a dotted option.

    Raises:
        InputError: there is none of this name; the message has the nearest one.
    """
    node: Any = base
    for depth, part in enumerate(name.split(".")):
        node = node[_key(node, part, name, depth)]
    return node


def changed(base: Plain, factors: Mapping[str, Value]) -> Plain:
    """Return options with some dotted ones changed; ``base`` stays as it is."""
    found = base
    for name, value in factors.items():
        found = _with(found, name, 0, value)
    return found


def _with(node: Any, name: str, depth: int, value: Value) -> Any:
    parts = name.split(".")
    if depth == len(parts):
        return value
    key = _key(node, parts[depth], name, depth)
    inner = _with(node[key], name, depth + 1, value)
    if isinstance(node, list | tuple):
        return [inner if place == key else other for place, other in enumerate(node)]
    return {**node, key: inner}


def _key(node: Any, part: str, name: str, depth: int) -> Any:
    """Key or place of one part of a dotted option."""
    known = _known(node)
    if part in known:
        return known[part]
    before = ".".join(name.split(".")[:depth])
    place = f"{before!r} has no option {part!r}" if before else f"there is no option {part!r}"
    if not known:
        raise InputError(f"{before!r} is {node!r} and has no options below it", name, "name an option, or set it first")
    near = difflib.get_close_matches(part, list(known), n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    raise InputError(place, name, remedy)


def _known(node: Any) -> dict[str, Any]:
    """Names that lead on from here -> key or place."""
    if isinstance(node, Mapping):
        return {str(key): key for key in node}
    if not isinstance(node, list | tuple):
        return {}
    named = {_label(entry): place for place, entry in enumerate(node) if _label(entry)}
    return named | {str(place): place for place in range(len(node))}


def _label(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    return next((str(entry[key]) for key in _NAMES if entry.get(key)), "")


def check_paths(base: Plain, names: Iterable[str], where: str) -> None:
    """Raise one InputError with everything that is wrong with the names of factors."""
    problems = path_problems(base, names)
    raise_problems(Problem(p.what, f"{where}.{p.where}", p.remedy) for p in problems)
