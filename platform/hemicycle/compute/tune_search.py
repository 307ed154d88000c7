"""What Ray Tune's loop asks and tells: the proposals of our own search, written down as they are made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from hemicycle.core.storage import Folder
from hemicycle.search.config import Halving
from hemicycle.search.sequential import AsyncSearch, Ended, Reached, Tell
from hemicycle.search.trials import Proposal, Trial

EPOCH = "epoch"
"""Name under which a trial reports how far it was trained."""
VALUES = "values/"
"""What Tune puts before the names of a trial's values."""
_DIED = "the trial's process ended again and again without an error of its own: killed, or out of memory"
_MOST_RUNGS = 40


class Journal:
    """What a search asked and what became of it, one small file each; a driver that dies loses nothing.

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
        """Trials that ended."""
        return [Ended.from_json(value) for value in self._read("ended-")]

    def asked(self) -> list[Proposal]:
        """All proposals."""
        return [Proposal(**value) for value in self._read("asked-")]

    def _read(self, start: str) -> list[dict[str, Any]]:
        return [self._folder.read_json(name) for name in self._folder.names() if name.startswith(start)]


def resumed(known: Sequence[Trial], journal: Journal) -> list[Ended]:
    """Trials of an earlier run: the caller's, and what the journal knows beyond."""
    written = {ended.trial.number: ended for ended in journal.ended()}
    given = {trial.number: Ended(trial) for trial in known}
    both = {n: Ended(given[n].trial, written[n].seconds, written[n].rungs) for n in given.keys() & written.keys()}
    return list({**written, **given, **both}.values())


class AskAndTell(Searcher):  # type: ignore[misc]  # Ray is untyped
    """Hands our proposals to Tune, and what became of them back.

    Tune's own ``OptunaSearch`` is not enough: with a space of conditions it cannot be told of earlier trials, it never
    hears of constraints, and it takes a trial that failed for one that was pruned.

    Args:
        search: proposes.
        journal: keeps.
        tell: told of each trial as it ends.
    """

    def __init__(self, search: AsyncSearch, journal: Journal, tell: Tell) -> None:
        super().__init__()
        self.search = search
        self.problem: Exception | None = None
        self._journal, self._tell = journal, tell
        self._proposals: dict[str, Proposal] = {}
        self._rungs: dict[str, dict[int, float]] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return Tune's configuration of a new trial."""
        proposal = self.search.ask()
        if proposal is None:
            return str(Searcher.FINISHED)
        self._journal.ask(proposal)
        self._proposals[trial_id] = proposal
        return {"proposal": proposal}

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Remember what the trial has at a rung."""
        halving = self.search.config.halving
        if halving is not None and "error" not in result:
            self._rungs.setdefault(trial_id, {})[result[EPOCH]] = result[VALUES + halving.metric]

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Keep and tell how a trial ended; Tune calls it without a result for one that it never ran."""
        if trial_id not in self._proposals or (result is None and not error):
            return
        reached = Reached(0, {}, 0.0, last=True, error=_DIED) if result is None else read_report(result)
        ended = Ended.of(self._proposals.pop(trial_id), reached, self._rungs.pop(trial_id, {}))
        try:
            self._journal.end(ended)
            self._tell(ended.trial)
        except Exception as problem:  # noqa: BLE001 - Tune would take it for the trial's failure
            self.problem = problem
            self.search.close()
        self.search.end(ended)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is what a search goes on from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as above."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


def report_of(reached: Reached) -> dict[str, Any]:
    """What a trial reports to Tune."""
    told = {EPOCH: reached.epochs, "seconds": reached.seconds, "last": reached.last}
    return told | ({"error": reached.error} if reached.error else {VALUES[:-1]: dict(reached.values)})


def read_report(result: Mapping[str, Any]) -> Reached:
    """Inverse of :func:`report_of`, of what Tune makes of it."""
    values = {key.removeprefix(VALUES): value for key, value in result.items() if key.startswith(VALUES)}
    return Reached(result[EPOCH], values, result["seconds"], last=result["last"], error=result.get("error", ""))


def scheduler(halving: Halving | None, before: Iterable[Ended]) -> TrialScheduler:
    """Return who stops trials, told of the rungs of an earlier run."""
    if halving is None:
        return FIFOScheduler()
    metric = VALUES + halving.metric
    most = halving.first * halving.factor**_MOST_RUNGS  # trials end by themselves
    stages = {"grace_period": halving.first, "reduction_factor": halving.factor, "max_t": most}
    found = ASHAScheduler(time_attr=EPOCH, metric=metric, mode="max", **stages)
    for ended in before:
        past = SimpleNamespace(trial_id=f"before-{ended.trial.number}")
        found.on_trial_add(None, past)
        for epochs, value in ended.rungs.items():
            found.on_trial_result(None, past, {EPOCH: epochs, metric: value})
    return found
