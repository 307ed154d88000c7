"""Parameters that differ between users: a number for all, a column, a value a group, or a draw.

A field of this type is written ``confidence: Annotated[PerUser, Limits(gt=0)] = 0.4``. Its limits hold for what is
written at once, and for the resolved values when the model learns of its users (``OpinionModel.bound``).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.opinions.draws import BetaDraw, Draw, NormalDraw, PowerLawDraw, UniformDraw
from hemicycle.opinions.people import People

OTHER = "other"
"""Stands in a mapping of groups for all that it does not name."""
_FORMS = "a number, the name of a column, a mapping of groups to numbers, or a draw"
_DRAWS: TypeAdapter[Draw] = TypeAdapter(Annotated[Draw, Field(discriminator="draw")])
_NUMBERS: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(allow_inf_nan=False)])


class _PerUserSchema:
    """How pydantic reads a :data:`PerUser`, with one error where a union would give five."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _read, serialization=core_schema.plain_serializer_function_ser_schema(_written)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        groups = {"type": "object", "additionalProperties": {"type": "number"}}
        draws = [kind.model_json_schema() for kind in (UniformDraw, NormalDraw, BetaDraw, PowerLawDraw)]
        return {"anyOf": [{"type": "number"}, {"type": "string"}, groups, *draws]}


PerUser = Annotated[float | str | Mapping[str, float] | Draw, _PerUserSchema()]
"""An option with a value for each user: a number for all; the name of a numeric column of the users' table; a mapping
``{group: number, ..., other: number}``; or a draw ``{draw: uniform, low, high}``, ``{draw: normal, mean, deviation,
low, high}``, ``{draw: beta, a, b, low, high}``, ``{draw: power_law, exponent, low, high}``."""


@dataclass(frozen=True)
class Limits:
    """Range of the values of a :data:`PerUser`, and words that are no columns but have a meaning of their own."""

    ge: float = -np.inf
    gt: float = -np.inf
    le: float = np.inf
    lt: float = np.inf
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        low = f"({self.gt:g}" if self.gt >= self.ge else f"[{self.ge:g}"
        high = f"{self.lt:g})" if self.lt <= self.le else f"{self.le:g}]"
        return f"{low}, {high}"

    def outside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which values leave the range; NaN does."""
        return ~((values >= self.ge) & (values > self.gt) & (values <= self.le) & (values < self.lt))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        """Refuse numbers outside the range; of a draw, ends that leave it."""
        if isinstance(value, Options):
            low, high = value.support  # type: ignore[attr-defined]
            if low < max(self.ge, self.gt) or high > min(self.le, self.lt):
                what = f"values must lie in {self}, and this draw gives values in [{low:g}, {high:g}]; set low and high"
                raise ValueError(what)
        for number in _numbers(value):
            self._compare(number)
        return value

    def _compare(self, number: float) -> None:
        wrong = {
            "greater than or equal to": (number < self.ge, self.ge),
            "greater than": (number <= self.gt, self.gt),
            "less than or equal to": (number > self.le, self.le),
            "less than": (number >= self.lt, self.lt),
        }
        for words, (is_wrong, limit) in wrong.items():
            if is_wrong:
                raise ValueError(f"values should be {words} {limit:g}")


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, Mapping):
        return value.values()
    return [value] if isinstance(value, float) else []


def greatest(value: Any) -> float:
    """Return the greatest value that a :data:`PerUser` can give; of a column, which only users know, -inf."""
    if isinstance(value, Options):
        return float(value.support[1])  # type: ignore[attr-defined]
    return max(_numbers(value), default=-np.inf)


def confidence_problems(confidence: Any, width: float) -> list[Problem]:
    """What is wrong with a confidence of opinions in an interval of this width: that it is wider."""
    widest = greatest(confidence)
    if widest <= width:
        return []
    what = f"the confidence {widest:g} exceeds the range {width:g} of the opinions"
    return [Problem(what, remedy=f"give a confidence in (0, {width:g}], or wider bounds")]


def per_user_options(fields: Mapping[str, FieldInfo]) -> Iterator[tuple[str, Limits]]:
    """Name and limits of every field of type :data:`PerUser`."""
    for name, info in fields.items():
        if any(isinstance(mark, _PerUserSchema) for mark in info.metadata):
            yield name, next((mark for mark in info.metadata if isinstance(mark, Limits)), Limits())


def _read(value: Any) -> Any:
    """Validate one of the forms of a :data:`PerUser`."""
    if isinstance(value, str) and value:
        return value
    try:
        if isinstance(value, Mapping) and value:
            if isinstance(value.get("draw"), str):
                return _DRAWS.validate_python(dict(value))
            return {str(group): _NUMBERS.validate_python(number) for group, number in value.items()}
        if isinstance(value, Options) and hasattr(value, "support"):
            return value
        return _NUMBERS.validate_python(value, strict=isinstance(value, bool))
    except ValidationError as error:
        details = error.errors()[0]
        where = ".".join(str(part) for part in details["loc"][1:])
        what = f"{where}: {details['msg']}" if where else details["msg"]
        raise PydanticCustomError("per_user", "{what}; give " + _FORMS, {"what": what}) from error


def _written(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Options) else value


# -- the values of known users ----------------------------------------------------------------------------------------


def resolved(name: str, value: Any, limits: Limits, people: People) -> NDArray[np.float64]:
    """Return the value of one option for each user, shape (n_users,).

    Raises:
        InputError: an unknown column or group, users without a value, values outside the limits.
    """
    found = _resolved(name, value, people)
    missing, outside = np.isnan(found), limits.outside(found)
    if missing.any():
        what = f"{missing.sum()} users have no value (NaN) of the column {value!r}"
        raise InputError(what, name, "impute the column, leave these users out, or give a number")
    if outside.any():
        what = f"{outside.sum()} users have values outside {limits}"
        raise InputError(what, name, "rescale the column, or give values within the range")
    return found


def _resolved(name: str, value: Any, people: People) -> NDArray[np.float64]:
    if isinstance(value, str):
        return _column(name, value, people)
    if isinstance(value, Mapping):
        return _by_group(name, value, people)
    if isinstance(value, Options):
        u = keyed_uniform(key_of("per user", people.key, name), np.arange(people.n_users), np.zeros(1, np.int64))
        return value.quantiles(u[:, 0])  # type: ignore[attr-defined,no-any-return]
    return np.full(people.n_users, float(value))


def _column(name: str, column: str, people: People) -> NDArray[np.float64]:
    if column not in people.columns:
        what = f"there is no numeric column {column!r} of the users{_near(column, people.columns)}"
        raise InputError(what, name, f"give {_FORMS}; columns: {', '.join(sorted(people.columns)) or 'none'}")
    return np.array(people.columns[column], dtype=np.float64)


def _by_group(name: str, value: Mapping[str, float], people: People) -> NDArray[np.float64]:
    if people.groups is None:
        raise InputError("values by group, but the users have no groups", name, "say which column holds the groups")
    kinds, codes = np.unique(people.groups, return_inverse=True)
    known = [str(kind) for kind in kinds]
    unknown = next((group for group in value if group not in (*known, OTHER)), None)
    if unknown is not None:
        what = f"no user is of a group {unknown!r}{_near(unknown, known)}"
        raise InputError(what, name, f"groups: {', '.join(known)}")
    unnamed = [] if OTHER in value else [group for group in known if group not in value]
    if unnamed:
        raise InputError(f"no value for the groups {', '.join(unnamed)}", name, f"add them, or a value for {OTHER!r}")
    return np.array([value.get(group, value.get(OTHER, np.nan)) for group in known])[codes]


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
