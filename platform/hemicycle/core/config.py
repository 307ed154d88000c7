"""Configuration: YAML files -> frozen pydantic models, with every error at once and its file, line and key.

A file may say ``extends: other.yaml`` (or a list); mappings are merged, everything else is replaced. Dotted
overrides such as ``train.epochs=8`` come last. A value that names one of several classes (a recommender, a
probe, an opinion model ...) is annotated with :class:`Chosen`.
"""

import difflib
import hashlib
import importlib
import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from hemicycle.core.errors import InputError, Problem
from hemicycle.core.yaml_files import Key, Raw, find, parse, read

Model = TypeVar("Model", bound="Options")

__all__ = ["Chosen", "Options", "Raw", "find", "fingerprint", "load", "parse", "read", "validate"]


class Options(BaseModel):
    """Base of all configuration: frozen, unknown keys are errors, field documentation stands under the field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True
    )

    def fingerprint(self) -> str:
        """Hash of all values, the identity of this configuration."""
        return fingerprint(self.model_dump(mode="json"))

    def replace(self, **changes: object) -> Self:
        """Return a validated copy with some values changed."""
        return type(self).model_validate({**self.model_dump(), **changes})


def fingerprint(value: object) -> str:
    """Hash of a JSON-able value: 32 hexadecimal digits of its SHA-256 in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Chosen:
    """Annotation of a field whose mapping names the class that it configures.

    ``Annotated[Any, Chosen("recommender", "model", TABLE)]`` accepts ``{"model": "mf", "dim": 16}`` and yields an
    instance of that class's frozen ``Config``. Outside packages are named ``"package.module:Class"``.

    Args:
        kind: what is chosen, for messages.
        key: the key that holds the name.
        table: short name -> ``"package.module:Class"``.
    """

    kind: str
    key: str
    table: Mapping[str, str] = field(hash=False)

    def resolve(self, name: str) -> type[Any]:
        """Return the class of a short name or of ``"package.module:Class"``.

        Raises:
            PydanticCustomError: the name is unknown or cannot be imported.
        """
        target = self.table.get(name, name)
        module, _, attribute = target.partition(":")
        if not attribute:
            allowed = ", ".join(sorted(self.table))
            raise PydanticCustomError(
                "unknown_choice",
                "there is no {kind} {name}; known: {allowed}, or package.module:Class{near}",
                {"kind": self.kind, "name": repr(name), "allowed": allowed, "near": _nearest(name, self.table)},
            )
        try:
            return typing.cast("type[Any]", getattr(importlib.import_module(module), attribute))
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise PydanticCustomError(
                "unknown_choice",
                "cannot import {kind} {name}: {error}",
                {"kind": self.kind, "name": repr(name), "error": str(error)},
            ) from error

    def build(self, config: Any) -> Any:
        """Return an instance of the class that ``config`` configures."""
        return self.resolve(getattr(config, self.key))(config)

    def validate(self, value: Any) -> Any:
        """Turn a mapping into the Config of the class it names; a Config passes through."""
        if isinstance(value, Options) and hasattr(value, self.key):
            return value
        if isinstance(value, str):
            value = {self.key: value}
        if not isinstance(value, Mapping) or not isinstance(value.get(self.key), str):
            raise PydanticCustomError(
                "missing_choice",
                "a {kind} needs the key {key}, one of: {allowed}",
                {"kind": self.kind, "key": repr(self.key), "allowed": ", ".join(sorted(self.table))},
            )
        config_class = getattr(self.resolve(value[self.key]), "Config", None)
        if config_class is None:
            raise PydanticCustomError("no_config", "{name} has no Config", {"name": repr(value[self.key])})
        try:
            return config_class.model_validate(dict(value))
        except ValidationError as error:
            raise PydanticCustomError(
                "nested",
                "{count} problems in {kind}",
                {"count": error.error_count(), "kind": self.kind, "errors": error.errors(), "model": config_class},
            ) from error

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda v: v.model_dump(mode="json")),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        variants: list[dict[str, Any]] = []
        for name in sorted(self.table):
            variant = _inline(self.resolve(name).Config.model_json_schema())
            variant["properties"][self.key] = {"const": name}
            variants.append({**variant, "required": sorted({*variant.get("required", []), self.key})})
        foreign = {"type": "object", "properties": {self.key: {"pattern": "^[\\w.]+:\\w+$", "type": "string"}}}
        return {"anyOf": [*variants, {**foreign, "required": [self.key]}]}


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """Replace ``$ref`` by what it points to, so that a schema can stand inside another."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rsplit("/", 1)[-1]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    return typing.cast("dict[str, Any]", resolve(schema))


# -- validation -------------------------------------------------------------------------------------------------------


def load(model: type[Model], name: str | Path, overrides: Sequence[str] = ()) -> Model:
    """Read and validate a configuration.

    Raises:
        InputError: every problem, each with its file, line and key path.
    """
    return validate(model, read(name, overrides))


def validate(model: type[Model], raw: Raw) -> Model:
    """Validate plain values; all problems are raised at once."""
    try:
        return model.model_validate(raw.values)
    except ValidationError as error:
        problems = [_problem(details, key, raw, model) for details, key, model in _flatten(error.errors(), (), model)]
        raise InputError(problems) from error


def _flatten(
    errors: Sequence[ErrorDetails], prefix: Key, model: type[BaseModel]
) -> Iterator[tuple[ErrorDetails, Key, type[BaseModel]]]:
    """Yield every error with its full key path and the model at the root of its own location."""
    for details in errors:
        key = (*prefix, *details["loc"])
        if details["type"] == "too_short" and _refused_inside(errors, details["loc"]):
            continue
        if details["type"] == "nested":
            yield from _flatten(details["ctx"]["errors"], key, details["ctx"]["model"])
        else:
            yield details, key, model


def _refused_inside(errors: Sequence[ErrorDetails], loc: Key) -> bool:
    """Tell whether entries of a list are refused themselves, which are then not counted."""
    return any(len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in errors)


def _problem(details: ErrorDetails, key: Key, raw: Raw, model: type[BaseModel]) -> Problem:
    dotted = ".".join(str(part) for part in key)
    mark = next((raw.marks[key[:n]] for n in range(len(key), -1, -1) if key[:n] in raw.marks), "")
    where = f"{mark} {dotted}".strip()
    if details["type"] == "extra_forbidden":
        allowed = sorted(_fields_at(model, details["loc"][:-1]))
        near = _nearest(str(key[-1]), allowed) or f"; allowed here: {', '.join(allowed)}"
        return Problem(f"unknown key {str(key[-1])!r}{near}", where, "correct or remove it")
    if details["type"] == "missing":
        return Problem(f"the key {str(key[-1])!r} is missing", where, "add it")
    given = "" if isinstance(details["input"], dict | list) else f" (given: {details['input']!r})"
    fields = _fields_at(model, details["loc"][:-1])
    name = str(key[-1]) if key else ""
    remedy = f"correct it; {name}: {fields[name].description}" if name in fields else "correct it"
    return Problem(f"{details['msg'].removeprefix('Value error, ')}{given}", where, remedy)


def _nearest(name: str, names: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fields_at(model: Any, loc: Sequence[str | int]) -> dict[str, Any]:
    """Fields that a model allows at a location; indices and keys of mappings lead to what they hold."""
    annotation = model
    for part in loc:
        if typing.get_origin(annotation) in {types.UnionType, typing.Union}:
            annotation = next(a for a in typing.get_args(annotation) if a is not types.NoneType)
        fields = getattr(annotation, "model_fields", {})
        annotation = fields[part].annotation if part in fields else _model_inside(annotation)
    return dict(getattr(_model_inside(annotation), "model_fields", {}))


def _model_inside(annotation: Any) -> Any:
    """Return the model inside ``X | None``, ``list[X]``, ``dict[str, X]`` or ``Annotated[X, ...]``."""
    origin = typing.get_origin(annotation)
    if origin is None:
        return annotation
    arguments = [a for a in typing.get_args(annotation) if a is not types.NoneType]
    models = (_model_inside(a) for a in arguments)
    return next((m for m in models if isinstance(m, type) and issubclass(m, BaseModel)), None)
