"""Values of one dimension: which there are, which is meant, and Optuna's view of them."""

import math
import warnings
from collections.abc import Mapping
from decimal import Decimal

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial as OptunaTrial

from hemicycle.search.config import Dimension, Params, Value


def same(a: object, b: object) -> bool:
    """Tell whether two values mean the same; 1 and 1.0 do, 1 and true do not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def bounds(dimension: Dimension) -> tuple[float, float]:
    """Least and greatest value of a range; with a step, the greatest that it reaches."""
    low, high = dimension.low, dimension.high
    assert low is not None
    assert high is not None
    step = _step(dimension)
    return low, high if step is None else _stepped(low, step, int((_exact(high) - _exact(low)) // _exact(step)))


def size(dimension: Dimension) -> int | None:
    """Number of values; None where there are infinitely many."""
    if dimension.choice is not None:
        return len(dimension.choice)
    step = _step(dimension)
    low, high = bounds(dimension)
    return None if step is None else round((high - low) / step) + 1


def level(dimension: Dimension, k: int) -> Value:
    """Return value number ``k``, from 0, of a dimension that has a ``size``."""
    if dimension.choice is not None:
        return dimension.choice[k]
    step, low = _step(dimension), dimension.low
    assert step is not None
    assert low is not None
    return _typed(dimension, _stepped(low, step, k))


def levels(dimension: Dimension) -> list[Value]:
    """Return all values of a dimension that has a ``size``."""
    return [level(dimension, k) for k in range(size(dimension) or 0)]


def ends(dimension: Dimension) -> list[Value]:
    """Return all choices, or the two ends of a range."""
    if dimension.choice is not None:
        return list(dimension.choice)
    return [_typed(dimension, end) for end in bounds(dimension)]


def allows(dimension: Dimension, value: object) -> bool:
    """Tell whether a dimension can take a value."""
    if dimension.choice is not None:
        return any(same(choice, value) for choice in dimension.choice)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return math.isclose(_number(nearest(dimension, value)), value, rel_tol=1e-9)


def nearest(dimension: Dimension, value: Value) -> Value:
    """Return the value of a dimension that is meant: its own choice, or the nearest in the range."""
    if dimension.choice is not None:
        return next(choice for choice in dimension.choice if same(choice, value))
    low, high = bounds(dimension)
    number, step = min(max(_number(value), low), high), _step(dimension)
    return _typed(dimension, number if step is None else _stepped(low, step, round((number - low) / step)))


def at(dimension: Dimension, u: float) -> Value:
    """Return the value below which a share ``u``, in [0, 1), of the dimension lies."""
    count = size(dimension)
    if count is not None and not dimension.log:
        return level(dimension, min(int(u * count), count - 1))
    (low, high), half = bounds(dimension), 0.5 * dimension.integer
    if not dimension.log:
        return nearest(dimension, low + u * (high - low))
    low, high = math.log(low - half), math.log(high + half)
    return nearest(dimension, math.exp(low + u * (high - low)))


def described(dimension: Dimension) -> str:
    """Say which values there are."""
    if dimension.choice is not None:
        return f"one of {', '.join(map(repr, dimension.choice))}"
    low, high = bounds(dimension)
    by = f" in steps of {dimension.step:g}" if dimension.step is not None else ""
    return f"{'an integer ' if dimension.integer else ''}from {low:g} to {high:g}{by}"


def conditions(dimension: Dimension) -> dict[str, list[Value]]:
    """Return the dimensions that govern this one, each with the values for which it exists."""
    return {key: allowed if isinstance(allowed, list) else [allowed] for key, allowed in dimension.when.items()}


def exists(dimension: Dimension, params: Mapping[str, Value]) -> bool:
    """Tell whether a dimension exists beside others; it does not if one that governs it does not."""
    return all(
        key in params and any(same(params[key], value) for value in allowed)
        for key, allowed in conditions(dimension).items()
    )


def active(dimensions: Mapping[str, Dimension], params: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the dimensions that exist, given values of them; ``dimensions`` has conditions first."""
    found: Params = {}
    for key, dimension in dimensions.items():
        if exists(dimension, found) and key in params:
            found[key] = params[key]
    return tuple(key for key, dimension in dimensions.items() if exists(dimension, found))


def distribution(dimension: Dimension) -> BaseDistribution:
    """Return Optuna's distribution over the same values."""
    if dimension.choice is not None:
        return CategoricalDistribution(dimension.choice)
    low, high = bounds(dimension)
    if dimension.integer:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(dimension.step or 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a step does not reach the end; bounds() knows
        return FloatDistribution(low, dimension.high, log=dimension.log, step=dimension.step)


def suggest(trial: OptunaTrial, name: str, dimension: Dimension) -> Value:
    """Ask an Optuna trial for a value."""
    there = distribution(dimension)
    if isinstance(there, CategoricalDistribution):
        value: Value = trial.suggest_categorical(name, there.choices)
    elif isinstance(there, IntDistribution):
        value = trial.suggest_int(name, there.low, there.high, step=there.step, log=there.log)
    else:
        value = trial.suggest_float(name, there.low, there.high, step=there.step, log=there.log)
    return nearest(dimension, value)


def _step(dimension: Dimension) -> float | None:
    return dimension.step or (1 if dimension.integer else None)


def _stepped(low: float, step: float, k: int) -> float:
    """Value number k, without the noise of adding floats."""
    return float(_exact(low) + k * _exact(step))


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def _typed(dimension: Dimension, number: float) -> Value:
    return round(number) if dimension.integer else float(number)
