"""Random numbers that depend on what they are for, never on who draws them or when.

Every stream is keyed: ``rng("split", seed)`` gives the same generator in any process and in any order of
tasks. ``keyed_uniform`` and ``keyed_normal`` go further and give each (row, column) its own number, so that a
worker which holds only some columns of a table starts from the very values that one worker would use.
"""

import hashlib
import json
import operator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_CHUNK = 1 << 20


def key_of(*keys: str | int) -> int:
    """Hash strings and integers (numpy's too) to one 64-bit key."""
    plain = [key if isinstance(key, str) else operator.index(key) for key in keys]
    digest = hashlib.sha256(json.dumps(plain).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def rng(*keys: str | int) -> np.random.Generator:
    """Return a generator keyed by what it is for, e.g. ``rng("split", seed)``."""
    return np.random.Generator(np.random.Philox(key=key_of(*keys)))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finalise 64-bit integers with the splitmix64 mixer (Steele, Lea and Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


def keyed_uniform(key: int, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1), one for each (row, column), that depend on nothing but key, row and column.

    Args:
        key: a 64-bit key, e.g. from :func:`key_of`.
        rows: non-negative integers, shape (n,).
        columns: non-negative integers, shape (m,).

    Returns:
        Array of shape (n, m).
    """
    with np.errstate(over="ignore"):
        row_keys = _mix(rows.astype(np.uint64) * _GOLDEN + np.uint64(key))
        column_keys = _mix(columns.astype(np.uint64) + _GOLDEN)
        bits = _mix(row_keys[:, None] ^ column_keys[None, :])
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def keyed_normal(key: int, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float32]:
    """Standard normal numbers, one for each (row, column), by inversion of :func:`keyed_uniform`."""
    out = np.empty((len(rows), len(columns)), dtype=np.float32)
    step = max(1, _CHUNK // max(1, len(columns)))
    for start in range(0, len(rows), step):
        out[start : start + step] = ndtri(keyed_uniform(key, rows[start : start + step], columns))
    return out
