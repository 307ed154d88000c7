"""Counter-based random numbers inside compiled code: the very bits of :func:`hemicycle.core.seeding.keyed_uniform`.

A number depends on its key, row and column alone, so that a compiled loop draws what it needs where it needs it, in
any order and on any number of threads. By convention the key is that of a step, the row an agent (or the place of a
pair in the step), the column the slot of the draw.

A kernel that is called with a plain integer key must cast it (``np.uint64(key)``) before the call: keys reach 2^64.
"""

from typing import Any

import numpy as np

from hemicycle.core.loops import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@compiled
def mix(x: Any) -> Any:
    """Finalise a uint64 with the splitmix64 mixer (Steele, Lea and Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@compiled
def row_key(key: Any, row: Any) -> Any:
    """Return the uint64 key of one row, row >= 0: what all of its columns share."""
    return mix(np.uint64(row) * _GOLDEN + np.uint64(key))


@compiled
def uniform_of(key_of_row: Any, column: Any) -> Any:
    """Return the uniform number in (0, 1) of a row, given by :func:`row_key`, and a column >= 0."""
    bits = mix(np.uint64(key_of_row) ^ mix(np.uint64(column) + _GOLDEN))
    return (np.float64(bits >> np.uint64(12)) + 0.5) * 2.0**-52


@compiled
def uniform(key: Any, row: Any, column: Any) -> Any:
    """Return the uniform number in (0, 1) of a row and a column, both >= 0."""
    return uniform_of(row_key(key, row), column)


@compiled
def below(n: Any, u: Any) -> Any:
    """Return the integer in [0, n) that a uniform number u in (0, 1) stands for, n < 2^52."""
    return np.int64(u * n)
