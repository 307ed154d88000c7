"""What an asynchronous search asked and what became of it, written down at once: a driver that dies loses nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hemicycle.core.storage import Folder
from hemicycle.search.trials import Proposal, Trial


@dataclass(frozen=True)
class Ended:
    """A trial that came to an end, and what the search remembers of it.

    Args:
        trial: what is told.
        seconds: computing time in seconds.
        rungs: epochs -> the halving's metric there.
    """

    trial: Trial
    seconds: float = 0.0
    rungs: Mapping[int, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Ended":
        """Inverse of :meth:`to_json`."""
        rungs = {int(epochs): metric for epochs, metric in value["rungs"].items()}
        return cls(Trial.from_json(value["trial"]), value["seconds"], rungs)


class Journal:
    """One small file a proposal and one a trial that ended.

    Args:
        folder: where the files lie; of this search alone.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def ask(self, proposal: Proposal) -> None:
        """Write a proposal down before its trial starts."""
        self._folder.write_json(f"asked-{proposal.number:06d}.json", asdict(proposal))

    def end(self, ended: Ended) -> None:
        """Write down how a trial ended."""
        self._folder.write_json(f"ended-{ended.trial.number:06d}.json", ended.to_json())

    def ended(self) -> list[Ended]:
        """Trials that ended, by number."""
        return [Ended.from_json(value) for value in self._read("ended-")]

    def asked(self) -> list[Proposal]:
        """All proposals, by number."""
        return [Proposal(**value) for value in self._read("asked-")]

    def _read(self, start: str) -> list[dict[str, Any]]:
        return [self._folder.read_json(name) for name in self._folder.names() if name.startswith(start)]
