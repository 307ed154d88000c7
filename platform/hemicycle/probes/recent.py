"""What does not depend on vectors is computed once and kept for the next model of the same process."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Result = TypeVar("Result")


class Recent:
    """The results used last, up to a number of bytes; the very last is always kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str, make: Callable[[], Result]) -> Result:
        """Return what is kept under a key, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and size_of(list(self._kept.values())) > self.limit:
            self._kept.popitem(last=False)
        found: Result = self._kept[key]
        return found


def size_of(value: Any) -> int:
    """Bytes of the arrays in dataclasses, mappings and sequences."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(size_of(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(size_of(part) for part in value)
    return sum(size_of(getattr(value, f.name)) for f in fields(value)) if is_dataclass(value) else 0


def digest(columns: Sequence[NDArray[Any] | None], *more: str) -> str:
    """Identity of columns by type, shape and content, and of texts."""
    found = hashlib.sha256(repr(more).encode())
    for column in columns:
        found.update(b"none" if column is None else f"{column.dtype}{column.shape}".encode())
        if column is not None:
            plain = pd.util.hash_array(column.astype(str)) if column.dtype == object else column
            found.update(np.ascontiguousarray(plain).data)
    return found.hexdigest()
