"""What a simulate step has done so far, for whoever goes on after it was interrupted."""

import time
from collections.abc import Callable

import pandas as pd
import pyarrow as pa

from hemicycle.core.storage import Folder

SECONDS = 30.0
"""Work at most that is lost, about."""


class Scratch:
    """A folder of finished runs and of the state of the run under way; results do not depend on it.

    Args:
        folder: inside the step's own.
        seconds: between two times that something is written.
    """

    def __init__(self, folder: Folder, seconds: float = SECONDS) -> None:
        self.folder, self.seconds = folder, seconds
        self.last = time.monotonic()

    def due(self) -> bool:
        """Tell whether it is time to write."""
        return time.monotonic() - self.last >= self.seconds

    def read(self, number: int) -> dict[str, pd.DataFrame] | None:
        """Return the tables of a finished run; None where they were not kept."""
        kept = self.folder / f"run-{number}"
        if not kept.done:
            return None
        return {name: kept.read_table(name).to_pandas() for name in kept.read_json("tables.json")}

    def write(self, number: int, tables: dict[str, pd.DataFrame]) -> None:
        """Keep the tables of a finished run, if it is time or states of it were kept, and forget these states."""
        states = self._states(number)
        if self.due() or states:
            kept = self.folder / f"run-{number}"
            kept.delete()
            for name, table in tables.items():
                kept.write_table(name, pa.Table.from_pandas(table, preserve_index=False))
            kept.write_json("tables.json", list(tables))
            kept.finish()
            self.last = time.monotonic()
        for state in states:
            state.delete()

    def state(self, number: int) -> Folder | None:
        """Return the last whole state of a run; None: it begins at its start."""
        whole = [folder for folder in self._states(number) if folder.done]
        return whole[-1] if whole else None

    def keep(self, number: int, write: Callable[[Folder], None]) -> None:
        """Write a state of a run beside its last one, which goes when the new one is whole."""
        before = self._states(number)
        turn = 1 + max((int(folder.name) for folder in before), default=0)
        write(self._folder_of(number) / f"{turn:09d}")
        for folder in before:
            folder.delete()
        self.last = time.monotonic()

    def delete(self) -> None:
        """Delete all of it."""
        if self.folder.exists():
            self.folder.delete()

    def _folder_of(self, number: int) -> Folder:
        return self.folder / f"states-{number}"

    def _states(self, number: int) -> list[Folder]:
        folder = self._folder_of(number)
        return [folder / name for name in folder.names()] if folder.exists() else []
