"""All combinations of dimensions that hold finitely many values."""

from collections.abc import Iterator, Mapping

from hemicycle.search.config import Dimension, Params
from hemicycle.search.dimensions import exists, levels

LARGEST = 100_000
"""Points of a grid at most."""


def cells(dimensions: Mapping[str, Dimension]) -> Iterator[Params]:
    """Yield every combination, each dimension only where it exists; ``dimensions`` has conditions first."""
    yield from _extended({}, list(dimensions.items()))


def _extended(params: Params, left: list[tuple[str, Dimension]]) -> Iterator[Params]:
    if not left:
        yield params
        return
    (key, dimension), *rest = left
    if not exists(dimension, params):
        yield from _extended(params, rest)
        return
    for value in levels(dimension):
        yield from _extended({**params, key: value}, rest)
