"""No data: for studies of synthetic societies, or of attention alone."""

from pathlib import Path
from typing import Literal

import pyarrow as pa

from hemicycle.core.config import Options
from hemicycle.data.schema import Dataset


class NothingConfig(Options):
    """Configuration of :class:`Nothing`."""

    source: Literal["none"] = "none"


class Nothing:
    """A source without users, items or relations.

    Args:
        config: has no options.
    """

    Config = NothingConfig
    keyed = False

    def __init__(self, config: NothingConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """None."""
        return []

    def read(self) -> Dataset:
        """Return an empty data set."""
        return Dataset("no data", pa.table({"id": pa.array([], pa.string())}), None, {}, public=True)
