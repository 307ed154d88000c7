"""Attribute tables that a configuration names, joined to users or items."""

from collections.abc import Sequence
from pathlib import Path

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column, Entity
from hemicycle.data.attributes import attach, read_attributes
from hemicycle.data.columns import TableFile, file_problems, locate
from hemicycle.data.tabular import Attributes


def attribute_problems(parts: Sequence[Attributes]) -> list[Problem]:
    """Return the problems of files and columns that are not there."""
    found = file_problems([part.path for part in parts])
    for part in parts:
        if not file_problems([part.path]):
            try:
                _open(part)
            except InputError as error:
                found += error.problems
    return found


def attribute_files(parts: Sequence[Attributes]) -> list[Path]:
    """Return the paths."""
    return [locate(part.path) for part in parts]


def joined(parts: Sequence[Attributes], entity: Entity, order: Sequence[str]) -> tuple[dict[str, Column], list[str]]:
    """Return the columns of users or items in their order, and notes on what was dropped.

    Raises:
        InputError: ids or values cannot be used, with their lines.
    """
    problems: list[Problem] = []
    tables = [read_attributes(_open(p), p.id, p.entity, p.columns) for p in parts if p.entity == entity]
    columns, notes = attach(problems, order, tables)
    raise_problems(problems)
    return columns, notes


def _open(part: Attributes) -> TableFile:
    file = TableFile(locate(part.path), part.separator)
    raise_problems(file.missing({"id": part.id, **{f"columns.{name}": name for name in part.columns}}))
    return file
