"""Factorial designs: which members a population has so that the effect of each factor can be told from the others'.

A full factorial design crosses every level of every factor. A regular fraction of it (Box, Hunter and Hunter,
"Statistics for Experimenters", 2005, chapter 6) keeps one cell in ``fraction``, at the price of aliases.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import Any, Self

import pandas as pd
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.search.config import Params, Value
from hemicycle.training.options import TrainingOptions

MOST_CELLS = 10_000
MOST_LEVELS = 50
MOST_SEEDS = 1_000
PARTS = ("recommender", "train")
LEVEL_COLUMNS = ["design", "member", "factor", "level", "place"]
_WORDS = {True: "true", False: "false", None: "null"}


class DesignConfig(Options):
    """A factorial population: every combination of the factors' levels, or a regular fraction of them."""

    recommender: Any = Field(default_factory=dict)
    """What all members have in common, e.g. ``{model: lightgcn, dim: 16}``; ``model`` is here or a factor."""
    train: dict[str, Any] = Field(default_factory=dict)
    """What differs from the study's ``train`` in all members."""
    factors: dict[str, tuple[Value, ...]] = Field(min_length=1)
    """Dotted key (``recommender.dim``, ``train.loss``) -> its levels; effects are differences from the first."""
    only: dict[str, dict[str, Value | list[Value]]] = Field(default_factory=dict)
    """Factor -> other factors and the levels for which it exists: ``{recommender.layers: {recommender.model:
    [lightgcn]}}``. Elsewhere its key is left out, and what would be several cells is one."""
    seeds: int | tuple[int, ...] | None = None
    """Seeds of every member, a count or a list; None: the study's."""
    fraction: int = Field(1, ge=1, le=MOST_LEVELS)
    """1: all cells; q: those whose level indices (0 for a factor that a cell does not have) sum to 0 modulo q. Of
    factors with q levels each, the effect of one is then aliased with the interaction of all the others: with three
    factors, main effects with two-way interactions (resolution III); with four, two-way interactions with each other
    (IV). A fraction in which levels, or pairs of two factors' levels, would not all keep the same share of their cells
    is refused."""
    outcomes: tuple[str, ...] = ()
    """What is explained, e.g. ``ndcg@20``; empty: NDCG of the test and every probe's score."""
    together: bool = False
    """Whether members that share graph and depth are trained as one stack."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if problems := [*_fixed_problems(self), *_level_problems(self), *_condition_problems(self)]:
            raise ValueError("; ".join(problems))
        if problem := _share_problem(self):
            raise ValueError(problem)
        return self


# -- members ---------------------------------------------------------------------------------------------------------


def members(name: str, design: DesignConfig) -> dict[str, dict[str, Any]]:
    """Members of the population that the design asks for, by name (``NAME-001`` ...), in a stable order.

    Returns:
        Name -> ``{"recommender": {...}, "train": {...}, "seeds": ...}``, raw values as a study's ``population`` takes
        them: the recommender and the values of ``train`` are validated there.
    """
    seeds = list(design.seeds) if isinstance(design.seeds, tuple) else design.seeds
    found = {}
    for member, cell in _named(name, design):
        parts = deepcopy({"recommender": design.recommender, "train": design.train})
        for key, value in cell.items():
            _put(parts, key, value)
        found[member] = {**parts, "seeds": seeds}
    return found


def levels(name: str, design: DesignConfig) -> pd.DataFrame:
    """The level of each factor in each member.

    Returns:
        Columns ``design``, ``member``, ``factor``, ``level`` (text) and ``place`` (of the level among its factor's,
        from 0); no row for a factor that the member does not have.
    """
    rows = [
        (name, member, key, level_text(cell[key]), design.factors[key].index(cell[key]))
        for member, cell in _named(name, design)
        for key in design.factors
        if key in cell
    ]
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def level_text(value: Value) -> str:
    """A level as YAML writes it: ``16``, ``0.005``, ``true``, ``null``."""
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)


def cells(design: DesignConfig) -> list[Params]:
    """Combinations of levels that the design keeps: the last factor varies fastest, those with conditions last."""
    return [cell for cell in _grid(design) if _index_sum(design, cell) % design.fraction == 0]


def _named(name: str, design: DesignConfig) -> Iterator[tuple[str, Params]]:
    kept = cells(design)
    width = max(3, len(str(len(kept))))
    return ((f"{name}-{number:0{width}d}", cell) for number, cell in enumerate(kept, start=1))


def _grid(design: DesignConfig) -> list[Params]:
    """All cells, each with the factors that exist in it; a factor comes after those on which it depends.

    Raises:
        ValueError: there are more than the design may have.
    """
    grown: list[Params] = [{}]
    for key in _order(design):
        condition = design.only.get(key, {})
        grown = [
            new
            for cell in grown
            for new in ([{**cell, key: v} for v in design.factors[key]] if _holds(condition, cell) else [cell])
        ]
        if len(grown) > MOST_CELLS * design.fraction:
            raise ValueError(
                f"the design has more than {MOST_CELLS:,} cells; take fewer factors or levels, or a smaller fraction"
            )
    return grown


def _order(design: DesignConfig) -> list[str]:
    """Factors without a condition as declared, then the others, each after those that its condition names."""
    sorter = TopologicalSorter({key: list(design.only.get(key, {})) for key in design.factors})
    return list(sorter.static_order())


def _holds(condition: Mapping[str, Value | list[Value]], cell: Params) -> bool:
    return all(key in cell and cell[key] in _listed(allowed) for key, allowed in condition.items())


def _listed(allowed: Value | list[Value]) -> list[Value]:
    return allowed if isinstance(allowed, list) else [allowed]


def _index_sum(design: DesignConfig, cell: Params) -> int:
    return sum(design.factors[key].index(value) for key, value in cell.items())


def _put(parts: dict[str, Any], key: str, value: Value) -> None:
    """Set a dotted key, with the mappings on the way."""
    *path, last = key.split(".")
    for part in path:
        parts = parts.setdefault(part, {})
    parts[last] = value


# -- what is wrong with a design -------------------------------------------------------------------------------------


def _fixed_problems(design: DesignConfig) -> Iterator[str]:
    if not isinstance(design.recommender, Mapping):
        yield f"recommender is a mapping such as {{dim: 16}}, not {design.recommender!r}"
        return
    if "model" not in design.recommender and "recommender.model" not in design.factors:
        yield "no member has a model: give recommender: {model: ...} or the factor recommender.model"
    for key in design.train:
        yield from _train_problems(key, f"train.{key}")
    listed = design.seeds if isinstance(design.seeds, tuple) else ()
    count = design.seeds if isinstance(design.seeds, int) else 1
    if not 1 <= count <= MOST_SEEDS or len(set(listed)) < len(listed) or design.seeds == ():
        yield f"seeds are a count of 1 to {MOST_SEEDS}, or a list of different integers"


def _level_problems(design: DesignConfig) -> Iterator[str]:
    fixed = {"recommender": design.recommender, "train": design.train}
    for key, values in design.factors.items():
        part, *path = key.split(".")
        if part not in PARTS or not all(path) or not path:
            yield f"the factor {key!r} begins with neither 'recommender.' nor 'train.'"
        elif part == "train":
            yield from _train_problems(path[0], key)
        if _has(fixed, key):
            yield f"{key} is fixed and a factor: take it from one of the two"
        if not 2 <= len(values) <= MOST_LEVELS:
            yield f"the factor {key} has 2 to {MOST_LEVELS} levels, not {len(values)}"
        if len(set(values)) < len(values) or len(set(map(level_text, values))) < len(values):
            yield f"the levels of {key} are not all different: {', '.join(map(level_text, values))}"


def _train_problems(name: str, key: str) -> Iterator[str]:
    known = TrainingOptions.model_fields
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        yield f"training has no option {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _has(fixed: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(fixed, Mapping) or part not in fixed:
            return False
        fixed = fixed[part]
    return True


def _condition_problems(design: DesignConfig) -> Iterator[str]:
    for key, condition in design.only.items():
        unknown = [name for name in (key, *condition) if name not in design.factors]
        if unknown:
            yield f"only.{key}: {', '.join(unknown)} is no factor; there are {', '.join(design.factors)}"
        elif not condition:
            yield f"only.{key} has no condition: name other factors and their levels, or leave it out"
        for name, allowed in condition.items():
            strange = [v for v in _listed(allowed) if v not in design.factors.get(name, ())]
            if strange and name in design.factors:
                yield f"only.{key}: {name} has no level {', '.join(map(level_text, strange))}"
    try:
        _order(design)
    except CycleError:
        yield "conditions under 'only' depend on each other in a circle"


def _share_problem(design: DesignConfig) -> str:
    """What keeps effects from being told apart: levels that no cell has, or a fraction that favours some."""
    full, kept = _grid(design), cells(design)
    seen = _counts(full, 1)
    for key, values in design.factors.items():
        if any(((key, value),) not in seen for value in values):
            return f"no cell has the factor {key}: its condition under 'only' never holds"
    for together in (1, 2):
        shares = _counts(kept, together)
        for items, count in _counts(full, together).items():
            if shares[items] * design.fraction != count:
                what = " with ".join(f"{key} = {level_text(value)}" for key, value in items)
                return (
                    f"fraction {design.fraction} keeps {shares[items]} of {count} cells that have {what}: levels would "
                    "not appear equally often; take fraction 1, or as many levels of at least three factors as the "
                    "fraction says"
                )
    return ""


def _counts(grid: list[Params], together: int) -> Counter[tuple[tuple[str, Value], ...]]:
    """How often levels of ``together`` different factors appear in one cell."""
    return Counter(items for cell in grid for items in combinations(cell.items(), together))
