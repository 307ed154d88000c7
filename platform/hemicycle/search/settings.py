"""Dotted settings of a frozen configuration: whether they are there, what they are, and a copy with others."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hemicycle.core.config import Options

Some = TypeVar("Some", bound=Options)


def configured(options: Some, settings: Mapping[str, Any]) -> Some:
    """Return a validated copy with other values under dotted keys.

    Raises:
        ValidationError: the configuration does not allow them.
    """
    values = options.model_dump()
    for key, value in settings.items():
        *above, last = key.split(".")
        place = values
        for name in above:
            place = place[name]
        place[last] = value
    return type(options).model_validate(values)


def setting(options: BaseModel, key: str) -> Any:
    """Return the value under a dotted key that ``unknown`` does not complain about."""
    value: Any = options
    for name in key.split("."):
        value = getattr(value, name)
    return value


def unknown(options: BaseModel, key: str) -> str:
    """Say why there is no single value under a dotted key; empty when there is one."""
    node: Any = options
    for name in key.split("."):
        fields = type(node).model_fields if isinstance(node, BaseModel) else {}
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
            return f"there is no {name!r}" + (f"; did you mean {near[0]!r}?" if near else _offer(fields))
        node = getattr(node, name)
    return f"{key!r} is a group{_offer(type(node).model_fields)}" if isinstance(node, BaseModel) else ""


def documentation(options: BaseModel, key: str) -> str:
    """Return what a configuration says about a dotted key."""
    above, _, last = key.rpartition(".")
    field = type(setting(options, above) if above else options).model_fields[last]
    return " ".join((field.description or "").split())


def message(error: ValidationError) -> str:
    """Return the first complaint of a validation, of a nested configuration too."""
    first = error.errors()[0]
    while first["type"] == "nested":
        first = first["ctx"]["errors"][0]
    where = f"{first['loc'][-1]}: " if first["loc"] else ""
    return where + first["msg"].removeprefix("Value error, ")


def _offer(fields: Mapping[str, Any]) -> str:
    return f"; there are: {', '.join(sorted(fields))}" if fields else "; nothing lies below it"
